//! API tokens in place of passwords, where the server that somebody logs in to is an entrepot.

use std::time::Duration;

use entrepot_access::ApiToken;
use entrepot_api::{ApiTokenList, ApiTokenListQuery, IssuedToken, Me, NewApiToken};
use entrepot_credentials::Credential;
use entrepot_oci::Host;
use entrepot_remote::is_own;
use entrepot_sync::ConfiguredRegistries;
use reqwest::Method;
use secrecy::ExposeSecret;

use crate::client::{ApiError, Client};

/// How long a server may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the names of the tokens begin with that are made here.
const NAME: &str = "entrepot login on ";

/// A token that was made for a login.
pub(super) struct LoginToken {
    /// Its public part.
    pub(super) id: String,
    /// The account, with the token as its password.
    pub(super) credential: Credential,
}

/// Makes an API token for an account whose password was accepted. `None` if the server is no entrepot, or the password is
/// an API token already.
pub(super) async fn make(
    registries: &ConfiguredRegistries,
    host: &Host,
    credential: &Credential,
) -> Result<Option<LoginToken>, ApiError> {
    if is_token(credential) || host.is_docker_hub() {
        return Ok(None);
    }
    let Some(client) = entrepot_at(registries, host).await else { return Ok(None) };
    let client = client.logged_in(credential.clone());
    let name = format!("{NAME}{}", machine());
    let new = NewApiToken { account: None, name, scopes: vec!["admin".to_owned()], expires: None };
    let issued: IssuedToken = client.post(&["tokens"], &new).await?;
    let credential = Credential { username: credential.username.clone(), password: issued.token.into() };
    Ok(Some(LoginToken { id: issued.id, credential }))
}

/// Whether an entrepot knows an account with this password or API token; `None` if the server is no entrepot.
pub(super) async fn knows(
    registries: &ConfiguredRegistries,
    host: &Host,
    credential: &Credential,
) -> Option<bool> {
    let client = entrepot_at(registries, host).await?.logged_in(credential.clone());
    let me = within(me(&client)).await.ok()?;
    Some(me.account.is_some())
}

/// Revokes the API token of a login, if it was made for one. Returns its id if it was revoked.
pub(super) async fn revoke(
    registries: &ConfiguredRegistries,
    host: &Host,
    credential: &Credential,
) -> Result<Option<String>, ApiError> {
    let Ok(token) = credential.password.expose_secret().parse::<ApiToken>() else { return Ok(None) };
    let Some(client) = client(registries, host) else { return Ok(None) };
    let client = client.logged_in(credential.clone());
    let query = ApiTokenListQuery { n: Some(1000), ..ApiTokenListQuery::default() };
    let known: ApiTokenList = within(client.get(&["tokens"], &query)).await?;
    let id = token.id().as_str();
    // Others are managed by whoever made them.
    if !known.tokens.iter().any(|token| token.id == id && token.name.starts_with(NAME)) {
        return Ok(None);
    }
    within(client.change(Method::DELETE, &["tokens", id], &())).await?;
    Ok(Some(id.to_owned()))
}

/// True if the password is an API token of an entrepot.
pub(super) fn is_token(credential: &Credential) -> bool {
    ApiToken::is_meant(credential.password.expose_secret())
}

// Asked without the password: whoever is asked may be any registry.
async fn entrepot_at(registries: &ConfiguredRegistries, host: &Host) -> Option<Client> {
    let client = client(registries, host)?;
    within(me(&client)).await.ok().map(|_| client)
}

async fn me(client: &Client) -> Result<Me, ApiError> {
    let none: [(&str, &str); 0] = [];
    client.get(&["me"], &none).await
}

fn client(registries: &ConfiguredRegistries, host: &Host) -> Option<Client> {
    let own = registries.bare(host).endpoints.into_iter().find(|endpoint| is_own(host, endpoint))?;
    Client::at(own.as_str(), None).ok()
}

async fn within<T>(asked: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(ApiError::TimedOut))
}

fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
