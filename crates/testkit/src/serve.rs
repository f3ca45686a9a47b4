//! Handles connections and requests: log it, hold it, execute it, apply faults to the response.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use entrepot_oci::{ErrorCode, RouteError};
use http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

use crate::{
    answer::CorrectResponse,
    body::{Body, PlayedBody},
    capabilities::TOO_LARGE,
    fault::Action,
    log::{LogEntry, ResponseEnd},
    play::{self, Script},
    pull, push, quirks,
    request::{Call, ResourceKind},
    state::{RegistryShared, RegistryState},
    wire::{FaultyStream, Signal},
};

/// Accepts connections until told to stop, then drops them all.
pub(crate) async fn accept(
    listener: TcpListener,
    shared: Arc<RegistryShared>,
    mut stop: oneshot::Receiver<Infallible>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            Ok((stream, peer)) = listener.accept() => {
                connections.spawn(connection(stream, peer, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<RegistryShared>) {
    stream.set_nodelay(true).unwrap();
    let (wire, signal) = FaultyStream::new(stream);
    let service = service_fn(|request| serve(request, peer, signal.clone(), shared.clone()));
    let builder = auto::Builder::new(TokioExecutor::new());
    // An error is a client that left or a fault that cut the connection: both are in the log.
    drop(builder.serve_connection(TokioIo::new(wire), service).await);
}

/// Handles a request; an error closes the connection without a response.
async fn serve(
    request: http::Request<Incoming>,
    peer: SocketAddr,
    wire: Arc<Signal>,
    shared: Arc<RegistryShared>,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let call = Call::new(&parts);
    let entry = shared.journal.enter(&call, peer);
    let actions = shared.select(&call);
    let Some(answer) = act(&call, body, &actions, (&shared, &entry)).await? else {
        entry.write(|request| request.end = ResponseEnd::Cut);
        return Err(io::Error::other("hung up by a fault"));
    };
    let mut script = Script::new(answer, &actions);
    if call.method == Method::HEAD {
        script.body = Bytes::new();
        script.events.clear();
        if !shared.state().capabilities.head_lengths {
            script.headers.remove(header::CONTENT_LENGTH);
        }
    }
    entry.write(|request| request.status = script.status.as_u16());
    let mut response = Response::new(());
    *response.version_mut() = script.version;
    *response.status_mut() = script.status;
    *response.headers_mut() = std::mem::take(&mut script.headers);
    Ok(response.map(|()| PlayedBody::new(script, entry, wire, shared).into_body()))
}

/// Executes the request as far as `actions` permit; `None` to hang up.
async fn act(
    call: &Call,
    body: Incoming,
    actions: &[Action],
    (shared, entry): (&RegistryShared, &LogEntry),
) -> io::Result<Option<CorrectResponse>> {
    let most = actions.iter().find_map(|action| match action {
        Action::HangupAfter(most) => Some(*most),
        _ => None,
    });
    if is_too_large(shared, call) {
        return Ok(Some(too_large()));
    }
    let body = read(body, most.unwrap_or(u64::MAX), (shared, entry)).await?;
    if most.is_some() {
        push::keep_part(&mut shared.state(), call, &body);
        return Ok(None);
    }
    hold(actions).await;
    let has = |wanted: fn(&Action) -> bool| actions.iter().any(wanted);
    if has(|action| matches!(action, Action::Hangup)) {
        return Ok(None);
    }
    if call.kind == ResourceKind::Upload && shared.state().capabilities.refuses(body.len() as u64) {
        return Ok(Some(too_large()));
    }
    let mut call = call.clone();
    if has(|action| matches!(action, Action::IgnoreRange)) {
        call.headers.remove(header::RANGE);
    }
    let answer = play::replacement(actions, &call).unwrap_or_else(|| answer(shared, &call, body));
    Ok(if has(|action| matches!(action, Action::LoseAnswer)) { None } else { Some(answer) })
}

// Judged by its announced length, before a byte was read.
fn is_too_large(shared: &RegistryShared, call: &Call) -> bool {
    let length = call.header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default();
    call.kind == ResourceKind::Upload && shared.state().capabilities.refuses(length)
}

// As a proxy in front of a registry says it.
fn too_large() -> CorrectResponse {
    CorrectResponse::new(StatusCode::PAYLOAD_TOO_LARGE).body("text/html", TOO_LARGE)
}

async fn read(
    mut body: Incoming,
    most: u64,
    (shared, entry): (&RegistryShared, &LogEntry),
) -> io::Result<Bytes> {
    let mut read = BytesMut::new();
    while (read.len() as u64) < most {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            let room = usize::try_from(most - read.len() as u64).unwrap_or(usize::MAX);
            read.extend_from_slice(&data[..data.len().min(room)]);
            entry.write(|request| request.received = read.len() as u64);
            let pace = shared.state().capabilities.upload_pace;
            if let Some(pace) = pace {
                tokio::time::sleep(Duration::from_secs_f64(data.len() as f64 / pace as f64)).await;
            }
        }
    }
    Ok(read.freeze())
}

async fn hold(actions: &[Action]) {
    for action in actions {
        match action {
            Action::Delay(time) => tokio::time::sleep(*time).await,
            Action::Gate(gate) => gate.pass().await,
            _ => {}
        }
    }
}

// The answer, before any fault touches it.
fn answer(shared: &RegistryShared, call: &Call, body: Bytes) -> CorrectResponse {
    let mut state = shared.state();
    let refusal = state.refuse(call, &shared.url());
    let refusal = refusal.or_else(|| quirks::refuse(&mut state, call, &body));
    refusal.unwrap_or_else(|| sane(&mut state, call, body))
}

// What a sane registry answers.
fn sane(state: &mut RegistryState, call: &Call, body: Bytes) -> CorrectResponse {
    if call.kind == ResourceKind::Token {
        return state.auth.token(call, &body, &state.private);
    }
    if call.method == Method::HEAD && !state.capabilities.head {
        return CorrectResponse::error(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, "HEAD is off");
    }
    match &call.route {
        _ if call.path == "/v2/_catalog" => pull::catalog(state, call),
        Ok(route) if call.is_read() => pull::answer(state, call, route),
        Ok(route) => push::answer(state, call, route, body),
        Err(error) => refused(*error),
    }
}

fn refused(error: RouteError) -> CorrectResponse {
    let (status, code) = match error {
        RouteError::NotFound => (StatusCode::NOT_FOUND, ErrorCode::Unknown),
        RouteError::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported),
        RouteError::Name(_) | RouteError::Namespace => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
        RouteError::Digest(_) => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        RouteError::Tag(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
        RouteError::Page(_) => (StatusCode::BAD_REQUEST, ErrorCode::PaginationNumberInvalid),
    };
    CorrectResponse::error(status, code, &error.to_string())
}
