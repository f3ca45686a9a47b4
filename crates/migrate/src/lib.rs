//! Moves a project's images from one registry to another, and updates its documents.
//!
//! - `section` is the configuration, [`Migration`] the checked form; [`Moves`] maps each repository to its target
//!   (pure)
//! - `find` lists the repositories, `inspect` inspects the images; [`Plan`] combines both (pure), with `blockers`,
//!   `quota` and `requirements`
//! - `checks` tests the accounts' permissions, and `refusals` explains failures; `verify` compares both sides
//! - `report` formats plans; `documents` and `workflow` edit the project's files
//!
//! `sync` makes the copies, with the rules of [`Moves`]. Nothing here writes to the source.

#![forbid(unsafe_code)]

mod blockers;
mod checks;
mod documents;
mod edit;
mod error;
mod facts;
mod find;
mod image_summary;
mod inspect;
mod migration;
mod moves;
mod names;
mod outcome;
mod plan;
mod problem;
mod project_file;
mod quota;
mod refusals;
mod report;
mod requirements;
mod root;
mod row;
mod section;
mod size;
mod verify;
mod workflow;

pub use checks::{Check, CheckStep, Checks, check};
pub use documents::{EditedFile, Editor, naming};
pub use edit::{Direction, EditError};
pub use error::MigrationError;
pub use facts::Facts;
pub use find::{ListOrigin, Repositories, find};
pub use image_summary::ImageSummary;
pub use inspect::{Depth, Inspection, inspect};
pub use migration::{Migration, Move, WorkflowLogin};
pub use moves::Moves;
pub use outcome::CheckOutcome;
pub use plan::{Plan, Tag, Totals};
pub use problem::{Problem, Severity};
pub use project_file::{File, FileChanges};
pub use quota::Quota;
pub use report::{ReportLanguage, beside, markdown};
pub use requirements::{Account, KnownAccounts, Role, Task};
pub use root::Root;
pub use row::PlanRow;
pub use section::{LoginSection, MigrationSection, NamesSection};
pub use verify::{MissingReferrer, Proof, TagComparison, TagPair, VerifyCounts, verify};
pub use workflow::{LoginChange, Remark};
