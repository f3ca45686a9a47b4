//! The input for a plan.

use entrepot_sync::{Format, Place, Plan as Copies, PlanStep, belongs_to};

use crate::{
    find::ListOrigin, inspect::Inspection, migration::Migration, moves::Moves, project_file::FileChanges,
    requirements::KnownAccounts,
};

/// The input for a plan.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The migration.
    pub migration: &'a Migration,
    /// The target of each repository.
    pub moves: &'a Moves,
    /// The way the repositories were found.
    pub origin: ListOrigin,
    /// The engine's plan.
    pub copies: &'a Copies,
    /// The contents of the images.
    pub inspection: &'a Inspection,
    /// The changes in the project's files.
    pub documents: Vec<FileChanges>,
    /// The sides with a known account.
    pub accounts: KnownAccounts,
    /// The largest upload in one request, in bytes; `None` means no limit.
    pub chunk: Option<u64>,
    /// The manifest format the destination accepts.
    pub format: Format,
}

/// The steps of one repository about images, not about attached tags.
pub(crate) fn images<'a>(copies: &'a Copies, source: &'a Place) -> impl Iterator<Item = &'a PlanStep> {
    let own = copies.steps.iter().filter(move |step| step.source == *source);
    own.filter(|step| step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_none()))
}
