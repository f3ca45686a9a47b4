//! One request, from its head to its answer: bounds, dispatch, errors, panics, the record of it.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};

use entrepot_mirror::Mirror;
use entrepot_oci::ErrorBody;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Extra, Metrics, Refusal, admission,
    answers::Answers,
    body::Body,
    connection::Peer,
    control,
    headers::{self, JSON, X_REQUEST_ID},
    host::{self, Hosts, Unclear},
    ids::RequestId,
    incoming::Upload,
    local::Local,
    metrics::Kind,
    pages,
    patience::{Patience, Shortage},
    record::Record,
    registry,
    sync::{self, Problem, SyncService},
};

/// The largest request head that is taken, in bytes of names and values.
pub(crate) const MAX_HEAD: usize = 16 << 10;
/// The longest address that is taken, in bytes.
const MAX_ADDRESS: usize = 8 << 10;

/// Which of our two doors a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The network.
    Public,
    /// The socket for the local command line.
    Control,
}

/// What every request needs.
pub(crate) struct State {
    pub(crate) mirror: Mirror,
    pub(crate) registry: Arc<Registry>,
    /// The hosts that we answer to.
    pub(crate) hosts: Hosts,
    /// Whether this machine counts as its owner.
    pub(crate) local: Local,
    /// What is short at the moment.
    pub(crate) shortage: Shortage,
    answers: Answers,
    metrics: Metrics,
    draining: CancellationToken,
    sync: OnceLock<SyncService>,
}

/// Whom to believe and how long to wait, which follows from where we listen.
pub(crate) struct Terms {
    pub(crate) hosts: Hosts,
    pub(crate) local: Local,
    pub(crate) patience: Patience,
}

impl State {
    pub(crate) fn new(mirror: Mirror, registry: Arc<Registry>, metrics: Metrics, terms: Terms) -> Self {
        let Terms { hosts, local, patience } = terms;
        let (answers, shortage) = (Answers::new(mirror.budget().clone()), Shortage::none(patience));
        let (draining, sync) = (CancellationToken::new(), OnceLock::new());
        Self { mirror, registry, hosts, local, shortage, answers, metrics, draining, sync }
    }

    /// What runs rules, where there is such a thing.
    pub(crate) fn sync(&self) -> Option<&SyncService> {
        self.sync.get()
    }

    /// Lets the network see what runs rules. Only the first one is.
    pub(crate) fn offer(&self, sync: SyncService) {
        // Nobody offers a second one.
        let _ = self.sync.set(sync);
    }

    /// Cancelled when no more requests are wanted.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.draining
    }
}

/// A request as handlers see it.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a State,
    pub(crate) peer: &'a Peer,
    pub(crate) head: &'a Parts,
    /// The host that the client believes it is talking to.
    pub(crate) host: Result<Option<&'a str>, Unclear>,
    pub(crate) body: &'a mut Upload,
    /// What kind of address it turned out to be.
    pub(crate) kind: &'a mut Kind,
}

impl<'a> Call<'a> {
    pub(crate) fn path(&self) -> &'a str {
        self.head.uri.path()
    }

    pub(crate) fn query(&self) -> &'a str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The host that the client believes it is talking to. Nobody is let in who names several.
    pub(crate) fn host(&self) -> Option<&'a str> {
        self.host.ok().flatten()
    }
}

/// Answers a request, whatever happens.
pub(crate) async fn serve(
    state: &Arc<State>,
    peer: &Arc<Peer>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let id = RequestId::of(&head.headers);
    let mut record = Record::start(&head, &id, &state.metrics, peer);
    let mut body = Upload::new(body, state.mirror.budget());
    if peer.door() == Door::Public {
        state.local.notice(&head.headers);
    }
    let host = host::of(&head);
    let call = Call { state, peer, head: &head, host, body: &mut body, kind: &mut record.kind };
    let outcome = AssertUnwindSafe(answer(call)).catch_unwind().await;
    // The panic hook has logged what and where.
    let outcome = outcome.unwrap_or_else(|_| Err(Refusal::panicked()));
    let outcome = outcome.and_then(|response| admit(state, peer, response));
    let mut response = outcome.unwrap_or_else(|refusal| {
        if refusal.is_for_memory() {
            state.shortage.of_memory(Instant::now());
        }
        refuse(refusal, &id)
    });
    if !body.is_finished() || head.version >= Version::HTTP_2 {
        peer.leaves_unread();
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.header());
    if registry::is_below(head.uri.path()) {
        headers::put_on_all(headers);
    }
    if head.method == Method::HEAD {
        response = without_body(response);
    }
    record.status = Some(response.status());
    let offer = (head.version >= Version::HTTP_2).then(|| Arc::clone(peer));
    response.map(|body| body.ending(record, offer))
}

// What is in memory stays there until the client has it, so there must be room for it.
fn admit(state: &State, peer: &Arc<Peer>, response: Response<Body>) -> Result<Response<Body>, Refusal> {
    let (head, body) = response.into_parts();
    let body = body.admitted(&state.answers, peer).ok_or_else(Refusal::busy)?;
    Ok(Response::from_parts(head, body))
}

async fn answer(call: Call<'_>) -> Result<Response<Body>, Refusal> {
    check_size(call.head)?;
    let is_api = sync::is_below(call.path());
    match admission::admit(&call) {
        Ok(()) => {}
        Err(denied) if is_api => return Ok(Problem::from(denied).answer()),
        Err(denied) => return Err(denied.into()),
    }
    match call.peer.door() {
        _ if is_api => Ok(sync::answer(call).await),
        Door::Control => control::answer(call).await,
        Door::Public if registry::is_below(call.path()) => registry::answer(call).await,
        Door::Public => pages::answer(call).await,
    }
}

fn check_size(head: &Parts) -> Result<(), Refusal> {
    let address = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    if address > MAX_ADDRESS {
        return Err(Refusal::address_too_long(MAX_ADDRESS));
    }
    let headers: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > MAX_HEAD { Err(Refusal::headers_too_large(MAX_HEAD)) } else { Ok(()) }
}

/// The answer that a refusal becomes. What is our fault is logged, and the client gets the id to ask about it.
pub(crate) fn refuse(refusal: Refusal, id: &RequestId) -> Response<Body> {
    let Refusal { status, code, message, extra, cause } = refusal;
    let message = if status.is_server_error() {
        let cause = cause.map(|cause| cause.to_string());
        tracing::warn!(request = id.as_str(), %status, cause, "{message}");
        format!("{message} (request {})", id.as_str())
    } else {
        message
    };
    let mut response = Response::new(Body::bytes(ErrorBody::new(code, message).to_json()));
    *response.status_mut() = status;
    let to = response.headers_mut();
    to.insert(header::CONTENT_TYPE, JSON);
    match extra {
        Extra::None => {}
        Extra::Allow(methods) => {
            to.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        Extra::RetryAfter(seconds) => {
            to.insert(header::RETRY_AFTER, seconds.into());
        }
        Extra::Size(size) => {
            to.insert(header::CONTENT_RANGE, headers::value(format!("bytes */{size}")));
        }
        Extra::Upload { location, offset } => {
            to.insert(header::LOCATION, headers::value(location));
            to.insert(header::RANGE, headers::received(offset));
        }
    }
    response
}

// The headers of a `HEAD` are those of the `GET`, its length among them (RFC 9110 §9.3.2).
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let has_content = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let length = body.size_hint().exact().filter(|_| has_content);
    if let (Some(length), header::Entry::Vacant(entry)) = (length, head.headers.entry(header::CONTENT_LENGTH))
    {
        entry.insert(length.into());
    }
    Response::from_parts(head, Body::empty())
}

/// A response with room for its headers.
pub(crate) fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = http::HeaderMap::with_capacity(12);
    response
}

/// A response with a JSON document.
pub(crate) fn json<T: serde::Serialize>(value: &T, media_type: HeaderValue) -> Response<Body> {
    // Structs of texts and numbers always serialise.
    let mut response = respond(StatusCode::OK, Body::bytes(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
