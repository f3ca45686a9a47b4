//! Why a server's API gives no answer.

use std::error::Error;

use entrepot_api::Problem;
use reqwest::StatusCode;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// There is no connection.
    #[error("nobody answers there")]
    Connect(#[source] reqwest::Error),
    /// The connection broke off, or took too long.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// A stream of events does not begin.
    #[error("there was no answer in time")]
    TimedOut,
    /// The answer is longer than any that is meant.
    #[error("the answer is too long")]
    TooLong,
    /// The answer is of another version.
    #[error("the answer is not what this version understands")]
    Answer(#[from] serde_json::Error),
    /// The server says no; `None` is something else than a server of ours.
    #[error("the server answers {status}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// What it says.
        problem: Option<Problem>,
    },
}

impl Fault {
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() { Self::Connect(error) } else { Self::Connection(error) }
    }

    /// What is behind it all, as the system says it.
    pub(crate) fn root(&self) -> &(dyn Error + 'static) {
        let mut root: &(dyn Error + 'static) = self;
        while let Some(cause) = root.source() {
            root = cause;
        }
        root
    }
}
