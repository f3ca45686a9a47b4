//! From credentials to a principal.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use entrepot_catalog::{AccountKind, ApiTokenRecord};
use entrepot_oci::{Digest, RepositoryPattern};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{
    access::{Access, AccessInner, AccountStatus, KnownAccount, locked},
    api_token::ApiToken,
    error::{BearerError, LoginError},
    name::AccountName,
    principal::{Carries, HeldToken, Identity, Principal},
    registry_scope::RegistryScopes,
    registry_token::Claims,
    repository_pass::RepositoryPass,
    verb::{Verb, Verbs},
};

/// The holder of a registry token, and what the token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Who it was issued to.
    pub principal: Principal,
    /// What it allows, by repository as the client named it; `None` for an API token, which allows what its scopes say.
    pub scopes: Option<RegistryScopes>,
    /// When it ends; `None` means that only a change ends it.
    pub expires: Option<SystemTime>,
}

impl Access {
    /// Logs in with a user name and a password or API token. `address` is the client's, for the limits on failures.
    ///
    /// # Errors
    /// The credentials are refused, or it cannot be told now.
    pub async fn login(
        &self,
        name: &str,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<Principal, LoginError> {
        if let Some(holder) = self.0.passes.holder(password, SystemTime::now()) {
            return Ok(holder);
        }
        if ApiToken::is_meant(password.expose_secret()) {
            return self.0.api_token(password.expose_secret()).await;
        }
        if self.0.federation.workloads.are_meant(password.expose_secret()) {
            return self.0.federation.workloads.identify(password.expose_secret()).await;
        }
        self.0.password_login(name, password, address).await
    }

    /// Identifies the sender of a bearer token: one that [`Access::issue`] made, or an API token.
    ///
    /// # Errors
    /// The token is refused, or it cannot be told now.
    pub async fn bearer(&self, token: &str) -> Result<Bearer, BearerError> {
        if ApiToken::is_meant(token) {
            let principal = self.0.api_token(token).await?;
            return Ok(Bearer { principal, scopes: None, expires: None });
        }
        let claims = self.0.signing_keys.load().verifying.verify(token, SystemTime::now())?;
        let Claims { subject, scopes, expires, .. } = claims;
        let principal = self.0.subject(&subject).await?;
        Ok(Bearer { principal, scopes: Some(scopes), expires: Some(expires) })
    }

    /// Identifies the sender of a registry token that ended within the last hour, for a request about an upload: a layer may
    /// take longer to send than a token lives. The account and its rights are looked at as they are now.
    ///
    /// # Errors
    /// As [`Access::bearer`].
    pub async fn bearer_for_upload(&self, token: &str) -> Result<Bearer, BearerError> {
        let claims = self.0.signing_keys.load().verifying.verify_for_upload(token, SystemTime::now())?;
        let principal = self.0.subject(&claims.subject).await?;
        Ok(Bearer { principal, scopes: Some(claims.scopes), expires: Some(claims.expires) })
    }

    /// Makes a pass that pulls from a repository, named in full or by a pattern. `holder` is for logs: who pulls with it.
    pub fn pull_pass(&self, holder: &str, repository: RepositoryPattern, lives: Duration) -> RepositoryPass {
        let may = Verbs::NONE.with(Verb::Pull);
        self.0.passes.add(holder, (repository, may), SystemTime::now() + lives)
    }

    /// Makes a pass that pushes to a repository, and looks at what is there.
    pub fn push_pass(&self, holder: &str, repository: RepositoryPattern, lives: Duration) -> RepositoryPass {
        let may = Verbs::NONE.with(Verb::Pull).with(Verb::Push);
        self.0.passes.add(holder, (repository, may), SystemTime::now() + lives)
    }

    /// Issues a registry token for `service`. Its scopes are what was asked for; whether the principal has these rights
    /// is decided at each request, for the repository that the name resolves to.
    pub fn issue(&self, principal: &Principal, service: impl Into<String>, scopes: RegistryScopes) -> String {
        let now = SystemTime::now();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let claims =
            Claims { service: service.into(), subject: subject_of(principal), scopes, expires: now, id };
        self.0.signing_keys.load().signing.sign(&claims, now)
    }
}

impl AccessInner {
    async fn password_login(
        &self,
        name: &str,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<Principal, LoginError> {
        // An unknown name takes the same way as a known one, and as long.
        let typed = name.trim();
        let name = AccountName::normalized(name).ok();
        let known = match &name {
            Some(name) => self.account_by_name(name).await?,
            None => None,
        };
        let is_ours = |known: &KnownAccount| matches!(known.kind, AccountKind::Local | AccountKind::Robot);
        // Accounts that were made here are never looked up elsewhere.
        if let Some(ldap) = &self.federation.ldap
            && !known.as_ref().is_some_and(|known| is_ours(known))
        {
            let attempt = LoginAttempt::new(name, address, password);
            return self.directory_login(ldap, typed, password, attempt).await;
        }
        let usable = known.filter(|known| known.is_usable());
        let stored = usable.as_ref().and_then(|known| known.password.clone());
        if let (Some(known), Some(stored)) = (&usable, &stored)
            && self.verified.knows(stored, password.expose_secret())
        {
            return Ok(known.principal());
        }
        let attempt = LoginAttempt::new(name, address, password);
        self.check_failures(&attempt)?;
        let is_right = !password.expose_secret().is_empty()
            && self.passwords.verify(password.clone(), stored.clone()).await?;
        match (usable, stored) {
            (Some(known), Some(stored)) if is_right => {
                self.verified.add(&stored, password.expose_secret());
                self.forget_failures(&attempt);
                self.catalog.account_logged_in(known.account.id, SystemTime::now()).await?;
                Ok(known.principal())
            }
            _ => {
                self.record_failure(attempt);
                Err(LoginError::Wrong)
            }
        }
    }

    pub(crate) fn check_failures(&self, attempt: &LoginAttempt) -> Result<(), LoginError> {
        let now = Instant::now();
        let of_account = attempt.name.as_ref().and_then(|name| locked(&self.by_account).wait(name, now));
        let of_address = attempt.address.and_then(|address| locked(&self.by_address).wait(&address, now));
        match of_account.max(of_address) {
            Some(wait) => Err(LoginError::Throttled(wait)),
            None => Ok(()),
        }
    }

    pub(crate) fn record_failure(&self, attempt: LoginAttempt) {
        let now = Instant::now();
        if let Some(name) = attempt.name {
            locked(&self.by_account).record(name, attempt.secret, now);
        }
        if let Some(address) = attempt.address {
            locked(&self.by_address).record(address, attempt.secret, now);
        }
    }

    pub(crate) fn forget_failures(&self, attempt: &LoginAttempt) {
        if let Some(name) = &attempt.name {
            locked(&self.by_account).forget(name);
        }
    }

    async fn api_token(&self, text: &str) -> Result<Principal, LoginError> {
        let token: ApiToken = text.parse()?;
        let now = SystemTime::now();
        let Some(record) = self.token(token.id().as_str()).await? else { return Err(LoginError::Wrong) };
        let hash = token.hash();
        let secret = record.secrets.iter().find(|secret| secret.hash == hash).ok_or(LoginError::Wrong)?;
        let ends = secret.ends.into_iter().chain(record.expires).min();
        if let Some(at) = ends.filter(|end| *end <= now) {
            return Err(LoginError::Expired { name: record.name.clone(), at });
        }
        let principal = self.holder(&record, ends).await?.ok_or(LoginError::Wrong)?;
        if self.recently_used.get(&hash).is_none() {
            self.recently_used.insert(hash, ());
            self.catalog.api_token_used(&record.id, &hash, now).await?;
        }
        Ok(principal)
    }

    /// The holder of an API token, unless its account is gone or disabled.
    async fn holder(
        &self,
        record: &ApiTokenRecord,
        ends: Option<SystemTime>,
    ) -> Result<Option<Principal>, LoginError> {
        let Some(known) = self.account(record.account).await? else { return Ok(None) };
        match known.standing(SystemTime::now()) {
            AccountStatus::Good => Ok(Some(known.carrying(record, ends)?)),
            AccountStatus::Disabled => Ok(None),
            AccountStatus::Unconfirmed => {
                Err(LoginError::Unconfirmed { name: known.account.name.to_string() })
            }
        }
    }

    /// Who a registry token was issued to, as they are now.
    pub(crate) async fn subject(&self, subject: &str) -> Result<Principal, BearerError> {
        if subject.is_empty() {
            return Ok(Principal::ANONYMOUS);
        }
        let found = match subject.split_once(':') {
            Some(("account", id)) => {
                let id = id.parse().map_err(|_| BearerError::Revoked)?;
                let known = self.account(id).await.map_err(LoginError::from)?;
                known.filter(|known| known.is_usable()).map(|known| known.principal())
            }
            Some(("workload", rest)) => {
                let pass = self.passes.restored(rest, SystemTime::now());
                pass.or_else(|| self.federation.workloads.restored(rest))
            }
            Some(("token", id)) => {
                let now = SystemTime::now();
                let record = self.token(id).await.map_err(LoginError::from)?;
                match record.filter(|record| record.expires.is_none_or(|end| end > now)) {
                    Some(record) => self.holder(&record, record.expires).await?,
                    None => None,
                }
            }
            _ => None,
        };
        found.ok_or(BearerError::Revoked)
    }
}

impl KnownAccount {
    pub(crate) fn principal(&self) -> Principal {
        Principal { identity: Identity::Account(Arc::clone(&self.account)), carries: Carries::All }
    }

    /// The account with what one of its API tokens carries. `ends` is when the token ends, or the secret that was sent.
    pub(crate) fn carrying(
        &self,
        record: &ApiTokenRecord,
        ends: Option<SystemTime>,
    ) -> Result<Principal, entrepot_catalog::Error> {
        let damaged = |what| entrepot_catalog::Error::Content { what };
        let id = record.id.parse().map_err(|_| damaged("token"))?;
        let scopes = record.scopes.parse().map_err(|_| damaged("list of scopes"))?;
        let held = HeldToken { id, name: record.name.clone(), scopes, ends };
        Ok(Principal { carries: Carries::Token(Arc::new(held)), ..self.principal() })
    }
}

/// Names a principal in a registry token, in a form that [`AccessInner::subject`] reads.
pub(crate) fn subject_of(principal: &Principal) -> String {
    match (&principal.identity, &principal.carries) {
        (Identity::Account(_), Carries::Token(token)) => format!("token:{}", token.id),
        (Identity::Account(account), Carries::All) => format!("account:{}", account.id),
        (Identity::Workload(workload), _) => format!("workload:{}", workload.remembered()),
        (Identity::Owner | Identity::Local | Identity::SyncToken | Identity::Anonymous, _) => String::new(),
    }
}

/// An attempt to log in with a password.
pub(crate) struct LoginAttempt {
    name: Option<AccountName>,
    pub(crate) address: Option<IpAddr>,
    /// A hash of what was sent.
    secret: Digest,
}

impl LoginAttempt {
    fn new(name: Option<AccountName>, address: Option<IpAddr>, password: &SecretString) -> Self {
        Self { name, address, secret: Digest::of(password.expose_secret().as_bytes()) }
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
