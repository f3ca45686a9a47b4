//! Accounts, API tokens, sessions, signing keys and the audit log.
//!
//! What is secret comes in hashed or sealed: nothing here can be used by whoever reads the database.

mod accounts;
mod audit;
mod grants;
mod keys;
mod records;
mod sessions;
mod tokens;

pub use records::{
    AccountChange, AccountFilter, AccountKind, AccountOrder, AccountRecord, ApiTokenFilter, ApiTokenRecord,
    ApiTokenSecret, AuditEntry, AuditFilter, AuditOutcome, AuditRecord, GrantRecord, NewAccount, NewApiToken,
    NewGrant, RenewedSecret, SigningKeyRecord,
};
pub use sessions::{MAX_SESSIONS, NewSession, SessionRecord};

#[cfg(test)]
pub(crate) use accounts::{
    ACCOUNT, ACCOUNTS, BY_AGE, BY_AGE_BACK, BY_NAME, BY_NAME_BACK, BY_NAME_UP, BY_SUBJECT,
    REMOVE as REMOVE_ACCOUNT,
};
#[cfg(test)]
pub(crate) use audit::{AUDIT, AUDIT_OF, AUDIT_OF_ACTION, TRIM as TRIM_AUDIT};
#[cfg(test)]
pub(crate) use grants::{REMOVE as REMOVE_GRANT, REMOVE_OF as REMOVE_GRANTS_OF};
#[cfg(test)]
pub(crate) use sessions::{
    REMOVE as REMOVE_SESSION, REMOVE_ENDED as REMOVE_ENDED_SESSIONS, REMOVE_OF as REMOVE_SESSIONS, SESSION,
    SESSIONS_OF,
};
#[cfg(test)]
pub(crate) use tokens::{ENDING, SECRETS, TOKEN, TOKENS_OF};
