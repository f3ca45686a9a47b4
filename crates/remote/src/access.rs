//! Asking what an account may do, without doing it.
//!
//! [`Remote::access`] reads what a token allows; [`Remote::try_push`] begins an upload and cancels it.

use entrepot_oci::Repository;
use futures_util::FutureExt as _;
use http::{StatusCode, header};

use crate::{
    api_address::ping_address,
    auth::{
        claims,
        grant::{self, SupportedChallenge},
        scope::Scope,
    },
    credential::Credential,
    egress_error::EgressError,
    endpoint::Endpoint,
    error::Error,
    remote::Remote,
    request::WireRequest,
    token::TokenRequest,
    upload::CancelOutcome,
};

/// The rights to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// To read a repository.
    Pull,
    /// To read and write a repository.
    Push,
}

/// How a registry grants access to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryAccess {
    /// The registry asks for no login. What may be done shows with the first request.
    Open,
    /// The registry takes the password with every request. What the account may do shows with the first one.
    Password,
    /// The registry gave a token for these actions; `None` if the token does not say which.
    Token(Option<Vec<String>>),
}

impl Remote {
    /// Asks for rights to a repository and returns what was granted, which may be less: Docker Hub gives everybody a
    /// token, and only the token says what it is not good for. The first account that covers the repository is used.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Denied`] if the registry refuses the account, or wants one and there is none.
    pub async fn access(&self, repository: &Repository, rights: Rights) -> Result<RepositoryAccess, Error> {
        let scope = match rights {
            Rights::Pull => Scope::Pull(repository.clone()),
            Rights::Push => Scope::Push(repository.clone()),
        };
        let accounts = self.accounts();
        let account = |endpoint| accounts.iter().find(|account| account.is_for(endpoint, Some(repository)));
        let at = |endpoint| {
            let credential = account(endpoint).map(|account| &account.credential);
            self.access_at(endpoint, &scope, credential).boxed()
        };
        self.try_endpoints(None, at).await
    }

    /// Begins an upload and cancels it, which proves the right to push and leaves nothing behind. A registry that
    /// creates repositories on push may have created this one.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::refusal`] says what a refusal is about.
    pub async fn try_push(&self, repository: &Repository) -> Result<CancelOutcome, Error> {
        Ok(self.start_upload(repository).await?.cancel().await)
    }

    async fn access_at(
        &self,
        endpoint: Endpoint,
        scope: &Scope,
        account: Option<&Credential>,
    ) -> Result<RepositoryAccess, Error> {
        let asked = self.ask_access(endpoint, scope, account).await;
        asked.map_err(|error| match account {
            Some(account) => error.without_secrets_of(account),
            None => error,
        })
    }

    async fn ask_access(
        &self,
        endpoint: Endpoint,
        scope: &Scope,
        account: Option<&Credential>,
    ) -> Result<RepositoryAccess, Error> {
        let ping = ping_address(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let response = self.send(&WireRequest::get(ping.clone(), endpoint)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            response.successful().await?.drain().await;
            return Ok(RepositoryAccess::Open);
        }
        match (grant::offer(response.headers(), account.is_some()), account) {
            (Some(SupportedChallenge::Bearer(challenge)), credential) => {
                response.drain().await;
                let challenge = &challenge;
                let request = TokenRequest { from: &ping, endpoint, challenge, scope, credential };
                let wanted = scope.requested(challenge).into_iter().next().unwrap_or_default();
                let fetched = self.fetch_token(&request).await?;
                let token = fetched.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
                Ok(RepositoryAccess::Token(token.and_then(|token| claims::actions(token, &wanted))))
            }
            (Some(SupportedChallenge::Basic), Some(account)) => {
                response.drain().await;
                let mut wire = WireRequest::get(ping, endpoint);
                wire.headers.insert(header::AUTHORIZATION, grant::basic(account)?);
                self.send(&wire).await?.successful().await?.drain().await;
                Ok(RepositoryAccess::Password)
            }
            _ => response.successful().await.map(|_| RepositoryAccess::Open),
        }
    }
}
