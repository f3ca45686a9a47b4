//! One request, from its head to its answer: bounds, dispatch, errors, panics, the record of it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use http::{Method, Request, Response, Version, request::Parts};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    admission,
    answer::{refuse, without_body},
    body::Body,
    call::Call,
    control,
    error::Refusal,
    headers::{self, X_REQUEST_ID},
    host,
    ids::RequestId,
    incoming::Upload,
    pages,
    peer::{Door, Peer},
    principal::{Evidence, Principal},
    record::Record,
    registry,
    state::State,
    sync::{api, problem::Problem},
};

/// The largest request head that is taken, in bytes of names and values.
pub(crate) const MAX_HEAD: usize = 16 << 10;
/// The longest address that is taken, in bytes.
const MAX_ADDRESS: usize = 8 << 10;

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
    let principal = Principal::of(&Evidence {
        door: peer.door(),
        address: peer.address(),
        host: host.ok().flatten(),
        local_counts: state.local.counts(),
        headers: &head.headers,
        token: state.token.as_ref(),
    });
    let call = Call { state, peer, head: &head, host, principal, body: &mut body, kind: &mut record.kind };
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
    let is_api = api::is_below(call.path());
    match admission::admit(&call) {
        Ok(()) => {}
        Err(denied) if is_api => return Ok(Problem::from(denied).answer()),
        Err(denied) => return Err(denied.into()),
    }
    match call.peer.door() {
        _ if is_api => Ok(api::answer(call).await),
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
