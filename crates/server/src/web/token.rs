//! `/token`: where clients of the registry log in (distribution's token specification).
//!
//! `GET` with Basic, as Docker sends it, and `POST` with a form, as OAuth2 clients do. Every answer is JSON: a client that
//! gets a page here stops.

use axum::body::Body as RequestBody;
use entrepot_access::{Access, LIFETIME, RegistryScopes, Verb, Verbs, Visibility, WrongCredentials};
use entrepot_mirror::{AnonymousAccess, Origin, Probe, RegistryHint};
use entrepot_oci::{ErrorCode, Name};
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use secrecy::SecretString;
use serde::Serialize;

use super::call::WebCall;
use crate::{
    answer::{self, refuse},
    audit_log::AuditActor,
    body::Body,
    error::Refusal,
    headers::{IGNORED_CREDENTIALS, JSON},
    limits::LimitedClient,
    metrics::RouteKind,
    sender::{Credentials, RejectionKind, Sender},
};

/// The largest form, in bytes. A password may be another registry's token.
const MAX_FORM: usize = 64 << 10;

/// The response, with the token under both names that clients know it by.
#[derive(Serialize)]
struct TokenResponse<'a> {
    token: &'a str,
    access_token: &'a str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// Issues a registry token.
pub(super) async fn token(call: WebCall, body: RequestBody) -> Response<Body> {
    let mut response = match issue(&call, body).await {
        Ok(response) => response,
        Err(refusal) => refuse(refusal, &call.caller.id),
    };
    response.extensions_mut().insert(RouteKind::Token);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn issue(call: &WebCall, body: RequestBody) -> Result<Response<Body>, Refusal> {
    let Some(access) = &call.state.access else { return Err(Refusal::not_found()) };
    let origin = call.origin();
    let form = if call.method == Method::POST { Some(read(body).await?) } else { None };
    let asked = Fields { query: call.query(), form: form.as_deref().unwrap_or_default() };
    let wanted = asked.all("scope");
    let scopes = RegistryScopes::parse(wanted.iter().map(String::as_str));
    let sender = sender(call, access, &asked).await;
    call.state
        .limits
        .check_ban(&LimitedClient { principal: &sender.principal, address: call.origin().client() })?;
    let is_ignored = matches!(sender.credentials, Credentials::Refused(_));
    if let Err(refusal) = check(call, access, &sender, &scopes) {
        if form.is_some() {
            let doer = AuditActor { access, sender: &sender, client: call.client(), id: &call.caller.id };
            doer.login(refusal.status).await;
        }
        return Err(refusal);
    }
    let token = access.issue(&sender.principal, origin.service(), scopes);
    let scope = form.is_some().then(|| wanted.join(" "));
    let issued = TokenResponse { token: &token, access_token: &token, expires_in: LIFETIME.as_secs(), scope };
    let mut response = answer::json(&issued, JSON);
    if is_ignored {
        response.headers_mut().insert(header::WARNING, IGNORED_CREDENTIALS);
    }
    Ok(response)
}

/// Who asks: by the form if it has a password, else by the request's own credentials. We give out no refresh tokens, so one
/// is a password like any other: an API token, or one of another registry.
async fn sender(call: &WebCall, access: &Access, asked: &Fields<'_>) -> Sender {
    let secret = |key| asked.form_value(key).filter(|secret| !secret.is_empty());
    match secret("password").or_else(|| secret("refresh_token")) {
        Some(password) => {
            let user = asked.form_value("username").unwrap_or_default();
            let client = call.client().address();
            Sender::by_password(access, &user, SecretString::from(password), client).await
        }
        None => call.caller.sender.clone(),
    }
}

/// Credentials that are refused still get a token for everybody, if nothing but pulling what may be public is asked for:
/// clusters send their docker.io password to every mirror, and an error would only make them go around this one. If it
/// cannot be told whether they are right, there is none: on private content it would lead to 401, and clients forget a password then.
fn check(call: &WebCall, access: &Access, sender: &Sender, scopes: &RegistryScopes) -> Result<(), Refusal> {
    let Credentials::Refused(rejection) = &sender.credentials else { return Ok(()) };
    let is_pull = |verbs: Verbs| verbs.iter().all(|verb| verb == Verb::Pull);
    let is_ignored = access.rules().wrong_credentials == WrongCredentials::Ignored
        && matches!(rejection.kind, RejectionKind::Password | RejectionKind::Wait(_))
        && !scopes.is_empty()
        && scopes.iter().all(|(name, verbs)| is_pull(verbs) && may_pull(call, access, sender, name));
    if is_ignored { Ok(()) } else { Err(rejection.refusal(&call.origin(), None)) }
}

/// Whether the sender may pull without credentials, as far as is known without asking anybody. What a bare name means is not
/// known here: the request may say its registry otherwise (`?ns=`), and is checked itself.
fn may_pull(call: &WebCall, access: &Access, sender: &Sender, name: &Name) -> bool {
    let mirror = &call.state.mirror;
    let asked = RegistryHint { host: call.caller.host.as_deref(), namespace: None };
    let Ok(target) = mirror.locate(name, asked) else { return true };
    if name.split_host().is_none() && target.key.origin != Origin::Hosted {
        return true;
    }
    let (rules, full) = (access.rules(), target.key.to_string());
    let visibility = match mirror.known_verdict(&target.key, Probe::Repository) {
        Some(AnonymousAccess::Private) => Visibility::Private,
        Some(AnonymousAccess::Public) | None => rules.visibility(&full),
    };
    rules.rights(&sender.principal, &full, visibility).has(Verb::Pull)
}

/// The parameters of a request, of its address and of its form.
struct Fields<'a> {
    query: &'a str,
    form: &'a [u8],
}

impl Fields<'_> {
    fn all(&self, key: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(self.query.as_bytes()).chain(form_urlencoded::parse(self.form));
        pairs.filter(|(name, _)| name == key).map(|(_, value)| value.into_owned()).collect()
    }

    fn form_value(&self, key: &str) -> Option<String> {
        form_urlencoded::parse(self.form).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }
}

async fn read(body: RequestBody) -> Result<Vec<u8>, Refusal> {
    let bytes = Limited::new(body, MAX_FORM).collect().await.map_err(|_| {
        let message = format!("the form broke off, or is larger than {MAX_FORM} bytes");
        Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message)
    })?;
    Ok(bytes.to_bytes().to_vec())
}
