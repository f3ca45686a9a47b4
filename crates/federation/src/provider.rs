//! An OpenID provider that people log in with: the authorization code flow with PKCE (OpenID Connect Core §3.1,
//! RFC 9700 §2.1).

use std::{sync::Arc, time::SystemTime};

use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    attempt::PendingLogin,
    claims::Claims,
    error::{ProviderError, SetupError},
    fetch::{Fetcher, ProviderResponse, Trust},
    issuer::{FetchedKeys, Issuer, KeySource},
    metadata::{Metadata, WHAT},
    token::{TokenError, printable},
};

/// How a provider is configured.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its identifier, as it writes it itself.
    pub issuer: String,
    /// The same as an address.
    pub address: Url,
    /// Our name there.
    pub client_id: String,
    /// Our secret there; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// What to ask for, beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the groups.
    pub groups_claim: String,
    /// The claim that accounts are named by.
    pub name_claim: String,
    /// What it is trusted with.
    pub trust: Trust,
}

/// An OpenID provider.
pub struct Provider {
    settings: ProviderSettings,
    issuer: Issuer,
}

/// Somebody whom a provider or a directory knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalUser {
    /// Who, for ever: issuer and subject, or a DN. Never an e-mail address.
    pub subject: String,
    /// What they are called; others may be called the same.
    pub name: String,
    /// Their groups; `None` if nothing was said about groups, which is a mistake of the configuration rather than of the
    /// person.
    pub groups: Option<Vec<String>>,
}

/// What the token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    access_token: Option<SecretString>,
}

/// What the token endpoint answers instead (RFC 6749 §5.2).
#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
    error_description: Option<String>,
}

impl Provider {
    /// Ready to be asked. Nothing is asked yet.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn new(settings: ProviderSettings) -> Result<Self, SetupError> {
        let source = KeySource::Discovery(settings.trust.clone());
        let issuer = Issuer::new(&settings.issuer, settings.address.clone(), source)?;
        Ok(Self { settings, issuer })
    }

    /// How it is configured.
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Asks the provider for its discovery document and keys, if they are not known.
    ///
    /// # Errors
    /// It does not answer, or the configuration does not fit it.
    pub async fn probe(&self) -> Result<(), ProviderError> {
        let held = self.issuer.held().await?;
        let metadata = known(&held)?;
        endpoint(metadata.authorization.as_ref(), "authorization_endpoint")?;
        endpoint(metadata.token.as_ref(), "token_endpoint").map(drop)
    }

    /// Asks the provider whether it accepts us, by a code that it never gave.
    ///
    /// # Errors
    /// It does not, or does not answer.
    pub async fn check_client(&self, callback: &str) -> Result<(), ProviderError> {
        let made_up = PendingLogin {
            cookie: String::new(),
            state: String::new(),
            nonce: String::new(),
            verifier: "0".repeat(43),
            return_to: String::new(),
        };
        match self.redeem("entrepot-asks-whether-it-is-known", &made_up, callback).await {
            // Only the code is wrong.
            Err(ProviderError::Refused(_)) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Where a browser goes to log in. `callback` is the address here that the provider sends it back to.
    ///
    /// # Errors
    /// The provider does not answer, or the configuration does not fit it.
    pub async fn login_address(&self, pending: &PendingLogin, callback: &str) -> Result<Url, ProviderError> {
        let held = self.issuer.held().await?;
        let mut url = endpoint(known(&held)?.authorization.as_ref(), "authorization_endpoint")?.clone();
        let asked = self.settings.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        let scope = std::iter::once("openid").chain(asked).collect::<Vec<_>>().join(" ");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", callback)
            .append_pair("scope", &scope)
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &pending.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Checks what a browser brought back beside the code: who sent it (RFC 9207), and whether that is a refusal.
    ///
    /// # Errors
    /// Another provider sent it, or it is a refusal.
    pub fn check_return(&self, issuer: Option<&str>, refusal: Option<&str>) -> Result<(), ProviderError> {
        if let Some(other) = issuer.filter(|issuer| *issuer != self.settings.issuer) {
            return Err(TokenError::Issuer(printable(other)).into());
        }
        match refusal {
            Some("") => Err(ProviderError::Refused("it does not say why".to_owned())),
            Some(words) => Err(ProviderError::Refused(printable(words))),
            None => Ok(()),
        }
    }

    /// Redeems the code that a browser brought back: who is it?
    ///
    /// # Errors
    /// The provider refuses it, does not answer, or its tokens are not valid.
    pub async fn redeem(
        &self,
        code: &str,
        pending: &PendingLogin,
        callback: &str,
    ) -> Result<ExternalUser, ProviderError> {
        let held = self.issuer.held().await?;
        let (metadata, fetcher) = (known(&held)?, self.fetcher()?);
        let url = endpoint(metadata.token.as_ref(), "token_endpoint")?.clone();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback),
            ("code_verifier", pending.verifier.as_str()),
        ];
        let request = self.authenticated(fetcher.post(url), &form, metadata);
        let Tokens { id_token, access_token } = tokens(fetcher.send(request).await?)?;
        let id_token = id_token.ok_or_else(|| ProviderError::Answer {
            what: "token",
            why: "it sent no ID token; is the scope `openid` allowed for this client?".to_owned(),
        })?;
        let mut claims = self.verified(&id_token).await?;
        if claims.text("nonce") != Some(pending.nonce.as_str()) {
            return Err(TokenError::Nonce.into());
        }
        if let (Some(url), Some(token)) = (&metadata.userinfo, access_token) {
            claims.complete(userinfo(fetcher, url.clone(), &token, &claims).await?);
        }
        self.person(&claims)
    }

    /// Verifies an ID token, without what binds it to a login.
    ///
    /// # Errors
    /// It is refused, or the provider's keys cannot be had.
    pub async fn verified(&self, id_token: &str) -> Result<Claims, ProviderError> {
        let client = &self.settings.client_id;
        let claims = self.issuer.verify(id_token, client, SystemTime::now()).await?;
        // OpenID Connect Core §3.1.3.7, 4 and 5.
        match claims.text("azp") {
            Some(party) if party != client => {
                Err(TokenError::Audience(printable(&format!("`{party}`"))).into())
            }
            _ => Ok(claims),
        }
    }

    /// Who these claims are about.
    ///
    /// # Errors
    /// They have no groups because there are too many.
    pub fn person(&self, claims: &Claims) -> Result<ExternalUser, ProviderError> {
        let subject = claims.text("sub").ok_or(TokenError::Claim("sub"))?;
        let name = claims.text(&self.settings.name_claim).filter(|name| !name.is_empty());
        Ok(ExternalUser {
            // An issuer has no `#` (Discovery §4.3), so the two cannot run into one another.
            subject: format!("{}#{subject}", self.settings.issuer),
            name: name.unwrap_or(subject).to_owned(),
            groups: groups(claims, &self.settings.groups_claim)?,
        })
    }

    /// Where a browser goes to end its session at the provider as well (RP-Initiated Logout), if that is offered and
    /// already known. A logout never waits for the provider.
    pub async fn logout_address(&self, return_to: &str) -> Option<Url> {
        let held = self.issuer.held().await.ok()?;
        let mut url = held.metadata.as_ref()?.end_session.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", return_to);
        Some(url)
    }

    fn fetcher(&self) -> Result<&Fetcher, ProviderError> {
        self.issuer.fetcher().ok_or_else(|| missing("token_endpoint"))
    }

    // RFC 6749 §2.3.1: name and secret are encoded as in a form before they become Basic credentials.
    fn authenticated(
        &self,
        request: RequestBuilder,
        form: &[(&str, &str)],
        metadata: &Metadata,
    ) -> RequestBuilder {
        let id = self.settings.client_id.as_str();
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let mut form = form.to_vec();
        let request = match &self.settings.client_secret {
            Some(secret) if metadata.wants_secret_in_form => {
                form.extend([("client_id", id), ("client_secret", secret.expose_secret())]);
                request
            }
            Some(secret) => request.basic_auth(encode(id), Some(encode(secret.expose_secret()))),
            None => {
                form.push(("client_id", id));
                request
            }
        };
        request.form(&form)
    }
}

fn known(held: &Arc<FetchedKeys>) -> Result<&Metadata, ProviderError> {
    held.metadata.as_ref().ok_or_else(|| missing("authorization_endpoint"))
}

fn endpoint<'a>(url: Option<&'a Url>, name: &'static str) -> Result<&'a Url, ProviderError> {
    url.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ProviderError {
    ProviderError::Answer { what: WHAT, why: format!("it has no `{name}`") }
}

fn tokens(answer: ProviderResponse) -> Result<Tokens, ProviderError> {
    let ProviderResponse { status, body } = answer;
    if status == StatusCode::OK {
        let read = serde_json::from_slice(&body);
        // What it is not said: it would quote a token.
        return read.map_err(|_| ProviderError::Answer {
            what: "token",
            why: "it is not a token response in JSON".to_owned(),
        });
    }
    let refusal = serde_json::from_slice::<TokenRefusal>(&body).ok();
    let code = refusal.as_ref().map(|refusal| refusal.error.clone()).unwrap_or_default();
    let why = match refusal {
        Some(TokenRefusal { error, error_description }) => {
            let description = error_description.map(|text| format!(": {text}")).unwrap_or_default();
            printable(&format!("{error}{description}"))
        }
        None => format!("status {status}"),
    };
    Err(match code.as_str() {
        "invalid_client" | "unauthorized_client" => ProviderError::Client(why),
        _ if status.is_server_error() => ProviderError::Answer { what: "token", why },
        _ => ProviderError::Refused(why),
    })
}

async fn userinfo(
    fetcher: &Fetcher,
    url: Url,
    token: &SecretString,
    signed: &Claims,
) -> Result<Claims, ProviderError> {
    const WHAT: &str = "userinfo";
    let body = fetcher.get_with(WHAT, url, token.expose_secret()).await?;
    let read: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| ProviderError::Answer {
        what: WHAT,
        why: "it is not JSON; signed userinfo is not supported".to_owned(),
    })?;
    let claims = Claims::new(read);
    // OpenID Connect Core §5.3.2: the subject must be compared.
    if claims.text("sub") == signed.text("sub") { Ok(claims) } else { Err(ProviderError::OtherPerson) }
}

/// The groups, by the claim that has them.
fn groups(claims: &Claims, claim: &str) -> Result<Option<Vec<String>>, ProviderError> {
    if let Some(values) = claims.values(claim) {
        return Ok(Some(values));
    }
    // OpenID Connect Core §5.6.2: the claim is somewhere else. Entra does that when there are more than 200 groups, and
    // says `hasgroups` in tokens of its implicit flow.
    let elsewhere = claims.get("_claim_names").and_then(|names| names.get(claim));
    let is_left_out = claims.get("hasgroups").is_some_and(|value| *value == Value::Bool(true));
    if elsewhere.is_some() || is_left_out {
        return Err(ProviderError::Overage { claim: claim.to_owned() });
    }
    Ok(None)
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
