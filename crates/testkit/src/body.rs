//! Plays a script as a response body.

use std::{future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;

use crate::{
    log::{LogEntry, ResponseEnd},
    play::{BodyEvent, PIECE, Script},
    state::RegistryShared,
    wire::Signal,
};

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body on its way.
pub(crate) struct PlayedBody {
    script: Script,
    entry: LogEntry,
    wire: Arc<Signal>,
    shared: Arc<RegistryShared>,
    /// Bytes sent so far.
    at: u64,
    /// Time that the pieces sent so far should have taken at the requested rate.
    debt: Duration,
}

impl PlayedBody {
    pub(crate) fn new(
        script: Script,
        entry: LogEntry,
        wire: Arc<Signal>,
        shared: Arc<RegistryShared>,
    ) -> Self {
        Self { script, entry, wire, shared, at: 0, debt: Duration::ZERO }
    }

    /// The body; an empty one ends at once.
    pub(crate) fn into_body(self) -> Body {
        if self.script.body.is_empty() && self.script.events.is_empty() {
            self.entry.write(|request| request.end = ResponseEnd::Complete);
            return Empty::new().map_err(|never| match never {}).boxed_unsync();
        }
        StreamBody::new(stream::unfold(self, Self::step)).boxed_unsync()
    }

    async fn step(mut self) -> Option<(io::Result<Frame<Bytes>>, Self)> {
        while let Some((_, event)) = self.script.events.pop_front_if(|(at, _)| *at <= self.at) {
            match event {
                BodyEvent::Gate(gate) => gate.pass().await,
                BodyEvent::Stall => future::pending().await,
                BodyEvent::Cut => return Some((Err(self.cut().await), self)),
                BodyEvent::Reset => {
                    self.wire.reset();
                    return Some((Err(self.cut().await), self));
                }
            }
        }
        if !self.debt.is_zero() {
            tokio::time::sleep(std::mem::take(&mut self.debt)).await;
        }
        let piece = self.piece()?;
        self.at += piece.len() as u64;
        let is_last = !self.script.is_endless && self.at == self.script.body.len() as u64;
        self.entry.write(|request| {
            request.sent += piece.len() as u64;
            // Hyper does not poll for more than the promised length.
            if is_last && self.script.events.is_empty() {
                request.end = ResponseEnd::Complete;
            }
        });
        Some((Ok(Frame::data(piece)), self))
    }

    fn piece(&mut self) -> Option<Bytes> {
        let length = self.script.body.len();
        let start = usize::try_from(self.at).unwrap();
        let start = if self.script.is_endless { start % length } else { start };
        let rate = self.script.rate.or_else(|| self.shared.pace());
        // About twenty pieces per second, so that a slow body is smooth.
        let most = rate.map_or(PIECE, |rate| usize::try_from(rate / 20).unwrap().clamp(1, PIECE));
        let event = self.script.events.front().map_or(u64::MAX, |(at, _)| at - self.at);
        let most = most.min(usize::try_from(event).unwrap_or(PIECE));
        let piece = self.script.body.slice(start..length.min(start + most));
        if let Some(rate) = rate {
            self.debt = Duration::from_secs_f64(piece.len() as f64 / rate as f64);
        }
        (!piece.is_empty()).then_some(piece)
    }

    async fn cut(&self) -> io::Error {
        self.wire.drained().await;
        self.entry.write(|request| request.end = ResponseEnd::Cut);
        io::Error::other("cut by a fault")
    }
}
