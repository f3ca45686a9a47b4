//! The state of a request in progress. Dropping it counts and logs the request.

use std::{sync::Arc, time::Instant};

use http::{StatusCode, request::Parts};
use tracing::{Span, field::Empty, trace_span};

use crate::{
    access::Line,
    metrics::{Label, RouteKind, ServerMetrics},
    peer::Peer,
};

/// One request, from its head to the last byte of its response, or until the client left.
pub(crate) struct Record {
    pub(crate) kind: RouteKind,
    pub(crate) status: Option<StatusCode>,
    pub(crate) bytes: u64,
    method: Label,
    started: Instant,
    line: Option<Box<Line>>,
    metrics: ServerMetrics,
    peer: Arc<Peer>,
    /// For traces; nothing where there are none.
    pub(crate) span: Span,
}

impl Record {
    pub(crate) fn start(
        head: &Parts,
        line: Option<Box<Line>>,
        metrics: &ServerMetrics,
        peer: &Arc<Peer>,
    ) -> Self {
        peer.request_began();
        Self {
            kind: RouteKind::None,
            status: None,
            bytes: 0,
            method: Label::from(&head.method),
            started: Instant::now(),
            line,
            metrics: metrics.clone(),
            peer: Arc::clone(peer),
            span: span(head),
        }
    }
}

// Without somebody who takes traces, this looks at nothing but whether there is.
fn span(head: &Parts) -> Span {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    trace_span!(
        target: "otlp",
        "request",
        otel.kind = "server",
        traceparent = text("traceparent"),
        http.request.method = head.method.as_str(),
        url.path = head.uri.path(),
        user_agent.original = text("user-agent"),
        http.response.status_code = Empty,
        http.response.body.size = Empty,
        error = Empty,
        ended = Empty,
    )
}

impl Record {
    fn traced(&self) {
        if self.span.is_disabled() {
            return;
        }
        // What it began may go on.
        self.span.record("ended", true);
        self.span.record("http.response.body.size", self.bytes);
        match self.status {
            Some(status) => {
                self.span.record("http.response.status_code", status.as_u16());
                if status.is_server_error() {
                    self.span.record("error", status.as_str());
                }
            }
            None => {
                self.span.record("error", "the client left");
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.peer.request_ended();
        self.traced();
        self.metrics.request(self.method, self.kind, self.status, self.bytes);
        if let Some(line) = &self.line {
            let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            line.log(self.status, self.bytes, milliseconds);
        }
    }
}
