//! Sending blobs: mounted where the registry has them, else sent whole or in chunks (distribution-spec, §pushing blobs).
//!
//! An [`Upload`] stays with the endpoint and the account that it began with, and goes where each answer says. Nothing of
//! it is sent twice by itself: what became of a request that broke off is asked with [`Upload::position`].

use std::fmt;

use entrepot_oci::{Digest, Repository};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::{
    answer::Answer,
    ask::Ask,
    auth::{Key, scope::Scope},
    egress_error::EgressError,
    endpoints::Endpoint,
    error::{Error, InvalidAnswer},
    exchange::{Arrival, Way},
    remote::Remote,
    supply::Load,
};

const LEAST_CHUNK: HeaderName = HeaderName::from_static("oci-chunk-min-length");

// What a query ends at or reads as something else.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'&').add(b'+').add(b'%');

/// What became of a wish to have a blob mounted.
#[derive(Debug)]
pub enum Mount {
    /// The repository has it now.
    Mounted,
    /// It has to be sent, through this.
    Refused(Box<Upload>),
}

/// What became of an upload that nobody wants any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The registry has forgotten it.
    Forgotten,
    /// The registry did not say so. It forgets it after a while.
    LeftToExpire,
}

/// A blob on its way to a registry.
pub struct Upload {
    remote: Remote,
    repository: Repository,
    scope: Scope,
    way: Way,
    sent: u64,
    least: Option<u64>,
    // Whether the registry wanted to know who we are.
    is_authorized: bool,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not where it goes: that may be a signed address.
        let (registry, repository) = (self.remote.host(), &self.repository);
        write!(f, "Upload({registry}/{repository}, {} bytes sent)", self.sent)
    }
}

impl Remote {
    /// Asks for a blob of another repository to be had in this one as well. Where that is refused, for want of the blob,
    /// of the right to read it there, or of mounting altogether, it is to be sent. Asked for from the repository itself,
    /// it is mounted if it was there before.
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
        let ask = Ask::change(Method::POST, scope, (repository, rest));
        match self.at_endpoints(None, |endpoint| self.open(endpoint, repository, &ask).boxed()).await {
            Err(Error::Denied { .. }) => {
                self.start_upload(repository).await.map(Box::new).map(Mount::Refused)
            }
            other => other,
        }
    }

    /// Begins to send a blob.
    ///
    /// # Errors
    /// See [`Error`]; what a refusal is about is said by [`Error::refusal`].
    pub async fn start_upload(&self, repository: &Repository) -> Result<Upload, Error> {
        let ask = Ask::change(
            Method::POST,
            Scope::Push(repository.clone()),
            (repository, "blobs/uploads/".to_owned()),
        );
        match self.at_endpoints(None, |endpoint| self.open(endpoint, repository, &ask).boxed()).await? {
            Mount::Refused(upload) => Ok(*upload),
            Mount::Mounted => Err(InvalidAnswer::Status(StatusCode::CREATED.as_u16()).into()),
        }
    }

    async fn open(&self, endpoint: Endpoint, repository: &Repository, ask: &Ask) -> Result<Mount, Error> {
        let url = ask.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let Arrival { answer, account } = self.exchange_as(endpoint, url, ask).await?;
        match answer.status() {
            StatusCode::CREATED => return Ok(Mount::Mounted),
            StatusCode::ACCEPTED => {}
            other => return Err(answer.fail(InvalidAnswer::Status(other.as_u16()))),
        }
        let url = match self.location(&answer) {
            Ok(Some(url)) => url,
            Ok(None) => return Err(answer.fail(InvalidAnswer::NoLocation)),
            Err(refused) => return Err(answer.fail(refused)),
        };
        let mut upload = Upload {
            remote: self.clone(),
            repository: repository.clone(),
            scope: ask.scope().clone(),
            way: Way { account: account.filter(|_| self.is_home(endpoint, &url)), endpoint, url },
            sent: 0,
            least: answer.header(&LEAST_CHUNK).and_then(|text| text.trim().parse().ok()),
            is_authorized: false,
        };
        upload.is_authorized = upload.has_grant().await;
        Ok(Mount::Refused(Box::new(upload)))
    }

    // Where an upload goes on.
    fn location(&self, answer: &Answer) -> Result<Option<Url>, EgressError> {
        let location = answer.header(&header::LOCATION);
        let target = location.map(|location| self.gate().redirect(answer.url(), location)).transpose();
        target.map_err(EgressError::from)
    }
}

impl Upload {
    /// Sends the whole blob in one request.
    ///
    /// # Errors
    /// See [`Error`]. The upload is lost; whether the registry kept the blob all the same, only asking for it tells.
    pub async fn send(mut self, digest: &Digest, load: Load) -> Result<(), Error> {
        let ask = self.ask(Method::PUT);
        let url = ended(&self.way.url, digest);
        let Arrival { answer, .. } = self.put(url, ask.with(header::CONTENT_TYPE, octets()), load).await?;
        answer.digest_is(digest).map_err(|lie| answer.fail(lie))
    }

    /// Sends the next part of the blob. Parts but the last must not be shorter than [`Upload::least_chunk`].
    ///
    /// # Errors
    /// See [`Error`]. How much of it arrived, [`Upload::position`] tells.
    pub async fn chunk(&mut self, load: Load) -> Result<(), Error> {
        let (first, length) = (self.sent, load.length());
        let Some(last) = length.checked_sub(1).map(|last| first + last) else { return Ok(()) };
        let range = HeaderValue::try_from(format!("{first}-{last}")).map_err(|_| InvalidAnswer::Range)?;
        let ask = self.ask(Method::PATCH);
        let ask = ask.with(header::CONTENT_TYPE, octets()).with(header::CONTENT_RANGE, range);
        let arrival = self.put(self.way.url.clone(), ask, load).await?;
        if let Some(kept) = kept(&arrival.answer).filter(|kept| *kept != last + 1) {
            tracing::debug!(upload = ?self, kept, "the registry has not kept all of a chunk");
            return Err(arrival.answer.fail(InvalidAnswer::Range));
        }
        self.sent = last + 1;
        self.go_on(arrival)
    }

    /// Ends a blob that was sent in chunks.
    ///
    /// # Errors
    /// See [`Error`]; as for [`Upload::send`].
    pub async fn finish(self, digest: &Digest) -> Result<(), Error> {
        let way = Way { url: ended(&self.way.url, digest), ..self.way.clone() };
        let Arrival { answer, .. } = self.remote.walk(way, &self.ask(Method::PUT)).await?;
        answer.digest_is(digest).map_err(|lie| answer.fail(lie))
    }

    /// Asks how many bytes have arrived. The next chunk starts there.
    ///
    /// # Errors
    /// See [`Error`]; a refusal about [`crate::Refusal::Upload`] where the upload is gone.
    pub async fn position(&mut self) -> Result<u64, Error> {
        let arrival = self.remote.walk(self.way.clone(), &self.ask(Method::GET)).await?;
        let Some(kept) = kept(&arrival.answer) else { return Err(arrival.answer.fail(InvalidAnswer::Range)) };
        self.sent = kept;
        self.go_on(arrival)?;
        Ok(kept)
    }

    /// How many bytes were sent so far, and arrived.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The shortest chunk that the registry takes before the last, where it says so.
    pub fn least_chunk(&self) -> Option<u64> {
        self.least
    }

    /// Tells the registry that nothing more will come. It is told once, and need not agree: uploads expire.
    pub async fn cancel(self) -> Cancelled {
        let mut wire = self.ask(Method::DELETE).to(self.way.url.clone());
        // Some want the right to delete for it, which nobody is asked for just to be tidy.
        if let Some(grant) = self.remote.grants().get(&self.key()).await {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        match self.remote.send(&wire).await {
            Ok(answer) => {
                let is_done = answer.status().is_success();
                answer.drain().await;
                if is_done { Cancelled::Forgotten } else { Cancelled::LeftToExpire }
            }
            Err(error) => {
                tracing::debug!(upload = ?self, %error, "an upload was not cancelled");
                Cancelled::LeftToExpire
            }
        }
    }

    async fn put(&mut self, url: Url, ask: Ask, load: Load) -> Result<Arrival, Error> {
        let way = Way { url, ..self.way.clone() };
        match load {
            Load::Bytes(bytes) => self.remote.walk(way, &ask.sending(bytes)).await,
            stream @ Load::Stream { .. } => {
                // Its token may have expired, and a stream can be sent only once. The question can be repeated.
                if self.is_authorized && !self.has_grant().await {
                    let arrival = self.remote.walk(self.way.clone(), &self.ask(Method::GET)).await;
                    if let Ok(Arrival { answer, .. }) = arrival {
                        answer.drain().await;
                    }
                }
                self.remote.pour(way, &ask, stream).await
            }
        }
    }

    fn ask(&self, method: Method) -> Ask {
        Ask::change(method, self.scope.clone(), (&self.repository, "uploads".to_owned()))
    }

    fn key(&self) -> Key {
        Key::of(&self.way.url, &self.scope, self.way.account)
    }

    async fn has_grant(&self) -> bool {
        self.remote.grants().get(&self.key()).await.is_some()
    }

    fn go_on(&mut self, Arrival { answer, account }: Arrival) -> Result<(), Error> {
        match self.remote.location(&answer) {
            Ok(Some(url)) => {
                self.way.account = account.filter(|_| self.remote.is_home(self.way.endpoint, &url));
                self.way.url = url;
            }
            // Where none is given, it goes on at the same place.
            Ok(None) => {}
            Err(refused) => return Err(answer.fail(refused)),
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

// The address may have a query, which is the registry's own and stays as it is.
fn ended(url: &Url, digest: &Digest) -> Url {
    let mut url = url.clone();
    let query = match url.query().filter(|query| !query.is_empty()) {
        Some(query) => format!("{query}&digest={digest}"),
        None => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

// How many bytes a registry has, by its `Range: 0-<last>`.
fn kept(answer: &Answer) -> Option<u64> {
    read_range(answer.header(&header::RANGE)?)
}

pub(crate) fn read_range(header: &str) -> Option<u64> {
    let text = header.trim();
    let (first, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (first, last.parse::<u64>().ok().filter(|_| is_number(last))?) {
        // There is no way to write that there is nothing, and no reason to send a single byte.
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
    fn the_registrys_own_query_is_kept() {
        let digest = Digest::of(b"x");
        for (location, query) in [
            ("https://a.example/u/1", format!("digest={digest}")),
            ("https://a.example/u/1?", format!("digest={digest}")),
            ("https://a.example/u/1?_state=a%2Bb%3D&x=a+b", format!("_state=a%2Bb%3D&x=a+b&digest={digest}")),
        ] {
            assert_eq!(ended(&location.parse().unwrap(), &digest).query(), Some(query.as_str()));
        }
    }
}
