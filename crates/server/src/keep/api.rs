//! The JSON API of keep lists.

use entrepot_access::{AuditAction, Operation};
use entrepot_api::{KeepImageList, KeepImageListQuery, KeepList, KeepLists, Problem as ProblemBody};
use entrepot_keep::{Error, Keeper};
use http::{Response, StatusCode};

use super::views;
use crate::{
    answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by, may_read},
        call::WebCall,
        request::{Segment, limit, parsed},
    },
};

/// What keeps lists, or "not found" without it.
pub(crate) fn keeper(call: &WebCall) -> Result<&Keeper, Problem> {
    call.state.keeper.as_ref().ok_or_else(Problem::not_found)
}

/// List keep lists
#[utoipa::path(
    get, path = "/api/v1/keep", operation_id = "listKeepLists", tag = "keep",
    responses(
        (status = 200, description = "The lists, and how they stand", body = KeepLists),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn lists(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::See)?;
    Ok(answer::json(&views::lists(keeper(&call)?.views().await?), JSON))
}

/// One keep list
#[utoipa::path(
    get, path = "/api/v1/keep/{name}", operation_id = "getKeepList", tag = "keep",
    params(("name" = String, Path, description = "The list")),
    responses(
        (status = 200, description = "The list, and how it stands", body = KeepList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::See)?;
    Ok(answer::json(&views::list(keeper(&call)?.view(&name?.0).await?), JSON))
}

/// List the images of a keep list
#[utoipa::path(
    get, path = "/api/v1/keep/{name}/images", operation_id = "listKeepImages", tag = "keep",
    params(("name" = String, Path, description = "The list"), KeepImageListQuery),
    responses(
        (status = 200, description = "A page of images, and how they stand", body = KeepImageList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn images(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::See)?;
    let query = call.query();
    let state = parsed(query, "state", views::state_named)?;
    let after = query::text(query, "last").unwrap_or_default();
    let page = keeper(&call)?.images((&name?.0, &after), state, limit(query)?).await?;
    Ok(answer::json(&views::images(page), JSON))
}

/// Run a keep list now
///
/// It begins when its turn comes; a list that runs already goes on.
#[utoipa::path(
    post, path = "/api/v1/keep/{name}/run", operation_id = "runKeepList", tag = "keep",
    params(("name" = String, Path, description = "The list")),
    responses(
        (status = 202, description = "It runs, or waits for its turn", body = KeepList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn run(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::RunSyncs)?;
    let (keeper, name) = (keeper(&call)?, name?.0);
    let begun = keeper.run(&name);
    noted(&call, ("keep.run", &name), begun.as_ref().err()).await;
    begun?;
    let mut answer = answer::json(&views::list(keeper.view(&name).await?), JSON);
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

/// Stop the run of a keep list
///
/// What has come stays.
#[utoipa::path(
    post, path = "/api/v1/keep/{name}/cancel", operation_id = "cancelKeepRun", tag = "keep",
    params(("name" = String, Path, description = "The list")),
    responses(
        (status = 204, description = "It is stopped"),
        (status = 409, description = "It does not run", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::RunSyncs)?;
    let name = name?.0;
    let stopped = keeper(&call)?.cancel(&name);
    noted(&call, ("keep.cancel", &name), stopped.as_ref().err()).await;
    stopped?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

async fn noted(call: &WebCall, (action, object): (&str, &str), error: Option<&Error>) {
    let Some(access) = &call.state.access else { return };
    let (deed, by) = (AuditAction { action, object, detail: error.map(ToString::to_string) }, by(call));
    let recorded = match error {
        None => access.record_done(deed, &by).await,
        Some(_) => access.record_failed(deed, &by).await,
    };
    if let Err(error) = recorded {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}
