//! Logins by an OpenID provider, from the first redirect to a session.

use std::time::SystemTime;

use entrepot_catalog::AccountKind;
use entrepot_federation::{AttemptError, ProviderError};
use url::Url;

use crate::{
    access::Access,
    admission::{AdmissionError, NewMember},
    error::LoginError,
    federation::Oidc,
    session::{SessionOrigin, SessionSecret},
};

/// A login that begins.
#[derive(Debug)]
pub struct ProviderLogin {
    /// Where the browser goes.
    pub address: Url,
    /// What it keeps until it comes back. Whoever has it can finish the login that this browser begins.
    pub cookie: String,
}

/// What a browser brings back from the provider.
#[derive(Clone, Debug)]
pub struct ProviderReturn<'a> {
    /// What it kept.
    pub cookie: &'a str,
    /// The parameter `state`.
    pub state: &'a str,
    /// The parameter `code`.
    pub code: &'a str,
    /// The provider's own words, if it refuses the login (RFC 6749 §4.1.2.1).
    pub refusal: Option<String>,
    /// The parameter `iss` (RFC 9207), if there is one.
    pub issuer: Option<&'a str>,
    /// The address that the provider sent it to.
    pub callback: &'a str,
}

/// A login that is finished.
#[derive(Debug)]
pub struct ProviderLoginDone {
    /// The secret of the session that has begun.
    pub secret: SessionSecret,
    /// The address here that the browser goes to.
    pub return_to: String,
}

/// Why a login by a provider fails.
#[derive(Debug, thiserror::Error)]
pub enum ProviderLoginError {
    /// No provider is configured.
    #[error("there is no OpenID provider in the configuration")]
    None,
    /// This browser did not begin it, or it is over.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The provider refuses it, does not answer, or the configuration does not fit it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// No group of theirs gives a role.
    #[error("`{name}` is in no group that has access here")]
    NoRole {
        /// What they are called there.
        name: String,
        /// The claim with the groups, if the provider did not send it at all.
        missing_claim: Option<String>,
    },
    /// Their account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The accounts cannot be read or changed, or the system has no random bytes.
    #[error("the login cannot be finished now")]
    Unavailable,
}

impl Access {
    /// True if people log in by an OpenID provider.
    pub fn has_provider(&self) -> bool {
        self.0.federation.oidc.is_some()
    }

    /// Begins a login. `callback` is the address here that the provider sends the browser to, `return_to` where it goes in the
    /// end.
    ///
    /// # Errors
    /// The provider does not answer, or the configuration does not fit it.
    pub async fn begin_provider_login(
        &self,
        callback: &str,
        return_to: &str,
    ) -> Result<ProviderLogin, ProviderLoginError> {
        let oidc = self.provider()?;
        let attempt = oidc.attempts.begin(return_to, SystemTime::now());
        let attempt = attempt.map_err(|_| ProviderLoginError::Unavailable)?;
        let address = oidc.provider.login_address(&attempt, callback).await?;
        Ok(ProviderLogin { address, cookie: attempt.cookie })
    }

    /// Finishes a login: the account is made if it is the first one, and a session begins.
    ///
    /// # Errors
    /// It is refused, or cannot be finished now.
    pub async fn finish_provider_login(
        &self,
        returned: ProviderReturn<'_>,
        made: &SessionOrigin,
    ) -> Result<ProviderLoginDone, ProviderLoginError> {
        let oidc = self.provider()?;
        let attempt = oidc.attempts.finish(returned.cookie, returned.state, SystemTime::now())?;
        oidc.provider.check_return(returned.issuer, returned.refusal.as_deref())?;
        let person = oidc.provider.redeem(returned.code, &attempt, returned.callback).await?;
        let newcomer = NewMember {
            kind: AccountKind::Oidc,
            person: &person,
            role: oidc.roles.role_of(person.groups.as_deref().unwrap_or_default()),
            address: made.address.map(|address| address.to_string()),
            request_id: made.request_id.clone(),
        };
        let known = self.0.admit(&newcomer).await.map_err(|error| match error {
            AdmissionError::NoRole => {
                let claim = &oidc.provider.settings().groups_claim;
                let missing_claim = person.groups.is_none().then(|| claim.clone());
                if let Some(claim) = &missing_claim {
                    tracing::warn!(claim, "the OpenID provider sent no such claim, so nobody has a role");
                }
                ProviderLoginError::NoRole { name: person.name.clone(), missing_claim }
            }
            AdmissionError::Disabled => ProviderLoginError::Disabled,
            AdmissionError::Catalog(cause) => unavailable(&cause),
        })?;
        let secret = self.begin_session(known.account.id, made).await.map_err(|error| match error {
            LoginError::Wrong => ProviderLoginError::Disabled,
            cause => unavailable(&cause),
        })?;
        Ok(ProviderLoginDone { secret, return_to: attempt.return_to })
    }

    /// True if an account is the provider's.
    pub async fn is_by_provider(&self, account: i64) -> bool {
        let known = self.0.account(account).await.ok().flatten();
        self.has_provider() && known.is_some_and(|known| known.kind == AccountKind::Oidc)
    }

    /// Where a browser goes to log out of the provider as well, if it offers that.
    pub async fn provider_logout(&self, return_to: &str) -> Option<Url> {
        self.0.federation.oidc.as_ref()?.provider.logout_address(return_to).await
    }

    fn provider(&self) -> Result<&Oidc, ProviderLoginError> {
        self.0.federation.oidc.as_ref().ok_or(ProviderLoginError::None)
    }
}

fn unavailable(cause: &dyn std::error::Error) -> ProviderLoginError {
    tracing::warn!(%cause, "a login by the OpenID provider cannot be finished");
    ProviderLoginError::Unavailable
}
