//! Sends one HTTP request over one connection, and once more where that was an old one that had died.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, Method, StatusCode, header};

use crate::{
    connections::ConnectionGeneration,
    error::{self, Error, InvalidResponse},
    links::traffic::Traffic,
    network_fault::{NetworkFault, NetworkFaultKind},
    outcome::OutcomeGuard,
    remote::{LinkClients, Remote},
    request::WireRequest,
    response::Response,
    upload_body::{BodyStream, UploadBody},
};

const QUOTA_SOURCE: HeaderName = HeaderName::from_static("docker-ratelimit-source");

impl Remote {
    /// Sends one HTTP request and waits for the headers of its response.
    pub(crate) async fn send(&self, wire: &WireRequest) -> Result<Response, Error> {
        self.dispatch(wire, UploadBody::Bytes(wire.body.clone())).await
    }

    /// Like `send`, with another body. If the connection ends without an answer, it may have been kept for too long: the
    /// request is sent again on a new one, once, unless its body is gone by then. The first failure does not count.
    pub(crate) async fn dispatch(&self, wire: &WireRequest, body: UploadBody) -> Result<Response, Error> {
        let LinkClients { link, clients } = self.lane(wire.link);
        let own = clients.owns(&wire.url);
        let _permit = if own { Some(self.throttle().acquire().await) } else { None };
        let guard = OutcomeGuard::new(self.observer(), self.host().clone()).traced(wire);
        let pool = clients.of(&wire.url);
        let mut traffic = Traffic::new(link);
        traffic.awaits();
        let (connections, replay) = (pool.connections(), body.replay());
        let (began, patience) = (Instant::now(), self.patience_for(&wire.method));
        let mut sent = self.attempt(&connections, wire, SendAttempt { body, patience }).await;
        if let Err(Error::Unreachable { fault, source }) = &sent
            && fault.kind() == NetworkFaultKind::Closed
        {
            tracing::debug!(registry = %self.host(), %source, "a connection ended without an answer");
            let fresh = pool.renew(&connections);
            sent = match replay {
                Some(body) => {
                    let patience = patience.saturating_sub(began.elapsed());
                    self.attempt(&fresh, wire, SendAttempt { body, patience }).await
                }
                None if connections.may_be_kept() => {
                    let (fault, source) = (fault.clone().of_kept_connection(), source.clone());
                    Err(Error::Unreachable { fault, source })
                }
                None => sent,
            };
        }
        match sent {
            // Only a proxy answers with this (RFC 9110 §15.5.8).
            Ok(response) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                let fault = NetworkFault::new(NetworkFaultKind::ProxyLogin);
                let fault = fault.through(clients.proxy(&wire.url));
                let source = Arc::new(InvalidResponse::Status(response.status().as_u16()));
                Err(guard.fail(Error::Unreachable { fault, source }))
            }
            Ok(response) => {
                guard.answered(response.status());
                traffic.received(0);
                if let Some(seen) = quota_source(&response) {
                    link.seen_as(seen);
                }
                Ok(Response::new(response, guard, traffic))
            }
            Err(failed) => Err(guard.fail(if own { failed } else { failed.at(&wire.url) })),
        }
    }

    async fn attempt(
        &self,
        connections: &ConnectionGeneration,
        wire: &WireRequest,
        SendAttempt { body, patience }: SendAttempt,
    ) -> Result<reqwest::Response, Error> {
        let request = connections.client().request(wire.method.clone(), wire.url.clone());
        let request = request.headers(wire.headers.clone());
        let LinkClients { link, clients } = self.lane(wire.link);
        let failed = |error| error::before_answer(error, &wire.url, clients.proxy(&wire.url));
        let length = body.length();
        let response = if length == 0 {
            let sent = tokio::time::timeout(patience, request.send()).await;
            sent.map_err(|_| Error::TimedOut)?.map_err(failed)
        } else {
            let (stream, progress) = BodyStream::new(body.over(link));
            let request = request.header(header::CONTENT_LENGTH, length);
            let sent = request.body(reqwest::Body::wrap_stream(stream)).send();
            progress.answered(async { sent.await.map_err(failed) }, self.patience()).await
        };
        response.inspect(|_| connections.answered())
    }

    // Some storages move the bytes of an upload when it ends.
    fn patience_for(&self, method: &Method) -> Duration {
        if method == Method::PUT { self.patience().commit } else { self.patience().headers }
    }
}

// The address that Docker Hub counts pulls of. An account is none.
fn quota_source(response: &reqwest::Response) -> Option<&str> {
    let source = response.headers().get(QUOTA_SOURCE)?.to_str().ok()?.trim();
    source.parse::<IpAddr>().ok().map(|_| source)
}

/// What is sent in one attempt, and how long it may take if there is nothing to send.
struct SendAttempt {
    body: UploadBody,
    patience: Duration,
}
