//! Sends one request to one endpoint, with accounts, challenges and redirects on the way to a response.
//!
//! - `exchange` tries one account after another; `follow_redirects` drops the account for good once a redirect leaves
//!   the endpoint
//! - `send_authorized` answers one challenge; `send` sends one HTTP request, and every request passes through it

use std::time::{Duration, Instant};

use http::header;
use url::Url;

use crate::{
    auth::grant::{self, GrantKey, Offer},
    backoff::BackoffKey,
    egress_error::{EgressError, MAX_REDIRECTS},
    endpoint::Endpoint,
    error::{self, Error, InvalidResponse},
    outcome::OutcomeGuard,
    pull_quota::PullQuota,
    refusal::Refusal,
    remote::Remote,
    request::{Request, WireRequest},
    response::Response,
    token::GrantRequest,
    upload_body::{BodyStream, UploadBody},
};

/// The result of one hop.
enum Hop {
    /// The response.
    Response(Response),
    /// A redirect to this URL.
    Redirect(Url),
}

/// Where a request is sent, and the account that it is sent with.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: Url,
    pub(crate) account: Option<usize>,
}

/// A response, and the account that may be used for URLs in it: none if another server had a say in it.
pub(crate) struct AccountResponse {
    pub(crate) response: Response,
    pub(crate) account: Option<usize>,
}

impl Remote {
    /// Sends a request to one endpoint, with one account after another while they are denied or limited.
    pub(crate) async fn exchange(&self, endpoint: Endpoint, request: &Request) -> Result<Response, Error> {
        let url = request.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        self.exchange_at(endpoint, url, request).await
    }

    /// Like `exchange`, for a URL on that endpoint such as the next page of a listing.
    pub(crate) async fn exchange_at(
        &self,
        endpoint: Endpoint,
        url: Url,
        request: &Request,
    ) -> Result<Response, Error> {
        self.exchange_as(endpoint, url, request).await.map(|arrived| arrived.response)
    }

    /// Like `exchange_at`; also returns the account that was accepted.
    pub(crate) async fn exchange_as(
        &self,
        endpoint: Endpoint,
        url: Url,
        request: &Request,
    ) -> Result<AccountResponse, Error> {
        let destination = |account| Destination { endpoint, url: url.clone(), account };
        let accounts = self.inner().accounts.iter().enumerate();
        let accounts = accounts.filter(|(_, account)| account.is_for(endpoint, request.scope().repository()));
        let accounts: Vec<usize> = accounts.map(|(account, _)| account).collect();
        if accounts.is_empty() {
            return self.send_as(destination(None), request).await;
        }
        let mut refusal = None;
        for account in accounts.into_iter().map(Some) {
            match self.send_as(destination(account), request).await {
                Err(limited @ Error::Limited { .. }) => refusal = Some(limited),
                // A refusal for a reason other than rights applies to every account.
                Err(denied) if request.changes() && denied.refusal() != Some(Refusal::Rights) => {
                    return Err(denied);
                }
                // A limited account says more than a denied one.
                Err(denied @ Error::Denied { .. }) => refusal = refusal.or(Some(denied)),
                other => return other,
            }
        }
        Err(refusal.unwrap_or(Error::NotFound))
    }

    /// Sends a request with one account.
    pub(crate) async fn send_as(
        &self,
        destination: Destination,
        request: &Request,
    ) -> Result<AccountResponse, Error> {
        let (endpoint, account) = (destination.endpoint, destination.account);
        self.with_backoff(endpoint, account, request, self.follow_redirects(destination, request)).await
    }

    /// Sends a body that cannot be repeated, in one request and with one account. Redirects are not followed.
    pub(crate) async fn stream_as(
        &self,
        destination: Destination,
        request: &Request,
        body: UploadBody,
    ) -> Result<AccountResponse, Error> {
        let (endpoint, account) = (destination.endpoint, destination.account);
        self.with_backoff(endpoint, account, request, self.stream_once(destination, request, body)).await
    }

    // Sends nothing while the registry has asked this account to wait.
    async fn with_backoff(
        &self,
        endpoint: Endpoint,
        account: Option<usize>,
        request: &Request,
        sent: impl Future<Output = Result<AccountResponse, Error>>,
    ) -> Result<AccountResponse, Error> {
        let (method, topic) = request.topic();
        let key = BackoffKey { endpoint, account, method: method.clone(), topic: topic.to_owned() };
        if let Some(left) = self.backoff().left(&key, Instant::now()) {
            return Err(Error::Limited { retry_after: Some(left) });
        }
        let arrived = sent.await;
        match &arrived {
            Ok(_) => self.backoff().answered(&key),
            Err(Error::Limited { retry_after }) => {
                self.backoff().limited(key, *retry_after, Instant::now());
            }
            Err(_) => {}
        }
        arrived
    }

    /// Whether `url` has the origin of the endpoint.
    pub(crate) fn is_at_endpoint(&self, endpoint: Endpoint, url: &Url) -> bool {
        url.origin() == self.endpoint(endpoint).origin()
    }

    async fn stream_once(
        &self,
        destination: Destination,
        request: &Request,
        body: UploadBody,
    ) -> Result<AccountResponse, Error> {
        let at_endpoint = self.is_at_endpoint(destination.endpoint, &destination.url);
        let account = destination.account.filter(|_| at_endpoint);
        let key = GrantKey::of(&destination.url, request.scope(), account);
        let mut wire = request.to(destination.url);
        let known = self.grants().get(&key).await;
        if let Some(grant) = &known {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        let response = async {
            let response = self.dispatch(&wire, body).await?;
            if let Some(stale) = known.filter(|_| response.status() == http::StatusCode::UNAUTHORIZED) {
                self.grants().forget(&key, &stale).await;
            }
            response.to(request).await
        };
        let response = response.await;
        self.record(destination.endpoint, at_endpoint, &response);
        response.map(|response| AccountResponse { response, account })
    }

    async fn follow_redirects(
        &self,
        destination: Destination,
        request: &Request,
    ) -> Result<AccountResponse, Error> {
        let Destination { endpoint, mut url, mut account } = destination;
        for _ in 0..=MAX_REDIRECTS {
            let at_endpoint = self.is_at_endpoint(endpoint, &url);
            // A server that redirects back to the endpoint chose the request there, so the account stays dropped.
            account = account.filter(|_| at_endpoint);
            let step = self.step(&url, request, account).await;
            self.record(endpoint, at_endpoint, &step);
            match step? {
                Hop::Response(response) => return Ok(AccountResponse { response, account }),
                Hop::Redirect(target) => url = target,
            }
        }
        Err(EgressError::TooManyRedirects.into())
    }

    async fn step(&self, url: &Url, request: &Request, account: Option<usize>) -> Result<Hop, Error> {
        let response = self.send_authorized(url, request, account).await?;
        match self.target(&response, request) {
            None => response.to(request).await.map(Hop::Response),
            Some(Ok(target)) if !request.follows(url, &target) => Err(response.fail(Error::NotFound)),
            Some(Ok(target)) => {
                response.drain().await;
                Ok(Hop::Redirect(target))
            }
            Some(Err(refused)) => Err(response.fail(refused)),
        }
    }

    fn target(&self, response: &Response, request: &Request) -> Option<Result<Url, Error>> {
        match response.status().as_u16() {
            307 | 308 => {}
            // The other redirects lead to something to read, also after a write (RFC 9110 §15.4).
            301..=303 if !request.changes() => {}
            _ => return None,
        }
        let Some(location) = response.header(&header::LOCATION) else {
            return Some(Err(InvalidResponse::Status(response.status().as_u16()).into()));
        };
        Some(self.gate().redirect(response.url(), location).map_err(|refused| Error::Refused(refused.into())))
    }

    // At most two requests: a fresh token that is rejected will not be accepted on a third.
    async fn send_authorized(
        &self,
        url: &Url,
        request: &Request,
        account: Option<usize>,
    ) -> Result<Response, Error> {
        let key = GrantKey::of(url, request.scope(), account);
        let mut wire = request.to(url.clone());
        let known = self.grants().get(&key).await;
        if let Some(grant) = &known {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        let response = self.send(&wire).await?;
        if response.status() != http::StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let offer = match grant::offer(response.headers(), account.is_some()) {
            Some(offer) => offer,
            None if response.header(&header::WWW_AUTHENTICATE).is_some() => return Ok(response),
            None => match self.offer_from_ping(url, account.is_some()).await {
                Some(offer) => offer,
                None => return Ok(response),
            },
        };
        response.drain().await;
        if let Some(stale) = known {
            self.grants().forget(&key, &stale).await;
        }
        let obtained =
            self.obtain(GrantRequest { key: &key, scope: request.scope(), from: url }, offer).await?;
        wire.headers.insert(header::AUTHORIZATION, obtained.header.clone());
        let response = self.send(&wire).await?;
        if response.status() == http::StatusCode::UNAUTHORIZED {
            self.grants().forget(&key, &obtained).await;
        }
        Ok(response)
    }

    // Some registries, such as gcr.io, send a challenge only for `/v2/` (distribution-spec, §determining support).
    async fn offer_from_ping(&self, url: &Url, has_account: bool) -> Option<Offer> {
        let ping = url.join("/v2/").ok().filter(|ping| url.path().starts_with(ping.path()))?;
        let response = self.send(&WireRequest::get(ping)).await.ok()?;
        let offer = grant::offer(response.headers(), has_account);
        let is_challenge = response.status() == http::StatusCode::UNAUTHORIZED;
        response.drain().await;
        offer.filter(|_| is_challenge)
    }

    /// Sends one HTTP request and waits for the headers of its response.
    pub(crate) async fn send(&self, wire: &WireRequest) -> Result<Response, Error> {
        match self.send_once(wire).await {
            // The server may have closed an idle connection just as the request was sent.
            Err(Error::Unreachable { source }) if wire.is_repeatable && !is_connect(source.as_ref()) => {
                self.send_once(wire).await
            }
            other => other,
        }
    }

    async fn send_once(&self, wire: &WireRequest) -> Result<Response, Error> {
        self.dispatch(wire, UploadBody::Bytes(wire.body.clone())).await
    }

    async fn dispatch(&self, wire: &WireRequest, body: UploadBody) -> Result<Response, Error> {
        let own = self.inner().clients.owns(&wire.url);
        let _permit = if own { Some(self.throttle().acquire().await) } else { None };
        let guard = OutcomeGuard::new(self.observer(), self.host().clone());
        let request = self.inner().clients.of(&wire.url).request(wire.method.clone(), wire.url.clone());
        let request = request.headers(wire.headers.clone());
        let length = body.length();
        let response = if length == 0 {
            let patience = self.patience_for(&wire.method);
            let sent = tokio::time::timeout(patience, request.send()).await;
            sent.map_err(|_| Error::TimedOut).and_then(|sent| sent.map_err(error::before_answer))
        } else {
            let (stream, progress) = BodyStream::new(body);
            let request = request.header(header::CONTENT_LENGTH, length);
            progress.answered(request.body(reqwest::Body::wrap_stream(stream)).send(), self.patience()).await
        };
        match response {
            Ok(response) => {
                if let Some(limit) = PullQuota::read(response.headers()) {
                    self.set_pull_quota(limit);
                }
                Ok(Response::new(response, guard))
            }
            Err(failed) => Err(guard.fail(failed)),
        }
    }

    // Some storages move the bytes of an upload when it ends.
    fn patience_for(&self, method: &http::Method) -> Duration {
        if method == http::Method::PUT { self.patience().commit } else { self.patience().headers }
    }
}

fn is_connect(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_none_or(reqwest::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use entrepot_oci::{Digest, Reference, Tag};
    use futures_util::StreamExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{BlobRequest, Settings, patience::Patience};

    // A server that reads a request, sends `answer` and then nothing more.
    async fn stalling(response: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                stream.write_all(response.as_bytes()).await.unwrap();
                open.push(stream);
            }
        });
        address
    }

    fn hasty(address: SocketAddr) -> Remote {
        let endpoints = vec![format!("http://{address}").parse().unwrap()];
        let settings = Settings { endpoints, ..Settings::default() };
        let short = Duration::from_millis(100);
        let patience = Patience {
            connect: short,
            headers: short,
            idle: short,
            document: short,
            give_up: short,
            commit: short,
        };
        Remote::with_patience("lab.test".parse().unwrap(), &settings, patience).unwrap()
    }

    #[tokio::test]
    async fn silence_is_not_waited_for() {
        let (repository, latest) = ("a/b".parse().unwrap(), Reference::Tag(Tag::latest()));
        let silent = hasty(stalling("").await);
        assert!(matches!(silent.manifest(&repository, &latest).await, Err(Error::TimedOut)));
        // The same again, whatever is remembered of it.
        assert!(matches!(silent.head_manifest(&repository, &latest).await, Err(Error::TimedOut)));

        let half = hasty(stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"").await);
        assert!(matches!(half.manifest(&repository, &latest).await, Err(Error::TimedOut)));
    }

    #[tokio::test]
    async fn a_stalled_blob_ends_with_what_was_missing() {
        let remote = hasty(stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await);
        let (repository, digest) = ("a/b".parse().unwrap(), Digest::of(b"x"));
        let blob = remote.blob(&repository, &digest, BlobRequest::default()).await.unwrap();
        let chunks: Vec<_> = blob.chunks.collect().await;
        assert!(matches!(chunks.as_slice(), [Ok(half), Err(Error::TimedOut)] if half == "half"));
    }
}
