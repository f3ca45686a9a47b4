//! What becomes of instances. Pure.
//!
//! - `decide`: what to do, from what an instance should be and what its engine shows
//! - `billing`: for how long it ran; `kept`: what it keeps of what it has

mod billing;
mod decide;
mod kept;

pub use billing::{ContainerRun, Looks, Period, PeriodChange, cost, in_our_time, settle};
pub use decide::{
    Absence, Container, ContainerPhase, EngineView, InstanceFacts, InstanceStep, NameTaken, decide,
    name_taken, pause_after,
};
pub use kept::{InstanceAction, InstancePart, kept};
