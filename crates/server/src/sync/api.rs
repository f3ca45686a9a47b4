//! The JSON API: addresses to calls.

use entrepot_catalog::{RunId, SourceTag};
use entrepot_oci::{Image, Tag};
use entrepot_scheduler::{Begun, Part};
use entrepot_sync::Place;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{events, gate, problem::Problem, service::SyncService};
use crate::{answer, body::Body, call::Call, client::Client, headers::JSON, metrics::Kind, query};

const ROOT: &str = "/api/v1/sync/";
/// The largest request body, in bytes.
const MAX_BODY: usize = 4 << 10;
/// How many entries a page has, and may have.
const USUAL: usize = 100;
const MOST: usize = 1000;

/// Whether `path` is one of ours, or would be if it were there.
pub(crate) fn is_below(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Answers what is below `/api/`.
pub(crate) async fn answer(mut call: Call<'_>) -> Response<Body> {
    *call.kind = Kind::Api;
    let mut response = match find(&mut call).await {
        Ok(response) => response,
        Err(problem) => problem.answer(),
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn find(call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
    let sync = call.state.sync.as_ref().ok_or_else(Problem::not_found)?;
    let path = call.path().strip_prefix(ROOT).ok_or_else(Problem::not_found)?;
    let segments: Vec<&str> = path.split('/').collect();
    let is_change = matches!(segments[..], ["rules", _, "run"] | ["runs", _, "cancel"]);
    let is_read = matches!(call.head.method, Method::GET | Method::HEAD);
    match (is_change, is_read, call.head.method == Method::POST) {
        (true, _, true) => change(call, sync, &segments).await,
        (true, _, false) => Err(Problem::method("POST")),
        (false, true, _) => read(call, sync, &segments).await,
        (false, false, _) => Err(Problem::method("GET, HEAD")),
    }
}

async fn read(call: &Call<'_>, sync: &SyncService, segments: &[&str]) -> Result<Response<Body>, Problem> {
    let (scheduler, query) = (&sync.scheduler, call.query());
    match segments {
        ["rules"] => Ok(answer::json(&scheduler.rules(), JSON)),
        ["runs"] => {
            let rule = query::find(query, "rule");
            let before = query::find(query, "before").map(|id| run_id(&id)).transpose()?;
            Ok(answer::json(&scheduler.runs(rule.as_deref(), before, limit(query)?).await?, JSON))
        }
        ["runs", id] => {
            let after = query::find(query, "after").map_or(Ok(0), |after| after.parse());
            let after = after.map_err(|_| Problem::bad("`after` must be a number"))?;
            Ok(answer::json(&scheduler.run(run_id(id)?, after, limit(query)?).await?, JSON))
        }
        ["state"] => {
            let rule = query::find(query, "rule")
                .ok_or_else(|| Problem::bad("`rule` is missing").with_hint("add `?rule=NAME`"))?;
            let text = |key| query::find(query, key).unwrap_or_default().into_owned();
            let after = SourceTag { source: text("source"), reference: text("reference") };
            Ok(answer::json(&scheduler.copies(&rule, &after, limit(query)?).await?, JSON))
        }
        ["events"] if call.head.method == Method::GET => {
            let client = Client::of(call.peer.address(), &call.head.headers);
            events::answer(sync, client, &call.state.draining)
        }
        ["events"] => Err(Problem::method("GET")),
        _ => Err(Problem::not_found()),
    }
}

#[derive(Serialize)]
struct Answer {
    run: String,
    /// `started`, `joined` or `cancelling`.
    outcome: &'static str,
}

async fn change(
    call: &mut Call<'_>,
    sync: &SyncService,
    segments: &[&str],
) -> Result<Response<Body>, Problem> {
    gate::admit(&call.principal, call.state.token.as_ref(), &call.head.headers)?;
    let outcome = match segments {
        ["rules", name, "run"] => {
            let part = part(call).await?;
            match sync.scheduler.run_now(name, part).await? {
                Begun::Started(run) => Answer { run: run.to_string(), outcome: "started" },
                Begun::Joined(run) => Answer { run: run.to_string(), outcome: "joined" },
            }
        }
        ["runs", id, _] => {
            let id = run_id(id)?;
            sync.scheduler.cancel(id).await?;
            Answer { run: id.to_string(), outcome: "cancelling" }
        }
        _ => return Err(Problem::not_found()),
    };
    let mut response = answer::json(&outcome, JSON);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PartBody {
    image: Option<String>,
    tag: Option<String>,
}

async fn part(call: &mut Call<'_>) -> Result<Part, Problem> {
    let body = call.body.collect(MAX_BODY).await;
    let body = body.map_err(|_| Problem::bad("the body broke off"))?.ok_or_else(|| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {MAX_BODY} bytes"))
    })?;
    if body.trim_ascii().is_empty() {
        return Ok(Part::default());
    }
    let PartBody { image, tag } = serde_json::from_slice(&body).map_err(|error| {
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

fn image_part(text: &str) -> Result<Part, Problem> {
    let wrong =
        |why: String| Problem::bad(why).with_hint("write `quay.io/ascend/cann` or `quay.io/ascend/cann:8.0`");
    let image: Image = text.parse().map_err(|error| wrong(format!("`{text}`: {error}")))?;
    if image.digest().is_some() {
        return Err(wrong(format!("`{text}`: rules copy tags, not digests")));
    }
    // Where none is written, `latest` is meant elsewhere; here it is all of them.
    let has_tag = text.rsplit_once(':').is_some_and(|(_, behind)| !behind.contains('/'));
    let source = Place::Registry { host: image.host().clone(), repository: image.repository().clone() };
    Ok(Part { source: Some(source), tag: image.tag().filter(|_| has_tag).cloned() })
}

fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|_| Problem::bad(format!("`{text}` is not the id of a run")))
}

fn limit(query: &str) -> Result<usize, Problem> {
    let Some(text) = query::find(query, "n") else { return Ok(USUAL) };
    let wanted = text.parse::<usize>().ok().filter(|n| (1..=MOST).contains(n));
    wanted.ok_or_else(|| Problem::bad(format!("`n` must be a number from 1 to {MOST}")))
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

    #[test]
    fn pages_are_bounded() {
        assert_eq!(limit("").unwrap(), USUAL);
        assert_eq!(limit("n=7&x").unwrap(), 7);
        for wrong in ["n=0", "n=1001", "n=x", "n=-1"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
