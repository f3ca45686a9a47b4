//! Pages besides the registry API: health, metrics, the first page, and the pages about syncs.
//!
//! - `provider`, `device`: logins by a provider, and of programs, with their `provider_words`
//! - `reader`: who may read; `forms`, by `form`: handlers of `login` and `account`, with their `login_words`; `own_path`: where to go
//!   after a login
//! - `requests`: handlers of the page about requests, with its `request_page` and `request_words`
//! - `readers`: handlers of the pages for readers; `home`, `guide`, `table`: their content; `errors`: errors as pages
//! - `commands`, `here`: what the first page says about an image; `said`: output for machines
//! - `status`, with its `status_words`: how the service stands
//! - `response`, `frame`, `html`: common parts; `words`, `home_words`: translations; `assets`: style and script

mod account;
mod assets;
mod commands;
mod device;
pub(crate) mod errors;
mod form;
mod forms;
mod frame;
mod guide;
pub(crate) mod here;
mod home;
mod home_words;
pub(crate) mod html;
mod login;
mod login_words;
mod own_path;
mod provider;
mod provider_words;
mod reader;
mod readers;
mod request_page;
mod request_words;
mod requests;
pub(crate) mod response;
mod said;
mod status;
mod status_limits;
mod status_words;
mod table;
pub(crate) mod words;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    answer::respond, body::Body, error::RETRY, headers::TEXT, login_provider, state::ServerState,
    web::call::WebCall,
};

const METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The addresses of all pages.
pub(crate) fn router() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/", get(readers::home))
        .route("/healthz", get(async || page(StatusCode::OK, TEXT, "ok\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/assets/entrepot.css", get(assets::style))
        .route("/assets/entrepot.js", get(assets::script))
        .route("/assets/mark.svg", get(assets::mark))
        .route("/guide", get(readers::guide))
        .route("/guide.md", get(readers::markdown))
        .route("/sync", get(readers::table))
        .route("/requests", get(requests::show).post(requests::act))
        .route("/status", get(status::status))
        .route("/login", get(forms::login).post(forms::log_in))
        .route(login_provider::OIDC, get(provider::begin))
        .route(login_provider::CALLBACK, get(provider::finish))
        .route(login_provider::END, get(provider::end))
        .route(crate::device::PAGE, get(device::ask).post(device::decide))
        .route("/logout", post(forms::log_out))
        .route("/account", get(forms::account).post(forms::change_password))
        .route("/account/end", post(forms::end))
        .route("/badge/sync.svg", get(readers::badge))
        .route("/logs/sync.log", get(readers::log))
        .route("/badge/keep.svg", get(readers::keep_badge))
        .route("/badge/keep/{name}", get(readers::keep_list_badge))
        .route("/logs/keep/{name}", get(readers::keep_log))
}

fn page(status: StatusCode, media_type: HeaderValue, text: impl Into<String>) -> Response<Body> {
    let mut response = respond(status, Body::bytes(text.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, RETRY.into());
    }
    response
}

async fn ready(call: WebCall) -> Response<Body> {
    if call.state.draining.is_cancelled() {
        return page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "shutting down\n");
    }
    match call.state.mirror.ready().await {
        Ok(()) => page(StatusCode::OK, TEXT, "ready\n"),
        Err(_) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the store does not answer\n"),
    }
}

async fn metrics(call: WebCall) -> Response<Body> {
    if let Some(refused) = reader::metrics_refused(&call) {
        return refused;
    }
    call.state.top.publish();
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &call.state.registry) {
        Ok(()) => page(StatusCode::OK, METRICS, text),
        Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the metrics cannot be written\n"),
    }
}
