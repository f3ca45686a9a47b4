//! What can go wrong with the catalog.
//!
//! No message holds the database's address: it may carry a password. The variants for a file name its path.

use std::{fmt, io, path::PathBuf};

use entrepot_oci::Digest;
use sqlx::migrate::MigrateError;

/// Why the catalog did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SQLite file cannot be used.
    #[error("the database file `{}` {problem}", path.display())]
    File {
        /// Where the file is.
        path: PathBuf,
        /// What is wrong with it.
        problem: FileProblem,
        /// The error of SQLite.
        #[source]
        source: sqlx::Error,
    },
    /// The address of the database does not have the form of a PostgreSQL URL.
    #[error("the address of the database is not of the form `postgres://user@host/name`")]
    Address,
    /// The address has a parameter that we do not know. Not named: it may be a part of a password.
    #[error("parameter {position} in the address of the database is not known")]
    Parameter {
        /// Which one, counted from 1.
        position: usize,
    },
    /// PostgreSQL does not answer or does not let us in.
    #[error("the database cannot be reached")]
    Connect(#[source] sqlx::Error),
    /// A newer version of the program has changed the tables.
    #[error("the database has tables of version {found}, this program knows them up to version {known}")]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The tables could not be made or brought up to date.
    #[error("the tables of the database cannot be brought up to date")]
    Migrate(#[source] MigrateError),
    /// The file that a server locks beside a SQLite database cannot be made or locked.
    #[error("the database's lock file cannot be used")]
    LockFile(#[source] io::Error),
    /// The database failed while it was used.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A row holds what we never write there: somebody else did, or the file is damaged.
    #[error("the database holds a {what} that is none")]
    Content {
        /// What was expected there.
        what: &'static str,
    },
    /// A manifest names a blob that its repository does not have.
    #[error("the blob {digest} is not in the repository")]
    MissingBlob {
        /// The first one missing, by digest.
        digest: Digest,
    },
    /// A manifest gives another size for something it names than that has.
    #[error("{digest} has {actual} bytes and not {stated}, as the manifest says")]
    WrongSize {
        /// The first one, by digest.
        digest: Digest,
        /// The size that the manifest gives it, in bytes.
        stated: u64,
        /// The size that it has, in bytes.
        actual: u64,
    },
}

/// What is wrong with a database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// It, or its directory, is missing or closed to us.
    Unopenable,
    /// It, or its directory, can be read but not written.
    ReadOnly,
    /// It is another kind of file.
    NotADatabase,
    /// It is a database whose content is broken.
    Damaged,
    /// Another program keeps it locked.
    Locked,
    /// The disk is full.
    DiskFull,
    /// Something else; the source says what.
    Other,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unopenable => "cannot be opened",
            Self::ReadOnly => "cannot be written",
            Self::NotADatabase => "is not a SQLite database",
            Self::Damaged => "is damaged",
            Self::Locked => "is locked by another program",
            Self::DiskFull => "cannot grow: the disk is full",
            Self::Other => "cannot be used",
        })
    }
}

impl FileProblem {
    /// Reads SQLite's result code; the low byte is the primary one.
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match code(error).and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
            Some(5 | 6) => Self::Locked,
            Some(8) => Self::ReadOnly,
            Some(11) => Self::Damaged,
            Some(13) => Self::DiskFull,
            Some(14) => Self::Unopenable,
            Some(26) => Self::NotADatabase,
            _ => Self::Other,
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

impl Error {
    /// Whether a change may have been made, or may still be made, although it failed here: the connection broke before the
    /// database had answered.
    pub fn may_have_happened(&self) -> bool {
        use sqlx::Error::{Io, Protocol, Tls, WorkerCrashed};
        matches!(self, Self::Database(Io(_) | Tls(_) | Protocol(_) | WorkerCrashed))
    }

    /// True if the database may not be answering at all: the connection broke, or there was none to be had. A statement that
    /// it refuses is another thing.
    pub fn is_unavailable(&self) -> bool {
        let (Self::Database(error) | Self::Connect(error)) = self else { return false };
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => true,
            // It is shutting down, or starting (PostgreSQL, class 57).
            other => matches!(code(other).as_deref(), Some("57P01" | "57P02" | "57P03")),
        }
    }

    /// Whether another transaction got in the way, so that doing the same again may succeed (PostgreSQL only):
    /// serialisation failure, deadlock, and two constraints that only a race can break, because what they guard
    /// (a repository's row and its id) is made and removed within the same transactions.
    pub(crate) fn is_conflict(&self) -> bool {
        let source = match self {
            Self::Database(error) | Self::Migrate(MigrateError::Execute(error)) => error,
            _ => return false,
        };
        matches!(code(source).as_deref(), Some("40001" | "40P01" | "23503" | "23505"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_leaves_open_what_has_happened() {
        let broken = sqlx::Error::Io(io::ErrorKind::ConnectionReset.into());
        assert!(Error::Database(broken).may_have_happened());
        assert!(!Error::Database(sqlx::Error::PoolTimedOut).may_have_happened());
        assert!(!Error::MissingBlob { digest: Digest::of(b"") }.may_have_happened());
    }
}
