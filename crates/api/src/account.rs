//! Accounts, API tokens, and the audit log.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// What kind of sender.
    pub kind: SenderKind,
    /// The account's name, if it is one.
    #[schema(required = true)]
    pub account: Option<String>,
    /// The account's role, if it is one.
    #[schema(required = true)]
    pub role: Option<Role>,
    /// What they may do apart from repositories.
    pub operations: Vec<String>,
}

words! {
    /// What kind of sender.
    SenderKind {
        /// Whoever can open the local socket.
        Owner = "owner",
        /// A program on the server's machine.
        Local = "local",
        /// Whoever has the configured `api_token`.
        SyncToken = "sync-token",
        /// An account.
        Account = "account",
        /// A CI job, or another program that its own platform vouches for.
        Workload = "workload",
        /// Anybody else.
        Anonymous = "anonymous",
    }
}

words! {
    /// The role of an account.
    Role {
        /// Everything.
        Admin = "admin",
        /// Runs the service; no accounts, no secrets.
        Operator = "operator",
        /// Pulls and pushes what was granted.
        User = "user",
        /// Reads what operators read, without secrets.
        Viewer = "viewer",
    }
}

words! {
    /// Where an account comes from.
    AccountKind {
        /// Made here, with a password.
        Local = "local",
        /// Made here for a machine, with API tokens only.
        Robot = "robot",
        /// From an OpenID provider.
        Oidc = "oidc",
        /// From an LDAP directory.
        Ldap = "ldap",
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub kind: AccountKind,
    /// Its role.
    pub role: Role,
    /// Its groups, as its directory told of last.
    pub groups: Vec<String>,
    /// Whether it has a password.
    pub has_password: bool,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Rises with every change; `If-Match: "REVISION"` makes a change that counts only if nothing has changed since.
    pub revision: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When somebody last logged in with a password.
    #[schema(required = true)]
    pub last_login: Option<Timestamp>,
}

/// A page of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountList {
    /// The accounts, in order of their names.
    pub accounts: Vec<Account>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Parameters of a list that is paged by name or id.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most; 100 if left out.
    pub n: Option<usize>,
    /// The last one of the page before.
    pub last: Option<String>,
}

/// Which accounts to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountListQuery {
    /// Only those whose names have this in them.
    pub search: Option<String>,
    /// Only those of this role.
    #[param(value_type = Option<Role>)]
    pub role: Option<Role>,
    /// Only those from here.
    #[param(value_type = Option<AccountKind>)]
    pub kind: Option<AccountKind>,
    /// Only those that are disabled, or that are not.
    pub disabled: Option<bool>,
    /// The order: `name`, `created`, or backwards with a `-` before it; `name` if left out.
    pub sort: Option<String>,
    /// How many at most; 100 if left out.
    pub n: Option<usize>,
    /// `next` of the page before.
    pub last: Option<String>,
}

/// A new account. Without a password it is a robot, which has API tokens only.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Its name: lower-case letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its password, at least 8 characters.
    pub password: Option<String>,
}

/// A change of an account. What is left out stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// The new role.
    pub role: Option<Role>,
    /// The new password.
    pub password: Option<String>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiToken {
    /// Its public part, which names it.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it carries, such as `pull:docker.io/library/**`.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// When it ends; `null` means never.
    #[schema(required = true)]
    pub expires: Option<Timestamp>,
    /// Rises with every change, for `If-Match`.
    pub revision: i64,
    /// Its secrets, the newest first; two while it is being replaced.
    pub secrets: Vec<ApiTokenSecret>,
}

/// A secret of an API token, without the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiTokenSecret {
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, because a newer one replaces it.
    #[schema(required = true)]
    pub ends: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(required = true)]
    pub last_used: Option<Timestamp>,
}

/// A page of API tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiTokenList {
    /// The tokens, in order of their ids.
    pub tokens: Vec<ApiToken>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A new API token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// The account that it belongs to; the caller's own if left out.
    pub account: Option<String>,
    /// Its name, for people.
    pub name: String,
    /// What it carries, such as `pull:docker.io/library/**`, `sync` or `admin`.
    pub scopes: Vec<String>,
    /// When it ends; never if left out.
    pub expires: Option<Timestamp>,
}

/// A new secret. It is never shown again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// The token's public part.
    pub id: String,
    /// The whole token, to be used as a password or bearer token.
    pub token: String,
}

words! {
    /// What came of an action.
    AuditOutcome {
        /// It was done.
        Done = "done",
        /// It was not allowed, or asked for something impossible.
        Refused = "refused",
        /// It was allowed and failed.
        Failed = "failed",
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its id, which rises with time.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// From where; `null` for the local socket.
    #[schema(required = true)]
    pub address: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// The request's id.
    #[schema(required = true)]
    pub request: Option<String>,
    /// What changed, without secrets.
    #[schema(required = true)]
    pub detail: Option<String>,
}

/// A page of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditList {
    /// The entries, the latest first.
    pub entries: Vec<AuditEntry>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Parameters of the list of API tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApiTokenListQuery {
    /// Only those of this account; the caller's own if left out, or all for admins.
    pub account: Option<String>,
    /// Only those that end before this time, the next to end first; all in order of their ids if left out.
    pub ends_before: Option<Timestamp>,
    /// How many at most; 100 if left out.
    pub n: Option<usize>,
    /// `next` of the page before.
    pub last: Option<String>,
}

/// Parameters of the audit log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what this one did, such as `account:alice` or `owner`.
    pub actor: Option<String>,
    /// Only this, such as `login` or `token.create`.
    pub action: Option<String>,
    /// Only what was done to this, such as an account's name.
    pub object: Option<String>,
    /// Only this outcome.
    #[param(value_type = Option<AuditOutcome>)]
    pub outcome: Option<AuditOutcome>,
    /// Only what happened at this time or later.
    pub since: Option<Timestamp>,
    /// Only what happened before this time.
    pub until: Option<Timestamp>,
    /// How many at most; 100 if left out.
    pub n: Option<usize>,
    /// `next` of the page before.
    pub last: Option<String>,
}
