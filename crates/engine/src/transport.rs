//! Sends requests, each on a connection of its own.
//!
//! An engine is asked seldom enough that keeping connections would save nothing, and a kept one may have been closed
//! by the engine just when a request that must not be sent twice is on it.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;

use crate::{
    body::{Body, ConnectionTask},
    connect,
    endpoint::Endpoint,
    error::Error,
    json,
    message::Message,
    network_fault,
};

/// How long the head of an ordinary answer may take.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the body of an ordinary answer may take.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes that are read of an error.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// The most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How long to wait for the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// So long.
    AtMost(Duration),
    /// As long as the caller does: some engines send no head before the first data.
    Forever,
}

impl Wait {
    /// For what engines answer at once.
    pub(crate) const SHORT: Self = Self::AtMost(HEAD_TIMEOUT);
}

/// An answer that is no error.
#[derive(Debug)]
pub(crate) struct EngineResponse {
    pub(crate) status: StatusCode,
    pub(crate) date_ms: Option<i64>,
    pub(crate) body: Body,
}

/// Sends a request. A status of 400 or more is an error.
pub(crate) async fn send(
    endpoint: &Endpoint,
    request: Request<Full<Bytes>>,
    wait: Wait,
) -> Result<EngineResponse, Error> {
    let (response, connection) = exchange(endpoint, request, wait).await?;
    let (head, incoming) = response.into_parts();
    let body = Body::new(incoming, connection);
    if head.status.is_client_error() || head.status.is_server_error() {
        return Err(refusal(head.status, body).await);
    }
    let date = head.headers.get(header::DATE).and_then(|date| date.to_str().ok());
    Ok(EngineResponse { status: head.status, date_ms: date.and_then(date_ms), body })
}

/// Sends a request and returns whatever is answered, with the connection.
pub(crate) async fn exchange(
    endpoint: &Endpoint,
    mut request: Request<Full<Bytes>>,
    wait: Wait,
) -> Result<(Response<Incoming>, ConnectionTask), Error> {
    let is_tls = endpoint.tls().is_some();
    let wire = connect::connect(endpoint).await?;
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(wire)).await;
    let (mut sender, connection) = handshake.map_err(|error| network_fault::of_request(&error, is_tls))?;
    let connection = connection.with_upgrades();
    // Its errors reach those who wait for the answer.
    let connection = ConnectionTask(tokio::spawn(async move { drop(connection.await) }));
    name_host(endpoint, &mut request);
    let answered = sender.send_request(request);
    let answered = match wait {
        Wait::Forever => answered.await,
        Wait::AtMost(time) => tokio::time::timeout(time, answered).await.map_err(|_| Error::Timeout(time))?,
    };
    let response = answered.map_err(|error| network_fault::of_request(&error, is_tls))?;
    Ok((response, connection))
}

/// What an error says.
pub(crate) async fn refusal(status: StatusCode, body: Body) -> Error {
    let said = body.beginning(MAX_ERROR_BYTES, HEAD_TIMEOUT).await;
    Error::of_status(status.as_u16(), json::error_message(&said))
}

// A request over a socket has a host too: engines want one, and take any.
fn name_host(endpoint: &Endpoint, request: &mut Request<Full<Bytes>>) {
    let host = match endpoint.address().host_and_port() {
        Some((host, port)) if host.contains(':') => format!("[{host}]:{port}"),
        Some((host, port)) => format!("{host}:{port}"),
        None => "localhost".to_owned(),
    };
    if let Ok(host) = host.parse() {
        request.headers_mut().insert(header::HOST, host);
    }
}

fn date_ms(text: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// An address within an engine's API.
pub(crate) fn uri(path: &str) -> Result<Uri, Error> {
    path.parse()
        .map_err(|_| Error::Refused { status: 400, message: Message::new("the address cannot be written") })
}
