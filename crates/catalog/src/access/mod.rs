//! Accounts, API tokens, signing keys and the audit log.
//!
//! What is secret comes in hashed or sealed: nothing here can be used by whoever reads the database.

mod accounts;
mod audit;
mod keys;
mod records;
mod tokens;

pub use records::{
    AccountChange, AccountKind, AccountRecord, ApiTokenRecord, ApiTokenSecret, AuditEntry, AuditFilter,
    AuditOutcome, AuditRecord, NewAccount, NewApiToken, SigningKeyRecord,
};

#[cfg(test)]
pub(crate) use accounts::{ACCOUNT, ACCOUNTS, BY_NAME, BY_SUBJECT};
#[cfg(test)]
pub(crate) use audit::{AUDIT, AUDIT_OF, TRIM as TRIM_AUDIT};
#[cfg(test)]
pub(crate) use tokens::{SECRETS, TOKEN, TOKENS_OF};
