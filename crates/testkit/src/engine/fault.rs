//! How the engine misbehaves.

use std::time::Duration;

use bytes::Bytes;

use super::call::EngineCall;
use crate::gate::Gate;

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// This status and message instead of an answer.
    Status(u16, String),
    /// These bytes instead of the body of an answer.
    Body(Bytes),
    /// Bytes without an end, and without an end of the line.
    Endless,
    /// The connection is closed before anything is done.
    Hangup,
    /// It is done, and the connection is closed without an answer.
    LoseAnswer,
    /// It waits at the gate before anything is done.
    Hold(Gate),
    /// It is done, and the answer waits at the gate.
    HoldAnswer(Gate),
    /// It waits so long before anything is done.
    Delay(Duration),
    /// The connection is closed after so many bytes of the body.
    CutAfter(usize),
}

/// A misbehaviour, and when it happens.
#[derive(Clone, Debug)]
pub struct EngineFault {
    method: String,
    path: String,
    pub(crate) what: Misbehaviour,
    pub(crate) times: usize,
}

impl EngineFault {
    /// Happens once, at the next request of this method and path; `*` in the path is any segment.
    pub fn on(method: &str, path: &str, what: Misbehaviour) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), what, times: 1 }
    }

    /// Happens so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Happens at each such request.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    pub(crate) fn is_about(&self, call: &EngineCall) -> bool {
        self.times > 0 && call.is(&self.method, &self.path)
    }
}
