//! The router on the shared runtime. A connection's thread hands the request over and gets the response back: a
//! document at once, a stream frame by frame.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, extract::Request};
use bytes::Bytes;
use entrepot_mirror::{BlobStream, Cut};
use entrepot_oci::ErrorCode;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;
use tower_service::Service;

use super::{
    call::{Caller, is_api},
    router::{self, WrongMethod},
};
use crate::{
    answer::refuse, body::Body, error::Refusal, headers, ids::RequestId, metrics::RouteKind,
    pages::words::Language, state::ServerState, sync::problem::Problem,
};

/// Frames of a stream that may be queued for its connection.
const FRAMES: usize = 4;

/// The router and its runtime.
pub(crate) struct WebService {
    router: Router,
    runtime: Handle,
}

/// A response of the router.
pub(crate) struct WebAnswer {
    pub(crate) response: Response<Body>,
    /// The kind of address, set once it is known.
    pub(crate) kind: RouteKind,
}

impl WebService {
    /// The router of this server, on the current runtime.
    pub(crate) fn new(state: &Arc<ServerState>) -> Self {
        Self::of(router::router(Arc::clone(state)))
    }

    pub(crate) fn of(router: Router) -> Self {
        Self { router, runtime: Handle::current() }
    }

    /// Answers a request. Dropping the future stops the handler.
    ///
    /// # Errors
    /// The handler panicked, or its response broke off.
    pub(crate) async fn answer(&self, mut request: Request, caller: Caller) -> Result<WebAnswer, Refusal> {
        request.extensions_mut().insert(caller.clone());
        let task = self.runtime.spawn(route(self.router.clone(), request, caller.id));
        AbortOnDropHandle::new(task).await.unwrap_or_else(|_| Err(Refusal::panicked()))
    }
}

async fn route(mut router: Router, request: Request, id: RequestId) -> Result<WebAnswer, Refusal> {
    let is_api = is_api(request.uri().path());
    let language = Language::of("", request.headers());
    let response = router.call(request).await.unwrap_or_else(|never: Infallible| match never {});
    let (mut head, body) = response.into_parts();
    let kind = match head.extensions.remove::<RouteKind>() {
        _ if is_api => RouteKind::Api,
        found => found.unwrap_or(RouteKind::Page),
    };
    let mut response = match head.extensions.remove::<WrongMethod>() {
        Some(_) => wrong_method(&head.headers, is_api, &id),
        None => Response::from_parts(head, whole_or_stream(body).await?),
    };
    if language == Language::Chinese
        && let Some(problem) = response.extensions_mut().remove::<Problem>()
    {
        response = problem.answer_in(language);
    }
    if is_api {
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    Ok(WebAnswer { response, kind })
}

fn wrong_method(headers: &HeaderMap, is_api: bool, id: &RequestId) -> Response<Body> {
    // The router writes the list without spaces.
    let allowed = headers.get(header::ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
    let allowed = allowed.replace(',', ", ");
    if is_api {
        return Problem::method(allowed).answer();
    }
    let message = format!("the method is not one of {allowed}");
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message);
    let mut response = refuse(refusal, id);
    response.headers_mut().insert(header::ALLOW, headers::value(allowed));
    response
}

// A document is complete at once, so it is counted against the memory for responses.
async fn whole_or_stream(body: axum::body::Body) -> Result<Body, Refusal> {
    if body.size_hint().exact().is_some() {
        let bytes = body.collect().await.map_err(|_| Refusal::panicked())?.to_bytes();
        return Ok(if bytes.is_empty() { Body::empty() } else { Body::bytes(bytes) });
    }
    Ok(Body::stream(BlobStream { mapping: None, frames: relayed(body) }, None, None))
}

/// An item on its way from a stream to its connection.
enum RelayedItem {
    Frame(Bytes),
    /// The stream has ended. A stream without this item broke off.
    End,
}

// Read in this task, so that the code behind the stream runs on the shared runtime.
fn relayed(body: axum::body::Body) -> BoxStream<'static, Result<Bytes, Cut>> {
    let (sender, receiver) = mpsc::channel(FRAMES);
    tokio::spawn(async move {
        let mut frames = body.into_data_stream();
        loop {
            let frame = tokio::select! {
                frame = frames.next() => frame,
                () = sender.closed() => return,
            };
            let relayed = match frame {
                Some(Ok(bytes)) => RelayedItem::Frame(bytes),
                Some(Err(_)) => return,
                None => RelayedItem::End,
            };
            if sender.send(relayed).await.is_err() {
                return;
            }
        }
    });
    let next = |receiver: Option<mpsc::Receiver<RelayedItem>>| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(RelayedItem::Frame(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(RelayedItem::End) => None,
            None => Some((Err(Cut), None)),
        }
    };
    stream::unfold(Some(receiver), next).boxed()
}
