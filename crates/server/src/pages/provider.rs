//! Handlers of logins by an OpenID provider: the way there, the way back, and the way out.

use std::time::Duration;

use entrepot_access::{Access, AttemptError, ProviderLoginError, ProviderReturn};
use http::{Response, StatusCode, header};

use super::{
    errors,
    frame::{Frame, PageKind},
    html::{escape, inline},
    login::notice,
    own_path::OwnPath,
    provider_words::ProviderWords,
    response::{language, personal, see_other, visitor},
};
use crate::{
    body::Body,
    cookie,
    login_provider::{CALLBACK, OIDC},
    query, sessions,
    web::call::WebCall,
};

/// How long a login may take.
const TIME: Duration = Duration::from_secs(600);

/// Sends the browser to the provider.
pub(super) async fn begin(call: WebCall) -> Response<Body> {
    let Some(access) = with_provider(&call) else { return errors::missing(call).await };
    let next = query::find(call.query(), "next").and_then(|next| OwnPath::read(&next));
    let next = next.unwrap_or_else(OwnPath::first);
    match access.begin_provider_login(&callback(&call), next.as_str()).await {
        Ok(login) => {
            let mut response = see_other(login.address.as_str());
            let value = cookie::LOGIN.set(&login.cookie, call.origin().is_https(), TIME);
            response.headers_mut().append(header::SET_COOKIE, value);
            response
        }
        Err(error) => failed(&call, &error),
    }
}

/// Takes the browser back, and begins a session.
pub(super) async fn finish(call: WebCall) -> Response<Body> {
    let Some(access) = with_provider(&call) else { return errors::missing(call).await };
    let asked = |name: &str| query::find(call.query(), name).unwrap_or_default().into_owned();
    let is_https = call.origin().is_https();
    let (state, code) = (asked("state"), asked("code"));
    let (callback, issuer) = (callback(&call), query::find(call.query(), "iss"));
    let returned = ProviderReturn {
        cookie: cookie::LOGIN.read(&call.headers, is_https).unwrap_or_default(),
        state: &state,
        code: &code,
        refusal: query::find(call.query(), "error").map(|_| asked("error_description")),
        issuer: issuer.as_deref(),
        callback: &callback,
    };
    let mut response = match access.finish_provider_login(returned, &call.session_origin()).await {
        Ok(done) => {
            let mut response = see_other(&done.return_to);
            response.headers_mut().extend(sessions::replaced(&call, access, &done.secret).await.cookie);
            response
        }
        Err(error) => failed(&call, &error),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::LOGIN.clear(is_https));
    response
}

/// The page after a logout, with the way out of the provider as well. A form may not lead to another server, so it is a link.
pub(super) async fn end(call: WebCall) -> Response<Body> {
    let Some(access) = with_provider(&call) else { return errors::missing(call).await };
    let words = ProviderWords::of(language(&call));
    let out = access.provider_logout(&format!("{}/", call.origin().url())).await;
    let link = out.map(|address| {
        format!(
            "<ul class=\"ways\"><li><a class=\"button\" href=\"{}\">{} {}</a></li></ul>",
            escape(address.as_str()),
            words.log_out_of,
            escape(provider_name(&call)),
        )
    });
    let main = format!(
        "<main class=\"page slim\"><h1>{}</h1><p class=\"lead\">{}</p>{}</main>",
        words.logged_out,
        words.still_there,
        link.unwrap_or_default()
    );
    shown(&call, StatusCode::OK, &main)
}

fn with_provider(call: &WebCall) -> Option<&Access> {
    call.state.access.as_ref().filter(|access| access.has_provider())
}

fn callback(call: &WebCall) -> String {
    format!("{}{CALLBACK}", call.origin().url())
}

fn provider_name(call: &WebCall) -> &str {
    let mut providers = call.state.login_providers.iter();
    providers
        .find(|provider| provider.path == OIDC)
        .map_or("OpenID Connect", |provider| provider.name.as_str())
}

fn failed(call: &WebCall, error: &ProviderLoginError) -> Response<Body> {
    let words = ProviderWords::of(language(call));
    let (status, hint) = match error {
        ProviderLoginError::None => (StatusCode::NOT_FOUND, words.again),
        ProviderLoginError::Attempt(AttemptError::Foreign) => (StatusCode::BAD_REQUEST, words.foreign),
        ProviderLoginError::Attempt(AttemptError::Expired | AttemptError::Again) => {
            (StatusCode::BAD_REQUEST, words.again)
        }
        ProviderLoginError::Provider(error) if error.is_outage() => {
            (StatusCode::SERVICE_UNAVAILABLE, words.away)
        }
        ProviderLoginError::Provider(_) => (StatusCode::FORBIDDEN, words.refused),
        ProviderLoginError::NoRole { missing_claim: Some(_), .. } => (StatusCode::FORBIDDEN, words.no_claim),
        ProviderLoginError::NoRole { missing_claim: None, .. } => (StatusCode::FORBIDDEN, words.no_group),
        ProviderLoginError::Disabled => (StatusCode::FORBIDDEN, words.disabled),
        ProviderLoginError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, words.unavailable),
    };
    if status != StatusCode::BAD_REQUEST {
        tracing::warn!(%error, "a login by the OpenID provider failed");
    }
    let main = format!(
        "<main class=\"page slim\"><h1>{}</h1>{}<p>{}</p><ul class=\"ways\"><li><a class=\"button\" href=\"/login\">{}</a></li></ul></main>",
        words.not_logged_in,
        notice("notice", &error.to_string()),
        inline(hint),
        words.try_again,
    );
    shown(call, status, &main)
}

fn shown(call: &WebCall, status: StatusCode, main: &str) -> Response<Body> {
    let frame = Frame { page: PageKind::Login, language: language(call), query: "", visitor: visitor(call) };
    let mut response = personal(status, frame.around(main));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, crate::error::RETRY.into());
    }
    response
}
