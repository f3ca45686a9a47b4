//! Passwords that an LDAP directory verifies.

use std::time::Duration;

use entrepot_catalog::AccountKind;
use entrepot_federation::{DirectoryError, Member};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    access::AccessInner,
    admission::{AdmissionError, NewMember},
    error::LoginError,
    federation::Ldap,
    login::LoginAttempt,
    password::Busy,
    principal::Principal,
};

/// How long a login waits for its turn to ask the directory.
const PATIENCE: Duration = Duration::from_secs(5);

impl AccessInner {
    /// Logs in somebody whose password the directory verifies. `typed` is the name as it was typed, which the directory's
    /// filter understands.
    pub(crate) async fn directory_login(
        &self,
        ldap: &Ldap,
        typed: &str,
        password: &SecretString,
        attempt: LoginAttempt,
    ) -> Result<Principal, LoginError> {
        let tag = self.verified.tag(typed, password.expose_secret());
        if let Some(id) = ldap.confirmed.get(&tag)
            && let Some(known) = self.account(id).await?.filter(|known| known.is_usable())
        {
            return Ok(known.principal());
        }
        // In front of the directory, which may lock those whose password is guessed.
        self.check_failures(&attempt)?;
        let Some(member) = asked(ldap, typed, password).await? else {
            self.record_failure(attempt);
            return Err(LoginError::Wrong);
        };
        self.forget_failures(&attempt);
        let newcomer = NewMember {
            kind: AccountKind::Ldap,
            person: &member.person,
            role: ldap.roles.role_of(member.person.groups.as_deref().unwrap_or_default()),
            address: attempt.address.map(|address| address.to_string()),
            request_id: None,
        };
        match self.admit(&newcomer).await {
            Ok(known) => {
                ldap.confirmed.insert(tag, known.account.id);
                Ok(known.principal())
            }
            Err(AdmissionError::NoRole) => Err(LoginError::NoRole),
            Err(AdmissionError::Disabled) => Err(LoginError::Wrong),
            Err(AdmissionError::Catalog(error)) => Err(error.into()),
        }
    }
}

async fn asked(ldap: &Ldap, typed: &str, password: &SecretString) -> Result<Option<Member>, LoginError> {
    // Nothing would be sent for these.
    if typed.is_empty() || password.expose_secret().is_empty() {
        return Ok(None);
    }
    let turn = tokio::time::timeout(PATIENCE, ldap.turns.acquire()).await;
    let _turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
    match ldap.directory.authenticate(typed, password).await {
        Ok(found) => Ok(found),
        // An outsider is not told how many are called like that.
        Err(cause @ DirectoryError::Ambiguous) => {
            tracing::warn!(%cause, "a login was refused: `access.ldap.filter` must find one entry");
            Ok(None)
        }
        Err(cause) => {
            tracing::warn!(%cause, "the LDAP directory cannot be asked");
            Err(LoginError::Unavailable("the directory cannot be asked"))
        }
    }
}
