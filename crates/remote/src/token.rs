//! Requests tokens from token servers (distribution's bearer flow) and reads their responses.

use std::{sync::Arc, time::Duration};

use entrepot_egress::may_forward_credentials;
use http::{HeaderValue, Method, header};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use crate::{
    auth::{
        challenge::Challenge,
        claims,
        grant::{self, Grant, GrantKey, SupportedChallenge},
        scope::Scope,
    },
    credential::Credential,
    destination::Destination,
    egress_error::EgressError,
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    remote::Remote,
    request::WireRequest,
};

/// The name under which token servers know this program.
const CLIENT: &str = "entrepot";

/// The most bytes of a token server's response.
pub(crate) const MAX_TOKEN_ANSWER: usize = 64 << 10;

/// The most bytes of a token. It is a header of every request, and servers accept no longer ones.
const MAX_TOKEN: usize = 16 << 10;

// A token is valid for 60 s if the server does not say more, and is never used for longer than an hour.
const SHORTEST: u64 = 60;
const LONGEST: u64 = 3600;

/// A grant that a request needs.
pub(crate) struct GrantRequest<'a> {
    /// Its key in the cache.
    pub(crate) key: &'a GrantKey,
    /// The rights that it must give.
    pub(crate) scope: &'a Scope,
    /// The destination that asked for it.
    pub(crate) from: &'a Destination,
}

/// A request to a token server.
pub(crate) struct TokenRequest<'a> {
    /// The URL whose server sent the challenge.
    pub(crate) from: &'a Url,
    /// The endpoint whose link it goes over.
    pub(crate) endpoint: Endpoint,
    /// The challenge.
    pub(crate) challenge: &'a Challenge,
    /// The rights to request.
    pub(crate) scope: &'a Scope,
    /// The account; `None` for an anonymous request.
    pub(crate) credential: Option<&'a Credential>,
}

impl Remote {
    /// Answers an offer of the server at `from`. Tasks that want the same grant wait for one request.
    pub(crate) async fn obtain(
        &self,
        request: GrantRequest<'_>,
        offer: SupportedChallenge,
    ) -> Result<Arc<Grant>, Error> {
        let GrantRequest { key, scope, from } = request;
        let credential = key.credential.and_then(|id| self.credential(id));
        let fetch = async {
            match (offer, credential) {
                (SupportedChallenge::Bearer(challenge), credential) => {
                    let credential = credential.as_ref();
                    let (from, endpoint, challenge) = (&from.url, from.endpoint, &challenge);
                    self.token(TokenRequest { from, endpoint, challenge, scope, credential }).await
                }
                (SupportedChallenge::Basic, Some(credential)) if !credential.is_identity_token() => {
                    Ok(Grant::new(grant::basic(&credential)?, grant::BASIC_LIFETIME))
                }
                (SupportedChallenge::Basic, _) => Err(InvalidResponse::NoToken.into()),
            }
        };
        self.grants().get_or_fetch(key, fetch).await
    }

    /// Fetches a token. A token that says it does not allow writing is an error if writing is requested.
    async fn token(&self, request: TokenRequest<'_>) -> Result<Grant, Error> {
        let grant = self.fetch_token(&request).await?;
        if lacks(&grant, &request) { Err(request.refusal()) } else { Ok(grant) }
    }

    /// Fetches a token, whatever it allows. No request is sent if the gate refuses the token server.
    pub(crate) async fn fetch_token(&self, request: &TokenRequest<'_>) -> Result<Grant, Error> {
        let realm = request.challenge.parameter("realm").unwrap_or_default();
        let realm = self.gate().absolute(request.from, realm).map_err(EgressError::from)?;
        let credential = request.credential.filter(|_| may_forward_credentials(request.from, &realm));
        let wire = match credential {
            Some(credential) if credential.is_identity_token() => {
                let scope = request.scope.requested(request.challenge).join(" ");
                let wire = WireRequest::get(realm, request.endpoint);
                refresh(wire, request.challenge, &scope, credential)
            }
            Some(credential) => {
                let mut wire = WireRequest::get(realm_with_query(&realm, request), request.endpoint);
                wire.headers.insert(header::AUTHORIZATION, grant::basic(credential)?);
                wire
            }
            None => WireRequest::get(realm_with_query(&realm, request), request.endpoint),
        };
        let response = self.send(&wire).await?.successful().await.map_err(|error| match error {
            // It is the token server that is not there, and not what the token is for.
            Error::NotFound => Error::Failing { status: 404, retry_after: None },
            other => other,
        })?;
        let (bytes, guard) = response.document(MAX_TOKEN_ANSWER, self.patience()).await?;
        read(&bytes).map_err(|error| guard.fail(error))
    }
}

impl TokenRequest<'_> {
    fn refusal(&self) -> Error {
        let repository = self.scope.write_target().map(ToString::to_string).unwrap_or_default();
        let reason = match self.credential {
            Some(credential) if credential.is_identity_token() => {
                format!("the identity token does not allow to push to `{repository}`")
            }
            Some(Credential { username, .. }) => format!("`{username}` may not push to `{repository}`"),
            None => format!("nobody may push to `{repository}` without logging in"),
        };
        Error::Denied { status: 403, reason }
    }
}

// The first scope is the one to write to. If a mount lacks the right to its source, the registry refuses it and the
// blob is uploaded instead.
fn lacks(grant: &Grant, request: &TokenRequest<'_>) -> bool {
    let token = grant.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
    let written = request
        .scope
        .write_target()
        .and_then(|_| request.scope.requested(request.challenge).into_iter().next());
    token.zip(written).is_some_and(|(token, written)| claims::lacks(token, &written))
}

/// Makes `wire`, a request to the token server, the exchange of an identity token by OAuth2 (distribution, "OAuth2 Token
/// Authentication"; RFC 6749 §6). `scope` may be empty.
pub(crate) fn refresh(
    mut wire: WireRequest,
    challenge: &Challenge,
    scope: &str,
    credential: &Credential,
) -> WireRequest {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", credential.password.expose_secret())
        .append_pair("client_id", CLIENT);
    form.extend_pairs(Some(scope).filter(|scope| !scope.is_empty()).map(|scope| ("scope", scope)));
    form.extend_pairs(challenge.parameter("service").map(|service| ("service", service)));
    wire.method = Method::POST;
    wire.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    wire.body = form.finish().into();
    wire
}

pub(crate) fn realm_with_query(realm: &Url, request: &TokenRequest<'_>) -> Url {
    let mut url = realm.clone();
    url.set_fragment(None);
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = request.challenge.parameter("service") {
            query.append_pair("service", service);
        }
        for scope in request.scope.requested(request.challenge) {
            query.append_pair("scope", &scope);
        }
    }
    url
}

pub(crate) fn read(bytes: &[u8]) -> Result<Grant, Error> {
    let response: Value = serde_json::from_slice(bytes).map_err(|_| InvalidResponse::NoToken)?;
    let text = |name| response.get(name).and_then(Value::as_str).filter(|token: &&str| !token.is_empty());
    let token = text("token").or_else(|| text("access_token")).ok_or(InvalidResponse::NoToken)?;
    if token.len() > MAX_TOKEN {
        return Err(InvalidResponse::TokenTooLong { limit: MAX_TOKEN }.into());
    }
    let token = secrecy::SecretString::from(token);
    let header = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
    Ok(Grant::new(header.map_err(|_| InvalidResponse::NoToken)?, lifetime(response.get("expires_in"))))
}

// Casting saturates, and turns values that are not numbers into 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped right behind")]
fn lifetime(expires_in: Option<&Value>) -> Duration {
    let seconds = expires_in.and_then(Value::as_f64).map_or(SHORTEST, |seconds| seconds as u64);
    Duration::from_secs(seconds.clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::challenge;

    #[test]
    fn an_identity_token_is_in_the_body_of_its_request() {
        let challenge =
            challenge::parse(r#"Bearer realm="https://reg.example/token",service="lab""#).remove(0);
        let credential = Credential {
            username: "<token>".to_owned(),
            password: "can ary".into(),
            namespace: None,
            endpoint: None,
        };
        let scope = Scope::Pull("team/app".parse().unwrap());
        let scope = scope.requested(&challenge).join(" ");
        let realm = "https://reg.example/token".parse().unwrap();
        let wire = WireRequest::get(realm, Endpoint::first_link(0));
        let wire = refresh(wire, &challenge, &scope, &credential);
        assert_eq!((wire.method, wire.url.as_str()), (Method::POST, "https://reg.example/token"));
        assert_eq!(
            &wire.body[..],
            b"grant_type=refresh_token&refresh_token=can+ary&client_id=entrepot&scope=repository%3Ateam%2Fapp%3Apull&service=lab"
        );
    }

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
        for response in [r#"{"token":"t"}"#, r#"{"access_token":"t"}"#, r#"{"token":"","access_token":"t"}"#]
        {
            let grant = read(response.as_bytes()).unwrap();
            assert_eq!(grant.header, "Bearer t");
            assert!(!format!("{:?}", grant.header).contains("Bearer"), "{:?}", grant.header);
        }
        for nonsense in ["{}", "", "[]", "<html>", r#"{"token":7}"#, r#"{"token":"a\nb"}"#] {
            let refused = read(nonsense.as_bytes());
            assert!(matches!(refused, Err(Error::Invalid(InvalidResponse::NoToken))), "{nonsense}");
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
