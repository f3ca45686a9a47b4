//! Why somebody may do something to a repository, or may not.

use std::{fmt, str::FromStr, sync::Arc, time::SystemTime};

use entrepot_catalog::ApiTokenRecord;

use crate::{
    access::{Access, KnownAccount},
    error::ChangeError,
    grants::GrantOrigin,
    name::AccountName,
    principal::{Account, Carries, Identity, Principal},
    role::Role,
    rules::{MatchedRule, Reason, Repository, Visibility},
    verb::Verb,
};

/// Somebody whose rights are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainedSubject {
    /// Anybody, without a login.
    Anonymous,
    /// A program on the server's machine, without a login.
    Local,
    /// An account, with its password.
    Account(AccountName),
    /// An API token, by its id or its name.
    Token(String),
    /// A member of a group, with the least role.
    Group(String),
}

/// The text names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody is `anonymous`, `local`, `account:NAME`, `token:NAME` or `group:NAME`")]
pub struct SomebodyError;

/// Whether somebody may do something to a repository, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// They may, by this, and an API token carries it.
    Allowed(RightOrigin, Principal),
    /// The API token does not carry it, but this lets anybody pull.
    AllowedAnyway(RightOrigin, Principal),
    /// Their account may, by this, but the API token does not carry it.
    NotCarried(RightOrigin, Principal),
    /// Nothing gives it to them. `is_private` says whether the repository is private.
    NotGranted {
        /// Whether it is.
        is_private: bool,
    },
    /// The account is disabled, so nobody can log in to it.
    Disabled(AccountName),
    /// The API token has ended.
    Expired(SystemTime),
}

/// What gives a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightOrigin {
    /// They own everything.
    Owner,
    /// `access.local`, or what holds where there is no section `access`.
    Local,
    /// `access.workloads`.
    Workload,
    /// `access.anonymous`, or its default.
    Anonymous,
    /// The role of their account.
    Role(Role),
    /// A grant.
    Grant(GrantOrigin),
}

/// Somebody as they would be if they sent a request now.
enum ResolvedSubject {
    Principal(Principal),
    Out(Explanation),
}

impl Access {
    /// Says whether somebody may do something to a repository now, and why. What decides about requests decides here.
    ///
    /// # Errors
    /// There is no such account or token, several tokens have the name, or the database failed.
    pub async fn explain(
        &self,
        who: &ExplainedSubject,
        verb: Verb,
        of: Repository<'_>,
    ) -> Result<Explanation, ChangeError> {
        let principal = match self.find(who).await? {
            ResolvedSubject::Principal(principal) => principal,
            ResolvedSubject::Out(explanation) => return Ok(explanation),
        };
        let rules = self.rules();
        let rule = |source| match source {
            MatchedRule::Owner => RightOrigin::Owner,
            MatchedRule::Local => RightOrigin::Local,
            MatchedRule::Workload => RightOrigin::Workload,
            MatchedRule::Anonymous => RightOrigin::Anonymous,
            MatchedRule::Role(role) => RightOrigin::Role(role),
            MatchedRule::Grant(at) => RightOrigin::Grant(rules.origin(at)),
        };
        Ok(match rules.explain(&principal, verb, of) {
            Reason::Given(source) => Explanation::Allowed(rule(source), principal),
            Reason::Anyway(source) => Explanation::AllowedAnyway(rule(source), principal),
            Reason::NotCarried(source) => Explanation::NotCarried(rule(source), principal),
            Reason::Nothing => Explanation::NotGranted { is_private: of.visibility == Visibility::Private },
        })
    }

    async fn find(&self, who: &ExplainedSubject) -> Result<ResolvedSubject, ChangeError> {
        Ok(match who {
            ExplainedSubject::Anonymous => ResolvedSubject::Principal(Principal::ANONYMOUS),
            ExplainedSubject::Local => ResolvedSubject::Principal(Principal::LOCAL),
            ExplainedSubject::Group(group) => {
                let groups = vec![group.clone()];
                let account = Account { id: 0, name: AccountName::none(), role: Role::Viewer, groups };
                ResolvedSubject::Principal(Principal {
                    identity: Identity::Account(Arc::new(account)),
                    carries: Carries::All,
                })
            }
            ExplainedSubject::Account(name) => {
                let known = KnownAccount::of(self.account(name).await?, self.0.federation.max_age())?;
                if known.is_usable() {
                    ResolvedSubject::Principal(known.principal())
                } else {
                    ResolvedSubject::Out(Explanation::Disabled(name.clone()))
                }
            }
            ExplainedSubject::Token(name) => self.find_token(self.token_named(name).await?).await?,
        })
    }

    async fn find_token(&self, record: ApiTokenRecord) -> Result<ResolvedSubject, ChangeError> {
        if let Some(end) = record.expires.filter(|end| *end <= SystemTime::now()) {
            return Ok(ResolvedSubject::Out(Explanation::Expired(end)));
        }
        let owner = self.0.catalog.account(record.account).await?;
        let owner = owner.ok_or_else(|| ChangeError::NoToken(record.id.clone()))?;
        let owner = KnownAccount::of(owner, self.0.federation.max_age())?;
        if !owner.is_usable() {
            return Ok(ResolvedSubject::Out(Explanation::Disabled(owner.account.name.clone())));
        }
        Ok(ResolvedSubject::Principal(owner.carrying(&record, record.expires)?))
    }

    async fn token_named(&self, name: &str) -> Result<ApiTokenRecord, ChangeError> {
        if let Some(record) = self.0.catalog.api_token(name).await? {
            return Ok(record);
        }
        let mut named = self.0.catalog.api_tokens_named(name, 2).await?;
        match (named.pop(), named.is_empty()) {
            (Some(record), true) => Ok(record),
            (Some(_), false) => Err(ChangeError::SeveralTokens(name.to_owned())),
            (None, _) => Err(ChangeError::NoToken(name.to_owned())),
        }
    }
}

impl FromStr for ExplainedSubject {
    type Err = SomebodyError;

    fn from_str(text: &str) -> Result<Self, SomebodyError> {
        match text.split_once(':') {
            None if text == "anonymous" => Ok(Self::Anonymous),
            None if text == "local" => Ok(Self::Local),
            Some(("account", name)) => name.parse().map(Self::Account).map_err(|_| SomebodyError),
            Some(("token", name)) if !name.is_empty() => Ok(Self::Token(name.to_owned())),
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            _ => Err(SomebodyError),
        }
    }
}

impl fmt::Display for ExplainedSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::Local => formatter.write_str("local"),
            Self::Account(name) => write!(formatter, "account:{name}"),
            Self::Token(name) => write!(formatter, "token:{name}"),
            Self::Group(name) => write!(formatter, "group:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_read_back() {
        for text in ["anonymous", "local", "account:alice", "token:ci build", "group:cn=ml,dc=x"] {
            assert_eq!(text.parse::<ExplainedSubject>().unwrap().to_string(), text);
        }
        for bad in ["", "alice", "account:", "account:A b", "token:", "group:", "role:user", "owner"] {
            assert_eq!(bad.parse::<ExplainedSubject>(), Err(SomebodyError), "{bad}");
        }
    }
}
