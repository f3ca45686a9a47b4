//! What goes on for long, such as a terminal, ends when whoever began it may not go on.

use std::time::{Duration, SystemTime};

use crate::{
    access::Access,
    error::{BearerError, LoginError},
    login::subject_of,
    principal::{Carries, Identity, Principal},
    role::Operation,
    session::SessionId,
};

/// How often it is asked whether or not something changed: tokens and sessions end by the clock, and another server may work
/// with the same accounts.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// By what somebody does something that goes on for long.
#[derive(Clone, Debug)]
pub struct OngoingAccess {
    /// Who.
    pub principal: Principal,
    /// The session that they began it in, if it was one.
    pub session: Option<SessionId>,
    /// The fingerprint of the public key that they showed, if they did.
    pub ssh_key: Option<String>,
    /// What they may do as long as it goes on.
    pub operation: Operation,
}

impl Access {
    /// Returns when somebody may not go on: their account is disabled, removed or has lost the right, or the token, session
    /// or public key that they began with has ended.
    pub async fn until_revoked(&self, lasting: &OngoingAccess) {
        let mut changes = self.0.changes.subscribe();
        loop {
            changes.mark_unchanged();
            match self.may_go_on(lasting).await {
                Ok(true) => {}
                Ok(false) => return,
                // Nobody is cut off because a database is away for a moment.
                Err(cause) => tracing::warn!(%cause, "it cannot be seen whether somebody may go on"),
            }
            let changed = tokio::time::timeout(LOOK_EVERY, changes.changed()).await;
            // The sender lives as long as this handle.
            drop(changed);
        }
    }

    async fn may_go_on(&self, lasting: &OngoingAccess) -> Result<bool, LoginError> {
        let principal = match &lasting.principal.identity {
            Identity::Account(_) | Identity::Workload(_) => {
                match self.0.subject(&subject_of(&lasting.principal)).await {
                    Ok(principal) => principal,
                    Err(BearerError::Login(LoginError::Catalog(error))) => return Err(error.into()),
                    Err(_) => return Ok(false),
                }
            }
            Identity::Owner | Identity::Local | Identity::SyncToken | Identity::Anonymous => {
                lasting.principal.clone()
            }
        };
        Ok(self.rules().may(&principal, lasting.operation)
            && !has_ended(&lasting.principal.carries)
            && self.session_goes_on(lasting).await?
            && self.ssh_key_is_held(lasting).await?)
    }

    async fn session_goes_on(&self, lasting: &OngoingAccess) -> Result<bool, LoginError> {
        let Some(id) = &lasting.session else { return Ok(true) };
        let record = self.0.session(id.as_str()).await?;
        Ok(record.is_some_and(|record| record.ends > SystemTime::now()))
    }

    async fn ssh_key_is_held(&self, lasting: &OngoingAccess) -> Result<bool, LoginError> {
        let Some(fingerprint) = &lasting.ssh_key else { return Ok(true) };
        let holder = self.holder_of_ssh_key(fingerprint).await?;
        let is_same = |holder: &Principal| {
            holder.account().map(|account| account.id)
                == lasting.principal.account().map(|account| account.id)
        };
        Ok(holder.is_some_and(|holder| is_same(&holder)))
    }
}

// A secret that was replaced works on for a while only.
fn has_ended(carries: &Carries) -> bool {
    match carries {
        Carries::All => false,
        Carries::Token(token) => token.ends.is_some_and(|end| end <= SystemTime::now()),
    }
}
