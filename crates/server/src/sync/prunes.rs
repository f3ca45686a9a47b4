//! The JSON API of tags that no rule writes: what was listed, and deciding about it.

use std::time::SystemTime;

use axum::body::Body as RequestBody;
use entrepot_access::{Access, AuditAction, Operation};
use entrepot_api::{
    Problem as ProblemBody, Prune, PruneDecision, PruneDetail, PruneList, PruneListQuery, PruneQuery,
};
use entrepot_catalog::PruneRecord;
use entrepot_oci::Digest;
use entrepot_scheduler::{Decider, Scheduler};
use http::{Response, StatusCode};

use super::{api::service, problem::Problem, prune_views as views};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    query,
    web::{
        allowed::{allowed, by},
        call::WebCall,
        request::{Segment, document, limit, parsed},
    },
};

/// List what runs found at destinations and no rule writes
///
/// For destinations with `prune: review`. Nothing of it is removed before somebody approves it.
#[utoipa::path(
    get, path = "/api/v1/sync/prunes", operation_id = "listPrunes", tag = "sync", params(PruneListQuery),
    responses(
        (status = 200, description = "A page of lists", body = PruneList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn prunes(call: WebCall) -> Result<Response<Body>, Problem> {
    let (_, scheduler) = managed(&call)?;
    let rule = query::text(call.query(), "rule");
    let before = parsed(call.query(), "before", |text| text.parse().ok())?;
    let page = scheduler.prunes(rule.as_deref(), before, limit(call.query())?).await?;
    Ok(answer::json(&views::list(page, SystemTime::now()), JSON))
}

/// Show a list, and what became of its tags
#[utoipa::path(
    get, path = "/api/v1/sync/prunes/{id}", operation_id = "getPrune", tag = "sync",
    params(("id" = String, Path, description = "The list"), PruneQuery),
    responses(
        (status = 200, description = "The list, and a page of its tags", body = PruneDetail),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn prune(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (_, scheduler) = managed(&call)?;
    let after = parsed(call.query(), "after", |text| text.parse().ok())?.unwrap_or(0);
    let detail = scheduler.prune(prune_id(&id?.0)?, after, limit(call.query())?).await?;
    Ok(answer::json(&views::detail(detail, SystemTime::now()), JSON))
}

/// Approve a list: its tags are removed
///
/// In the background, and as far as they are still what they were when the list was made. The list itself says what became of
/// each.
#[utoipa::path(
    post, path = "/api/v1/sync/prunes/{id}/approve", operation_id = "approvePrune", tag = "sync",
    params(("id" = String, Path, description = "The list")),
    request_body = PruneDecision,
    responses(
        (status = 202, description = "Its tags are being removed", body = Prune),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn approve_prune(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (access, scheduler) = managed(&call)?;
    let (id, seen) = (prune_id(&id?.0)?, seen(body).await?);
    let actor = by(&call).actor;
    let prune = scheduler.approve_prune(id, Decider { seen: &seen, by: &actor }).await?;
    Ok(decided(&call, access, "prune.approve", prune).await)
}

/// Reject a list: nothing of it is removed
///
/// It is not made again as long as nothing else is found.
#[utoipa::path(
    post, path = "/api/v1/sync/prunes/{id}/reject", operation_id = "rejectPrune", tag = "sync",
    params(("id" = String, Path, description = "The list")),
    request_body = PruneDecision,
    responses(
        (status = 202, description = "It is rejected", body = Prune),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn reject_prune(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (access, scheduler) = managed(&call)?;
    let (id, seen) = (prune_id(&id?.0)?, seen(body).await?);
    let actor = by(&call).actor;
    let prune = scheduler.reject_prune(id, Decider { seen: &seen, by: &actor }).await?;
    Ok(decided(&call, access, "prune.reject", prune).await)
}

// The accounts and the scheduler, for those who may decide what is removed elsewhere.
fn managed(call: &WebCall) -> Result<(&Access, &Scheduler), Problem> {
    let access = allowed(call, Operation::PruneTags)?;
    Ok((access, &service(call)?.scheduler))
}

async fn decided(
    call: &WebCall,
    access: &Access,
    action: &'static str,
    prune: PruneRecord,
) -> Response<Body> {
    let detail = Some(format!("prune: {}, tags: {}, digest: {}", prune.id, prune.tags, prune.digest));
    let deed = AuditAction { action, object: &prune.rule, detail };
    if let Err(error) = access.record_done(deed, &by(call)).await {
        tracing::warn!("the audit log cannot be written: {error}");
    }
    let mut response = answer::json(&views::prune(prune, SystemTime::now()), JSON);
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

async fn seen(body: RequestBody) -> Result<Digest, Problem> {
    let PruneDecision { digest } = document(body).await?;
    digest.parse().map_err(|_| {
        Problem::bad("`digest` is not one")
            .about("digest")
            .with_hint("give the `digest` of the list that you have seen")
            .in_chinese("`digest` 的值有误")
            .with_chinese_hint("请给出所看到的列表的 `digest`")
    })
}

fn prune_id(text: &str) -> Result<i64, Problem> {
    // Whatever is not a number is not there either.
    text.parse().map_err(|_| {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no list of tags `{text}`"))
            .with_hint("see what there is: `entrepot sync prune ls`")
    })
}
