//! The outcome of each HTTP request, for metrics.
//!
//! An [`OutcomeGuard`] belongs to one request that was sent and reports once: the failure it is given, otherwise
//! success.

use std::sync::Arc;

use entrepot_oci::Host;
use http::StatusCode;
use tracing::{Span, field::Empty, trace_span};

use crate::{error::Error, request::WireRequest};

/// The outcome of one HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// A usable response, including a challenge and a redirect that is followed.
    Ok,
    /// 404 or 410.
    NotFound,
    /// Any other 4xx.
    Denied,
    /// 429.
    Limited,
    /// 5xx.
    Failing,
    /// There was no connection, or it broke before the end of the response.
    Unreachable,
    /// The response was too slow.
    TimedOut,
    /// The request led to an address that is not allowed.
    Refused,
    /// The response is not what a registry sends.
    Invalid,
}

impl From<&Error> for RequestOutcome {
    fn from(error: &Error) -> Self {
        match error {
            // The registry is not to blame.
            Error::UploadBody { .. } => Self::Ok,
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

/// Called once for each HTTP request, token requests included, with the registry and the outcome.
pub type Observer = Arc<dyn Fn(&Host, RequestOutcome) + Send + Sync>;

/// Reports the outcome of one request when it is dropped.
pub(crate) struct OutcomeGuard {
    observer: Option<Observer>,
    host: Host,
    /// For traces; nothing where there are none.
    span: Span,
}

impl OutcomeGuard {
    pub(crate) fn new(observer: Option<Observer>, host: Host) -> Self {
        Self { observer, host, span: Span::none() }
    }

    /// The same, with a span for traces.
    pub(crate) fn traced(mut self, wire: &WireRequest) -> Self {
        self.span = trace_span!(
            target: "otlp",
            "upstream",
            otel.kind = "client",
            registry = %self.host,
            server.address = wire.url.host_str(),
            http.request.method = wire.method.as_str(),
            http.response.status_code = Empty,
            error = Empty,
        );
        self
    }

    /// There is an answer.
    pub(crate) fn answered(&self, status: StatusCode) {
        self.span.record("http.response.status_code", status.as_u16());
    }

    /// Reports the failure and returns it.
    pub(crate) fn fail(mut self, error: Error) -> Error {
        let outcome = RequestOutcome::from(&error);
        if !self.span.is_disabled() && !matches!(outcome, RequestOutcome::Ok | RequestOutcome::NotFound) {
            self.span.record("error", format!("{outcome:?}"));
        }
        self.report(outcome);
        error
    }

    fn report(&mut self, outcome: RequestOutcome) {
        if let Some(observer) = self.observer.take() {
            observer(&self.host, outcome);
        }
    }
}

impl Drop for OutcomeGuard {
    fn drop(&mut self) {
        self.report(RequestOutcome::Ok);
    }
}
