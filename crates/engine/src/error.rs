//! Why a request to an engine fails.

use std::time::Duration;

use crate::{
    fault::{LinkFault, TlsFault},
    message::Message,
};

/// Why a request to an engine fails. Texts of the engine are bounded and printable, and none has a secret of ours in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no connection, or it ended too early. What the engine has done is not known.
    #[error("the engine cannot be reached: {0}")]
    Unreachable(LinkFault),
    /// There is a connection, and nobody to trust at its other end.
    #[error("there is no trusted connection to the engine: {0}")]
    Tls(TlsFault),
    /// The engine did not answer in time. What it has done is not known.
    #[error("the engine did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The engine does not have what the request is about.
    #[error("the engine does not have it: {0}")]
    NotFound(Message),
    /// The engine cannot do it as things are: a name in use, a container that runs.
    #[error("the engine cannot do it as things are: {0}")]
    Conflict(Message),
    /// The engine refuses, or fails.
    #[error("the engine refuses ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the engine says.
        message: Message,
    },
    /// The answer is too long, or means nothing.
    #[error("the engine's answer cannot be used: {0}")]
    Answer(&'static str),
    /// A program does not start in a container, and what was said instead.
    #[error("the program does not start in the container: {0}")]
    NotStarted(Message),
    /// The engine is older than what this crate speaks to.
    #[error("the engine is too old: {0}")]
    TooOld(Message),
}

impl Error {
    /// Whether nobody can say what the engine has done, so that one has to look.
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Tls(_) | Self::Timeout(_) | Self::Answer(_))
    }

    /// Whether the engine itself answered.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::Conflict(_) | Self::Refused { .. } | Self::NotStarted(_))
    }

    /// Whether a container cannot be started since somebody else has a port of its machine.
    pub fn is_port_in_use(&self) -> bool {
        let (Self::Conflict(message) | Self::Refused { message, .. }) = self else { return false };
        ["port is already allocated", "address already in use"]
            .iter()
            .any(|text| message.as_str().contains(text))
    }

    /// Of an answer with an error status.
    pub(crate) fn of_status(status: u16, message: Message) -> Self {
        match status {
            404 => Self::NotFound(message),
            409 => Self::Conflict(message),
            // Podman 4 answers 500 where a container does not run, or runs.
            500 if message.as_str().ends_with("container state improper") => Self::Conflict(message),
            _ => Self::Refused { status, message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Row 39.
    #[test]
    fn a_port_in_use_is_known_on_every_engine() {
        let of = |text| Error::of_status(500, Message::new(text)).is_port_in_use();
        assert!(of(
            "driver failed programming external connectivity: Bind for 0.0.0.0:8080 failed: port is already allocated"
        ));
        assert!(of("cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use"));
        assert!(of("error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use"));
        assert!(!of("the container name \"a\" is already in use"));
        assert!(!Error::Unreachable(LinkFault::Refused).is_port_in_use());
    }

    #[test]
    fn podman_says_500_to_what_is_a_conflict() {
        let said = "can only kill running containers. 1e75 is in state exited: container state improper";
        assert!(matches!(Error::of_status(500, Message::new(said)), Error::Conflict(_)));
    }

    #[test]
    fn texts_name_the_class_and_repeat_the_engine() {
        let said = || Message::new("No such image: a:1");
        for (error, text, doubt) in [
            (Error::of_status(404, said()), "the engine does not have it: No such image: a:1", false),
            (
                Error::of_status(409, said()),
                "the engine cannot do it as things are: No such image: a:1",
                false,
            ),
            (Error::of_status(500, said()), "the engine refuses (500): No such image: a:1", false),
            (Error::of_status(400, Message::default()), "the engine refuses (400): no reason given", false),
            (Error::Timeout(Duration::from_secs(30)), "the engine did not answer within 30 s", true),
            (
                Error::Unreachable(LinkFault::Refused),
                "the engine cannot be reached: the connection is refused",
                true,
            ),
        ] {
            assert_eq!((error.to_string().as_str(), error.leaves_doubt()), (text, doubt));
            assert_eq!(error.is_answer(), !doubt);
        }
    }
}
