//! Reading: manifests, blobs, tags and referrers.

use entrepot_oci::{self as oci, ByteRange, Digest, ErrorCode, Page, Reference, ReferrersIndex, Route};
use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    allowance::allowance, answer::CorrectResponse, capabilities::Paging, push, request::Call,
    state::RegistryState,
};

/// Handles a `GET` or `HEAD`, with the body in either case.
pub(crate) fn answer(state: &mut RegistryState, call: &Call, route: &Route) -> CorrectResponse {
    match route {
        Route::Ping => CorrectResponse::new(StatusCode::OK).json("{}"),
        Route::Manifest { name, reference, .. } => manifest(state, call, name, reference),
        Route::Blob { name, digest } => blob(state, call, name, digest),
        Route::Tags { name, page } => tags(state, call, name, page),
        Route::Referrers { name, subject, artifact_type } => {
            referrers(state, call, name, (subject, artifact_type.as_deref()))
        }
        Route::Uploads { .. } | Route::Upload { .. } => push::progress(state, route),
    }
}

fn manifest(
    state: &mut RegistryState,
    call: &Call,
    name: &oci::Name,
    reference: &Reference,
) -> CorrectResponse {
    let limits = match allowance(state, call) {
        Ok(limits) => limits,
        Err(refusal) => return refusal,
    };
    let has_digest = state.capabilities.digest_header;
    let digest_tags = state.capabilities.digest_tags;
    let held = state.store.repositories.get_mut(name.as_str());
    let found = held.and_then(|held| {
        let meant = || Some(Reference::Digest(reference.to_string().replacen('-', ":", 1).parse().ok()?));
        held.manifest(reference).or_else(|| held.manifest(&meant().filter(|_| digest_tags)?))
    });
    let Some((digest, stored)) = found else {
        return CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, "no such manifest");
    };
    let answer = CorrectResponse::new(StatusCode::OK).body(stored.media_type.as_str(), stored.bytes);
    limits
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.with(name, value))
        .with_digest(&digest, has_digest)
        .with("etag", format!("\"{digest}\""))
}

fn blob(state: &RegistryState, call: &Call, name: &oci::Name, digest: &Digest) -> CorrectResponse {
    let capabilities = &state.capabilities;
    let held = state.store.repositories.get(name.as_str()).and_then(|held| held.blobs.get(digest));
    let Some(bytes) = held.cloned() else {
        return CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, "no such blob");
    };
    if let Some(status) = capabilities.refused_blob_heads.filter(|_| call.method == Method::HEAD) {
        return CorrectResponse::new(StatusCode::from_u16(status).unwrap());
    }
    if let Some(base) = &capabilities.blobs_at {
        return CorrectResponse::new(StatusCode::TEMPORARY_REDIRECT)
            .with("location", format!("{base}{}", call.path));
    }
    let answer = CorrectResponse::new(StatusCode::OK).with_digest(digest, capabilities.digest_header);
    if !capabilities.ranges {
        return answer.body("application/octet-stream", bytes);
    }
    let answer = answer.with("accept-ranges", "bytes");
    let size = bytes.len() as u64;
    match call.header("range").and_then(ByteRange::parse).map(|range| range.within(size)) {
        None => answer.body("application/octet-stream", bytes),
        Some(Ok(range)) => {
            let part = bytes.slice(to_usize(range.start)..to_usize(range.end));
            let said = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            let answer = answer.with("content-range", said).body("application/octet-stream", part);
            CorrectResponse { status: StatusCode::PARTIAL_CONTENT, ..answer }
        }
        Some(Err(_)) => {
            let message = "the range starts past the end";
            CorrectResponse::error(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message)
                .with("content-range", format!("bytes */{size}"))
        }
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn tags(state: &RegistryState, call: &Call, name: &oci::Name, page: &Page) -> CorrectResponse {
    let Some(held) = state.store.repositories.get(name.as_str()) else {
        return CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, "no such repository");
    };
    let (tags, link) = listing(state, call, page, held.tags.keys());
    let answer =
        CorrectResponse::new(StatusCode::OK).json(json!({ "name": name.as_str(), "tags": tags }).to_string());
    link.into_iter().fold(answer, |answer, link| answer.with("link", link))
}

/// `/v2/_catalog`, which the spec leaves to implementations.
pub(crate) fn catalog(state: &RegistryState, call: &Call) -> CorrectResponse {
    let page = Page::parse(call.query("n").as_deref(), call.query("last").as_deref()).unwrap_or_default();
    let (names, link) = listing(state, call, &page, state.store.repositories.keys());
    let answer = CorrectResponse::new(StatusCode::OK).json(json!({ "repositories": names }).to_string());
    link.into_iter().fold(answer, |answer, link| answer.with("link", link))
}

/// One page of sorted names and the `Link` to the next.
fn listing<'a>(
    state: &RegistryState,
    call: &Call,
    page: &Page,
    all: impl Iterator<Item = &'a String>,
) -> (Vec<&'a String>, Option<String>) {
    let asked = call.query("n").map_or(usize::MAX, |_| page.limit());
    let limit = asked.min(state.capabilities.tags_page.unwrap_or(usize::MAX));
    let all: Vec<_> = all.collect();
    let start = match state.capabilities.paging {
        Paging::ByName => {
            let is_before = |name: &&&String| page.after().is_some_and(|after| name.as_str() <= after);
            all.iter().take_while(is_before).count()
        }
        Paging::NextPage => offset(call.query("next_page")),
        Paging::OpaqueLast => offset(call.query("last")),
    };
    let names: Vec<_> = all.iter().copied().skip(start).take(limit).collect();
    let behind = start + names.len();
    let next = names.last().filter(|_| behind < all.len() && state.capabilities.links);
    let link = next.map(|last| match state.capabilities.paging {
        Paging::ByName => format!("<{}?n={limit}&last={last}>; rel=\"next\"", call.path),
        Paging::NextPage => format!("<{}?next_page={CURSOR}{behind}&n={limit}>; rel=\"next\"", call.path),
        Paging::OpaqueLast => format!("<{}?last={CURSOR}{behind}&n={limit}>; rel=\"next\"", call.path),
    });
    (names, link)
}

/// What a cursor begins with. The number of entries before the page follows.
pub(crate) const CURSOR: &str = "cursor.";

fn offset(cursor: Option<String>) -> usize {
    cursor.and_then(|cursor| cursor.strip_prefix(CURSOR)?.parse().ok()).unwrap_or_default()
}

fn referrers(
    state: &RegistryState,
    call: &Call,
    name: &oci::Name,
    of: (&Digest, Option<&str>),
) -> CorrectResponse {
    let (subject, artifact_type) = of;
    if state.capabilities.referrers_for_people {
        return CorrectResponse::new(StatusCode::SEE_OTHER).with("location", "/-/v2/packages/for-people");
    }
    if !state.capabilities.referrers {
        return CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::Unknown, "no referrers API");
    }
    let held = state.store.repositories.get(name.as_str());
    let mut found = held.map(|held| held.referrers(subject)).unwrap_or_default();
    found.retain(|one| artifact_type.is_none_or(|kind| one.artifact_type.as_deref() == Some(kind)));
    let start: usize = call.query("start").and_then(|start| start.parse().ok()).unwrap_or(0);
    let limit = state.capabilities.referrers_page.unwrap_or(usize::MAX);
    let is_more = found.len() > start.saturating_add(limit);
    let page: Vec<_> = found.into_iter().skip(start).take(limit).collect();
    let body = serde_json::to_vec(&ReferrersIndex::new(page)).unwrap();
    let mut answer = CorrectResponse::new(StatusCode::OK).body(oci::MediaType::OCI_INDEX.as_str(), body);
    if let Some(kind) = artifact_type {
        answer = answer.with("oci-filters-applied", "artifactType");
        if is_more {
            let next = start + limit;
            return answer
                .with("link", format!("<{}?artifactType={kind}&start={next}>; rel=\"next\"", call.path));
        }
    }
    if is_more {
        answer = answer.with("link", format!("<{}?start={}>; rel=\"next\"", call.path, start + limit));
    }
    answer
}
