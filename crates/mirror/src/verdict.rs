//! Whether an upstream gives a repository to everybody, and what of it is asked for to find out.

use std::time::SystemTime;

use entrepot_catalog::{RepoKey, VisibilityRecord};
use entrepot_oci::{Digest, Reference};

/// What an upstream says of a repository to those without an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// Everybody gets it.
    Public,
    /// It is refused, or there is no such repository: the two cannot be told apart.
    Private,
}

/// What of a repository somebody wants. The upstream is asked for that, so that the question costs as little as can be.
#[derive(Clone, Copy, Debug)]
pub enum Probe<'a> {
    /// A manifest.
    Manifest(&'a Reference),
    /// What refers to a manifest.
    Referrers(&'a Digest),
    /// A blob: one of the manifests that name it is asked for.
    Blob(&'a Digest),
    /// Nothing in particular.
    Repository,
}

/// A verdict and its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerdictState {
    pub(crate) verdict: AnonymousAccess,
    /// When the upstream last gave it.
    pub(crate) checked: SystemTime,
    /// Before this time the upstream is not asked again, since it has just failed to answer.
    pub(crate) not_before: Option<SystemTime>,
}

/// A question to an upstream. Everybody who has it waits for one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) key: RepoKey,
    /// The manifest to ask for.
    pub(crate) reference: Option<Reference>,
    /// The blob whose manifest is to be asked for.
    pub(crate) named_by: Option<Digest>,
}

impl Probe<'_> {
    /// The manifest to ask for, where that is said.
    pub(crate) fn reference(self) -> Option<Reference> {
        match self {
            Self::Manifest(reference) => Some(reference.clone()),
            Self::Referrers(subject) => Some(Reference::Digest(*subject)),
            Self::Blob(_) | Self::Repository => None,
        }
    }

    /// The blob whose manifest is to be asked for.
    pub(crate) fn blob(self) -> Option<Digest> {
        match self {
            Self::Blob(digest) => Some(*digest),
            Self::Manifest(_) | Self::Referrers(_) | Self::Repository => None,
        }
    }
}

impl From<VisibilityRecord> for VerdictState {
    fn from(record: VisibilityRecord) -> Self {
        let verdict = if record.is_public { AnonymousAccess::Public } else { AnonymousAccess::Private };
        Self { verdict, checked: record.checked, not_before: None }
    }
}
