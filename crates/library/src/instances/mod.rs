//! Instances: what somebody runs from an entry, with what a spec gives.
//!
//! - `request`, `snapshot`, `settings`: what is asked for, what of, and what an operator allows
//! - `ground`, `quota`, `hours`: where it goes, whether its account may have it, and for how long; `container`: what the engine is asked for
//! - `create`, `verbs`, `reimage`, `commit` (with `saving`, `saving_progress`), `views`, `streams`, `programs`, `allowances`: what people do and see; `clock`: what is due because of the time
//! - `bring_up` (with `site`, `make`, `remake`, `saved`, `verify`, `reach`), `put_down`: what is done on nodes, step by step (`steps`), and why it ends (`halt`)
//! - `waits`: who waits until a card is free
//! - `look`: compares instances with what engines show (`observed`), `watch` when; `work`: who is at work on what

mod allowances;
mod bring_up;
mod clock;
mod commit;
mod container;
mod create;
mod fault;
mod ground;
mod halt;
mod hours;
mod look;
mod make;
mod observed;
mod programs;
mod put_down;
mod quota;
mod reach;
mod reimage;
mod remake;
mod request;
#[cfg(test)]
mod sample;
mod saved;
mod saving;
mod saving_progress;
mod settings;
mod site;
mod snapshot;
mod steps;
mod streams;
mod verbs;
mod verify;
mod views;
mod waits;
mod watch;
mod work;

pub use commit::InstanceImage;
pub use create::CreatedInstance;
pub use fault::InstanceFault;
pub use ground::NoPlace;
pub use programs::{Program, ProgramControl, ProgramPlace};
pub use quota::QuotaFault;
pub use request::{RunFault, RunRequest, RunSettings};
pub use saving::SavingWatch;
pub use saving_progress::{SavingPhase, SavingProgress};
pub use settings::{InstanceSettings, PortSpan, QuotaSettings};
pub use snapshot::{CardSnapshot, CardVendor, EntrySnapshot, Snapshot, SpecSnapshot};
pub use streams::Usage;
pub use verbs::{Edit, InstanceTarget, Volumes};
pub use views::{Allowance, Free, InstanceView, cost_of};
pub(crate) use work::InstanceWork;
