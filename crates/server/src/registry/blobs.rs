//! Blobs (distribution-spec, §pulling blobs) and ranges of them (RFC 9110 §14).

use std::ops::Range;

use entrepot_mirror::{Opened, Probe, ServedBlob};
use entrepot_oci::{ByteRanges, Digest};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::{ask::Ask, parts::Parts};
use crate::{
    answer::respond,
    body::Body,
    error::Refusal,
    headers::{self, BYTES, IMMUTABLE, OCTETS},
    limits::{SentBlob, StreamShaping},
};

pub(super) async fn get(ask: &Ask<'_>, digest: &Digest) -> Result<Response<Body>, Refusal> {
    if headers::has_already(ask.headers, digest) {
        return Box::pin(head(ask, digest)).await;
    }
    if ask.state.limits.count_bytes() {
        Box::pin(ask.state.limits.check_cold(ask.mirror, &ask.asker(), (&ask.target.key, digest))).await?;
    }
    let blob = ask.mirror.blob(ask.target, digest).await?;
    let size = blob.size;
    let range = match selection(ask.headers, digest, &blob)? {
        Selection::All => None,
        Selection::Part(range) => Some(range),
        Selection::Parts(parts) => return Box::pin(get_parts(ask, digest, blob, parts)).await,
    };
    let length = range.as_ref().map(|range| range.end - range.start).or(size);
    let shaped = shaped(ask, digest, (&blob, length))?;
    let blob = if may_be_elsewhere(ask, digest, &blob, shaped.as_ref()) { blob } else { blob.through_here() };
    let body = match blob.open(range.clone()).await? {
        Opened::Bytes(bytes) => Body::shared(bytes),
        Opened::Mapped(mapping, range) => {
            let lent = ask.lending.map(|lending| lending.lend(&mapping));
            Body::mapped(mapping, range, lent)
        }
        Opened::Stream(stream) => {
            let lent =
                ask.lending.zip(stream.mapping.as_ref()).map(|(lending, mapping)| lending.lend(mapping));
            Body::stream(stream, length, lent)
        }
        Opened::Redirect(location) => {
            if let (Some(shaped), Some(length)) = (shaped, length) {
                shaped.sent_elsewhere(length);
            }
            return Ok(elsewhere(digest, location));
        }
    };
    let body = body.shaped(shaped);
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = respond(status, body);
    let to = response.headers_mut();
    describe(to, digest, length);
    if let (Some(range), Some(size)) = (range, size) {
        let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        to.insert(header::CONTENT_RANGE, headers::value(content_range));
    }
    Ok(response)
}

async fn get_parts(
    ask: &Ask<'_>,
    digest: &Digest,
    blob: ServedBlob,
    parts: Parts,
) -> Result<Response<Body>, Refusal> {
    let (length, content_type) = (Some(parts.length()), parts.content_type());
    let shaped = shaped(ask, digest, (&blob, length))?;
    let stream = parts.open(blob.through_here()).await?;
    let mut response =
        respond(StatusCode::PARTIAL_CONTENT, Body::stream(stream, length, None).shaped(shaped));
    let to = response.headers_mut();
    describe(to, digest, length);
    to.insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

// What the bytes are charged to.
fn shaped(
    ask: &Ask<'_>,
    digest: &Digest,
    (blob, length): (&ServedBlob, Option<u64>),
) -> Result<Option<StreamShaping>, Refusal> {
    if !ask.state.limits.count_bytes() {
        return Ok(None);
    }
    let key = &ask.target.key;
    let sent = SentBlob { key, digest, size: blob.size, length, temperature: blob.temperature() };
    ask.state.limits.shape(&ask.asker(), sent)
}

// An address of an object store works for whoever learns it, and at any speed.
fn may_be_elsewhere(
    ask: &Ask<'_>,
    digest: &Digest,
    blob: &ServedBlob,
    shaped: Option<&StreamShaping>,
) -> bool {
    blob.is_object()
        && !shaped.is_some_and(StreamShaping::has_rate)
        && ask.is_for_anybody(Probe::Blob(digest))
}

pub(super) async fn head(ask: &Ask<'_>, digest: &Digest) -> Result<Response<Body>, Refusal> {
    let size = ask.mirror.blob_head(ask.target, digest).await?.size;
    if headers::has_already(ask.headers, digest) {
        let mut response = respond(StatusCode::NOT_MODIFIED, Body::empty());
        headers::put_digest(response.headers_mut(), digest);
        response.headers_mut().insert(header::CACHE_CONTROL, IMMUTABLE);
        return Ok(response);
    }
    let body = if size.is_some() { Body::empty() } else { Body::unknown() };
    let mut response = respond(StatusCode::OK, body);
    describe(response.headers_mut(), digest, size);
    Ok(response)
}

pub(super) async fn delete(ask: &Ask<'_>, digest: &Digest) -> Result<Response<Body>, Refusal> {
    ask.mirror.delete_blob(ask.target, digest).await?;
    Ok(respond(StatusCode::ACCEPTED, Body::empty()))
}

/// What of a blob is sent.
enum Selection {
    All,
    Part(Range<u64>),
    Parts(Parts),
}

// Ranges are ignored if the size is unknown. So are several ranges of what is passed through: each would be a request to
// the upstream.
fn selection(headers: &HeaderMap, digest: &Digest, blob: &ServedBlob) -> Result<Selection, Refusal> {
    let Some(asked) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Ok(Selection::All);
    };
    let (Some(asked), Some(size)) = (ByteRanges::parse(asked), blob.size) else { return Ok(Selection::All) };
    if !headers::range_counts(headers, digest) {
        return Ok(Selection::All);
    }
    let mut ranges = asked.within(size).map_err(|_| Refusal::range(size))?.unwrap_or_default();
    Ok(match ranges.len() {
        0 => Selection::All,
        1 => Selection::Part(ranges.remove(0)),
        _ if blob.is_passed_through() => Selection::All,
        _ => Selection::Parts(Parts::new(ranges, digest, size)),
    })
}

fn describe(to: &mut HeaderMap, digest: &Digest, length: Option<u64>) {
    headers::put_digest(to, digest);
    to.insert(header::CONTENT_TYPE, OCTETS);
    to.insert(header::ACCEPT_RANGES, BYTES);
    to.insert(header::CACHE_CONTROL, IMMUTABLE);
    if let Some(length) = length {
        to.insert(header::CONTENT_LENGTH, length.into());
    }
}

// The URL is signed and expires soon, so it must not be cached.
fn elsewhere(digest: &Digest, location: String) -> Response<Body> {
    let mut response = respond(StatusCode::TEMPORARY_REDIRECT, Body::empty());
    let to = response.headers_mut();
    headers::put_digest(to, digest);
    to.insert(header::LOCATION, headers::value(location));
    to.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
