//! The token request of distribution-spec's bearer flow: what is asked, and how the answer is read.

use std::time::Duration;

use entrepot_egress::may_forward_credentials;
use http::{HeaderValue, header};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::{Challenge, Grant, basic, claim, scope::Scope};
use crate::{
    ask::Wire,
    egress_error::EgressError,
    error::{Error, InvalidAnswer},
    remote::Remote,
    settings::Credential,
};

/// The largest answer of a token server, in bytes.
pub(crate) const MAX_TOKEN_ANSWER: usize = 64 << 10;

/// The longest token that is taken, in bytes. It goes into a header of every request, and servers take no longer ones.
const MAX_TOKEN: usize = 16 << 10;

// A token lives 60 s where the server does not say more, and is never trusted to live longer than an hour.
const SHORTEST: u64 = 60;
const LONGEST: u64 = 3600;

/// What is asked of a token server.
pub(crate) struct TokenAsk<'a> {
    /// Who sent the challenge.
    pub(crate) from: &'a Url,
    /// The challenge.
    pub(crate) challenge: &'a Challenge,
    /// The rights to ask for.
    pub(crate) scope: &'a Scope,
    /// Who asks, where not anyone.
    pub(crate) credential: Option<&'a Credential>,
}

impl Remote {
    /// Fetches a token. No request is made if the gate refuses the realm, and a token that says of itself that it is not
    /// good for writing is a refusal.
    pub(crate) async fn token(&self, ask: TokenAsk<'_>) -> Result<Grant, Error> {
        let grant = self.fetch_token(&ask).await?;
        if lacks(&grant, &ask) { Err(ask.refusal()) } else { Ok(grant) }
    }

    /// The same, whatever the token says of itself.
    pub(crate) async fn fetch_token(&self, ask: &TokenAsk<'_>) -> Result<Grant, Error> {
        let realm = ask.challenge.parameter("realm").unwrap_or_default();
        let realm = self.gate().absolute(ask.from, realm).map_err(EgressError::from)?;
        let mut wire = Wire::get(realm_with_query(&realm, ask));
        let credential = ask.credential.filter(|_| may_forward_credentials(ask.from, &realm));
        if let Some(credential) = credential {
            wire.headers.insert(header::AUTHORIZATION, basic(credential)?);
        }
        let answer = self.send(&wire).await?.successful().await?;
        let (bytes, receipt) = answer.document(MAX_TOKEN_ANSWER, self.patience()).await?;
        read(&bytes).map_err(|error| receipt.fail(error))
    }
}

impl TokenAsk<'_> {
    fn refusal(&self) -> Error {
        let repository = self.scope.written().map(ToString::to_string).unwrap_or_default();
        let reason = match self.credential {
            Some(Credential { username, .. }) => format!("`{username}` may not push to `{repository}`"),
            None => format!("nobody may push to `{repository}` without logging in"),
        };
        Error::Denied { status: 403, reason }
    }
}

// The first scope is the one that is written to; a mount without the right to its source is refused by the registry, and
// the blob is sent instead.
fn lacks(grant: &Grant, ask: &TokenAsk<'_>) -> bool {
    let token = grant.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
    let written = ask.scope.written().and_then(|_| ask.scope.asked(ask.challenge).into_iter().next());
    token.zip(written).is_some_and(|(token, written)| claim::lacks(token, &written))
}

pub(crate) fn realm_with_query(realm: &Url, ask: &TokenAsk<'_>) -> Url {
    let mut url = realm.clone();
    url.set_fragment(None);
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = ask.challenge.parameter("service") {
            query.append_pair("service", service);
        }
        for scope in ask.scope.asked(ask.challenge) {
            query.append_pair("scope", &scope);
        }
    }
    url
}

pub(crate) fn read(bytes: &[u8]) -> Result<Grant, Error> {
    let answer: Value = serde_json::from_slice(bytes).map_err(|_| InvalidAnswer::NoToken)?;
    let text = |name| answer.get(name).and_then(Value::as_str).filter(|token: &&str| !token.is_empty());
    let token = text("token").or_else(|| text("access_token")).ok_or(InvalidAnswer::NoToken)?;
    if token.len() > MAX_TOKEN {
        return Err(InvalidAnswer::TokenTooLong { limit: MAX_TOKEN }.into());
    }
    let token = secrecy::SecretString::from(token);
    let header = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
    Ok(Grant::new(header.map_err(|_| InvalidAnswer::NoToken)?, lifetime(answer.get("expires_in"))))
}

// Casting saturates, and turns what is not a number into 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped right behind")]
fn lifetime(expires_in: Option<&Value>) -> Duration {
    let seconds = expires_in.and_then(Value::as_f64).map_or(SHORTEST, |seconds| seconds as u64);
    Duration::from_secs(seconds.clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_clamped() {
        for (expires_in, seconds) in [
            ("300", 300),
            ("300.9", 300),
            ("0", 60),
            ("-1", 60),
            ("1000000000000", 3600),
            ("1e300", 3600),
            ("\"soon\"", 60),
            ("null", 60),
            ("[]", 60),
        ] {
            let grant = read(format!(r#"{{"token":"t","expires_in":{expires_in}}}"#).as_bytes()).unwrap();
            assert_eq!(grant.lifetime.as_secs(), seconds, "{expires_in}");
        }
        assert_eq!(read(br#"{"token":"t"}"#).unwrap().lifetime.as_secs(), 60);
    }

    #[test]
    fn either_name_of_the_token_will_do() {
        for answer in [r#"{"token":"t"}"#, r#"{"access_token":"t"}"#, r#"{"token":"","access_token":"t"}"#] {
            let grant = read(answer.as_bytes()).unwrap();
            assert_eq!(grant.header, "Bearer t");
            assert!(!format!("{:?}", grant.header).contains("Bearer"), "{:?}", grant.header);
        }
        for nonsense in ["{}", "", "[]", "<html>", r#"{"token":7}"#, r#"{"token":"a\nb"}"#] {
            let refused = read(nonsense.as_bytes());
            assert!(matches!(refused, Err(Error::Invalid(InvalidAnswer::NoToken))), "{nonsense}");
        }
    }

    // A05
    #[test]
    fn a_token_is_as_long_as_a_header_may_be() {
        let of = |length| read(format!(r#"{{"token":"{}"}}"#, "x".repeat(length)).as_bytes());
        assert!(of(MAX_TOKEN).is_ok());
        let Err(refused) = of(MAX_TOKEN + 1) else { panic!("it was taken") };
        assert_eq!(refused.to_string(), "the token server gave a token of more than 16384 bytes");
    }
}
