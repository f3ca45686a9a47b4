//! What can go wrong at an end of a copy.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use entrepot_remote::{Error as RemoteError, SettingsError};

/// Why an end did not do what was asked. Cheap to clone: many may wait for one answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum EndError {
    /// A registry did not.
    #[error(transparent)]
    Registry(#[from] RemoteError),
    /// A layout or archive does not have it.
    #[error("not found")]
    NotFound,
    /// A file cannot be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// A file or directory is not what it should be.
    #[error("`{path}` {what}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        what: String,
    },
    /// Somebody else writes there.
    #[error("`{0}` is being written by another process")]
    Locked(PathBuf),
    /// No more manifests may be pulled; the budget is renewed after this time, where that is known.
    #[error("the budget of pulls is used up")]
    Budget(Option<Duration>),
    /// The registry cannot be spoken to as it is configured.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// It can only be read.
    #[error("a docker-archive can only be read")]
    ReadOnly,
}

impl EndError {
    /// For `map_err`, with the path of the file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source: Arc::new(source) }
    }

    /// A file that is not what it should be.
    pub(crate) fn malformed(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), what: what.into() }
    }

    /// Whether it is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound | Self::Registry(RemoteError::NotFound))
    }

    /// Whether it may pass: ask again later.
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

    /// Whether the registry did not answer at all.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Registry(RemoteError::Unreachable { .. } | RemoteError::TimedOut))
    }

    /// The wait that a registry asked for.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Registry(
                RemoteError::Limited { retry_after } | RemoteError::Failing { retry_after, .. },
            ) => *retry_after,
            _ => None,
        }
    }
}
