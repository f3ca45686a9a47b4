//! Everything that a plan is made of.

use entrepot_sync::{Format, Place, Plan as Copies, Step, belongs_to};

use crate::{
    find::Origin, inspect::Inspection, migration::Migration, moves::Moves, project_file::Document,
    requirements::KnownAccounts,
};

/// All that a plan is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What is wanted.
    pub migration: &'a Migration,
    /// Which repository goes where.
    pub moves: &'a Moves,
    /// Who said which there are.
    pub origin: Origin,
    /// What the engine would do.
    pub copies: &'a Copies,
    /// What is inside the images.
    pub inspection: &'a Inspection,
    /// What changes in the project's files.
    pub documents: Vec<Document>,
    /// For which side an account is known.
    pub accounts: KnownAccounts,
    /// The largest upload in one request, where it is bounded.
    pub chunk: Option<u64>,
    /// The form of documents that the destination takes.
    pub format: Format,
}

/// The steps of one repository that are about images, not about what belongs to them.
pub(crate) fn images<'a>(copies: &'a Copies, source: &'a Place) -> impl Iterator<Item = &'a Step> {
    let own = copies.steps.iter().filter(move |step| step.source == *source);
    own.filter(|step| step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_none()))
}
