//! What readers of syncs see: guide, table, badge and log.

use entrepot_catalog::SourceTag;
use entrepot_scheduler::{Error, RulesView, StateView};
use http::{HeaderValue, Response, StatusCode, header};

use super::{guide, said, table, words::Language};
use crate::{
    answer::respond,
    body::Body,
    call::Call,
    headers::{HTML, TEXT},
    query,
    sync::{
        gate::{self, Permission},
        problem::Problem,
        service::SyncService,
    },
};

const MARKDOWN: HeaderValue = HeaderValue::from_static("text/markdown; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Everything comes from here, and nothing from within the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// How many source tags of each rule are shown where all rules are, and where one is.
const FEW: usize = 30;
const MANY: usize = 500;
/// How many runs are shown.
const RUNS: usize = 20;

/// Whether one of these is at `path`.
pub(super) fn is_one(path: &str) -> bool {
    matches!(path, "/guide" | "/guide.md" | "/sync" | "/badge/sync.svg" | "/logs/sync.log")
}

/// Answers one of them.
pub(super) async fn answer(call: &Call<'_>, sync: &SyncService) -> Response<Body> {
    let scheduler = &sync.scheduler;
    let language = Language::of(call.query(), &call.head.headers);
    let views = scheduler.rules();
    let rules = scheduler.rule_set();
    match call.path() {
        "/guide" => page(HTML, guide::page(&rules, &views, language)),
        "/guide.md" => page(MARKDOWN, said::markdown(&rules, &views, language)),
        "/badge/sync.svg" => page(SVG, said::badge(&views)),
        "/logs/sync.log" => match said::log(scheduler, &views).await {
            Ok(text) => page(TEXT, text),
            Err(error) => Problem::from(error).answer(),
        },
        _ => match syncs(call, sync, views, language).await {
            Ok(text) => page(HTML, text),
            Err(error) => Problem::from(error).answer(),
        },
    }
}

async fn syncs(
    call: &Call<'_>,
    sync: &SyncService,
    mut views: RulesView,
    language: Language,
) -> Result<String, Error> {
    let (scheduler, query) = (&sync.scheduler, call.query());
    let steered = gate::permission(&call.principal, call.state.token.as_ref()) != Permission::Refused;
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
    Ok(table::page(&views, &content, language))
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
