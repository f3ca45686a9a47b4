//! Sends one request to one endpoint, with accounts, challenges and redirects on the way to a response.
//!
//! - `exchange` tries one account after another, and what is read without one at last; `follow_redirects` drops the account for good once a redirect leaves
//!   the endpoint
//! - `send_authorized` answers one challenge; every HTTP request passes through `dispatch`

use std::time::Instant;

use http::{StatusCode, header};
use url::Url;

use crate::{
    auth::{
        grant::{self, Grant, GrantKey, SupportedChallenge},
        scope::Scope,
    },
    backoff::BackoffKey,
    destination::Destination,
    egress_error::{EgressError, MAX_REDIRECTS},
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    refusal::Refusal,
    remote::Remote,
    request::{Request, WireRequest},
    response::Response,
    token::GrantRequest,
    upload_body::UploadBody,
};

/// The result of one hop.
enum Hop {
    /// The response.
    Response(Response),
    /// A redirect to this URL.
    Redirect(Url),
}

/// One hop of a request.
struct RequestHop<'a> {
    destination: &'a Destination,
    request: &'a Request,
    /// Whether a grant that is held is sent before it is asked for.
    carries: bool,
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
        let accounts = self.accounts();
        let repository = request.scope().repository();
        let accounts: Vec<_> =
            accounts.iter().filter(|account| account.is_for(endpoint, repository)).collect();
        let accounts = self.in_order(&accounts, repository);
        if accounts.is_empty() {
            return self.send_as(destination(None), request).await;
        }
        let key = |account| GrantKey::of(&destination(Some(account)), request.scope());
        let is_refused = |account: &usize| self.inner().refused.include(&key(*account));
        let (last, first): (Vec<usize>, Vec<usize>) = accounts.into_iter().partition(is_refused);
        // A list of repositories without the account would be a shorter one, and look whole.
        let anonymous = matches!(request.scope(), Scope::Pull(_)).then_some(None);
        let attempts = first.into_iter().map(Some).chain(anonymous).chain(last.into_iter().map(Some));
        let (mut refusal, mut denied) = (None, Vec::new());
        for account in attempts {
            // An account that has to wait is not a wrong one.
            if account.is_none() && matches!(refusal, Some(Error::Limited { .. })) {
                continue;
            }
            match (account, self.send_as(destination(account), request).await) {
                (Some(_), Err(limited @ Error::Limited { .. })) => refusal = Some(limited),
                // A refusal for a reason other than rights applies to every account.
                (Some(_), Err(other)) if request.changes() && other.refusal() != Some(Refusal::Rights) => {
                    return Err(other);
                }
                // A limited account says more than a denied one.
                (Some(account), Err(error @ Error::Denied { .. })) => {
                    denied.push(account);
                    refusal = refusal.or(Some(error));
                }
                (None, Err(_)) => {}
                (None, Ok(arrived)) => {
                    self.note_refused(&denied, key);
                    return Ok(arrived);
                }
                (Some(account), Ok(arrived)) => {
                    self.note_account(repository, account);
                    return Ok(arrived);
                }
                (Some(_), Err(error)) => return Err(error),
            }
        }
        Err(refusal.unwrap_or(Error::NotFound))
    }

    // Says of accounts that they were refused where none is needed, and asks with them last for a while.
    fn note_refused(&self, accounts: &[usize], key: impl Fn(usize) -> GrantKey) {
        for account in accounts {
            let username = self.credential(*account).map(|credential| credential.username);
            if self.inner().refused.add(key(*account)) {
                tracing::warn!(
                    registry = %self.host(), username,
                    "an account is refused, and what was asked for is there without one; hint: correct it under \
                     `credentials`, or log in again"
                );
            }
        }
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
        self.may_send(endpoint, account, request)?;
        let arrived =
            sent.await.map_err(|error| match account.and_then(|account| self.credential(account)) {
                Some(credential) => error.without_secrets_of(&credential),
                None => error,
            });
        match &arrived {
            Ok(_) => self.backoff().answered(&key),
            Err(Error::Limited { retry_after }) => {
                self.note_limited(endpoint, account, *retry_after);
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
        let destination = Destination { account, ..destination };
        let key = GrantKey::of(&destination, request.scope());
        let mut wire = request.to(destination.url, destination.endpoint);
        let known = self.grants().get(&key);
        if let Some(grant) = &known {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        let response = async {
            let response = self.dispatch(&wire, body).await?;
            if let Some(grant) = known {
                let status = response.status();
                if status == StatusCode::UNAUTHORIZED || grant.may_have_died(status) {
                    self.grants().forget(&key, &grant);
                }
                grant.record(status);
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
        let mut destination = destination;
        for hop in 0..=MAX_REDIRECTS {
            let endpoint = destination.endpoint;
            let at_endpoint = self.is_at_endpoint(endpoint, &destination.url);
            // A server that redirects back to the endpoint chose the request there, so the account stays dropped.
            destination.account = destination.account.filter(|_| at_endpoint);
            let carries = hop == 0 || self.is_api(endpoint, &destination.url);
            let step = self.step(RequestHop { destination: &destination, request, carries }).await;
            self.record(endpoint, at_endpoint, &step);
            match step? {
                Hop::Response(response) => {
                    return Ok(AccountResponse { response, account: destination.account });
                }
                Hop::Redirect(target) => destination.url = target,
            }
        }
        Err(EgressError::TooManyRedirects.into())
    }

    // A redirect to a storage is authorized by its address, also on the registry's own host: many storages refuse a
    // request that has a token besides. One to another address of the API is not.
    fn is_api(&self, endpoint: Endpoint, url: &Url) -> bool {
        let base = self.endpoint(endpoint).path().trim_end_matches('/');
        let below = url.path().strip_prefix(base).is_some_and(|rest| rest.starts_with("/v2/"));
        let is_signature = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.ends_with("signature") || name == "sig"
        };
        below && !url.query_pairs().any(|(name, _)| is_signature(&name))
    }

    async fn step(&self, hop: RequestHop<'_>) -> Result<Hop, Error> {
        let response = self.send_authorized(&hop).await?;
        match self.target(&response, hop.request) {
            None => response.to(hop.request).await.map(Hop::Response),
            Some(Ok(target)) if !hop.request.follows(&hop.destination.url, &target) => {
                Err(response.fail(Error::NotFound))
            }
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

    // At most two requests, and one more for a token that has died: a fresh token that is rejected will not be accepted
    // on another.
    async fn send_authorized(&self, hop: &RequestHop<'_>) -> Result<Response, Error> {
        let RequestHop { destination, request, carries } = *hop;
        let (url, has_account) = (&destination.url, destination.account.is_some());
        let key = GrantKey::of(destination, request.scope());
        let mut wire = request.to(url.clone(), destination.endpoint);
        let known = if carries { self.grants().get(&key) } else { None };
        let mut response = self.send_with(&mut wire, known.as_deref()).await?;
        self.note_answer(destination, request, &response);
        if let Some(grant) = &known
            && response.status() != StatusCode::UNAUTHORIZED
            && grant.may_have_died(response.status())
        {
            self.grants().forget(&key, grant);
            response.drain().await;
            // Without a token, the registry says where to get one.
            response = self.send_with(&mut wire, None).await?;
            self.note_answer(destination, request, &response);
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let offer = match grant::offer(response.headers(), has_account) {
            Some(offer) => offer,
            None if response.header(&header::WWW_AUTHENTICATE).is_some() => return Ok(response),
            None => match self.offer_from_ping(destination).await {
                Some(offer) => offer,
                None => return Ok(response),
            },
        };
        response.drain().await;
        if let Some(stale) = known {
            self.grants().forget(&key, &stale);
        }
        let obtained =
            self.obtain(GrantRequest { key: &key, scope: request.scope(), from: destination }, offer).await?;
        let response = self.send_with(&mut wire, Some(&obtained)).await?;
        self.note_answer(destination, request, &response);
        if response.status() == StatusCode::UNAUTHORIZED {
            self.grants().forget(&key, &obtained);
        }
        Ok(response)
    }

    async fn send_with(&self, wire: &mut WireRequest, grant: Option<&Grant>) -> Result<Response, Error> {
        match grant {
            Some(grant) => wire.headers.insert(header::AUTHORIZATION, grant.header.clone()),
            None => wire.headers.remove(header::AUTHORIZATION),
        };
        let response = self.send(wire).await?;
        if let Some(grant) = grant {
            grant.record(response.status());
        }
        Ok(response)
    }

    // Some registries, such as gcr.io, send a challenge only for `/v2/` (distribution-spec, §determining support).
    async fn offer_from_ping(&self, destination: &Destination) -> Option<SupportedChallenge> {
        let Destination { endpoint, url, account } = destination;
        let ping = url.join("/v2/").ok().filter(|ping| url.path().starts_with(ping.path()))?;
        let response = self.send(&WireRequest::get(ping, *endpoint)).await.ok()?;
        let offer = grant::offer(response.headers(), account.is_some());
        let is_challenge = response.status() == StatusCode::UNAUTHORIZED;
        response.drain().await;
        offer.filter(|_| is_challenge)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use entrepot_oci::{Digest, Reference, Tag};
    use futures_util::StreamExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{BlobRequest, RemoteSettings, patience::Patience};

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
        let settings = RemoteSettings { endpoints, ..RemoteSettings::default() };
        let short = Duration::from_millis(100);
        let patience = Patience {
            connect: short,
            headers: short,
            idle: short,
            document: short,
            give_up: short,
            commit: short,
            hedge: short,
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
