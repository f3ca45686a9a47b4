//! A repository of a registry that is not ours.

use std::fmt;

use entrepot_oci::{Host, Repository};

/// A repository with its registry, as rules name it: `docker.io/library/nginx`.
#[derive(Clone, Copy, Debug)]
pub struct FullName<'a> {
    /// The registry.
    pub host: &'a Host,
    /// The repository there.
    pub repository: &'a Repository,
}

impl fmt::Display for FullName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}
