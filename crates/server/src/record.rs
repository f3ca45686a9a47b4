//! The state of a request in progress. Dropping it counts and logs the request.

use std::{sync::Arc, time::Instant};

use http::{Method, StatusCode};

use crate::{
    access::Line,
    metrics::{Kind, Label, Metrics},
    peer::Peer,
};

/// One request, from its head to the last byte of its response, or until the client left.
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) status: Option<StatusCode>,
    pub(crate) bytes: u64,
    method: Label,
    started: Instant,
    line: Option<Box<Line>>,
    metrics: Metrics,
    peer: Arc<Peer>,
}

impl Record {
    pub(crate) fn start(
        method: &Method,
        line: Option<Box<Line>>,
        metrics: &Metrics,
        peer: &Arc<Peer>,
    ) -> Self {
        peer.request_began();
        Self {
            kind: Kind::None,
            status: None,
            bytes: 0,
            method: Label::from(method),
            started: Instant::now(),
            line,
            metrics: metrics.clone(),
            peer: Arc::clone(peer),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.peer.request_ended();
        self.metrics.request(self.method, self.kind, self.status, self.bytes);
        if let Some(line) = &self.line {
            let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            line.log(self.status, self.bytes, milliseconds);
        }
    }
}
