//! Blob uploads (distribution-spec, §pushing blobs): in one request, in chunks, or by mount.

use entrepot_mirror::{Error, Mounted, ResolvedRepository, UploadId, Uploader};
use entrepot_oci::{Algorithm, ChunkRange, Digest, Method, Name, UploadStart};
use http::{HeaderMap, Response, StatusCode, header};

use super::ask::Ask;
use crate::{
    action::{Action, ContentRef},
    answer::respond,
    authorize::{self, Question},
    body::Body,
    error::Refusal,
    headers::{self, DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID},
    incoming::Upload,
    permit::Permit,
    rule_admission::RuledRepository,
};

pub(super) async fn start(
    ask: &Ask<'_>,
    start: &UploadStart,
    body: &mut Upload,
) -> Result<Response<Body>, Refusal> {
    match start {
        UploadStart::Session(algorithm) => session(ask, *algorithm).await,
        UploadStart::Monolithic(digest) => monolithic(ask, digest, body).await,
        UploadStart::Mount { digest, from } => mount(ask, digest, from.as_ref()).await,
    }
}

async fn session(ask: &Ask<'_>, algorithm: Algorithm) -> Result<Response<Body>, Refusal> {
    let id = ask.mirror.start_upload(ask.target, algorithm, uploader(ask)).await?;
    Ok(stands(ask, StatusCode::ACCEPTED, id, 0))
}

async fn monolithic(ask: &Ask<'_>, digest: &Digest, body: &mut Upload) -> Result<Response<Body>, Refusal> {
    ask.mirror.push_blob(ask.target, digest, body).await?;
    Ok(created(ask, digest))
}

async fn mount(ask: &Ask<'_>, digest: &Digest, from: Option<&Name>) -> Result<Response<Body>, Refusal> {
    let source = match from {
        Some(from) => readable(ask, digest, from).await,
        None => None,
    };
    let from = source.as_ref().map(|(target, _)| target);
    Ok(match ask.mirror.mount(ask.target, digest, from, uploader(ask)).await? {
        Mounted::Yes => created(ask, digest),
        Mounted::No(id) => stands(ask, StatusCode::ACCEPTED, id, 0),
    })
}

// Returns where `from` leads, if the blob may be read there. A refusal is no error but looks like a missing blob: the
// response must not reveal what exists where.
async fn readable(ask: &Ask<'_>, digest: &Digest, from: &Name) -> Option<(ResolvedRepository, Permit)> {
    let source = ask.mirror.locate(from, ask.asked).ok()?;
    let action = &Action::Pull(ContentRef::Blob(digest));
    let repository = Some((from, &source.key));
    let (sender, origin, ruled) = (ask.sender, ask.origin, &RuledRepository::default());
    let question = Question { sender, action, method: Method::Get, repository, origin, ruled };
    let permit = authorize::admit(ask.state, &question).await.ok()?;
    Some((source, permit))
}

pub(super) async fn status(ask: &Ask<'_>, id: &str) -> Result<Response<Body>, Refusal> {
    let id = own(ask, id).await?;
    let offset = ask.mirror.upload_offset(ask.target, id).await?;
    Ok(stands(ask, StatusCode::NO_CONTENT, id, offset))
}

pub(super) async fn patch(ask: &Ask<'_>, id: &str, body: &mut Upload) -> Result<Response<Body>, Refusal> {
    let chunk = chunk(ask.headers)?;
    let id = own(ask, id).await?;
    let offset = ask.mirror.append(ask.target, id, chunk, body).await;
    let offset = offset.map_err(|error| refusal(ask, id, error))?;
    Ok(stands(ask, StatusCode::ACCEPTED, id, offset))
}

pub(super) async fn put(
    ask: &Ask<'_>,
    id: &str,
    digest: Option<&Digest>,
    body: &mut Upload,
) -> Result<Response<Body>, Refusal> {
    let digest = digest.ok_or_else(Refusal::digest_missing)?;
    let chunk = chunk(ask.headers)?;
    let id = own(ask, id).await?;
    finish(ask, id, (chunk, digest), body).await.map_err(|error| refusal(ask, id, error))?;
    Ok(created(ask, digest))
}

// The last chunk may come with the request that closes the upload.
async fn finish(
    ask: &Ask<'_>,
    id: UploadId,
    (chunk, digest): (Option<ChunkRange>, &Digest),
    body: &mut Upload,
) -> Result<(), Error> {
    let last = (chunk.is_some() || !body.is_finished()).then_some((chunk, body));
    ask.mirror.finish_upload(ask.target, id, digest, last).await
}

pub(super) async fn cancel(ask: &Ask<'_>, id: &str) -> Result<Response<Body>, Refusal> {
    let id = own(ask, id).await?;
    ask.mirror.cancel_upload(ask.target, id).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::empty()))
}

// An upload that the sender may continue. We create the ids, so an invalid one was never given out.
async fn own(ask: &Ask<'_>, id: &str) -> Result<UploadId, Error> {
    let id = UploadId::parse_str(id).map_err(|_| Error::UploadUnknown)?;
    ask.mirror.check_uploader(ask.target, id, uploader(ask)).await?;
    Ok(id)
}

fn uploader(ask: &Ask<'_>) -> Uploader {
    ask.sender.principal.account().map_or(Uploader::Anybody, |account| Uploader::Account(account.id))
}

fn chunk(headers: &HeaderMap) -> Result<Option<ChunkRange>, Refusal> {
    let Some(range) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let range = ChunkRange::parse(range.to_str().unwrap_or_default());
    let range = range.map_err(|error| Refusal::chunk(Some(error)))?;
    match headers::content_length(headers) {
        Some(length) if length != range.length() => Err(Refusal::chunk(None)),
        _ => Ok(Some(range)),
    }
}

fn refusal(ask: &Ask<'_>, id: UploadId, error: Error) -> Refusal {
    let offset = match &error {
        Error::ChunkOutOfOrder { offset } => Some(*offset),
        _ => None,
    };
    let refusal = Refusal::from(error);
    let Some(offset) = offset else { return refusal };
    let refusal = refusal.with(header::LOCATION, headers::value(address(ask, id)));
    refusal.with(header::RANGE, headers::received(offset))
}

fn address(ask: &Ask<'_>, id: UploadId) -> String {
    ask.address(format_args!("blobs/uploads/{id}"))
}

// The progress of an upload and the address to continue at.
fn stands(ask: &Ask<'_>, status: StatusCode, id: UploadId, offset: u64) -> Response<Body> {
    let mut response = respond(status, Body::empty());
    let to = response.headers_mut();
    to.insert(header::LOCATION, headers::value(address(ask, id)));
    to.insert(header::RANGE, headers::received(offset));
    to.insert(DOCKER_UPLOAD_UUID, headers::value(id.to_string()));
    response
}

fn created(ask: &Ask<'_>, digest: &Digest) -> Response<Body> {
    let mut response = respond(StatusCode::CREATED, Body::empty());
    let to = response.headers_mut();
    to.insert(header::LOCATION, headers::value(ask.address(format_args!("blobs/{digest}"))));
    to.insert(DOCKER_CONTENT_DIGEST, headers::value(digest.to_string()));
    response
}
