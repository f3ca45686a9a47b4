//! Why logins cannot be read or written.

use std::{io, path::PathBuf, time::Duration};

use crate::target::LoginTarget;

/// Why logins cannot be read or written. The text is a fact for the user; [`Error::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("the logins in `{}` are not used", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// A file is not a credentials file.
    #[error("the logins in `{}` are not used: this is not such a file", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// No environment variable says where logins are kept.
    #[error("there is no place to keep a login")]
    NoPath,
    /// The entry of a registry cannot be decoded.
    #[error("the login for `{target}` in `{}` cannot be read", path.display())]
    UnreadableEntry {
        /// Whose entry it is.
        target: LoginTarget,
        /// The file.
        path: PathBuf,
    },
    /// A file names a helper that cannot be a program.
    #[error("a credential helper has a name that no program of its kind has")]
    HelperName,
    /// A helper did not do what it was asked to.
    #[error("{}", fault.message(program, server))]
    Helper {
        /// The program.
        program: String,
        /// The server whose login it was asked for.
        server: String,
        /// What went wrong.
        fault: HelperFault,
    },
}

/// What went wrong with a credential helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperFault {
    /// The program cannot be started.
    Missing,
    /// The program failed, with this exit status if it has one.
    Failed(Option<i32>),
    /// The program did not answer within this time.
    TimedOut(Duration),
    /// The answer has another form than a helper's.
    Malformed,
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } | Self::Malformed { .. } => {
                "it must be a JSON file of Docker or podman that this user may read".to_owned()
            }
            Self::Write { .. } => "it must be a file in a directory that this user may write to".to_owned(),
            Self::NoPath => "set `HOME`, `DOCKER_CONFIG` or `REGISTRY_AUTH_FILE`".to_owned(),
            Self::UnreadableEntry { target, .. } => format!("log in again: `entrepot login {target}`"),
            Self::HelperName => "look at `credHelpers` and `credsStore` in the credentials file".to_owned(),
            Self::Helper { program, server, fault } => fault.hint(program, server),
        }
    }
}

impl HelperFault {
    fn message(self, program: &str, server: &str) -> String {
        let helper = format!("the credential helper `{program}`");
        match self {
            Self::Missing => format!("{helper} for `{server}` cannot be run"),
            Self::Failed(None) => format!("{helper} failed for `{server}`"),
            Self::Failed(Some(code)) => format!("{helper} failed for `{server}` with status {code}"),
            Self::TimedOut(after) => {
                format!("{helper} gave no answer for `{server}` in {} s", after.as_secs())
            }
            Self::Malformed => format!("{helper} gave an answer for `{server}` that cannot be read"),
        }
    }

    fn hint(self, program: &str, server: &str) -> String {
        match self {
            Self::Missing => {
                "install it somewhere on the `PATH`, or take it out of the credentials file".to_owned()
            }
            Self::Failed(_) => format!("see what it says: `echo {server} | {program} get`"),
            Self::TimedOut(_) => format!("see what it waits for: `echo {server} | {program} get`"),
            Self::Malformed => format!("see whether it is one: `{program} version`"),
        }
    }
}
