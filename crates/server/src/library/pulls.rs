//! The JSON API of pulls: images on their way to nodes.

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{NewPull, Problem as ProblemBody, PullList, PullListQuery};
use entrepot_catalog::PullFilter;
use entrepot_library::{Error, Library, NodeId, PullId, PullRequest, PullWatch};
use http::{Response, StatusCode};

use super::{caller::library, pull_views as views};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    pages::{response::language, words::Language},
    sync::problem::Problem,
    web::{
        allowed::by,
        call::WebCall,
        following::{FollowedSource, follow},
        request::{Segment, document, limit, parsed},
    },
};

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
    let watch = library.watch_pull(pull_id(&id?.0)?).await?;
    follow(&call, FollowedPull { watch, language: language(&call) })
}

struct FollowedPull {
    watch: PullWatch,
    language: Language,
}

impl FollowedSource for FollowedPull {
    const EVENT: &'static str = "pull";

    async fn next(&mut self) -> Option<String> {
        let pull = views::pull(self.watch.next().await?, self.language);
        // Types of strings and numbers always serialize.
        Some(serde_json::to_string(&pull).unwrap_or_default())
    }

    fn now(&self) -> Option<String> {
        None
    }
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
