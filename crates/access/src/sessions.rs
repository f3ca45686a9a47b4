//! Sessions, from login to end.

use std::time::SystemTime;

use entrepot_catalog::{AuditOutcome, Error as CatalogError, Listing, NewSession, SessionRecord};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    access::Access,
    audit::{Audit, AuditAction},
    error::{ChangeError, LoginError, SessionError},
    name::AccountName,
    principal::{Carries, Principal},
    session::{SessionId, SessionLimits, SessionOrigin, SessionSecret},
};

/// The longest description of a program that is kept, in characters.
const MAX_AGENT: usize = 200;

const BEGIN: &str = "session.begin";
const END: &str = "session.end";

/// A session that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its public part.
    pub id: SessionId,
    /// Whose it is.
    pub principal: Principal,
}

/// A page of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPage {
    /// Those that go on.
    pub rows: Vec<SessionRecord>,
    /// What the next page is after; `None` if this is the last one.
    pub next: Option<String>,
}

impl Access {
    /// Logs in with a user name and a password, and begins a session. An API token does not: a session has all rights of
    /// its account, a token has only some.
    ///
    /// # Errors
    /// The credentials are refused, or it cannot be told now.
    pub async fn log_in(
        &self,
        name: &str,
        password: &SecretString,
        made: &SessionOrigin,
    ) -> Result<SessionSecret, LoginError> {
        let done = self.try_log_in(name, password, made).await;
        if let Err(LoginError::Wrong | LoginError::TokenForSession) = &done {
            // What is no name may be a password that was typed into the wrong field.
            let name = AccountName::normalized(name);
            let object = name.as_ref().map_or("?", AccountName::as_str);
            self.note(&by("anonymous".to_owned(), made), BEGIN, object, AuditOutcome::Refused).await?;
        }
        done
    }

    async fn try_log_in(
        &self,
        name: &str,
        password: &SecretString,
        made: &SessionOrigin,
    ) -> Result<SessionSecret, LoginError> {
        let account = self.holder_of_password(name, password, made).await?;
        let secret = self.begin_session(account, made).await?;
        // A change of the password in between has not ended this session.
        if self.is_still_password(account, password).await? {
            return Ok(secret);
        }
        self.0.catalog.remove_session(secret.id().as_str()).await?;
        self.0.session_ended();
        Err(LoginError::Wrong)
    }

    async fn is_still_password(&self, account: i64, password: &SecretString) -> Result<bool, LoginError> {
        let stored = self.0.catalog.account(account).await?.and_then(|record| record.password);
        // Directories verify passwords by themselves.
        let Some(stored) = stored else { return Ok(true) };
        let is_known = self.0.verified.knows(&stored, password.expose_secret());
        Ok(is_known || self.0.passwords.verify(password.clone(), Some(stored)).await?)
    }

    async fn holder_of_password(
        &self,
        name: &str,
        password: &SecretString,
        made: &SessionOrigin,
    ) -> Result<i64, LoginError> {
        let principal = self.login(name, password, made.address).await?;
        match (principal.account(), &principal.carries) {
            (Some(account), Carries::All) => Ok(account.id),
            (_, Carries::Token(_)) => Err(LoginError::TokenForSession),
            (None, Carries::All) => Err(LoginError::Wrong),
        }
    }

    /// Begins a session of an account whose holder was identified by the caller. Each login begins one of its own: never
    /// continue one that the browser had before.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] if the account is gone or disabled, [`LoginError::Catalog`] if the database failed.
    pub async fn begin_session(
        &self,
        account: i64,
        made: &SessionOrigin,
    ) -> Result<SessionSecret, LoginError> {
        let Some(known) = self.0.account(account).await? else { return Err(LoginError::Wrong) };
        let (secret, now) = (SessionSecret::generate(), SystemTime::now());
        let new = NewSession {
            id: secret.id().to_string(),
            account,
            hash: secret.hash(),
            ends: now + self.0.session_limits.max_age,
            address: made.address.map(|address| address.to_string()),
            agent: made.agent.as_deref().map(|agent| agent.chars().take(MAX_AGENT).collect()),
        };
        if !self.0.catalog.add_session(&new, now).await? {
            return Err(LoginError::Wrong);
        }
        let by = by(known.principal().label(), made);
        self.note(&by, BEGIN, secret.id().as_str(), AuditOutcome::Done).await?;
        Ok(secret)
    }

    /// How long sessions last.
    pub fn session_limits(&self) -> SessionLimits {
        self.0.session_limits
    }

    /// The session that a browser shows the secret of. Using it keeps it from becoming idle.
    ///
    /// # Errors
    /// It has ended, or the database failed.
    pub async fn session(&self, secret: &str) -> Result<Session, SessionError> {
        let secret: SessionSecret = secret.parse().map_err(|_| SessionError::Ended)?;
        let record = self.0.session(secret.id().as_str()).await?;
        let (hash, now) = (secret.hash(), SystemTime::now());
        let record = record.filter(|record| record.hash == hash && record.ends > now);
        let record = record.ok_or(SessionError::Ended)?;
        if self.0.recently_used.get(&hash).is_none() {
            if record.used + self.0.session_limits.idle <= now {
                return Err(SessionError::Ended);
            }
            self.0.recently_used.insert(hash, ());
            self.0.catalog.session_used(&record.id, now).await?;
        }
        let known = self.0.account(record.account).await?.filter(|known| known.is_usable());
        let known = known.ok_or(SessionError::Ended)?;
        Ok(Session { id: secret.id().clone(), principal: known.principal() })
    }

    /// Sessions after `after`, by id: those of one account, or all. What has ended is left out, so a page may be short.
    ///
    /// # Errors
    /// There is no such account, or the database failed.
    pub async fn sessions(
        &self,
        account: Option<&AccountName>,
        after: &str,
        limit: usize,
    ) -> Result<SessionPage, ChangeError> {
        let account = match account {
            Some(name) => Some(self.account_key(name).await?),
            None => None,
        };
        let Listing { mut rows, more } = self.0.catalog.sessions(account, after, limit).await?;
        let next = rows.last().filter(|_| more).map(|record| record.id.clone());
        let (idle, now) = (self.0.session_limits.idle, SystemTime::now());
        rows.retain(|record| record.ends > now && record.used + idle > now);
        Ok(SessionPage { rows, next })
    }

    /// What is known of a session, if there is such a one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session_record(&self, id: &SessionId) -> Result<Option<SessionRecord>, ChangeError> {
        Ok(self.0.catalog.session(id.as_str()).await?)
    }

    /// True if an account has a password here, which its holder can change.
    ///
    /// # Errors
    /// The database failed.
    pub async fn has_password(&self, account: i64) -> Result<bool, ChangeError> {
        Ok(self.0.account(account).await?.is_some_and(|known| known.password.is_some()))
    }

    /// Ends a session. The next request with its secret is refused.
    ///
    /// # Errors
    /// There is no such session, or the database failed.
    pub async fn end_session(&self, id: &SessionId, by: &Audit) -> Result<(), ChangeError> {
        let is_there = self.0.catalog.remove_session(id.as_str()).await?;
        self.0.session_ended();
        let outcome = if is_there { AuditOutcome::Done } else { AuditOutcome::Refused };
        self.note(by, END, id.as_str(), outcome).await?;
        if is_there { Ok(()) } else { Err(ChangeError::NoSession(id.to_string())) }
    }

    /// Ends all sessions of an account. Returns how many there were.
    ///
    /// # Errors
    /// There is no such account, or the database failed.
    pub async fn end_sessions(&self, account: &AccountName, by: &Audit) -> Result<u64, ChangeError> {
        let key = self.account_key(account).await?;
        let ended = self.0.catalog.remove_sessions(key).await?;
        self.0.session_ended();
        self.note(by, "session.end-all", account.as_str(), AuditOutcome::Done).await?;
        Ok(ended)
    }

    async fn account_key(&self, name: &AccountName) -> Result<i64, ChangeError> {
        let found = self.0.account_by_name(name).await?;
        found.map(|known| known.account.id).ok_or_else(|| ChangeError::NoAccount(name.to_string()))
    }

    async fn note(
        &self,
        by: &Audit,
        action: &str,
        object: &str,
        outcome: AuditOutcome,
    ) -> Result<(), CatalogError> {
        self.record(AuditAction { action, object, detail: None }, by, outcome).await
    }
}

fn by(actor: String, made: &SessionOrigin) -> Audit {
    let address = made.address.map(|address| address.to_string());
    Audit { actor, address, request_id: made.request_id.clone() }
}
