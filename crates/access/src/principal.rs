//! Who sent a request, as far as it proves that.

use std::{sync::Arc, time::SystemTime};

use crate::{
    api_token::TokenId,
    name::AccountName,
    role::{Operation, Role},
    scope::Scopes,
    verb::Verbs,
    workload::Workload,
};

/// Who sent a request, and the part of their rights that the credential carries. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub identity: Identity,
    /// The credential's own limits.
    pub carries: Carries,
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Whoever can open the local socket, and so owns the data directory.
    Owner,
    /// A program on the server's machine, where a local address proves that.
    Local,
    /// Whoever has the token that the configuration names as `api_token`.
    SyncToken,
    /// An account.
    Account(Arc<Account>),
    /// A CI job, or another program that its own platform vouches for.
    Workload(Arc<Workload>),
    /// Anybody else.
    Anonymous,
}

/// An account, as requests need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its key in the catalog.
    pub id: i64,
    /// Its name.
    pub name: AccountName,
    /// Its role.
    pub role: Role,
    /// The groups that its directory told of last; none for local accounts.
    pub groups: Vec<String>,
}

/// What a credential carries of its account's rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carries {
    /// All of them: a password, a session, the local socket.
    All,
    /// Those of an API token's scopes.
    Token(Arc<HeldToken>),
}

/// An API token that somebody identified themselves with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldToken {
    /// Its public part.
    pub id: TokenId,
    /// Its name, for people.
    pub name: String,
    /// What it carries.
    pub scopes: Scopes,
    /// When it ends, or the secret that was sent; `None` means never.
    pub ends: Option<SystemTime>,
}

impl Principal {
    /// Somebody without credentials.
    pub const ANONYMOUS: Self = Self { identity: Identity::Anonymous, carries: Carries::All };
    /// Whoever can open the local socket.
    pub const OWNER: Self = Self { identity: Identity::Owner, carries: Carries::All };
    /// A program on the server's machine.
    pub const LOCAL: Self = Self { identity: Identity::Local, carries: Carries::All };
    /// Whoever has the configured token for syncs.
    pub const SYNC_TOKEN: Self = Self { identity: Identity::SyncToken, carries: Carries::All };

    /// The account, if it is one.
    pub fn account(&self) -> Option<&Account> {
        match &self.identity {
            Identity::Account(account) => Some(account),
            _ => None,
        }
    }

    /// The same, but sharing nothing with others who are it: where many threads count the references to one account, each of
    /// them waits for the others.
    #[must_use]
    pub fn apart(&self) -> Self {
        let identity = match &self.identity {
            Identity::Account(account) => Identity::Account(Arc::new(Account::clone(account))),
            other => other.clone(),
        };
        Self { identity, carries: self.carries.clone() }
    }

    /// A name for logs and the audit: the account's, or one of `owner`, `local`, `api_token`, `anonymous`, which no
    /// account gets in the audit because those are written as `account:NAME`.
    pub fn label(&self) -> String {
        match &self.identity {
            Identity::Owner => "owner".to_owned(),
            Identity::Local => "local".to_owned(),
            Identity::SyncToken => "api_token".to_owned(),
            Identity::Account(account) => match &self.carries {
                Carries::All => format!("account:{}", account.name),
                Carries::Token(token) => format!("account:{} (token {})", account.name, token.id),
            },
            Identity::Workload(workload) => format!("workload:{}", workload.subject()),
            Identity::Anonymous => "anonymous".to_owned(),
        }
    }
}

impl Carries {
    /// What of `rights` to a repository the credential carries.
    pub fn limit(&self, rights: Verbs, repository: &str) -> Verbs {
        match self {
            Self::All => rights,
            Self::Token(token) => rights.intersection(token.scopes.on(repository)),
        }
    }

    /// True if the credential carries the right to this.
    pub fn may(&self, operation: Operation) -> bool {
        match self {
            Self::All => true,
            Self::Token(token) => token.scopes.may(operation),
        }
    }
}
