//! The JSON API of what stays and what goes: pins, evictions, scrubs.
//!
//! Evictions and scrubs take long: they are begun, looked at and cancelled.

use std::{
    str::FromStr,
    time::{Duration, UNIX_EPOCH},
};

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{
    CacheEviction, CacheEvictionPlan, CacheEvictionQuery, CachePinList, CachePinQuery, CacheSavings,
    CacheScrub, CacheScrubQuery, CacheUnpinned, NewCachePin, Problem as ProblemBody,
};
use entrepot_mirror::{Error as MirrorError, Mirror, NewPin, PinFilter, PinSource, RepoKey};
use entrepot_oci::{Digest, Name, Reference};
use http::Response;

use crate::{
    answer,
    body::Body,
    cache::{allowed, page},
    headers::JSON,
    held_work as views, query,
    sync::problem::Problem,
    web::{
        allowed::by,
        call::WebCall,
        request::{document, wrong},
    },
};

/// The most bytes of a reason.
const LONGEST_REASON: usize = 1000;

/// List pins
#[utoipa::path(
    get, path = "/api/v1/cache/pins", operation_id = "listCachePins", tag = "cache", params(CachePinQuery),
    responses(
        (status = 200, description = "A page of pins", body = CachePinList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn pins(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::Inspect)?;
    let page = mirror.pins(&filter(mirror, call.query())?, &page(&call)?).await?;
    Ok(answer::json(&views::pins(page), JSON))
}

/// Pin an image by hand
///
/// It is not evicted until the pin is ended or expires. A tag is looked up once: the pin is on the manifest that it points at
/// now.
#[utoipa::path(
    post, path = "/api/v1/cache/pins", operation_id = "pinCacheImage", tag = "cache", request_body = NewCachePin,
    responses(
        (status = 200, description = "The pins of the image", body = CachePinList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn pin(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    let new: NewCachePin = document(body).await?;
    let key = key(mirror, &new.name)?;
    let reference: Reference = new.reference.parse().map_err(wrong)?;
    let digest = match reference {
        Reference::Digest(digest) => digest,
        Reference::Tag(tag) => mirror.held_digest(&key, &tag).await?,
    };
    if new.reason.trim().is_empty() || new.reason.len() > LONGEST_REASON {
        return Err(Problem::bad(format!("`reason` must be 1 to {LONGEST_REASON} bytes long"))
            .about("reason")
            .with_hint("say why, for others who wonder")
            .in_chinese(format!("`reason` 的长度必须在 1 到 {LONGEST_REASON} 字节之间"))
            .with_chinese_hint("请写明原因，方便他人了解"));
    }
    let expires =
        new.expires.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds.min(u64::from(u32::MAX))));
    let held_by = by(&call).actor;
    let pin =
        NewPin { key: key.clone(), digest, source: PinSource::Hand, held_by, reason: new.reason, expires };
    mirror.pin(&[pin]).await?;
    let of = PinFilter { key: Some(key), digest: Some(digest), ..PinFilter::default() };
    Ok(answer::json(&views::pins(mirror.pins(&of, &page(&call)?).await?), JSON))
}

/// End pins
///
/// All that match what is given; at least one thing must be.
#[utoipa::path(
    delete, path = "/api/v1/cache/pins", operation_id = "unpinCacheImages", tag = "cache", params(CachePinQuery),
    responses(
        (status = 200, description = "How many were ended", body = CacheUnpinned),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn unpin(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    let filter = filter(mirror, call.query())?;
    if filter == PinFilter::default() {
        return Err(Problem::bad("nothing says which pins are meant")
            .with_hint("give at least one of `name`, `digest`, `source` and `held_by`")
            .in_chinese("没有说明要解除哪些保留")
            .with_chinese_hint("请至少给出 `name`、`digest`、`source`、`held_by` 之一"));
    }
    let pins = mirror.unpin(&filter).await?;
    Ok(answer::json(&CacheUnpinned { pins }, JSON))
}

/// What would be evicted now
#[utoipa::path(
    get, path = "/api/v1/cache/eviction/plan", operation_id = "planCacheEviction", tag = "cache",
    params(CacheEvictionQuery),
    responses(
        (status = 200, description = "The plan", body = CacheEvictionPlan),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn eviction_plan(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    let plan = mirror.eviction_plan(number(call.query(), "free")?).await?;
    Ok(answer::json(&views::plan(&plan), JSON))
}

/// How evictions stand
#[utoipa::path(
    get, path = "/api/v1/cache/eviction", operation_id = "getCacheEviction", tag = "cache",
    responses(
        (status = 200, description = "The one under way, and the last one", body = CacheEviction),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn eviction(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::Inspect)?;
    Ok(answer::json(&views::eviction(mirror.eviction()), JSON))
}

/// Evict now
///
/// With `plan`, exactly what that plan says, unless something speaks for an image by now. It goes on in the background.
#[utoipa::path(
    post, path = "/api/v1/cache/eviction", operation_id = "beginCacheEviction", tag = "cache",
    params(CacheEvictionQuery),
    responses(
        (status = 200, description = "It has begun", body = CacheEviction),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn begin_eviction(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    let plan: Option<Digest> = parsed(call.query(), "plan")?;
    mirror.begin_eviction(plan.as_ref(), number(call.query(), "free")?).await?;
    Ok(answer::json(&views::eviction(mirror.eviction()), JSON))
}

/// Cancel the eviction under way
///
/// What is gone stays gone.
#[utoipa::path(
    delete, path = "/api/v1/cache/eviction", operation_id = "cancelCacheEviction", tag = "cache",
    responses(
        (status = 200, description = "It ends soon", body = CacheEviction),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel_eviction(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    mirror.cancel_eviction();
    Ok(answer::json(&views::eviction(mirror.eviction()), JSON))
}

/// What a larger disk would have saved
#[utoipa::path(
    get, path = "/api/v1/cache/savings", operation_id = "getCacheSavings", tag = "cache",
    responses(
        (status = 200, description = "In the last seven days, in steps", body = CacheSavings),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn savings(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::Inspect)?;
    Ok(answer::json(&views::savings(mirror.savings().await?), JSON))
}

/// How scrubs stand
#[utoipa::path(
    get, path = "/api/v1/cache/scrub", operation_id = "getCacheScrub", tag = "cache",
    responses(
        (status = 200, description = "The one under way, and the last one", body = CacheScrub),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn scrub(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::Inspect)?;
    Ok(answer::json(&views::scrub(mirror.scrub()), JSON))
}

/// Hash all that is held again
///
/// Damaged content is set aside and fetched again. It goes on in the background, from where the last one was cut off.
#[utoipa::path(
    post, path = "/api/v1/cache/scrub", operation_id = "beginCacheScrub", tag = "cache", params(CacheScrubQuery),
    responses(
        (status = 200, description = "It has begun", body = CacheScrub),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn begin_scrub(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    mirror.begin_scrub(number(call.query(), "rate")?).await?;
    Ok(answer::json(&views::scrub(mirror.scrub()), JSON))
}

/// Cancel the scrub under way
#[utoipa::path(
    delete, path = "/api/v1/cache/scrub", operation_id = "cancelCacheScrub", tag = "cache",
    responses(
        (status = 200, description = "It ends soon", body = CacheScrub),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel_scrub(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    mirror.cancel_scrub();
    Ok(answer::json(&views::scrub(mirror.scrub()), JSON))
}

fn key(mirror: &Mirror, name: &str) -> Result<RepoKey, Problem> {
    let name: Name = name.parse().map_err(wrong)?;
    mirror.held_as(&name).map_err(|error: MirrorError| error.into())
}

fn filter(mirror: &Mirror, text: &str) -> Result<PinFilter, Problem> {
    let name = query::text(text, "name");
    let source = query::text(text, "source").map(|word| views::pin_source(&word).ok_or_else(no_source));
    Ok(PinFilter {
        key: name.map(|name| key(mirror, &name)).transpose()?,
        digest: parsed(text, "digest")?,
        source: source.transpose()?,
        held_by: query::text(text, "held_by"),
    })
}

fn no_source() -> Problem {
    Problem::bad("`source` is none of the sources of pins")
        .about("source")
        .with_hint("they are `requested`, `kept`, `shelf`, `instance` and `hand`")
        .in_chinese("`source` 不是保留的来源")
        .with_chinese_hint("来源有 `requested`、`kept`、`shelf`、`instance`、`hand`")
}

fn parsed<T>(text: &str, key: &str) -> Result<Option<T>, Problem>
where
    T: FromStr,
    T::Err: std::error::Error,
{
    query::text(text, key).map(|value| value.parse().map_err(wrong)).transpose()
}

fn number(text: &str, key: &'static str) -> Result<Option<u64>, Problem> {
    let parse = |value: String| {
        value.parse().map_err(|_| {
            Problem::bad(format!("`{key}` must be a number of bytes"))
                .about(key)
                .in_chinese(format!("`{key}` 必须是字节数"))
        })
    };
    query::text(text, key).map(parse).transpose()
}
