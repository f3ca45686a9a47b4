//! What somebody may do, asked without doing it: what a registry's token says of itself, and an upload that is begun and
//! taken back.

use entrepot_oci::Repository;
use futures_util::FutureExt as _;
use http::{StatusCode, header};
use url::Url;

use crate::{
    ask::Wire,
    auth::{self, Offer, claim, scope::Scope, token::TokenAsk},
    egress_error::EgressError,
    endpoints::Endpoint,
    error::Error,
    remote::Remote,
    settings::Credential,
    upload::Cancelled,
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Reading a repository.
    Pull,
    /// Reading and writing it.
    Push,
}

/// How a registry lets us in to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does not ask who we are. What may be done shows when it is.
    Open,
    /// It wants the password with each request, and takes it. What the account may do shows with the first.
    Password,
    /// It gave a token that is good for these actions; `None`: the token does not say.
    Token(Option<Vec<String>>),
}

impl Remote {
    /// Asks for the right to a repository and says what was given, which may be less: Docker Hub gives everybody a token,
    /// and tells in it alone what it is not good for. The account is the first that is for the repository.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Denied`] if it does not take the account, or lets nobody in without one.
    pub async fn access(&self, repository: &Repository, rights: Rights) -> Result<Access, Error> {
        let scope = match rights {
            Rights::Pull => Scope::Pull(repository.clone()),
            Rights::Push => Scope::Push(repository.clone()),
        };
        let account = |endpoint| {
            let mut accounts = self.inner().accounts.iter();
            accounts.find(|account| account.is_for(endpoint, Some(repository)))
        };
        let at = |endpoint| {
            let credential = account(endpoint).map(|account| &account.credential);
            self.access_at(endpoint, &scope, credential).boxed()
        };
        self.at_endpoints(None, at).await
    }

    /// Begins an upload, and takes it back: whether somebody may push, proven without leaving anything behind. A registry
    /// that makes repositories as they are pushed to may have made this one.
    ///
    /// # Errors
    /// See [`Error`]; what a refusal is about is said by [`Error::refusal`].
    pub async fn try_push(&self, repository: &Repository) -> Result<Cancelled, Error> {
        Ok(self.start_upload(repository).await?.cancel().await)
    }

    async fn access_at(
        &self,
        endpoint: Endpoint,
        scope: &Scope,
        account: Option<&Credential>,
    ) -> Result<Access, Error> {
        let door = format!("{}/v2/", self.endpoint(endpoint).as_str().trim_end_matches('/'));
        let door: Url = door.parse().map_err(|_| EgressError::Malformed)?;
        let answer = self.send(&Wire::get(door.clone())).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            answer.successful().await?.drain().await;
            return Ok(Access::Open);
        }
        match (auth::offer(answer.headers(), account.is_some()), account) {
            (Some(Offer::Bearer(challenge)), credential) => {
                answer.drain().await;
                let ask = TokenAsk { from: &door, challenge: &challenge, scope, credential };
                let wanted = scope.asked(&challenge).into_iter().next().unwrap_or_default();
                let grant = self.fetch_token(&ask).await?;
                let token = grant.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
                Ok(Access::Token(token.and_then(|token| claim::actions(token, &wanted))))
            }
            (Some(Offer::Basic), Some(account)) => {
                answer.drain().await;
                let mut wire = Wire::get(door);
                wire.headers.insert(header::AUTHORIZATION, auth::basic(account)?);
                self.send(&wire).await?.successful().await?.drain().await;
                Ok(Access::Password)
            }
            _ => answer.successful().await.map(|_| Access::Open),
        }
    }
}
