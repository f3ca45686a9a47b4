//! The JSON API of pulls: images on their way to nodes.

use std::{fmt::Write, time::Duration};

use axum::body::Body as RequestBody;
use bytes::Bytes;
use entrepot_access::Operation;
use entrepot_api::{NewPull, Problem as ProblemBody, PullList, PullListQuery};
use entrepot_catalog::PullFilter;
use entrepot_library::{Error, Library, NodeId, PullId, PullRequest, PullWatch};
use entrepot_mirror::Cut;
use futures_util::{StreamExt, stream};
use http::{Method, Response, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{caller::library, pull_views as views};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    pages::{response::language, words::Language},
    sync::{listeners::Listener, problem::Problem},
    web::{
        allowed::by,
        call::WebCall,
        live::{EVENTS, live},
        request::{Segment, document, limit, parsed},
    },
};

/// How often the same is told again while nothing changes, so that a bar moves.
const AT_LEAST_EVERY: Duration = Duration::from_millis(500);
/// How often something is told at most.
const AT_MOST_EVERY: Duration = Duration::from_millis(200);

/// List pulls
#[utoipa::path(
    get, path = "/api/v1/library/pulls", operation_id = "listPulls", tag = "library", params(PullListQuery),
    responses(
        (status = 200, description = "A page of pulls, the latest first", body = PullList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn pulls(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::Inspect)?;
    let query = call.query();
    let filter = PullFilter {
        node: parsed(query, "node", |text| text.parse().ok())?,
        status: parsed(query, "status", views::status_named)?,
        before: parsed(query, "last", |text| text.parse().ok())?,
    };
    let page = library.pulls(&filter, limit(query)?).await?;
    Ok(answer::json(&views::list(page, language(&call)), JSON))
}

/// Pull an image to a node, or to all nodes of a region
///
/// Whoever asks for what a node pulls already joins that pull.
#[utoipa::path(
    post, path = "/api/v1/library/pulls", operation_id = "beginPulls", tag = "library",
    request_body = NewPull,
    responses(
        (status = 201, description = "The pulls that are under way now", body = PullList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn begin_pulls(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageNodes)?;
    let NewPull { image, entry, node, region } = document(body).await?;
    let request = requested(library, image, entry).await?;
    let by = by(&call);
    let begun = match (node, region) {
        (Some(node), None) => {
            let id = NodeId::try_from(i64::from(node));
            let id = id.map_err(|_| Error::Unknown { kind: "node", id: node.to_string() })?;
            vec![library.pull(id, request, &by).await?]
        }
        (None, Some(region)) => library.pull_in_region(&region, request, &by).await?,
        _ => return Err(one_of("node", ("node", "region"))),
    };
    Ok(answer::created(&views::begun(begun, language(&call))))
}

/// One pull
#[utoipa::path(
    get, path = "/api/v1/library/pulls/{id}", operation_id = "getPull", tag = "library",
    params(("id" = u32, Path, description = "The pull")),
    responses(
        (status = 200, description = "The pull as it is now", body = entrepot_api::Pull),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn pull(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::Inspect)?;
    let id = pull_id(&id?.0)?;
    let state = library.watch_pull(id).await?.next().await;
    let state = state.ok_or_else(|| Problem::from(unknown(&id.to_string())))?;
    Ok(answer::json(&views::pull(state, language(&call)), JSON))
}

/// Stop a pull
///
/// The node keeps the layers that it has, so that a later pull goes on from there.
#[utoipa::path(
    post, path = "/api/v1/library/pulls/{id}/cancel", operation_id = "cancelPull", tag = "library",
    params(("id" = u32, Path, description = "The pull")),
    responses(
        (status = 204, description = "It was stopped"),
        (status = 409, description = "It has ended", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel_pull(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    library(&call, Operation::ManageNodes)?.cancel_pull(pull_id(&id?.0)?, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Follow a pull
///
/// Server-sent events of the name `pull`, each with a `Pull`: at once, at least twice a second while it is under way, and at
/// its end, after which the stream ends.
#[utoipa::path(
    get, path = "/api/v1/library/pulls/{id}/events", operation_id = "watchPull", tag = "library",
    params(("id" = u32, Path, description = "The pull")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "A stream of events"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn watch_pull(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::Inspect)?;
    if call.method != Method::GET {
        return Err(Problem::method("GET"));
    }
    let watch = library.watch_pull(pull_id(&id?.0)?).await?;
    let listener = call.state.listeners.join(call.client())?;
    let following = Following {
        watch,
        draining: call.state.draining.clone(),
        language: language(&call),
        last: None,
        told: None,
        _listener: listener,
    };
    let frames = stream::unfold(following, next).fuse().boxed();
    Ok(live(frames, EVENTS))
}

struct Following {
    watch: PullWatch,
    draining: CancellationToken,
    language: Language,
    /// What was told last, and when.
    last: Option<Bytes>,
    told: Option<Instant>,
    _listener: Listener,
}

// Changes come faster than anybody can look, and not at all while nothing happens.
async fn next(mut following: Following) -> Option<(Result<Bytes, Cut>, Following)> {
    if let Some(told) = following.told {
        tokio::time::sleep_until(told + AT_MOST_EVERY).await;
    }
    let again = following.told.map(|told| told + AT_LEAST_EVERY);
    let text = tokio::select! {
        biased;
        () = following.draining.cancelled() => return None,
        state = following.watch.next() => {
            let state = state?;
            let pull = views::pull(state, following.language);
            // Types of strings and numbers always serialize.
            let data = serde_json::to_string(&pull).unwrap_or_default();
            let mut text = String::new();
            // Writing to a `String` does not fail.
            let _ = write!(text, "event: pull\ndata: {data}\n\n");
            Bytes::from(text)
        }
        () = async { match again { Some(at) => tokio::time::sleep_until(at).await, None => std::future::pending().await } } => {
            following.last.clone()?
        }
    };
    following.last = Some(text.clone());
    following.told = Some(Instant::now());
    Some((Ok(text), following))
}

async fn requested(
    library: &Library,
    image: Option<String>,
    entry: Option<u32>,
) -> Result<PullRequest, Problem> {
    match (image, entry) {
        (Some(image), None) => Ok(PullRequest { image: library.image_named(&image)?, entry: None }),
        (None, Some(entry)) => {
            let unknown = || Error::Unknown { kind: "entry", id: entry.to_string() };
            let id = i64::from(entry).try_into().map_err(|_| unknown())?;
            Ok(library.request_of_entry(id).await?)
        }
        _ => Err(one_of("image", ("image", "entry"))),
    }
}

fn one_of(field: &'static str, (one, other): (&str, &str)) -> Problem {
    Problem::bad(format!("say either `{one}` or `{other}`"))
        .about(field)
        .in_chinese(format!("`{one}` 和 `{other}` 请填写其中一个"))
}

fn pull_id(text: &str) -> Result<PullId, Problem> {
    text.parse().map_err(|_| unknown(text).into())
}

fn unknown(id: &str) -> Error {
    Error::Unknown { kind: "pull", id: id.to_owned() }
}
