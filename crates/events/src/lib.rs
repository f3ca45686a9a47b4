//! What happens in a server that its operators want to hear of.
//!
//! - [`Event`]: what happened, with its facts; [`EventKind`]: its name, as the configuration has it
//! - [`EventSender`]: given to whoever notices such things; raising an event never waits
//! - [`EventReceiver`]: the other end, for whoever passes them on
//!
//! Whoever raises an event does not know who listens, or whether anybody does.

#![forbid(unsafe_code)]

mod channel;
mod event;
mod kind;

pub use channel::{EventReceiver, EventSender, RaisedEvent, channel};
pub use event::{
    BudgetLow, CardFree, CertificateFailed, DiskLow, Event, ModeChanged, PruneWaiting, RequestDone,
    RequestResult, ScrubFound, SyncRun, SyncRunState,
};
pub use kind::{EventKind, EventKindError};
