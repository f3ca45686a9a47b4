//! Moves a project's images from one registry to another, and its documents with them.
//!
//! - written: `section`; known to be right: [`Migration`]; which repository goes where: [`Moves`] (pure)
//! - what there is: `find` (repositories), `study` (what is inside); what comes of it: [`Plan`] (pure), with `obstacles`,
//!   `quota`, `advice`
//! - whether it may be done: `checks`, with `reasons`; whether it was done: `verify`
//! - for people: `report`; the project's files: `documents`, `workflow`
//!
//! Copies are made by `sync` with the rules of [`Moves`]. Nothing here writes to the source.

#![forbid(unsafe_code)]

mod advice;
mod anatomy;
mod checks;
mod documents;
mod error;
mod find;
mod migration;
mod moves;
mod names;
mod obstacles;
mod plan;
mod problem;
mod quota;
mod reasons;
mod report;
mod root;
mod section;
mod study;
mod verify;
mod workflow;

pub use advice::{Account, Role, Task};
pub use anatomy::Anatomy;
pub use checks::{Check, Checks, Outcome, Step, check};
pub use documents::{Direction, EditError, Edited, Editor, File, naming};
pub use error::MigrationError;
pub use find::{Origin, Repositories, find};
pub use migration::{Login, Migration, Move};
pub use moves::Moves;
pub use plan::{Document, Facts, Plan, Row, Tag, Totals};
pub use problem::{Problem, Severity};
pub use quota::Quota;
pub use report::{beside, markdown};
pub use root::Root;
pub use section::{LoginSection, MigrationSection, NamesSection};
pub use study::{Depth, Study, study};
pub use verify::{Counts, Missing, Pair, Proof, Standing, verify};
pub use workflow::{LoginChange, Remark};
