//! Manifests (distribution-spec, §pulling and §pushing manifests).

use entrepot_mirror::Pushed;
use entrepot_oci::{Digest, MAX_MANIFEST_BYTES, MediaType, Reference, Tag};
use http::{HeaderMap, Response, StatusCode, header};

use super::ask::Ask;
use crate::{
    answer::respond,
    body::Body,
    error::Refusal,
    headers::{self, IMMUTABLE, OCI_SUBJECT, OCI_TAG, STALE},
    incoming::Upload,
    pullers::pulled,
};

/// Maximum number of tags in one `OCI-Tag` header, to stay below clients' header limits.
const TAGS_PER_HEADER: usize = 20;

pub(super) async fn get(ask: &Ask<'_>, reference: &Reference) -> Result<Response<Body>, Refusal> {
    let served = ask.mirror.manifest_for(ask.target, reference, ask.client_key()).await?;
    let manifest = served.manifest;
    ask.state.rules.leads_to(&ask.pulled(), &manifest.digest, Some(&manifest))?;
    ask.state.rules.pullers().count(|| pulled(ask.puller(), &ask.target.key, manifest.digest));
    if headers::has_already(ask.headers, &manifest.digest) {
        return Ok(not_modified(&manifest.digest, reference));
    }
    let mut response = respond(StatusCode::OK, Body::shared(manifest.bytes.clone()));
    let to = response.headers_mut();
    describe(to, &manifest.digest, &manifest.media_type, reference);
    to.insert(header::CONTENT_LENGTH, manifest.bytes.len().into());
    if served.stale {
        to.insert(header::WARNING, STALE);
    }
    Ok(response)
}

pub(super) async fn head(ask: &Ask<'_>, reference: &Reference) -> Result<Response<Body>, Refusal> {
    let served = ask.mirror.manifest_head(ask.target, reference).await?;
    ask.state.rules.leads_to(&ask.pulled(), &served.digest, None)?;
    if headers::has_already(ask.headers, &served.digest) {
        return Ok(not_modified(&served.digest, reference));
    }
    let body = if served.size.is_some() { Body::empty() } else { Body::unknown() };
    let mut response = respond(StatusCode::OK, body);
    let to = response.headers_mut();
    describe(to, &served.digest, &served.media_type, reference);
    if let Some(size) = served.size {
        to.insert(header::CONTENT_LENGTH, size.into());
    }
    if served.stale {
        to.insert(header::WARNING, STALE);
    }
    Ok(response)
}

pub(super) async fn put(
    ask: &Ask<'_>,
    reference: &Reference,
    tags: &[Tag],
    body: &mut Upload,
) -> Result<Response<Body>, Refusal> {
    let declared = headers::content_length(ask.headers);
    if declared.is_some_and(|length| length > MAX_MANIFEST_BYTES as u64) {
        return Err(Refusal::manifest_too_large());
    }
    let bytes = body.collect(MAX_MANIFEST_BYTES).await?.ok_or_else(Refusal::manifest_too_large)?;
    let media_type = ask.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(MediaType::parse);
    let pushed = (media_type.as_ref(), bytes);
    let pushed = ask.mirror.put_manifest(ask.target, reference, tags, pushed).await?;
    Ok(created(ask, &pushed))
}

pub(super) async fn delete(ask: &Ask<'_>, reference: &Reference) -> Result<Response<Body>, Refusal> {
    ask.mirror.delete_manifest(ask.target, reference).await?;
    Ok(respond(StatusCode::ACCEPTED, Body::empty()))
}

fn created(ask: &Ask<'_>, pushed: &Pushed) -> Response<Body> {
    let mut response = respond(StatusCode::CREATED, Body::empty());
    let to = response.headers_mut();
    headers::put_digest(to, &pushed.digest);
    let location = ask.address(format_args!("manifests/{}", pushed.digest));
    to.insert(header::LOCATION, headers::value(location));
    if let Some(subject) = &pushed.subject {
        to.insert(OCI_SUBJECT, headers::value(subject.to_string()));
    }
    for tags in pushed.tags.chunks(TAGS_PER_HEADER) {
        let tags = tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ");
        to.append(OCI_TAG, headers::value(tags));
    }
    response
}

fn not_modified(digest: &Digest, reference: &Reference) -> Response<Body> {
    let mut response = respond(StatusCode::NOT_MODIFIED, Body::empty());
    headers::put_digest(response.headers_mut(), digest);
    keep(response.headers_mut(), reference);
    response
}

fn describe(to: &mut HeaderMap, digest: &Digest, media_type: &MediaType, reference: &Reference) {
    headers::put_digest(to, digest);
    to.insert(header::CONTENT_TYPE, headers::content_type(media_type));
    keep(to, reference);
}

// Only a response to a request by digest is immutable.
fn keep(to: &mut HeaderMap, reference: &Reference) {
    if let Reference::Digest(_) = reference {
        to.insert(header::CACHE_CONTROL, IMMUTABLE);
    }
}
