//! Uploads blobs: mounted if the registry has them, otherwise sent whole or in chunks (distribution-spec, §pushing
//! blobs).
//!
//! An [`Upload`] stays with the endpoint and account that it began with, and follows the `Location` of each response.
//! It repeats no request by itself: [`Upload::position`] tells what became of one that broke off.

use std::fmt;

use entrepot_oci::{Digest, Repository};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::{
    auth::{grant::GrantKey, scope::Scope},
    destination::Destination,
    egress_error::EgressError,
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    exchange::AccountResponse,
    links::choose::RequestPurpose,
    remote::Remote,
    request::Request,
    response::Response,
    upload_body::UploadBody,
};

const LEAST_CHUNK: HeaderName = HeaderName::from_static("oci-chunk-min-length");

// The characters that end a query or have another meaning in it.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'&').add(b'+').add(b'%');

/// The result of a request to mount a blob.
#[derive(Debug)]
pub enum Mount {
    /// The repository has the blob.
    Mounted,
    /// The blob must be sent, with this upload.
    Refused(Box<Upload>),
}

/// The result of cancelling an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The registry discarded the upload.
    Forgotten,
    /// The registry did not confirm it, and discards the upload after a while.
    LeftToExpire,
}

/// An upload in progress.
pub struct Upload {
    remote: Remote,
    repository: Repository,
    scope: Scope,
    destination: Destination,
    sent: u64,
    least: Option<u64>,
    // Whether the registry asked for authorization.
    is_authorized: bool,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the URL, which may be signed.
        let (registry, repository) = (self.remote.host(), &self.repository);
        write!(f, "Upload({registry}/{repository}, {} bytes sent)", self.sent)
    }
}

impl Remote {
    /// Asks the registry to mount a blob from another repository. If that is refused, because the blob is missing,
    /// may not be read there, or mounting is not supported, the blob must be sent. With `from` equal to `repository`,
    /// it is mounted if it exists already.
    ///
    /// # Errors
    /// See [`Error`]; those of [`Remote::start_upload`].
    pub async fn mount_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        from: &Repository,
    ) -> Result<Mount, Error> {
        let to = repository.clone();
        let scope =
            if from == repository { Scope::Push(to) } else { Scope::Mount { to, from: from.clone() } };
        let rest = format!("blobs/uploads/?mount={digest}&from={}", encoded(from.as_str()));
        let request = Request::change(Method::POST, scope, repository, rest);
        let at = |endpoint| self.open(endpoint, repository, &request).boxed();
        match self.try_for(None, RequestPurpose::Change, at).await {
            Err(Error::Denied { .. }) => {
                self.start_upload(repository).await.map(Box::new).map(Mount::Refused)
            }
            other => other,
        }
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::refusal`] says what a refusal is about.
    pub async fn start_upload(&self, repository: &Repository) -> Result<Upload, Error> {
        let request = Request::change(
            Method::POST,
            Scope::Push(repository.clone()),
            repository,
            "blobs/uploads/".to_owned(),
        );
        let at = |endpoint| self.open(endpoint, repository, &request).boxed();
        match self.try_for(None, RequestPurpose::Change, at).await? {
            Mount::Refused(upload) => Ok(*upload),
            Mount::Mounted => Err(InvalidResponse::Status(StatusCode::CREATED.as_u16()).into()),
        }
    }

    async fn open(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        request: &Request,
    ) -> Result<Mount, Error> {
        let url = request.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let AccountResponse { response, account } = self.exchange_as(endpoint, url, request).await?;
        match response.status() {
            StatusCode::CREATED => return Ok(Mount::Mounted),
            StatusCode::ACCEPTED => {}
            other => return Err(response.fail(InvalidResponse::Status(other.as_u16()))),
        }
        let url = match self.location(&response) {
            Ok(Some(url)) => url,
            Ok(None) => return Err(response.fail(InvalidResponse::NoLocation)),
            Err(refused) => return Err(response.fail(refused)),
        };
        let mut upload = Upload {
            remote: self.clone(),
            repository: repository.clone(),
            scope: request.scope().clone(),
            destination: Destination {
                account: account.filter(|_| self.is_at_endpoint(endpoint, &url)),
                endpoint,
                url,
            },
            sent: 0,
            least: response.header(&LEAST_CHUNK).and_then(|text| text.trim().parse().ok()),
            is_authorized: false,
        };
        upload.is_authorized = upload.has_grant().await;
        Ok(Mount::Refused(Box::new(upload)))
    }

    // The URL for the next request of an upload.
    fn location(&self, response: &Response) -> Result<Option<Url>, EgressError> {
        let Some(location) = response.header(&header::LOCATION) else { return Ok(None) };
        let from = response.url();
        let target = match (self.gate().redirect(from, location), with_tls(from, location)) {
            (Err(entrepot_egress::Error::Downgrade { .. }), Some(own)) => {
                self.gate().redirect(from, own.as_str())
            }
            (target, _) => target,
        };
        target.map(Some).map_err(EgressError::from)
    }
}

// A registry behind a proxy that ends TLS may name itself with `http` and its own port; what reached it is meant.
fn with_tls(from: &Url, location: &str) -> Option<Url> {
    let mut target = from.join(location).ok().filter(|target| target.host() == from.host())?;
    target.set_scheme(from.scheme()).ok()?;
    target.set_port(from.port()).ok()?;
    Some(target)
}

impl Upload {
    /// Sends the whole blob in one request.
    ///
    /// # Errors
    /// See [`Error`]. The upload is lost. Whether the registry stored the blob nevertheless shows only in a request
    /// for it.
    pub async fn send(mut self, digest: &Digest, body: UploadBody) -> Result<(), Error> {
        let request = self.request(Method::PUT);
        let url = with_digest(&self.destination.url, digest);
        let AccountResponse { response, .. } =
            self.put(url, request.with(header::CONTENT_TYPE, octets()), body).await?;
        response.digest_is(digest).map_err(|lie| response.fail(lie))
    }

    /// Sends the next part of the blob. All parts except the last must have at least [`Upload::least_chunk`] bytes.
    ///
    /// # Errors
    /// See [`Error`]. [`Upload::position`] tells how much of it arrived.
    pub async fn chunk(&mut self, body: UploadBody) -> Result<(), Error> {
        let (first, length) = (self.sent, body.length());
        let Some(last) = length.checked_sub(1).map(|last| first + last) else { return Ok(()) };
        let range = HeaderValue::try_from(format!("{first}-{last}")).map_err(|_| InvalidResponse::Range)?;
        let request = self.request(Method::PATCH);
        let request = request.with(header::CONTENT_TYPE, octets()).with(header::CONTENT_RANGE, range);
        let arrived = self.put(self.destination.url.clone(), request, body).await?;
        if let Some(kept) = kept(&arrived.response).filter(|kept| *kept != last + 1) {
            tracing::debug!(upload = ?self, kept, "the registry has not kept all of a chunk");
            return Err(arrived.response.fail(InvalidResponse::Range));
        }
        self.sent = last + 1;
        self.follow_location(arrived)
    }

    /// Ends an upload that was sent in chunks.
    ///
    /// # Errors
    /// See [`Error`]; as for [`Upload::send`].
    pub async fn finish(self, digest: &Digest) -> Result<(), Error> {
        let destination =
            Destination { url: with_digest(&self.destination.url, digest), ..self.destination.clone() };
        let AccountResponse { response, .. } =
            self.remote.send_as(destination, &self.request(Method::PUT)).await?;
        response.digest_is(digest).map_err(|lie| response.fail(lie))
    }

    /// Asks how many bytes have arrived. The next chunk starts there.
    ///
    /// # Errors
    /// See [`Error`]; [`crate::Refusal::Upload`] if the upload is gone.
    pub async fn position(&mut self) -> Result<u64, Error> {
        let arrived = self.remote.send_as(self.destination.clone(), &self.request(Method::GET)).await?;
        let Some(kept) = kept(&arrived.response) else {
            return Err(arrived.response.fail(InvalidResponse::Range));
        };
        self.sent = kept;
        self.follow_location(arrived)?;
        Ok(kept)
    }

    /// The number of bytes that were sent and arrived.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The least bytes that the registry accepts in a chunk before the last one, if it says so.
    pub fn least_chunk(&self) -> Option<u64> {
        self.least
    }

    /// Cancels the upload. The request is sent once and need not succeed, because uploads expire.
    pub async fn cancel(self) -> CancelOutcome {
        let Destination { url, endpoint, .. } = self.destination.clone();
        let mut wire = self.request(Method::DELETE).to(url, endpoint);
        // Some registries want the right to delete for it, which is not requested just for this.
        if let Some(grant) = self.remote.grants().get(&self.key()) {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        match self.remote.send(&wire).await {
            Ok(response) => {
                let is_done = response.status().is_success();
                response.drain().await;
                if is_done { CancelOutcome::Forgotten } else { CancelOutcome::LeftToExpire }
            }
            Err(error) => {
                tracing::debug!(upload = ?self, %error, "an upload was not cancelled");
                CancelOutcome::LeftToExpire
            }
        }
    }

    async fn put(&mut self, url: Url, request: Request, body: UploadBody) -> Result<AccountResponse, Error> {
        let destination = Destination { url, ..self.destination.clone() };
        match body {
            UploadBody::Bytes(bytes) => self.remote.send_as(destination, &request.sending(bytes)).await,
            stream @ UploadBody::Stream { .. } => {
                // The token may have expired, and a stream can be sent only once. A request for the position can be
                // repeated.
                if self.is_authorized && !self.has_grant().await {
                    let arrived =
                        self.remote.send_as(self.destination.clone(), &self.request(Method::GET)).await;
                    if let Ok(AccountResponse { response, .. }) = arrived {
                        response.drain().await;
                    }
                }
                self.remote.stream_as(destination, &request, stream).await
            }
        }
    }

    fn request(&self, method: Method) -> Request {
        Request::change(method, self.scope.clone(), &self.repository, "uploads".to_owned())
    }

    fn key(&self) -> GrantKey {
        GrantKey::of(&self.destination, &self.scope)
    }

    async fn has_grant(&self) -> bool {
        self.remote.grants().get(&self.key()).is_some()
    }

    fn follow_location(
        &mut self,
        AccountResponse { response, account }: AccountResponse,
    ) -> Result<(), Error> {
        match self.remote.location(&response) {
            Ok(Some(url)) => {
                self.destination.account =
                    account.filter(|_| self.remote.is_at_endpoint(self.destination.endpoint, &url));
                self.destination.url = url;
            }
            // Without a `Location` the URL stays the same.
            Ok(None) => {}
            Err(refused) => return Err(response.fail(refused)),
        }
        Ok(())
    }
}

fn octets() -> HeaderValue {
    HeaderValue::from_static("application/octet-stream")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, IN_QUERY).to_string()
}

// The query of the URL is the registry's own and is kept.
fn with_digest(url: &Url, digest: &Digest) -> Url {
    let mut url = url.clone();
    let query = match url.query().filter(|query| !query.is_empty()) {
        Some(query) => format!("{query}&digest={digest}"),
        None => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

// The number of bytes that the registry has, by its `Range: 0-<last>`.
fn kept(response: &Response) -> Option<u64> {
    read_range(response.header(&header::RANGE)?)
}

pub(crate) fn read_range(header: &str) -> Option<u64> {
    let text = header.trim();
    let (first, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (first, last.parse::<u64>().ok().filter(|_| is_number(last))?) {
        // The header cannot express zero bytes, and no client sends a single byte.
        ("0", 0) => Some(0),
        ("0", last) => last.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read() {
        for (header, kept) in [
            ("0-0", Some(0)),
            ("0-99", Some(100)),
            (" bytes=0-99 ", Some(100)),
            ("1-99", None),
            ("0--1", None),
            ("0-+1", None),
            ("0-18446744073709551615", None),
            ("0-", None),
            ("", None),
        ] {
            assert_eq!(read_range(header), kept, "{header}");
        }
    }

    #[test]
    fn a_registry_behind_a_proxy_is_followed_with_tls() {
        let from: Url = "https://reg.example:8443/v2/a/blobs/uploads/".parse().unwrap();
        for (location, target) in [
            (
                "http://reg.example/v2/a/blobs/uploads/1?x=y",
                Some("https://reg.example:8443/v2/a/blobs/uploads/1?x=y"),
            ),
            ("http://reg.example:5000/u/1", Some("https://reg.example:8443/u/1")),
            ("http://other.example/u/1", None),
        ] {
            assert_eq!(with_tls(&from, location).as_ref().map(Url::as_str), target, "{location}");
        }
    }

    #[test]
    fn the_registrys_own_query_is_kept() {
        let digest = Digest::of(b"x");
        for (location, query) in [
            ("https://a.example/u/1", format!("digest={digest}")),
            ("https://a.example/u/1?", format!("digest={digest}")),
            ("https://a.example/u/1?_state=a%2Bb%3D&x=a+b", format!("_state=a%2Bb%3D&x=a+b&digest={digest}")),
        ] {
            assert_eq!(with_digest(&location.parse().unwrap(), &digest).query(), Some(query.as_str()));
        }
    }
}
