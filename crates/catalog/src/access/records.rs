//! Rows of accounts, tokens and the audit log.

use std::time::SystemTime;

use entrepot_oci::Digest;

use crate::{error::Error, sql::to_ms};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its key.
    pub id: i64,
    /// Its name, unique.
    pub name: String,
    /// Where it comes from.
    pub kind: AccountKind,
    /// Who that is there; `None` for local accounts and robots.
    pub subject: Option<String>,
    /// Its role.
    pub role: String,
    /// Its password, hashed; `None` if it has none.
    pub password: Option<String>,
    /// The groups that its directory told of last.
    pub groups: Vec<String>,
    /// Whether it is disabled.
    pub is_disabled: bool,
    /// Rises with every change.
    pub revision: i64,
    /// When it was created.
    pub created: SystemTime,
    /// When it was changed last.
    pub changed: SystemTime,
    /// When somebody last logged in to it.
    pub last_login: Option<SystemTime>,
}

/// Where an account comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// Made here, with a password.
    Local,
    /// Made here for a machine, with API tokens only.
    Robot,
    /// From an OpenID provider.
    Oidc,
    /// From an LDAP directory.
    Ldap,
}

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub kind: AccountKind,
    /// Who that is there.
    pub subject: Option<String>,
    /// Its role.
    pub role: String,
    /// Its password, hashed.
    pub password: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
}

/// A change of an account. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// The new role.
    pub role: Option<String>,
    /// The new password, hashed.
    pub password: Option<String>,
    /// The new groups.
    pub groups: Option<Vec<String>>,
    /// Whether it is disabled.
    pub is_disabled: Option<bool>,
}

/// Which accounts to list, and in which order.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Only those whose names have this in them.
    pub search: Option<String>,
    /// Only those of this role.
    pub role: Option<String>,
    /// Only those from here.
    pub kind: Option<AccountKind>,
    /// Only those that are disabled, or that are not.
    pub is_disabled: Option<bool>,
    /// The order.
    pub order: AccountOrder,
    /// The last one of the page before: its name, or its key where the order is by age.
    pub after: Option<String>,
}

/// The order of a list of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountOrder {
    /// By name.
    #[default]
    Name,
    /// By name, backwards.
    NameBack,
    /// The oldest first.
    Age,
    /// The newest first.
    AgeBack,
}

/// A new API token.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// Its public part.
    pub id: String,
    /// The account that it belongs to.
    pub account: i64,
    /// Its name, for people.
    pub name: String,
    /// Its scopes.
    pub scopes: String,
    /// The hash of its secret.
    pub hash: Digest,
    /// When it ends; `None` means never.
    pub expires: Option<SystemTime>,
}

/// Which API tokens to list.
#[derive(Clone, Debug, Default)]
pub struct ApiTokenFilter {
    /// Only those of this account.
    pub account: Option<i64>,
    /// Only those that end before this, the next to end first; all by id otherwise.
    pub ends_before: Option<SystemTime>,
    /// The last one of the page before, as [`ApiTokenRecord::cursor`] gives it.
    pub after: Option<String>,
}

/// An API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiTokenRecord {
    /// Its public part.
    pub id: String,
    /// The account that it belongs to.
    pub account: i64,
    /// Its name, for people.
    pub name: String,
    /// Its scopes.
    pub scopes: String,
    /// When it was created.
    pub created: SystemTime,
    /// When it ends; `None` means never.
    pub expires: Option<SystemTime>,
    /// Rises with every change.
    pub revision: i64,
    /// Its secrets, the newest first; two while it is being replaced.
    pub secrets: Vec<ApiTokenSecret>,
}

/// A new secret for an API token.
#[derive(Clone, Debug)]
pub struct RenewedSecret {
    /// The hash of the whole token.
    pub hash: Digest,
    /// When the one so far ends.
    pub former_ends: SystemTime,
}

/// A secret of an API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiTokenSecret {
    /// The hash of the whole token.
    pub hash: Digest,
    /// When it was made.
    pub created: SystemTime,
    /// When it ends, because a newer one replaces it.
    pub ends: Option<SystemTime>,
    /// When it was last used.
    pub used: Option<SystemTime>,
}

/// A key that signs registry tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Its id.
    pub id: String,
    /// The key, sealed.
    pub sealed: String,
    /// When it was created.
    pub created: SystemTime,
}

/// A new grant.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// To whom.
    pub subject: String,
    /// Patterns of repositories, separated by spaces.
    pub repositories: String,
    /// Verbs, separated by commas.
    pub may: String,
    /// Who made it.
    pub created_by: String,
}

/// A grant that was made by API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRecord {
    /// Its key, which rises with time.
    pub id: i64,
    /// To whom.
    pub subject: String,
    /// Patterns of repositories, separated by spaces.
    pub repositories: String,
    /// Verbs, separated by commas.
    pub may: String,
    /// When it was made.
    pub created: SystemTime,
    /// Who made it.
    pub created_by: String,
}

/// Something that was done or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// From where; `None` for the local socket.
    pub address: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// The request's id.
    pub request_id: Option<String>,
    /// What changed, without secrets.
    pub detail: Option<String>,
}

/// What came of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and failed.
    Failed,
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its key, which rises with time.
    pub id: i64,
    /// When.
    pub at: SystemTime,
    /// What.
    pub entry: AuditEntry,
}

/// Which rows of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only those of one actor.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only those to this.
    pub object: Option<String>,
    /// Only this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Only what was recorded at this time or later.
    pub since: Option<SystemTime>,
    /// Only what was recorded before this time.
    pub until: Option<SystemTime>,
    /// Only those before this key; `None` begins with the latest.
    pub before: Option<i64>,
}

impl AccountRecord {
    /// Where the next page begins, in this order.
    pub fn cursor(&self, order: AccountOrder) -> String {
        match order {
            AccountOrder::Name | AccountOrder::NameBack => self.name.clone(),
            AccountOrder::Age | AccountOrder::AgeBack => self.id.to_string(),
        }
    }
}

impl ApiTokenRecord {
    /// Where the next page begins.
    pub fn cursor(&self, filter: &ApiTokenFilter) -> String {
        match (filter.ends_before, self.expires) {
            (Some(_), Some(expires)) => format!("{}.{}", to_ms(expires), self.id),
            _ => self.id.clone(),
        }
    }
}

impl AccountKind {
    /// The kind as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Robot => "robot",
            Self::Oidc => "oidc",
            Self::Ldap => "ldap",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let all = [Self::Local, Self::Robot, Self::Oidc, Self::Ldap];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(Error::Content { what: "kind of account" })
    }
}

impl AuditOutcome {
    /// The outcome as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let all = [Self::Done, Self::Refused, Self::Failed];
        all.into_iter().find(|outcome| outcome.as_str() == text).ok_or(Error::Content { what: "outcome" })
    }
}
