//! Errors at an endpoint of a copy.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use entrepot_remote::{Error as RemoteError, SettingsError};

/// The reason a request to an endpoint failed. Cheap to clone, since many tasks may wait for one response.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    /// A registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RemoteError),
    /// A layout or archive does not have the blob or manifest.
    #[error("not found")]
    NotFound,
    /// Several images have the tag; their whole names.
    #[error("several images have that tag: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// A file cannot be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: Arc<io::Error>,
    },
    /// A file or directory is not a valid layout or archive.
    #[error("`{path}` {what}")]
    Malformed {
        /// The path.
        path: PathBuf,
        /// The fault, as the end of a sentence that begins with the path.
        what: String,
    },
    /// Another process is writing there.
    #[error("`{0}` is being written by another process")]
    Locked(PathBuf),
    /// The pull budget is exhausted; it is renewed after this time, if known.
    #[error("the budget of pulls is used up")]
    Budget(Option<Duration>),
    /// The settings of the registry cannot be used.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// The place can only be read.
    #[error("a docker-archive can only be read")]
    ReadOnly,
}

impl EndpointError {
    /// For `map_err`, with the path of the file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source: Arc::new(source) }
    }

    /// An error about an invalid file.
    pub(crate) fn malformed(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), what: what.into() }
    }

    /// True if the blob, manifest or repository does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound | Self::Registry(RemoteError::NotFound))
    }

    /// True if the error may be temporary, so that a retry is worthwhile.
    pub(crate) fn may_pass(&self) -> bool {
        use RemoteError as E;
        matches!(
            self,
            Self::Registry(
                E::Limited { .. }
                    | E::Failing { .. }
                    | E::Unreachable { .. }
                    | E::TimedOut
                    | E::Cut { .. }
                    | E::Denied { status: 408 | 425 | 499, .. }
            )
        )
    }

    /// True if there was no response at all.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Registry(RemoteError::Unreachable { .. } | RemoteError::TimedOut))
    }

    /// The time the registry asked us to wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Registry(
                RemoteError::Limited { retry_after } | RemoteError::Failing { retry_after, .. },
            ) => *retry_after,
            _ => None,
        }
    }
}
