//! Errors of the blob store.

use std::io;

use entrepot_oci::Digest;
use object_store::client::HttpError;

use crate::stage_id::StageId;

/// Why bytes could not be stored or returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the quota is full. Nothing was acknowledged; earlier staged data is untouched.
    #[error("there is no space left on the data directory's file system")]
    Full,
    /// A file operation failed.
    #[error("cannot {what} a file in the data directory")]
    Io {
        /// The operation, as a verb: `open`, `rename`.
        what: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The object store failed, after retries.
    #[error("the object store failed")]
    Store {
        /// The client's error.
        #[source]
        source: object_store::Error,
    },
    /// The blob has more bytes than the caller allows in memory.
    #[error("{digest} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The requested blob.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The content does not match its digest.
    #[error("the content has digest {actual}, not {expected}")]
    WrongDigest {
        /// The claimed digest.
        expected: Digest,
        /// The actual digest.
        actual: Digest,
    },
    /// The stored content no longer matches its digest; it must be removed and fetched again.
    #[error("the stored blob {digest} is damaged")]
    Damaged {
        /// The digest it is stored under.
        digest: Digest,
    },
    /// The staged file is being or was committed, or was discarded or replaced: it can no longer be changed.
    #[error("the staged file {id} can no longer be changed")]
    Closed {
        /// The staged file.
        id: StageId,
    },
    /// The object is not in the bucket any more, or has another size than it had: somebody else removed or replaced it.
    #[error("the object was removed from the bucket, or replaced")]
    Gone,
    /// A staged file cannot be truncated once it was mapped, since readers may hold its bytes.
    #[error("the staged file {id} is being read and cannot be truncated")]
    Mapped {
        /// The staged file.
        id: StageId,
    },
    /// The process is shutting down.
    #[error("the process is shutting down")]
    Stopped,
}

impl Error {
    /// Wraps a failed file operation; a full disk becomes [`Error::Full`].
    pub(crate) fn io(what: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { what, source },
        }
    }

    /// True if the object store cannot be reached or fails (5xx). False if it refuses the request, for which its settings may
    /// be the reason.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Store { source: object_store::Error::Generic { .. } })
            && (self.causes().any(|cause| cause.is::<HttpError>()) || self.says("non-2xx status code: 5"))
    }

    /// True if one of the causes has these words. The client's type for a status and a code is not public.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.causes().any(|cause| cause.to_string().contains(words))
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        std::iter::successors(std::error::Error::source(self), |error| error.source())
    }

    /// True if the error means that the data on disk has been damaged.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { source, .. } => {
                let errno = source.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
                // File systems report a wrong checksum as EUCLEAN or EBADMSG.
                matches!(
                    errno,
                    Some(rustix::io::Errno::IO | rustix::io::Errno::UCLEAN | rustix::io::Errno::BADMSG)
                )
            }
            _ => false,
        }
    }

    /// For `map_err`.
    pub(crate) fn at(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::io(what, source)
    }
}

impl From<object_store::Error> for Error {
    fn from(source: object_store::Error) -> Self {
        Self::Store { source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_told_apart() {
        for errno in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT] {
            assert!(matches!(Error::io("write", errno.into()), Error::Full));
        }
        assert!(matches!(Error::io("write", rustix::io::Errno::IO.into()), Error::Io { what: "write", .. }));
    }
}
