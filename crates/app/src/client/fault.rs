//! Errors of requests to a server's API.

use std::error::Error;

use entrepot_api::Problem;
use reqwest::StatusCode;

use crate::failure::Failure;

/// The reason a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No connection could be made.
    #[error("nobody answers there")]
    Connect(#[source] reqwest::Error),
    /// The connection broke off, or the request timed out.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// The event stream did not start in time.
    #[error("there was no answer in time")]
    TimedOut,
    /// The response is larger than any valid one.
    #[error("the answer is too long")]
    TooLong,
    /// The answer to a handshake is none.
    #[error("the server, or a proxy in front of it, does not speak WebSocket")]
    NoWebSocket,
    /// The response does not parse: the server has another version.
    #[error("the answer is not what this version understands")]
    Answer(#[from] serde_json::Error),
    /// The server refused. `problem` is `None` if it is not one of our servers.
    #[error("the server answers {status}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The problem document it sent.
        problem: Option<Problem>,
    },
}

impl ApiError {
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() { Self::Connect(error) } else { Self::Connection(error) }
    }

    /// The failure of a command that asked `server`, with the server's own words where it refused.
    pub(crate) fn explained(self, server: &str) -> Failure {
        match self {
            Self::Refused { status, problem } => {
                let (what, hint) = match problem {
                    Some(problem) => (problem.detail, problem.hint),
                    None => (format!("the server answers {status}"), None),
                };
                let failure = Failure::new(what);
                match (hint, status) {
                    (_, StatusCode::UNAUTHORIZED) => failure.with_hint(
                        "put the server's `api_token`, or an API token of an account, into `ENTREPOT_API_TOKEN`",
                    ),
                    (Some(hint), _) => failure.with_hint(hint),
                    (None, _) => failure,
                }
            }
            Self::Connect(error) | Self::Connection(error) => unreachable(server, &error),
            Self::TimedOut => unreachable(server, &self),
            Self::NoWebSocket => {
                Failure::new(self.to_string()).with_hint("let proxies pass `Connection: Upgrade` on")
            }
            Self::Answer(error) => Failure::because("the server's answer cannot be used", &error),
            Self::TooLong => Failure::new("the server's answer cannot be used: it is too long"),
        }
    }

    /// The innermost cause, usually the system's error.
    pub(crate) fn root(&self) -> &(dyn Error + 'static) {
        let mut root: &(dyn Error + 'static) = self;
        while let Some(cause) = root.source() {
            root = cause;
        }
        root
    }
}

fn unreachable(server: &str, error: &(dyn Error + 'static)) -> Failure {
    Failure::because(format!("cannot reach the server at `{server}`"), error)
        .with_hint("say where it is with `--server URL` or `ENTREPOT_SERVER`")
}
