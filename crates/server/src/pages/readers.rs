//! Handlers of the pages for readers: the first page, guide, table, badge and log.

use axum::extract::Path;
use entrepot_access::Verb;
use entrepot_catalog::SourceTag;
use entrepot_scheduler::{Error, StateView};
use http::{HeaderValue, Response};

use super::{
    commands::Tool,
    errors,
    frame::{Frame, PageKind},
    guide::{self, OwnServer},
    here::OwnAddress,
    home::{AnonymousRights, Home, Pushes},
    reader::PageReader,
    response::{language, page, visitor},
    said, status, table,
};
use crate::{
    body::Body,
    headers::{HTML, TEXT},
    keep::{api::keeper, said as keep},
    query,
    state::ServerState,
    sync::{
        gate::{self, Permission},
        problem::Problem,
        service::SyncService,
    },
    web::call::WebCall,
};

const MARKDOWN: HeaderValue = HeaderValue::from_static("text/markdown; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Source tags shown per rule: on the page of all rules, and on that of one.
const FEW: usize = 30;
const MANY: usize = 500;
/// Runs shown.
const RUNS: usize = 20;

/// The first page.
pub(super) async fn home(PageReader(call): PageReader) -> Response<Body> {
    let (here, language, query) = (here(&call), language(&call), call.query());
    let asked = query::find(query, "tool");
    let tool = Tool::ALL.into_iter().find(|tool| asked.as_deref() == Some(tool.id())).unwrap_or(Tool::Docker);
    let image = query::find(query, "image").unwrap_or_default();
    let (names, standing) = (call.state.mirror.names(), standing(&call.state));
    let takes_requests = call.state.requests.is_some();
    let home =
        Home { here: &here, names, image: image.trim(), tool, rights: standing, takes_requests, language };
    let main = status::notice(call.state.notice.text().as_deref()) + &home.main();
    page(HTML, Frame { page: PageKind::Home, language, query, visitor: visitor(&call) }.around(&main))
}

fn standing(state: &ServerState) -> AnonymousRights {
    let Some(access) = &state.access else {
        return AnonymousRights { pulls_need_login: false, pushes: Pushes::FromAnybody };
    };
    let rules = access.rules();
    let pushes = if rules.anonymous.has(Verb::Push) {
        Pushes::FromAnybody
    } else if state.local.counts() && rules.local.has(Verb::Push) {
        Pushes::FromThisMachine
    } else if access.is_in_use() {
        Pushes::AfterLogin
    } else {
        Pushes::FromNobody
    };
    AnonymousRights { pulls_need_login: !rules.anonymous.has(Verb::Pull), pushes }
}

/// The guide in HTML.
pub(super) async fn guide(PageReader(call): PageReader) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return errors::missing(call).await };
    let (scheduler, language, here) = (&sync.scheduler, language(&call), here(&call));
    let own = OwnServer { here: &here, names: call.state.mirror.names() };
    let main = guide::main(&scheduler.rule_set(), &scheduler.rules(), &own, language);
    let main = status::notice(call.state.notice.text().as_deref()) + &main;
    page(
        HTML,
        Frame { page: PageKind::Guide, language, query: call.query(), visitor: visitor(&call) }.around(&main),
    )
}

/// The guide in Markdown.
pub(super) async fn markdown(PageReader(call): PageReader) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return errors::missing(call).await };
    let (scheduler, language) = (&sync.scheduler, language(&call));
    page(MARKDOWN, said::markdown(&scheduler.rule_set(), &scheduler.rules(), language))
}

/// The share of copies in sync, as an image.
pub(super) async fn badge(PageReader(call): PageReader) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return errors::missing(call).await };
    page(SVG, said::badge(&sync.scheduler.rules()))
}

/// The state of each copy when last checked.
pub(super) async fn log(PageReader(call): PageReader) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return errors::missing(call).await };
    match said::log(&sync.scheduler, &sync.scheduler.rules()).await {
        Ok(text) => page(TEXT, text),
        Err(error) => errors::of_sync(&call, error),
    }
}

/// The share of images of all keep lists that are kept, as an image.
pub(super) async fn keep_badge(PageReader(call): PageReader) -> Result<Response<Body>, Problem> {
    let views = keeper(&call)?.views().await?;
    Ok(page(SVG, keep::badge("keep", &views)))
}

/// The same of one list.
pub(super) async fn keep_list_badge(
    Path(name): Path<String>,
    PageReader(call): PageReader,
) -> Result<Response<Body>, Problem> {
    let view = keeper(&call)?.view(&name).await?;
    Ok(page(SVG, keep::badge(&name, std::slice::from_ref(&view))))
}

/// How each image of a keep list stood when it was last looked at.
pub(super) async fn keep_log(
    Path(name): Path<String>,
    PageReader(call): PageReader,
) -> Result<Response<Body>, Problem> {
    let host = here(&call).host().parse();
    let host = host.map_err(|_| Problem::bad("the request names no host"))?;
    Ok(page(TEXT, keep::log(keeper(&call)?, &name, &host).await?))
}

/// The table of rules, copies and runs.
pub(super) async fn table(PageReader(call): PageReader) -> Response<Body> {
    let Some(sync) = &call.state.sync else { return errors::missing(call).await };
    match syncs(&call, sync).await {
        Ok(text) => page(HTML, text),
        Err(error) => errors::of_sync(&call, error),
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
    let content = table::TableContent { states, runs, is_one: one.is_some(), steered };
    let main = table::main(&views, &content, language(call));
    Ok(Frame { page: PageKind::Sync { steered }, language: language(call), query, visitor: visitor(call) }
        .around(&main))
}

fn here(call: &WebCall) -> OwnAddress {
    OwnAddress::of(&call.origin(), call.state.mirror.names())
}
