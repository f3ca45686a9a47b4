//! Requests that some registries refuse, with their error messages.

use std::time::Instant;

use bytes::Bytes;
use entrepot_oci::{Digest, ErrorCode, MediaType, Reference, Route};
use http::{Method, StatusCode};

use crate::{
    answer::CorrectResponse,
    capabilities::{Capabilities, Paging},
    pull::CURSOR,
    request::Call,
    state::RegistryState,
};

/// The refusal, if this registry does not support the request.
pub(crate) fn refuse(state: &mut RegistryState, call: &Call, body: &Bytes) -> Option<CorrectResponse> {
    if state.rush.is_too_much(state.capabilities.per_second, Instant::now()) {
        return Some(CorrectResponse::new(StatusCode::SERVICE_UNAVAILABLE));
    }
    let refusal = match (&call.method, call.route.as_ref().ok()?) {
        (&Method::GET, Route::Tags { .. }) => page(&state.capabilities, call),
        (&Method::PUT, Route::Manifest { .. }) => form(&state.capabilities, call),
        (&Method::POST, Route::Uploads { .. }) => mount(&state.capabilities, call),
        _ => None,
    };
    refusal.or_else(|| repository(state, call)).or_else(|| moved(state, call, body))
}

fn page(capabilities: &Capabilities, call: &Call) -> Option<CorrectResponse> {
    let refused =
        |message| CorrectResponse::error(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message);
    let last = call.query("last").filter(|_| capabilities.paging == Paging::OpaqueLast);
    if last.is_some_and(|last| !last.starts_with(CURSOR)) {
        return Some(refused("Invalid next token provided"));
    }
    let asked: usize = call.query("n")?.parse().ok()?;
    capabilities.longest_page.filter(|longest| asked > *longest)?;
    Some(refused("Invalid parameter at 'maxResults' failed to satisfy constraint"))
}

fn form(capabilities: &Capabilities, call: &Call) -> Option<CorrectResponse> {
    let kind = call.header("content-type").and_then(MediaType::parse)?;
    let is_refused = (kind == MediaType::OCI_INDEX && !capabilities.oci_indexes)
        || (kind == MediaType::OCI_MANIFEST && !capabilities.oci_manifests);
    let message = "Invalid image, fail to parse 'manifest.json'";
    is_refused.then(|| CorrectResponse::error(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, message))
}

fn mount(capabilities: &Capabilities, call: &Call) -> Option<CorrectResponse> {
    let is_blind = call.query("mount").is_some() && call.query("from").is_none();
    let is_refused = is_blind && !capabilities.mount_from_anywhere;
    is_refused.then(|| {
        CorrectResponse::error(StatusCode::BAD_REQUEST, ErrorCode::NameInvalid, "mounting needs `from`")
    })
}

fn repository(state: &RegistryState, call: &Call) -> Option<CorrectResponse> {
    let name = call.route.as_ref().ok()?.name()?;
    let is_there = state.store.repositories.contains_key(name.as_str());
    let is_refused = !state.capabilities.create_on_push && !is_there && !call.is_read();
    let message = || format!("The repository with name '{name}' does not exist in the registry");
    is_refused.then(|| CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, &message()))
}

fn moved(state: &mut RegistryState, call: &Call, body: &Bytes) -> Option<CorrectResponse> {
    let (&Method::PUT, Ok(Route::Manifest { name, reference: reference @ Reference::Tag(tag), .. })) =
        (&call.method, &call.route)
    else {
        return None;
    };
    if state.capabilities.move_tags {
        return None;
    }
    let (held, _) = state.store.repositories.get_mut(name.as_str())?.manifest(reference)?;
    let message = format!(
        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the \
         repository is immutable."
    );
    // Its error code is not in the spec.
    let body_json = format!(r#"{{"errors":[{{"code":"TAG_INVALID","message":"{message}"}}]}}"#);
    (held != Digest::of(body)).then(|| CorrectResponse::new(StatusCode::BAD_REQUEST).json(body_json))
}
