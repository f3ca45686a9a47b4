//! Whether a registry takes an account, asked without touching any repository.

use entrepot_egress::may_forward_credentials;
use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode, header};
use url::Url;

use crate::{
    accounts::is_own,
    ask::Wire,
    auth::{self, Offer, challenge::Challenge, token},
    egress_error::EgressError,
    endpoints::Endpoint,
    error::Error,
    remote::Remote,
    settings::Credential,
};

/// What a registry thinks of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// It takes it.
    Accepted,
    /// It lets everybody in without asking; what the account may do shows with the first request.
    NotAsked,
}

impl Remote {
    /// Shows an account to the registry, whatever accounts it was set up with. Endpoints of another name do not see it.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Denied`] if it does not take it.
    pub async fn log_in(&self, credential: &Credential) -> Result<Login, Error> {
        self.at_endpoints(None, |endpoint| self.log_in_at(endpoint, credential).boxed()).await
    }

    async fn log_in_at(&self, endpoint: Endpoint, credential: &Credential) -> Result<Login, Error> {
        let place = self.endpoint(endpoint);
        if !is_own(self.host(), place) {
            let host = place[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
            return Err(EgressError::ForeignEndpoint { host }.into());
        }
        let door = format!("{}/v2/", self.endpoint(endpoint).as_str().trim_end_matches('/'));
        let door: Url = door.parse().map_err(|_| EgressError::Malformed)?;
        let answer = self.send(&Wire::get(door.clone())).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            answer.successful().await?.drain().await;
            return Ok(Login::NotAsked);
        }
        let header = match auth::offer(answer.headers(), true) {
            Some(Offer::Bearer(challenge)) => {
                answer.drain().await;
                self.token_for(&door, &challenge, credential).await?
            }
            Some(Offer::Basic) => {
                answer.drain().await;
                auth::basic(credential)?
            }
            None => return answer.successful().await.map(|_| Login::NotAsked),
        };
        let mut wire = Wire::get(door);
        wire.headers.insert(header::AUTHORIZATION, header);
        self.send(&wire).await?.successful().await?.drain().await;
        Ok(Login::Accepted)
    }

    async fn token_for(
        &self,
        door: &Url,
        challenge: &Challenge,
        credential: &Credential,
    ) -> Result<HeaderValue, Error> {
        let realm = challenge.parameter("realm").unwrap_or_default();
        let mut realm = self.gate().absolute(door, realm).map_err(EgressError::from)?;
        if !may_forward_credentials(door, &realm) {
            let host = realm.host_str().unwrap_or_default().to_owned();
            return Err(EgressError::ForeignRealm { host }.into());
        }
        realm.set_fragment(None);
        realm.query_pairs_mut().extend_pairs(challenge.parameter("service").map(|name| ("service", name)));
        let mut wire = Wire::get(realm);
        wire.headers.insert(header::AUTHORIZATION, auth::basic(credential)?);
        let answer = self.send(&wire).await?.successful().await?;
        let (bytes, receipt) = answer.document(token::MAX_TOKEN_ANSWER, self.patience()).await?;
        token::read(&bytes).map(|grant| grant.header).map_err(|error| receipt.fail(error))
    }
}
