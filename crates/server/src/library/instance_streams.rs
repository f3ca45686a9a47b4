//! The JSON API of what instances print and use.

use entrepot_api::{InstanceLogQuery, InstanceUsage, Problem as ProblemBody};
use entrepot_engine::{Decoders, LogRequest, Logs};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response};
use tokio_util::sync::CancellationToken;

use super::instances::meant;
use crate::{
    answer,
    body::Body,
    headers::JSON,
    sync::problem::Problem,
    web::{
        call::WebCall,
        live::live,
        request::{Segment, parsed},
    },
};

/// How many lines are read where nobody says, and at most.
const USUAL_LINES: u32 = 1_000;
const MOST_LINES: u32 = 10_000;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Read the log of an instance
///
/// Its output and its errors, in the order in which they were printed, as text. With `follow`, until it ends.
#[utoipa::path(
    get, path = "/api/v1/library/instances/{id}/logs", operation_id = "readInstanceLogs", tag = "library",
    params(("id" = u32, Path, description = "The instance"), InstanceLogQuery),
    responses(
        (status = 200, description = "What it printed", body = String, content_type = "text/plain"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn logs(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let query = call.query();
    let flag = |key| Ok::<_, Problem>(parsed(query, key, |text| text.parse().ok())?.unwrap_or(false));
    let lines = |text: &str| text.parse().ok().filter(|lines| *lines <= MOST_LINES);
    let request = LogRequest {
        tail: Some(parsed(query, "tail", lines)?.unwrap_or(USUAL_LINES)),
        since_ms: None,
        follow: flag("follow")?,
        timestamps: flag("timestamps")?,
    };
    let logs = library.instance_logs(target, request).await?;
    let reading = LogStream { logs, decoders: Decoders::default(), draining: call.state.draining.clone() };
    let frames = stream::unfold(reading, next).fuse().boxed();
    Ok(live(frames, TEXT))
}

/// What an instance uses now
#[utoipa::path(
    get, path = "/api/v1/library/instances/{id}/stats", operation_id = "getInstanceStats", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    responses(
        (status = 200, description = "Processors, memory and processes", body = InstanceUsage),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn usage(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let found = library.instance_usage(target).await?;
    let usage = InstanceUsage {
        running: found.is_some(),
        cores: found.and_then(|usage| usage.cores),
        memory: found.map_or(0, |usage| usage.memory),
        memory_with_cache: found.is_some_and(|usage| usage.has_cache),
        memory_limit: found.map_or(0, |usage| usage.memory_limit),
        pids: found.and_then(|usage| usage.pids),
    };
    Ok(answer::json(&usage, JSON))
}

/// A log that is being read. Dropping it ends the engine's stream.
struct LogStream {
    logs: Logs,
    decoders: Decoders,
    draining: CancellationToken,
}

async fn next(mut stream: LogStream) -> Option<(Result<bytes::Bytes, entrepot_mirror::Cut>, LogStream)> {
    let chunk = tokio::select! {
        biased;
        () = stream.draining.cancelled() => return None,
        chunk = stream.logs.next() => chunk,
    };
    // A connection to the engine that breaks ends the log: there is no status left to say it with.
    let text = stream.decoders.push(&chunk.ok()??);
    Some((Ok(text.into()), stream))
}
