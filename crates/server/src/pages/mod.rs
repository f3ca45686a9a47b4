//! Pages besides the registry API: health, metrics, a welcome page, and the pages about syncs.
//!
//! - `readers`: handlers of the sync pages; `guide`, `table`: their content; `said`: output for machines
//! - `html`: common parts; `words`: translations; `assets`: style and script

mod assets;
mod guide;
mod html;
mod readers;
mod said;
mod table;
mod words;

use std::sync::Arc;

use axum::{Router, routing::get};
use entrepot_oci::Host;
use http::{HeaderValue, Response, StatusCode, header};

use words::Language;

use crate::{
    answer::respond,
    body::Body,
    error::RETRY,
    headers::{HTML, TEXT},
    state::State,
    web::call::WebCall,
};

const METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const WELCOME: &str = include_str!("../welcome.html");

/// The addresses of all pages.
pub(crate) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/", get(root))
        .route("/healthz", get(async || page(StatusCode::OK, TEXT, "ok\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/assets/entrepot.css", get(assets::style))
        .route("/assets/entrepot.js", get(assets::script))
        .route("/assets/mark.svg", get(assets::mark))
        .route("/guide", get(readers::guide))
        .route("/guide.md", get(readers::markdown))
        .route("/sync", get(readers::table))
        .route("/badge/sync.svg", get(readers::badge))
        .route("/logs/sync.log", get(readers::log))
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
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &call.state.registry) {
        Ok(()) => page(StatusCode::OK, METRICS, text),
        Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the metrics cannot be written\n"),
    }
}

async fn root(call: WebCall) -> Response<Body> {
    let has_rules = call.state.sync.as_ref().is_some_and(|sync| !sync.scheduler.rules().rules.is_empty());
    welcome(call.caller.host.as_deref(), has_rules)
}

// The host comes from the client, so it is shown only if it is valid.
fn welcome(host: Option<&str>, has_rules: bool) -> Response<Body> {
    let host: Option<Host> = host.and_then(|host| host.parse().ok());
    let host = host.as_ref().map_or("this-host", Host::as_str);
    let links = |language: Language| {
        let (words, code) = (language.words(), language.code());
        if !has_rules {
            return String::new();
        }
        format!(
            "<p><a href=\"/guide?lang={code}\">{}</a> · <a href=\"/sync?lang={code}\">{}</a></p>\n",
            words.guide, words.syncs
        )
    };
    let text = WELCOME.replace("{host}", host).replace("{english}", &links(Language::English));
    page(StatusCode::OK, HTML, text.replace("{chinese}", &links(Language::Chinese)))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn text(host: Option<&str>) -> String {
        let body = welcome(host, true).into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_page_shows_how_to_pull() {
        let page = text(Some("m.example.com:5000")).await;
        assert!(page.contains("docker pull m.example.com:5000/docker.io/library/nginx"));
        assert!(page.contains("镜像") && page.contains("/guide?lang=zh"));
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("{host}"));
        assert!(!text(Some("<script>")).await.contains("<script>"));
    }
}
