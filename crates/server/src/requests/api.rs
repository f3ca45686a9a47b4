//! The JSON API of requests for images.

use axum::body::Body as RequestBody;
use entrepot_access::{AuditAction, Operation};
use entrepot_api::{
    ImageRequest, ImageRequestList, ImageRequestListQuery, ImageRequestLook, NewImageRequest,
    Problem as ProblemBody,
};
use entrepot_catalog::ImageRequestFilter;
use entrepot_requests::{Error, RequestState, RequestWatch};
use http::{Response, StatusCode};

use super::{
    views::{self, RequestViewer},
    wanted::{admit, asker, requests as of, wanted, whose},
};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    pages::{here::OwnAddress, response::language},
    sync::problem::Problem,
    web::{
        allowed::{by, may},
        call::WebCall,
        following::{FollowedSource, follow},
        request::{Segment, document, limit, parsed},
    },
};

/// List requests for images
///
/// One's own: those of the account, or else of the address. Whoever may inspect the server sees all.
#[utoipa::path(
    get, path = "/api/v1/requests", operation_id = "listRequests", tag = "requests", params(ImageRequestListQuery),
    responses(
        (status = 200, description = "A page of requests, the latest first", body = ImageRequestList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn requests(call: WebCall) -> Result<Response<Body>, Problem> {
    let requests = of(&call)?;
    let query = call.query();
    let filter = ImageRequestFilter {
        client: whose(&call),
        status: parsed(query, "status", views::status_named)?,
        before: parsed(query, "last", |text| text.parse().ok())?,
    };
    let page = requests.list(&filter, limit(query)?).await?;
    Ok(answer::json(&views::list(page, &reader(&call)), JSON))
}

/// Ask for an image
///
/// All of it is fetched for the platforms that were asked for, before anything that nobody waits for. Whoever asks for what
/// was asked for already joins that request.
#[utoipa::path(
    post, path = "/api/v1/requests", operation_id = "requestImage", tag = "requests",
    request_body = NewImageRequest,
    responses(
        (status = 201, description = "It was queued", body = ImageRequest),
        (status = 200, description = "It was asked for already, and the caller joined", body = ImageRequest),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn ask(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    of(&call)?;
    let NewImageRequest { image, platforms } = document(body).await?;
    let (state, is_new) = asked(&call, &image, &platforms).await?;
    let request = views::request(state, &reader(&call));
    Ok(if is_new { answer::created(&request) } else { answer::json(&request, JSON) })
}

/// Asks for an image for the caller. Returns the request, and whether it is new.
///
/// # Errors
/// The caller may not, or it is not certain what is meant.
pub(crate) async fn asked(
    call: &WebCall,
    image: &str,
    platforms: &[String],
) -> Result<(RequestState, bool), Problem> {
    let requests = of(call)?;
    let wanted = wanted(call, image, platforms)?;
    admit(call, &wanted.image).await?;
    let (state, is_new) = requests.ask(&wanted, &asker(call)).await?;
    noted(call, "request.create", &format!("{}: {}", state.record.id, state.record.image)).await;
    Ok((state, is_new))
}

/// Look at an image before asking for it
///
/// How large it is, and what of it is missing. Nothing is queued.
#[utoipa::path(
    post, path = "/api/v1/requests/look", operation_id = "lookAtImage", tag = "requests",
    request_body = NewImageRequest,
    responses(
        (status = 200, description = "The image", body = ImageRequestLook),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn look(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    of(&call)?;
    let NewImageRequest { image, platforms } = document(body).await?;
    Ok(answer::json(&looked(&call, &image, &platforms).await?, JSON))
}

/// Looks at an image for the caller.
///
/// # Errors
/// As for [`asked`].
pub(crate) async fn looked(
    call: &WebCall,
    image: &str,
    platforms: &[String],
) -> Result<ImageRequestLook, Problem> {
    let requests = of(call)?;
    let wanted = wanted(call, image, platforms)?;
    admit(call, &wanted.image).await?;
    Ok(views::look(&wanted.image, &requests.look(&wanted).await?))
}

/// One request for an image
#[utoipa::path(
    get, path = "/api/v1/requests/{id}", operation_id = "getRequest", tag = "requests",
    params(("id" = u32, Path, description = "The request")),
    responses(
        (status = 200, description = "The request as it is now", body = ImageRequest),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn request(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    of(&call)?;
    let id = request_id(&id?.0)?;
    Ok(answer::json(&views::request(found(&call, id).await?, &reader(&call)), JSON))
}

/// A request that the caller sees, as it is now.
///
/// # Errors
/// There is none.
pub(crate) async fn found(call: &WebCall, id: i64) -> Result<RequestState, Problem> {
    let mut watch = of(call)?.watch(id, whose(call).as_deref()).await?;
    watch.next().await.ok_or_else(|| Error::Unknown(id.to_string()).into())
}

/// Take a request back
///
/// It leaves the queue, or is stopped, if nobody else asks for the image. Those who may manage the cache stop it for all.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/cancel", operation_id = "cancelRequest", tag = "requests",
    params(("id" = u32, Path, description = "The request")),
    responses(
        (status = 204, description = "It was taken back"),
        (status = 409, description = "It has ended", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    of(&call)?;
    canceled(&call, request_id(&id?.0)?).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Takes a request back for the caller.
///
/// # Errors
/// There is none of theirs, or it has ended.
pub(crate) async fn canceled(call: &WebCall, id: i64) -> Result<(), Problem> {
    let requests = of(call)?;
    if may(call, Operation::ManageCache) {
        requests.cancel(id).await?;
    } else {
        requests.leave(id, &asker(call).client).await?;
    }
    noted(call, "request.cancel", &id.to_string()).await;
    Ok(())
}

/// Follow a request for an image
///
/// Server-sent events of the name `request`, each with an `ImageRequest`: at once, at least twice a second while it is open,
/// and at its end, after which the stream ends.
#[utoipa::path(
    get, path = "/api/v1/requests/{id}/events", operation_id = "watchRequest", tag = "requests",
    params(("id" = u32, Path, description = "The request")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "A stream of events"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn watch(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let requests = of(&call)?;
    let watch = requests.watch(request_id(&id?.0)?, whose(&call).as_deref()).await?;
    follow(&call, FollowedRequest { watch, viewer: reader(&call) })
}

struct FollowedRequest {
    watch: RequestWatch,
    viewer: RequestViewer,
}

impl FollowedRequest {
    // Types of strings and numbers always serialize.
    fn json(&self, state: RequestState) -> String {
        serde_json::to_string(&views::request(state, &self.viewer)).unwrap_or_default()
    }
}

impl FollowedSource for FollowedRequest {
    const EVENT: &'static str = "request";

    async fn next(&mut self) -> Option<String> {
        let state = self.watch.next().await?;
        Some(self.json(state))
    }

    fn now(&self) -> Option<String> {
        self.watch.now().map(|state| self.json(state))
    }
}

/// Who reads requests, and where.
pub(crate) fn reader(call: &WebCall) -> RequestViewer {
    let here = OwnAddress::of(&call.origin(), call.state.mirror.names());
    RequestViewer { host: here.host().to_owned(), language: language(call) }
}

async fn noted(call: &WebCall, action: &str, object: &str) {
    let Some(access) = &call.state.access else { return };
    if let Err(error) = access.record_done(AuditAction { action, object, detail: None }, &by(call)).await {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}

fn request_id(text: &str) -> Result<i64, Problem> {
    text.parse::<u32>().map(i64::from).map_err(|_| Error::Unknown(text.to_owned()).into())
}
