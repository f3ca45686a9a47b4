//! How each request to a registry ended, for counters.
//!
//! A [`Receipt`] belongs to one request that was sent and reports exactly once: what it is told, else success.

use std::sync::Arc;

use entrepot_oci::Host;

use crate::error::Error;

/// How one HTTP request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// Answered as it should be; a challenge that asks for a token and a redirect that is followed count as that.
    Ok,
    /// 404 or 410.
    NotFound,
    /// Any other 4xx.
    Denied,
    /// 429.
    Limited,
    /// 5xx.
    Failing,
    /// No connection, or it broke before or within the answer.
    Unreachable,
    /// Too slow.
    TimedOut,
    /// It led where we do not go.
    Refused,
    /// Not an answer that a registry gives.
    Invalid,
}

impl From<&Error> for RequestOutcome {
    fn from(error: &Error) -> Self {
        match error {
            // The registry did nothing wrong.
            Error::Supply { .. } => Self::Ok,
            Error::NotFound => Self::NotFound,
            Error::Denied { .. } => Self::Denied,
            Error::Limited { .. } => Self::Limited,
            Error::Failing { .. } => Self::Failing,
            Error::Unreachable { .. } | Error::Cut { .. } => Self::Unreachable,
            Error::TimedOut => Self::TimedOut,
            Error::Refused(_) => Self::Refused,
            Error::Invalid(_) => Self::Invalid,
        }
    }
}

/// Called once per HTTP request sent, token requests included, with the registry and the outcome.
pub type Observer = Arc<dyn Fn(&Host, RequestOutcome) + Send + Sync>;

/// The duty to report one request.
pub(crate) struct Receipt {
    observer: Option<Observer>,
    host: Host,
}

impl Receipt {
    pub(crate) fn new(observer: Option<Observer>, host: Host) -> Self {
        Self { observer, host }
    }

    /// Reports the failure and gives it back.
    pub(crate) fn fail(mut self, error: Error) -> Error {
        self.report(RequestOutcome::from(&error));
        error
    }

    fn report(&mut self, outcome: RequestOutcome) {
        if let Some(observer) = self.observer.take() {
            observer(&self.host, outcome);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.report(RequestOutcome::Ok);
    }
}
