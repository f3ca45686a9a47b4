//! Accounts, API tokens, sessions, signing keys and the audit log.
//!
//! What is secret comes in hashed or sealed: nothing here can be used by whoever reads the database.

mod accounts;
mod audit;
mod keys;
mod records;
mod sessions;
mod tokens;

pub use records::{
    AccountChange, AccountKind, AccountRecord, ApiTokenRecord, ApiTokenSecret, AuditEntry, AuditFilter,
    AuditOutcome, AuditRecord, NewAccount, NewApiToken, SigningKeyRecord,
};
pub use sessions::{MAX_SESSIONS, NewSession, SessionRecord};

#[cfg(test)]
pub(crate) use accounts::{ACCOUNT, ACCOUNTS, BY_NAME, BY_SUBJECT};
#[cfg(test)]
pub(crate) use audit::{AUDIT, AUDIT_OF, TRIM as TRIM_AUDIT};
#[cfg(test)]
pub(crate) use sessions::{
    REMOVE as REMOVE_SESSION, REMOVE_ENDED as REMOVE_ENDED_SESSIONS, REMOVE_OF as REMOVE_SESSIONS, SESSION,
    SESSIONS_OF,
};
#[cfg(test)]
pub(crate) use tokens::{SECRETS, TOKEN, TOKENS_OF};
