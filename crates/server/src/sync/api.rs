//! The JSON API of syncs: maps addresses to calls of the scheduler.

use axum::{body::Body as RequestBody, extract::Path};
use entrepot_access::Operation;
use entrepot_api::{
    CopyList, CopyListQuery, Problem as ProblemBody, RuleList, RunAnswer, RunDetail, RunId as ApiRunId,
    RunList, RunListQuery, RunQuery, RunReply, RunRequest,
};
use entrepot_catalog::{RunId, SourceTag};
use entrepot_oci::{ImageRef, Tag};
use entrepot_scheduler::{RunScope, StartOutcome};
use entrepot_sync::Place;
use http::{Response, StatusCode};

use super::{gate, problem::Problem, service::SyncService, views};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    query,
    web::{
        allowed::{may_read, refused},
        call::WebCall,
        request::{Segment, limit, read},
    },
};

/// List rules
///
/// With schedule, counts of copies by state, the last run, and the progress of an active run.
#[utoipa::path(
    get, path = "/api/v1/sync/rules", operation_id = "listRules", tag = "sync",
    responses(
        (status = 200, description = "The rules", body = RuleList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn rules(call: WebCall) -> Result<Response<Body>, Problem> {
    Ok(answer::json(&views::rule_list(seen(&call)?.scheduler.rules()), JSON))
}

/// Runs, the latest first
#[utoipa::path(
    get, path = "/api/v1/sync/runs", operation_id = "listRuns", tag = "sync", params(RunListQuery),
    responses(
        (status = 200, description = "A page of runs", body = RunList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn runs(call: WebCall) -> Result<Response<Body>, Problem> {
    let scheduler = &seen(&call)?.scheduler;
    let (rule, before) = (query::find(call.query(), "rule"), query::find(call.query(), "before"));
    let before = before.map(|id| run_id(&id)).transpose()?;
    let runs = scheduler.runs(rule.as_deref(), before, limit(call.query())?).await?;
    Ok(answer::json(&views::run_list(runs), JSON))
}

/// A run and what it did
#[utoipa::path(
    get, path = "/api/v1/sync/runs/{id}", operation_id = "getRun", tag = "sync",
    params(("id" = String, Path, description = "The run"), RunQuery),
    responses(
        (status = 200, description = "The run, and a page of its copies", body = RunDetail),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn run(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (Path(id), scheduler) = (id?, &seen(&call)?.scheduler);
    let after = query::find(call.query(), "after").map_or(Ok(0), |after| after.parse());
    let after = after.map_err(|_| Problem::bad("`after` must be a number"))?;
    let detail = scheduler.run(run_id(&id)?, after, limit(call.query())?).await?;
    Ok(answer::json(&views::run_detail(detail), JSON))
}

/// List the copies of a rule
///
/// The state of each copy when it was last checked, in order of source tags.
#[utoipa::path(
    get, path = "/api/v1/sync/state", operation_id = "listCopies", tag = "sync", params(CopyListQuery),
    responses(
        (status = 200, description = "A page of copies", body = CopyList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn state(call: WebCall) -> Result<Response<Body>, Problem> {
    let scheduler = &seen(&call)?.scheduler;
    let rule = query::find(call.query(), "rule")
        .ok_or_else(|| Problem::bad("`rule` is missing").with_hint("add `?rule=NAME`"))?;
    let text = |key| query::find(call.query(), key).unwrap_or_default().into_owned();
    let after = SourceTag { source: text("source"), reference: text("reference") };
    let copies = scheduler.copies(&rule, &after, limit(call.query())?).await?;
    Ok(answer::json(&views::copy_list(copies), JSON))
}

/// Run a rule now
///
/// The whole rule, or one image. If an active run already covers the request, it is joined.
#[utoipa::path(
    post, path = "/api/v1/sync/rules/{name}/run", operation_id = "runRule", tag = "sync",
    params(("name" = String, Path, description = "The rule")),
    request_body(content = Option<RunRequest>, description = "Which part of the rule; nothing for all of it"),
    responses(
        (status = 202, description = "A run was begun or joined", body = RunAnswer),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    ),
    security((), ("api_token" = []))
)]
pub(crate) async fn run_rule(
    name: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (Path(name), sync) = (name?, service(&call)?);
    gate::admit(&call)?;
    let part = part(&read(body).await?)?;
    let (run, outcome) = match sync.scheduler.run_now(&name, part).await? {
        StartOutcome::Started(run) => (run, RunReply::Started),
        StartOutcome::Joined(run) => (run, RunReply::Joined),
    };
    Ok(accepted(run, outcome))
}

/// Cancel a run
#[utoipa::path(
    post, path = "/api/v1/sync/runs/{id}/cancel", operation_id = "cancelRun", tag = "sync",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 202, description = "The run was told to stop", body = RunAnswer),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    ),
    security((), ("api_token" = []))
)]
pub(crate) async fn cancel_run(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (Path(id), sync) = (id?, service(&call)?);
    gate::admit(&call)?;
    let id = run_id(&id)?;
    sync.scheduler.cancel(id).await?;
    Ok(accepted(id, RunReply::Cancelling))
}

/// Returns the sync service, or "not found" without one.
pub(super) fn service(call: &WebCall) -> Result<&SyncService, Problem> {
    let service = call.state.sync.as_ref().ok_or_else(Problem::not_found)?;
    if call.may(Operation::See) {
        return Ok(service);
    }
    Err(refused(call))
}

// The sync service, for those who may read the pages about it, which say the same.
fn seen(call: &WebCall) -> Result<&SyncService, Problem> {
    let service = service(call)?;
    may_read(call, Operation::See)?;
    Ok(service)
}

fn accepted(run: RunId, outcome: RunReply) -> Response<Body> {
    let answer = RunAnswer { run: ApiRunId::new(run.to_string()), outcome };
    let mut response = answer::json(&answer, JSON);
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn part(body: &[u8]) -> Result<RunScope, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(RunScope::default());
    }
    let RunRequest { image, tag } = serde_json::from_slice(body).map_err(|error| {
        Problem::bad(format!("the body cannot be read: {error}"))
            .with_hint(r#"send nothing, or `{"image": "quay.io/ascend/cann:8.0"}`"#)
    })?;
    let mut part = image.map(|image| image_part(&image)).transpose()?.unwrap_or_default();
    if let Some(tag) = tag {
        let tag: Tag = tag.parse().map_err(|error| Problem::bad(format!("`{tag}`: {error}")))?;
        if part.tag.as_ref().is_some_and(|other| *other != tag) {
            return Err(
                Problem::bad("`image` and `tag` name different tags").with_hint("leave one of them out")
            );
        }
        part.tag = Some(tag);
    }
    Ok(part)
}

fn image_part(text: &str) -> Result<RunScope, Problem> {
    let wrong =
        |why: String| Problem::bad(why).with_hint("write `quay.io/ascend/cann` or `quay.io/ascend/cann:8.0`");
    let image: ImageRef = text.parse().map_err(|error| wrong(format!("`{text}`: {error}")))?;
    if image.digest().is_some() {
        return Err(wrong(format!("`{text}`: rules copy tags, not digests")));
    }
    // Elsewhere a missing tag means `latest`; here it means all tags.
    let has_tag = text.rsplit_once(':').is_some_and(|(_, behind)| !behind.contains('/'));
    let source = Place::Registry { host: image.host().clone(), repository: image.repository().clone() };
    Ok(RunScope { source: Some(source), tag: image.tag().filter(|_| has_tag).cloned() })
}

fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|_| Problem::bad(format!("`{text}` is not the id of a run")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_with_and_without_tags() {
        let part = |text| image_part(text).unwrap().to_string();
        assert_eq!(part("quay.io/a/b:1"), "quay.io/a/b:1");
        assert_eq!(part("localhost:5000/a/b"), "localhost:5000/a/b");
        assert_eq!(part("nginx"), "docker.io/library/nginx");
        let digest = format!("quay.io/a@sha256:{}", "a".repeat(64));
        for wrong in ["quay.io/A", "", digest.as_str()] {
            assert_eq!(image_part(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
