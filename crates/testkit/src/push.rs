//! Writing: uploads, manifests and deletion.

use bytes::Bytes;
use entrepot_oci::{
    self as oci, ChunkRange, Digest, ErrorCode, Manifest, MediaType, Reference, Route, Tag, UploadStart,
};
use http::{Method, StatusCode};

use crate::{allowance::allowance, answer::CorrectResponse, request::Call, state::RegistryState};

/// Handles a request that may change something.
pub(crate) fn answer(state: &mut RegistryState, call: &Call, route: &Route, body: Bytes) -> CorrectResponse {
    if call.method == Method::DELETE {
        return delete(state, route);
    }
    match route {
        Route::Manifest { name, reference, tags } => put_manifest(state, call, (name, reference, tags), body),
        Route::Uploads { name, start } => start_upload(state, name, start, body),
        Route::Upload { name, id, digest } => write_upload(state, call, (name, id, digest.as_ref()), body),
        _ => {
            CorrectResponse::error(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, "not that method")
        }
    }
}

fn put_manifest(
    state: &mut RegistryState,
    call: &Call,
    (name, reference, tags): (&oci::Name, &Reference, &[Tag]),
    body: Bytes,
) -> CorrectResponse {
    if let Err(refusal) = allowance(state, call) {
        return refusal;
    }
    let bad = |code, message: &str| CorrectResponse::error(StatusCode::BAD_REQUEST, code, message);
    let digest = match reference {
        Reference::Digest(digest) if digest.matches(&body) => *digest,
        Reference::Digest(_) => return bad(ErrorCode::DigestInvalid, "the digest is another"),
        Reference::Tag(_) => Digest::of(&body),
    };
    let declared = call.header("content-type").and_then(MediaType::parse);
    let manifest = match Manifest::parse(&body, declared.as_ref()) {
        Ok(manifest) => manifest,
        Err(error) => return bad(ErrorCode::ManifestInvalid, &error.to_string()),
    };
    let has_referrers = state.capabilities.referrers;
    let taken = StatusCode::from_u16(state.capabilities.manifest_taken).unwrap();
    let held = state.store.repository(name.as_str());
    let lacks_blob =
        manifest.blobs().any(|blob| !blob.is_foreign() && !held.blobs.contains_key(&blob.digest));
    let lacks_child = manifest.manifests().iter().any(|child| !held.manifests.contains_key(&child.digest));
    if lacks_blob || lacks_child {
        return bad(ErrorCode::ManifestBlobUnknown, "something it names is not here");
    }
    held.put_manifest(manifest.media_type(), body, digest);
    if let Reference::Tag(tag) = reference {
        held.tag(tag.as_str(), digest);
    }
    tags.iter().for_each(|tag| held.tag(tag.as_str(), digest));
    let answer = CorrectResponse::new(taken)
        .with("location", format!("/v2/{name}/manifests/{digest}"))
        .with_digest(&digest, true);
    let answer = tags.iter().fold(answer, |answer, tag| answer.and("oci-tag", tag.as_str()));
    match manifest.subject().filter(|_| has_referrers) {
        Some(subject) => answer.with("oci-subject", subject.digest.to_string()),
        None => answer,
    }
}

fn start_upload(
    state: &mut RegistryState,
    name: &oci::Name,
    start: &UploadStart,
    body: Bytes,
) -> CorrectResponse {
    match start {
        UploadStart::Monolithic(digest) => finish(state, name, digest, body),
        UploadStart::Mount { digest, from } => {
            let from = from.as_ref().filter(|_| state.capabilities.mount);
            let held = from.and_then(|from| state.store.repositories.get(from.as_str()));
            match held.and_then(|held| held.blobs.get(digest)).cloned() {
                Some(bytes) => finish(state, name, digest, bytes),
                None => open(state, name),
            }
        }
        UploadStart::Session(_) => open(state, name),
    }
}

fn open(state: &mut RegistryState, name: &oci::Name) -> CorrectResponse {
    let id = state.store.open_upload();
    let answer = under_way(StatusCode::ACCEPTED, name, &id, 0);
    let least = state.capabilities.least_chunk.into_iter();
    least.fold(answer, |answer, least| answer.with("oci-chunk-min-length", least.to_string()))
}

fn under_way(status: StatusCode, name: &oci::Name, id: &str, length: usize) -> CorrectResponse {
    CorrectResponse::new(status)
        .with("location", format!("/v2/{name}/blobs/uploads/{id}"))
        .with("range", format!("0-{}", length.saturating_sub(1)))
        .with("docker-upload-uuid", id)
}

fn unknown() -> CorrectResponse {
    CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown, "no such upload")
}

/// The state of an upload.
pub(crate) fn progress(state: &RegistryState, route: &Route) -> CorrectResponse {
    let Route::Upload { name, id, .. } = route else { return unknown() };
    match state.store.uploads.get(id) {
        Some(bytes) => under_way(StatusCode::NO_CONTENT, name, id, bytes.len()),
        None => unknown(),
    }
}

fn write_upload(
    state: &mut RegistryState,
    call: &Call,
    (name, id, digest): (&oci::Name, &str, Option<&Digest>),
    body: Bytes,
) -> CorrectResponse {
    let Some(upload) = state.store.uploads.get_mut(id) else { return unknown() };
    let range = call.header("content-range").map(ChunkRange::parse);
    let fits = match range {
        None => true,
        Some(Ok(range)) => range.first == upload.len() as u64 && range.length() == body.len() as u64,
        Some(Err(_)) => false,
    };
    if !fits {
        return under_way(StatusCode::RANGE_NOT_SATISFIABLE, name, id, upload.len());
    }
    upload.extend_from_slice(&body);
    match digest {
        Some(digest) if call.method == Method::PUT => {
            let whole = state.store.uploads.remove(id).unwrap_or_default().freeze();
            finish(state, name, digest, whole)
        }
        _ => under_way(StatusCode::ACCEPTED, name, id, upload.len()),
    }
}

/// Keeps the received part of a request body whose connection was dropped, as registries do.
pub(crate) fn keep_part(state: &mut RegistryState, call: &Call, part: &Bytes) {
    if let (&Method::PATCH, Ok(Route::Upload { id, .. })) = (&call.method, &call.route)
        && let Some(upload) = state.store.uploads.get_mut(id)
    {
        upload.extend_from_slice(part);
    }
}

fn finish(state: &mut RegistryState, name: &oci::Name, digest: &Digest, bytes: Bytes) -> CorrectResponse {
    if !digest.matches(&bytes) {
        return CorrectResponse::error(
            StatusCode::BAD_REQUEST,
            ErrorCode::DigestInvalid,
            "the digest is another",
        );
    }
    state.store.repository(name.as_str()).blobs.insert(*digest, bytes);
    CorrectResponse::new(StatusCode::CREATED)
        .with("location", format!("/v2/{name}/blobs/{digest}"))
        .with_digest(digest, true)
}

fn delete(state: &mut RegistryState, route: &Route) -> CorrectResponse {
    if !state.capabilities.delete {
        return CorrectResponse::error(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::Unsupported,
            "nothing is deleted here",
        );
    }
    if let Route::Upload { id, .. } = route {
        return match state.store.uploads.remove(id) {
            Some(_) => CorrectResponse::new(StatusCode::NO_CONTENT),
            None => unknown(),
        };
    }
    let held = route.name().and_then(|name| state.store.repositories.get_mut(name.as_str()));
    let was_there = held.is_some_and(|held| match route {
        Route::Blob { digest, .. } => held.blobs.remove(digest).is_some(),
        Route::Manifest { reference: Reference::Tag(tag), .. } => held.tags.remove(tag.as_str()).is_some(),
        Route::Manifest { reference: Reference::Digest(digest), .. } => held.delete_manifest(digest),
        _ => false,
    });
    match (was_there, route) {
        (true, _) => CorrectResponse::new(StatusCode::ACCEPTED),
        (_, Route::Blob { .. }) => {
            CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, "no such blob")
        }
        _ => CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, "no such manifest"),
    }
}
