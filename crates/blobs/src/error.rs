//! What can go wrong between a digest and its bytes.

use std::io;

use entrepot_oci::Digest;

use crate::stage_id::StageId;

/// Why the bytes could not be kept or given back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or its quota is used up. Nothing was acknowledged; what was staged before is untouched.
    #[error("there is no space left on the data directory's file system")]
    Full,
    /// A file operation failed.
    #[error("cannot {what} a file of the data directory")]
    Io {
        /// The operation, as a verb: `open`, `rename`.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The object store failed, retries included.
    #[error("the object store failed")]
    Store {
        /// What it said.
        #[source]
        source: object_store::Error,
    },
    /// More bytes than the caller wants in memory.
    #[error("{digest} has {size} bytes, more than the {limit} that were asked for")]
    TooLarge {
        /// What was asked for.
        digest: Digest,
        /// How many bytes it has.
        size: u64,
        /// How many were allowed.
        limit: u64,
    },
    /// The bytes offered are not those that the digest names.
    #[error("the content has digest {actual}, not {expected}")]
    WrongDigest {
        /// The digest it was offered under.
        expected: Digest,
        /// The digest it has.
        actual: Digest,
    },
    /// What is held under this digest has become something else; it must be removed and fetched again.
    #[error("what is held as {digest} is damaged")]
    Damaged {
        /// The digest it is held under.
        digest: Digest,
    },
    /// The staged file is being committed, or was committed, discarded or replaced: it takes no changes any more.
    #[error("the staged file {id} takes no changes any more")]
    Closed {
        /// Which one.
        id: StageId,
    },
    /// A staged file cannot be made shorter once it was mapped, since readers may hold its bytes.
    #[error("the staged file {id} is being read and cannot be made shorter")]
    Mapped {
        /// Which one.
        id: StageId,
    },
    /// The process is shutting down.
    #[error("the process is shutting down")]
    Stopped,
}

impl Error {
    /// A failed file operation; a lack of space is told apart from the rest.
    pub(crate) fn io(what: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { what, source },
        }
    }

    /// Whether it says that what is on the disk is no longer what was put there.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { source, .. } => {
                let errno = source.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
                // EUCLEAN and EBADMSG are how file systems say that a sum is wrong.
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
