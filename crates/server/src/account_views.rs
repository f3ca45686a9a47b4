//! Accounts, tokens and the audit log as the JSON API has them. Pure.

use entrepot_access::{ChangeError, Grant, GrantOrigin, Identity, Operation, Principal, Role, Verb};
use entrepot_api as api;
use entrepot_catalog::{
    AccountKind, AccountOrder, AccountRecord, ApiTokenFilter, ApiTokenRecord, AuditOutcome, AuditRecord,
    Error as CatalogError, Listing,
};
use entrepot_oci::RepositoryPattern;

pub(crate) fn me(principal: &Principal, may: impl Fn(Operation) -> bool) -> api::Me {
    let kind = match principal.identity {
        Identity::Owner => api::SenderKind::Owner,
        Identity::Local => api::SenderKind::Local,
        Identity::SyncToken => api::SenderKind::SyncToken,
        Identity::Account(_) => api::SenderKind::Account,
        Identity::Workload(_) => api::SenderKind::Workload,
        Identity::Anonymous => api::SenderKind::Anonymous,
    };
    let account = principal.account();
    let operations = Operation::ALL.into_iter().filter(|operation| may(*operation));
    api::Me {
        kind,
        account: account.map(|account| account.name.to_string()),
        role: account.map(|account| role_view(account.role)),
        operations: operations.map(|operation| operation.to_string()).collect(),
    }
}

pub(crate) fn accounts(
    page: Listing<AccountRecord>,
    order: AccountOrder,
) -> Result<api::AccountList, ChangeError> {
    let next = page.rows.last().filter(|_| page.more).map(|last| last.cursor(order));
    let accounts = page.rows.into_iter().map(account).collect::<Result<_, _>>()?;
    Ok(api::AccountList { accounts, more: page.more, next })
}

pub(crate) fn account(record: AccountRecord) -> Result<api::Account, ChangeError> {
    let role: Role = record.role.parse().map_err(|_| CatalogError::Content { what: "role" })?;
    Ok(api::Account {
        name: record.name,
        kind: match record.kind {
            AccountKind::Local => api::AccountKind::Local,
            AccountKind::Robot => api::AccountKind::Robot,
            AccountKind::Oidc => api::AccountKind::Oidc,
            AccountKind::Ldap => api::AccountKind::Ldap,
        },
        role: role_view(role),
        groups: record.groups,
        has_password: record.password.is_some(),
        disabled: record.is_disabled,
        revision: record.revision,
        created: record.created.into(),
        last_login: record.last_login.map(Into::into),
    })
}

pub(crate) fn tokens(page: Listing<ApiTokenRecord>, filter: &ApiTokenFilter) -> api::ApiTokenList {
    let next = page.rows.last().filter(|_| page.more).map(|last| last.cursor(filter));
    api::ApiTokenList { tokens: page.rows.into_iter().map(token).collect(), more: page.more, next }
}

pub(crate) fn token(record: ApiTokenRecord) -> api::ApiToken {
    let secrets = record.secrets.into_iter().map(|secret| api::ApiTokenSecret {
        created: secret.created.into(),
        ends: secret.ends.map(Into::into),
        last_used: secret.used.map(Into::into),
    });
    api::ApiToken {
        id: record.id,
        name: record.name,
        scopes: record.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
        created: record.created.into(),
        expires: record.expires.map(Into::into),
        revision: record.revision,
        secrets: secrets.collect(),
    }
}

pub(crate) fn audit(page: Listing<AuditRecord>) -> api::AuditList {
    let next = page.rows.last().filter(|_| page.more).map(|last| last.id.to_string());
    api::AuditList { entries: page.rows.into_iter().map(entry).collect(), more: page.more, next }
}

fn entry(record: AuditRecord) -> api::AuditEntry {
    let entry = record.entry;
    api::AuditEntry {
        id: record.id.to_string(),
        at: record.at.into(),
        actor: entry.actor,
        action: entry.action,
        object: entry.object,
        address: entry.address,
        outcome: match entry.outcome {
            AuditOutcome::Done => api::AuditOutcome::Done,
            AuditOutcome::Refused => api::AuditOutcome::Refused,
            AuditOutcome::Failed => api::AuditOutcome::Failed,
        },
        request: entry.request_id,
        detail: entry.detail,
    }
}

pub(crate) fn role(role: api::Role) -> Role {
    match role {
        api::Role::Admin => Role::Admin,
        api::Role::Operator => Role::Operator,
        api::Role::User => Role::User,
        api::Role::Viewer => Role::Viewer,
    }
}

fn role_view(role: Role) -> api::Role {
    match role {
        Role::Admin => api::Role::Admin,
        Role::Operator => api::Role::Operator,
        Role::User => api::Role::User,
        Role::Viewer => api::Role::Viewer,
    }
}

/// A role by its word.
pub(crate) fn role_named(word: &str) -> Option<Role> {
    word.parse().ok()
}

/// A kind of account by its word.
pub(crate) fn kind_named(word: &str) -> Option<AccountKind> {
    let all = [AccountKind::Local, AccountKind::Robot, AccountKind::Oidc, AccountKind::Ldap];
    all.into_iter().find(|kind| kind.as_str() == word)
}

/// The order of a list of accounts by its word.
pub(crate) fn order_named(word: &str) -> Option<AccountOrder> {
    Some(match word {
        "name" => AccountOrder::Name,
        "-name" => AccountOrder::NameBack,
        "created" => AccountOrder::Age,
        "-created" => AccountOrder::AgeBack,
        _ => return None,
    })
}

/// What came of an action, by its word.
pub(crate) fn outcome_named(word: &str) -> Option<AuditOutcome> {
    let all = [AuditOutcome::Done, AuditOutcome::Refused, AuditOutcome::Failed];
    all.into_iter().find(|outcome| outcome.as_str() == word)
}

/// A grant and where it comes from.
pub(crate) fn grant(grant: &Grant, origin: GrantOrigin) -> api::Grant {
    let id = origin.id();
    let (kind, record) = match origin {
        GrantOrigin::Configuration(_) => (api::GrantOrigin::Configuration, None),
        GrantOrigin::Api(record) => (api::GrantOrigin::Api, Some(record)),
    };
    api::Grant {
        id,
        to: grant.to.to_string(),
        repositories: grant.repositories.iter().map(RepositoryPattern::to_string).collect(),
        may: grant.may.iter().map(|verb: Verb| verb.to_string()).collect(),
        origin: kind,
        created: record.as_ref().map(|record| record.created.into()),
        created_by: record.map(|record| record.created_by),
    }
}
