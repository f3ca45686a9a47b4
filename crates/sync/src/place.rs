//! Places that hold images, with their notation: `quay.io/ascend/cann`, `oci:DIR`, `oci-archive:FILE`,
//! `docker-archive:FILE`.

use std::{fmt, path::PathBuf};

use entrepot_oci::{Host, Repository, Tag};

/// A place that holds images: a repository, a directory or a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A repository at a registry.
    Registry {
        /// The registry.
        host: Host,
        /// The repository.
        repository: Repository,
    },
    /// An OCI image layout in a directory (image-spec, image-layout.md).
    Layout(PathBuf),
    /// An OCI image layout in a tar file.
    OciArchive(PathBuf),
    /// The output of `docker save`. Read-only.
    DockerArchive(PathBuf),
}

impl Place {
    /// The registry, if it is one.
    pub fn host(&self) -> Option<&Host> {
        match self {
            Self::Registry { host, .. } => Some(host),
            Self::Layout(_) | Self::OciArchive(_) | Self::DockerArchive(_) => None,
        }
    }

    /// A tag here in the usual notation: `quay.io/ascend/cann:8.5`.
    pub(crate) fn with_tag(&self, tag: &Tag) -> String {
        format!("{self}:{tag}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry { host, repository } => write!(f, "{host}/{repository}"),
            Self::Layout(path) => write!(f, "oci:{}", path.display()),
            Self::OciArchive(path) => write!(f, "oci-archive:{}", path.display()),
            Self::DockerArchive(path) => write!(f, "docker-archive:{}", path.display()),
        }
    }
}
