//! Handlers of the sync pages: guide, table, badge and log.

use entrepot_catalog::SourceTag;
use entrepot_scheduler::{Error, StateView};
use http::{HeaderValue, Response, StatusCode, header};

use super::{guide, said, table, words::Language};
use crate::{
    answer::respond,
    body::Body,
    headers::{HTML, TEXT},
    query,
    sync::{
        gate::{self, Permission},
        problem::Problem,
        service::SyncService,
    },
    web::call::WebCall,
};

const MARKDOWN: HeaderValue = HeaderValue::from_static("text/markdown; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Loads resources from this server only, and nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// Source tags shown per rule: on the page of all rules, and on that of one.
const FEW: usize = 30;
const MANY: usize = 500;
/// Runs shown.
const RUNS: usize = 20;

/// The guide in HTML.
pub(super) async fn guide(call: WebCall) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return call.not_found() };
    let (scheduler, language) = (&sync.scheduler, language(&call));
    page(HTML, guide::page(&scheduler.rule_set(), &scheduler.rules(), language))
}

/// The guide in Markdown.
pub(super) async fn markdown(call: WebCall) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return call.not_found() };
    let (scheduler, language) = (&sync.scheduler, language(&call));
    page(MARKDOWN, said::markdown(&scheduler.rule_set(), &scheduler.rules(), language))
}

/// The share of copies in sync, as an image.
pub(super) async fn badge(call: WebCall) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return call.not_found() };
    page(SVG, said::badge(&sync.scheduler.rules()))
}

/// The state of each copy when last checked.
pub(super) async fn log(call: WebCall) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return call.not_found() };
    match said::log(&sync.scheduler, &sync.scheduler.rules()).await {
        Ok(text) => page(TEXT, text),
        Err(error) => Problem::from(error).answer(),
    }
}

/// The table of rules, copies and runs.
pub(super) async fn table(call: WebCall) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return call.not_found() };
    match syncs(&call, sync).await {
        Ok(text) => page(HTML, text),
        Err(error) => Problem::from(error).answer(),
    }
}

async fn syncs(call: &WebCall, sync: &SyncService) -> Result<String, Error> {
    let (scheduler, query) = (&sync.scheduler, call.query());
    let mut views = scheduler.rules();
    let steered = gate::permission(&call.state, &call.caller.sender.principal) != Permission::Refused;
    let one = query::find(query, "rule");
    if let Some(one) = &one {
        views.rules.retain(|rule| rule.name == **one);
        if views.rules.is_empty() {
            return Err(Error::UnknownRule(one.clone().into_owned()));
        }
    }
    let text = |key| query::find(query, key).unwrap_or_default().into_owned();
    let (after, limit) = match one {
        Some(_) => (SourceTag { source: text("source"), reference: text("reference") }, MANY),
        None => (SourceTag::default(), FEW),
    };
    let mut states: Vec<StateView> = Vec::new();
    for rule in &views.rules {
        states.push(scheduler.copies(&rule.name, &after, limit).await?);
    }
    let runs = scheduler.runs(one.as_deref(), None, RUNS).await?.runs;
    let content = table::Content { states, runs, is_one: one.is_some(), steered };
    Ok(table::page(&views, &content, language(call)))
}

fn language(call: &WebCall) -> Language {
    Language::of(call.query(), &call.headers)
}

fn page(media_type: HeaderValue, text: String) -> Response<Body> {
    let mut response = respond(StatusCode::OK, Body::bytes(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
