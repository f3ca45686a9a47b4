//! Nodes: container engines, and the machines that they are on.
//!
//! - `checked`: what people say about one, checked as a whole; `faults`: what can be wrong with it; `limits`: bounds (pure)
//! - `secret`: what one is reached with, sealed; `connections`, `reach`: its engine
//! - `check`: looks at one; `look`: at what only a container sees; `health`: at all of them, again and again
//! - what a look means, pure: `facts`, `survey`, `inventory` (its cards), `conditions` (what it offers, and why no more)
//! - `verbs`: what can be done with nodes

mod check;
mod checked;
mod conditions;
mod connections;
mod facts;
mod faults;
mod health;
mod inventory;
mod limits;
mod look;
mod reach;
mod secret;
mod survey;
mod verbs;

pub use check::CheckDepth;
#[cfg(test)]
pub(crate) use checked::example;
pub use conditions::{Condition, ConditionCode, offer, read as read_conditions};
pub(crate) use connections::EngineConnections;
pub use connections::Link;
pub use facts::Facts;
pub use faults::NodeFault;
pub use limits::DEFAULT_HAMI_CORE;
pub(crate) use reach::UnreachableReason;
pub use secret::NodeTls;
pub use verbs::{NodeChange, TlsChange};
