//! Programs that are run in the container of an instance, over a WebSocket.
//!
//! Text frames are JSON: [`ExecMessage`] from the client, [`ExecReport`] from the server. Binary frames are bytes of the
//! program: what it reads as they are; what it prints with the number of its stream in front, see [`ExecStream`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The WebSocket subprotocol.
pub const EXEC_PROTOCOL: &str = "entrepot.exec.v1";

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecTerminal {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// What is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecStart {
    /// The program and its arguments; a shell, if it is left out or empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// With a terminal of this size; otherwise without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<ExecTerminal>,
    /// Whether it reads what is sent to it.
    #[serde(default)]
    pub input: bool,
    /// As whom, in the words of the container; otherwise as the container runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// What a client sends as a text frame. The first one is `start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ExecMessage {
    /// What is to run.
    Start(ExecStart),
    /// The terminal has another size.
    Resize(ExecTerminal),
    /// Nothing more will be sent to the program.
    EndOfInput,
}

/// What a server sends as a text frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ExecReport {
    /// The program runs.
    Started,
    /// The program has ended, and all that it printed was sent.
    Exited {
        /// Its exit code; `null` if the engine does not say.
        #[schema(required = true)]
        code: Option<i64>,
    },
    /// It does not run, or not any more.
    Failed {
        /// Why, in the language of the client.
        detail: String,
    },
}

/// Where a program printed something: the first byte of each binary frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecStream {
    /// Its output, and all of it where there is a terminal.
    Output,
    /// Its error output.
    Error,
}

impl ExecStream {
    /// The byte in front.
    pub const fn number(self) -> u8 {
        match self {
            Self::Output => 1,
            Self::Error => 2,
        }
    }

    /// The stream of a frame, and what was printed; `None` if the frame is none.
    pub fn split(frame: &[u8]) -> Option<(Self, &[u8])> {
        let (number, printed) = frame.split_first()?;
        let stream = [Self::Output, Self::Error].into_iter().find(|stream| stream.number() == *number)?;
        Some((stream, printed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_form_that_is_documented() {
        let start = ExecStart {
            command: vec!["ls".to_owned(), "-l".to_owned()],
            terminal: Some(ExecTerminal { rows: 24, columns: 80 }),
            input: true,
            user: None,
        };
        for (message, text) in [
            (
                ExecMessage::Start(start),
                r#"{"type":"start","command":["ls","-l"],"terminal":{"rows":24,"columns":80},"input":true}"#,
            ),
            (
                ExecMessage::Resize(ExecTerminal { rows: 1, columns: 2 }),
                r#"{"type":"resize","rows":1,"columns":2}"#,
            ),
            (ExecMessage::EndOfInput, r#"{"type":"end-of-input"}"#),
        ] {
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            assert_eq!(serde_json::from_str::<ExecMessage>(text).unwrap(), message);
        }
        let shortest = serde_json::from_str::<ExecMessage>(r#"{"type":"start"}"#).unwrap();
        assert_eq!(shortest, ExecMessage::Start(ExecStart::default()));
        for (report, text) in [
            (ExecReport::Started, r#"{"type":"started"}"#),
            (ExecReport::Exited { code: Some(7) }, r#"{"type":"exited","code":7}"#),
            (ExecReport::Failed { detail: "x".to_owned() }, r#"{"type":"failed","detail":"x"}"#),
        ] {
            assert_eq!(serde_json::to_string(&report).unwrap(), text);
        }
    }

    #[test]
    fn a_frame_says_where_it_was_printed() {
        assert_eq!(ExecStream::split(b"\x01hi"), Some((ExecStream::Output, b"hi".as_slice())));
        assert_eq!(ExecStream::split(b"\x02"), Some((ExecStream::Error, b"".as_slice())));
        assert_eq!((ExecStream::split(b"\x00hi"), ExecStream::split(b"")), (None, None));
    }
}
