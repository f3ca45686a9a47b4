//! Checks an account at a registry without using any repository.

use entrepot_egress::may_forward_credentials;
use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode, header};

use crate::{
    accounts::is_own,
    api_address::ping_address,
    auth::{
        challenge::Challenge,
        grant::{self, SupportedChallenge},
    },
    credential::Credential,
    egress_error::EgressError,
    endpoint::Endpoint,
    error::Error,
    remote::Remote,
    request::WireRequest,
    token,
};

/// The registry's verdict on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The registry accepts the account.
    Accepted,
    /// The registry asks for no login. What the account may do shows with the first request.
    NotRequired,
}

impl Remote {
    /// Checks an account at the registry, instead of those in its settings. Endpoints of another name do not see it.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Denied`] if the registry rejects the account.
    pub async fn log_in(&self, credential: &Credential) -> Result<LoginOutcome, Error> {
        let outcome = self.try_endpoints(None, |endpoint| self.log_in_at(endpoint, credential).boxed()).await;
        outcome.map_err(|error| error.without_secrets_of(credential))
    }

    async fn log_in_at(&self, endpoint: Endpoint, credential: &Credential) -> Result<LoginOutcome, Error> {
        let place = self.endpoint(endpoint);
        if !is_own(self.host(), place) {
            let host = place[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
            return Err(EgressError::ForeignEndpoint { host }.into());
        }
        let ping = ping_address(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let response = self.send(&WireRequest::get(ping.clone(), endpoint)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            response.successful().await?.drain().await;
            return Ok(LoginOutcome::NotRequired);
        }
        let header = match grant::offer(response.headers(), true) {
            Some(SupportedChallenge::Bearer(challenge)) => {
                response.drain().await;
                self.token_for(&WireRequest::get(ping.clone(), endpoint), &challenge, credential).await?
            }
            Some(SupportedChallenge::Basic) => {
                response.drain().await;
                grant::basic(credential)?
            }
            None => return response.successful().await.map(|_| LoginOutcome::NotRequired),
        };
        let mut wire = WireRequest::get(ping, endpoint);
        wire.headers.insert(header::AUTHORIZATION, header);
        self.send(&wire).await?.successful().await?.drain().await;
        Ok(LoginOutcome::Accepted)
    }

    async fn token_for(
        &self,
        ping: &WireRequest,
        challenge: &Challenge,
        credential: &Credential,
    ) -> Result<HeaderValue, Error> {
        let realm = challenge.parameter("realm").unwrap_or_default();
        let mut realm = self.gate().absolute(&ping.url, realm).map_err(EgressError::from)?;
        if !may_forward_credentials(&ping.url, &realm) {
            let host = realm.host_str().unwrap_or_default().to_owned();
            return Err(EgressError::ForeignRealm { host }.into());
        }
        realm.set_fragment(None);
        let mut wire = WireRequest { url: realm, ..ping.clone() };
        let wire = if credential.is_identity_token() {
            token::refresh(wire, challenge, "", credential)
        } else {
            wire.url
                .query_pairs_mut()
                .extend_pairs(challenge.parameter("service").map(|name| ("service", name)));
            wire.headers.insert(header::AUTHORIZATION, grant::basic(credential)?);
            wire
        };
        let response = self.send(&wire).await?.successful().await?;
        let (bytes, guard) = response.document(token::MAX_TOKEN_ANSWER, self.patience()).await?;
        token::read(&bytes).map(|read| read.header).map_err(|error| guard.fail(error))
    }
}
