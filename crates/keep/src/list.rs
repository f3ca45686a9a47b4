//! What a keep list means. Pure.

use std::fmt;

use entrepot_oci::{Host, Platform, Reference, Repository, RepositoryPattern, Tag};
use entrepot_sync::rules::{Schedule, TagFilter};

/// A keep list.
#[derive(Clone, Debug, PartialEq)]
pub struct KeepList {
    /// What it is called.
    pub name: String,
    /// What is on it.
    pub items: Vec<Item>,
    /// The platforms that are kept; all of each image if there are none.
    pub platforms: Vec<Platform>,
    /// When it runs; `None` if only on request.
    pub schedule: Option<Schedule>,
}

/// What is on a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// One image.
    Image {
        /// Its registry.
        host: Host,
        /// Its repository there.
        repository: Repository,
        /// What of it.
        reference: Reference,
    },
    /// The tags of a repository that a filter selects, as its registry lists them.
    Tags {
        /// Its registry.
        host: Host,
        /// The repository there.
        repository: Repository,
        /// Which tags.
        filter: TagFilter,
    },
    /// What is held of repositories: a registry cannot be asked which it has.
    Held {
        /// Which repositories.
        pattern: RepositoryPattern,
        /// Only this tag of each.
        tag: Option<Tag>,
    },
}

impl Item {
    /// True if it is about repositories that are held, and not about those that a registry has.
    pub fn is_of_what_is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// The registry that it is asked of.
    pub fn host(&self) -> Option<&Host> {
        match self {
            Self::Image { host, .. } | Self::Tags { host, .. } => Some(host),
            Self::Held { .. } => None,
        }
    }
}

/// As it is written.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { host, repository, reference: Reference::Tag(tag) } => {
                write!(f, "{host}/{repository}:{tag}")
            }
            Self::Image { host, repository, reference: Reference::Digest(digest) } => {
                write!(f, "{host}/{repository}@{digest}")
            }
            Self::Tags { host, repository, .. } => write!(f, "{host}/{repository}"),
            Self::Held { pattern, tag: Some(tag) } => write!(f, "{}:{tag}", pattern.as_str()),
            Self::Held { pattern, tag: None } => f.write_str(pattern.as_str()),
        }
    }
}
