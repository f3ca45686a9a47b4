//! One request, from head to response: size limits, dispatch, errors, panics and its record.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode, Version, request::Parts};
use hyper::body::Incoming;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    access::Line,
    admission,
    answer::{refuse, without_body},
    audit_log::AuditActor,
    body::Body,
    call::Call,
    client::Client,
    error::Refusal,
    headers::{self, X_REQUEST_ID},
    host,
    ids::RequestId,
    incoming::Upload,
    memo::{Memo, Moment},
    metrics::RouteKind,
    origin::Origin,
    pages::errors,
    peer::{ListenerKind, Peer},
    record::Record,
    registry,
    rule_admission::RuledRepository,
    sender::{Credentials, Evidence, Found, Sender},
    state::ServerState,
    sync::problem::Problem,
    web::{
        call::{Caller, is_api},
        site::WebService,
    },
};

/// Limit of a request head, in bytes of names and values.
pub(crate) const MAX_HEAD: usize = 32 << 10;
/// Limit of an address, in bytes.
const MAX_ADDRESS: usize = 8 << 10;

/// The handler of all requests.
pub(crate) struct Service {
    pub(crate) state: Arc<ServerState>,
    site: WebService,
}

/// The other end of a connection, and the credentials that it sent last.
pub(crate) struct Connected {
    pub(crate) peer: Arc<Peer>,
    pub(crate) memo: Memo,
    /// What the rules allowed last.
    pub(crate) ruled: RuledRepository,
}

/// A request as received.
struct Received<'a> {
    from: &'a Connected,
    head: Parts,
    id: &'a RequestId,
    body: Upload,
}

/// A request for something that is not of the registry API.
struct Asked {
    caller: Caller,
    client: Client,
    head: Parts,
    body: Upload,
}

/// The outcome of a request.
struct Answered {
    outcome: Result<Response<Body>, Refusal>,
    /// True if the request body was read to the end.
    all_read: bool,
}

impl Service {
    pub(crate) fn new(state: Arc<ServerState>, site: WebService) -> Self {
        Self { state, site }
    }

    /// Answers a request; errors and panics become responses.
    pub(crate) async fn serve(&self, from: &Connected, request: Request<Incoming>) -> Response<Body> {
        let (state, peer) = (&*self.state, &from.peer);
        let (head, body) = request.into_parts();
        let id = RequestId::of(&head.headers);
        let origin =
            Origin { front: &state.front, address: peer.address(), headers: &head.headers, host: None };
        let mut record = Record::start(&head, Line::of(&head, &id, &origin), &state.metrics, peer);
        let body = Upload::new(body, state.mirror.budget());
        if peer.door() == ListenerKind::Public {
            state.local.notice(&head.headers);
        }
        let (is_head, version) = (head.method == Method::HEAD, head.version);
        let is_registry = registry::is_below(head.uri.path());
        let span = record.span.clone();
        // On the heap, and given back before the response is sent: a stream of HTTP/2 keeps this future's own room until
        // then. Nor is it moved again into what watches over it.
        let answering = Box::pin(self.answer(Received { from, head, id: &id, body }, &mut record.kind));
        let answering = answering.instrument(span);
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        // The panic hook has logged the message and location.
        let Answered { outcome, all_read } =
            answered.unwrap_or_else(|_| Answered { outcome: Err(Refusal::panicked()), all_read: false });
        let refused = |refusal: Refusal| {
            if refusal.is_for_memory() {
                state.shortage.of_memory(Instant::now());
            }
            refuse(refusal, &id)
        };
        let mut response = outcome.unwrap_or_else(refused);
        // A body in memory stays there until the client has read it.
        if !response.body_mut().take_room(&state.answers, peer) {
            response = refused(Refusal::busy());
        }
        if !all_read || version >= Version::HTTP_2 {
            peer.leaves_unread();
        }
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id.header());
        if is_registry {
            headers::put_on_all(headers);
        }
        if is_head {
            response = without_body(response);
        }
        record.status = Some(response.status());
        let offer = (version >= Version::HTTP_2).then(|| Arc::clone(peer));
        response.body_mut().end(record, offer);
        response
    }

    // The same credentials come with every request of a connection. What looks others up is boxed because it is large, and
    // rarely runs.
    async fn sender(&self, evidence: &Evidence<'_>, memo: &Memo) -> Sender {
        let access = self.state.access.as_ref();
        let (ListenerKind::Public, Some(access), Some(sent)) = (evidence.door, access, evidence.sent())
        else {
            return match Sender::at_once(evidence) {
                Some(sender) => sender,
                None => Box::pin(Sender::of(evidence, access)).await,
            };
        };
        let at = Moment { generation: access.generation(), now: Instant::now().into_std() };
        if let Some(known) = memo.recall(sent, at) {
            return known;
        }
        let found = Box::pin(Sender::by_credentials(evidence, Some(access), sent)).await;
        let Found { sender, lifetime } = found;
        memo.remember(sent, &sender, at, lifetime);
        sender
    }

    // The registry API runs here, on the connection's thread; everything else in the router, on the shared runtime.
    async fn answer(&self, received: Received<'_>, kind: &mut RouteKind) -> Answered {
        let Received { from: Connected { peer, memo, ruled }, head, id, mut body } = received;
        let host = host::of(&head);
        let (address, named) = (peer.address(), host.ok().flatten());
        let evidence = Evidence {
            door: peer.door(),
            origin: Origin { front: &self.state.front, address, headers: &head.headers, host: named },
            local_counts: self.state.local.counts(),
            has_cookies: has_cookies(head.uri.path()),
            token: self.state.token.as_ref(),
        };
        let sender = self.sender(&evidence, memo).await;
        let call = Call {
            state: &self.state,
            peer,
            head: &head,
            host,
            sender: &sender,
            body: &mut body,
            kind,
            id,
            ruled,
        };
        if let Some(outcome) = refused(&call) {
            return Answered { outcome, all_read: body.is_finished() };
        }
        if peer.door() == ListenerKind::Public && registry::is_below(call.path()) {
            let outcome = registry::answer(call).await;
            // Nearly no request has refused credentials, and the others need no client.
            if matches!(sender.credentials, Credentials::Refused(_))
                && let Some(doer) = self.doer(&sender, Client::at(evidence.origin.client()), id)
            {
                Box::pin(doer.login(status_of(&outcome))).await;
            }
            return Answered { outcome, all_read: body.is_finished() };
        }
        let host = call.host().map(str::to_owned);
        let caller = Caller { sender: sender.clone(), address: peer.address(), host, id: id.clone() };
        let client = Client::at(evidence.origin.client());
        Box::pin(self.page(Asked { caller, client, head, body }, kind)).await
    }

    // Whatever is not the registry API.
    async fn page(&self, asked: Asked, kind: &mut RouteKind) -> Answered {
        let Asked { caller, client, head, body } = asked;
        let (sender, id) = (caller.sender.clone(), caller.id.clone());
        let (body, finished) = body.into_body();
        let (method, path) = (head.method.clone(), head.uri.path().to_owned());
        let outcome = self.site.answer(Request::from_parts(head, body), caller).await.map(|answer| {
            *kind = answer.kind;
            answer.response
        });
        if let Some(doer) = self.doer(&sender, client, &id) {
            doer.login(status_of(&outcome)).await;
            if is_api(&path) {
                doer.change(&method, &path, status_of(&outcome)).await;
            }
        }
        Answered { outcome, all_read: finished.load(Ordering::Acquire) }
    }

    // For the audit log, where there are accounts.
    fn doer<'a>(&'a self, sender: &'a Sender, client: Client, id: &'a RequestId) -> Option<AuditActor<'a>> {
        self.state.access.as_ref().map(|access| AuditActor { access, sender, client, id })
    }
}

fn status_of(outcome: &Result<Response<Body>, Refusal>) -> StatusCode {
    match outcome {
        Ok(response) => response.status(),
        Err(refusal) => refusal.status,
    }
}

// Registry clients keep cookies that they are given, and send them where they should not.
fn has_cookies(path: &str) -> bool {
    !registry::is_below(path) && path != "/token"
}

// The response to a request that is not admitted.
fn refused(call: &Call<'_>) -> Option<Result<Response<Body>, Refusal>> {
    if let Err(refusal) = check_size(call.head) {
        return Some(Err(refusal));
    }
    let denied = admission::admit(call).err()?;
    if let Some(page) = errors::denied(&denied, call.path(), &call.head.headers) {
        return Some(Ok(page));
    }
    Some(if is_api(call.path()) { Ok(Problem::from(denied).answer()) } else { Err(denied.into()) })
}

fn check_size(head: &Parts) -> Result<(), Refusal> {
    let address = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    if address > MAX_ADDRESS {
        return Err(Refusal::address_too_long(MAX_ADDRESS));
    }
    let headers: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > MAX_HEAD { Err(Refusal::headers_too_large(MAX_HEAD)) } else { Ok(()) }
}
