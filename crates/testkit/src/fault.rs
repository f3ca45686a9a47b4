//! Faults: the requests they hit, how often, and their effect.

use std::time::Duration;

use bytes::Bytes;
use entrepot_oci::Digest;
use http::Method;

use crate::{Gate, ResourceKind, request::Call};

/// The requests that a fault hits: those that match all conditions.
///
/// Only authenticated requests are hit, unless [`Match::before_auth`] is set.
#[derive(Clone, Debug, Default)]
pub struct Match {
    method: Option<Method>,
    kind: Option<ResourceKind>,
    digest: Option<Digest>,
    tag: Option<String>,
    path: Option<String>,
    ranged: Option<bool>,
    before_auth: bool,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of one kind.
    pub fn kind(kind: ResourceKind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Manifest requests with any method.
    pub fn manifests() -> Self {
        Self::kind(ResourceKind::Manifest)
    }

    /// Blob requests with any method, except uploads.
    pub fn blobs() -> Self {
        Self::kind(ResourceKind::Blob)
    }

    /// Tag lists.
    pub fn tags() -> Self {
        Self::kind(ResourceKind::Tags)
    }

    /// The referrers API.
    pub fn referrers() -> Self {
        Self::kind(ResourceKind::Referrers)
    }

    /// Uploads of blobs.
    pub fn uploads() -> Self {
        Self::kind(ResourceKind::Upload)
    }

    /// The token endpoint.
    pub fn token() -> Self {
        Self::kind(ResourceKind::Token)
    }

    /// `/v2/`.
    pub fn ping() -> Self {
        Self::kind(ResourceKind::Ping)
    }

    /// Only this method.
    #[must_use]
    pub fn method(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// Only `GET`.
    #[must_use]
    pub fn get(self) -> Self {
        self.method(Method::GET)
    }

    /// Only `HEAD`.
    #[must_use]
    pub fn head(self) -> Self {
        self.method(Method::HEAD)
    }

    /// Only paths that end with this digest.
    #[must_use]
    pub fn digest(self, digest: &Digest) -> Self {
        Self { digest: Some(*digest), ..self }
    }

    /// Only manifests requested by this tag.
    #[must_use]
    pub fn tag(self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self }
    }

    /// Only paths that contain `part`.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        Self { path: Some(part.to_owned()), ..self }
    }

    /// Only requests with a `Range` header.
    #[must_use]
    pub fn ranged(self) -> Self {
        Self { ranged: Some(true), ..self }
    }

    /// Only requests without a `Range` header.
    #[must_use]
    pub fn unranged(self) -> Self {
        Self { ranged: Some(false), ..self }
    }

    /// Also unauthenticated requests: the fault comes before authentication.
    #[must_use]
    pub fn before_auth(self) -> Self {
        Self { before_auth: true, ..self }
    }

    fn fits(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && self.kind.is_none_or(|kind| kind == call.kind)
            && self.digest.is_none_or(|digest| call.digest() == Some(digest))
            && self.tag.as_deref().is_none_or(|tag| call.tag() == Some(tag))
            && self.path.as_deref().is_none_or(|part| call.path.contains(part))
            && self.ranged.is_none_or(|ranged| ranged == call.headers.contains_key("range"))
    }
}

/// The position of a wrong byte in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BytePosition {
    /// Its first byte.
    Start,
    /// Its last byte.
    End,
}

/// The effect of a fault. Offsets count bytes of the response body, which for a ranged request is the part sent.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sends this response instead.
    Status {
        /// The status.
        status: u16,
        /// Headers in addition to `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// Sends 200 with a captive portal's page instead.
    Html,
    /// Sends a redirect instead. `{path}` in the location stands for the requested path and query.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location`.
        location: String,
    },
    /// Closes the connection instead of responding.
    Hangup,
    /// Reads this many bytes of the request's body (an upload keeps them), then closes the connection.
    HangupAfter(u64),
    /// Executes the request, then closes the connection without a response.
    LoseAnswer,
    /// Waits before executing the request.
    Delay(Duration),
    /// Waits at the gate before executing the request.
    Gate(Gate),
    /// Sends this many bytes, then waits at the gate; with 0, only the headers are sent.
    GateAfter(u64, Gate),
    /// Sends this many bytes, then stalls until the client leaves.
    StallAfter(u64),
    /// Announces the whole body and closes the connection after this many bytes, at the latest before the last one.
    CutAfter(u64),
    /// Like [`Action::CutAfter`], but with a TCP reset, which may also lose bytes in transit. HTTP/1 only.
    ResetAfter(u64),
    /// Flips one bit; length and headers are right.
    WrongBytes(BytePosition),
    /// No `Content-Length`: chunked on HTTP/1.1.
    NoLength,
    /// Like HTTP/1.0: no `Content-Length`, and the body ends with the connection.
    UntilClose,
    /// `Content-Length` is off by this much; the connection closes early or the body ends early.
    WrongLength(i64),
    /// Sets a header, replacing any previous value.
    Header(String, String),
    /// Removes a header.
    WithoutHeader(String),
    /// Repeats the body forever, without a length.
    Endless,
    /// Sends the body at this many bytes per second.
    Trickle(u64),
    /// Responds to a ranged request with 200 and the whole body.
    IgnoreRange,
}

impl Action {
    /// Responds with this status and an empty body.
    pub fn status(status: u16) -> Self {
        Self::status_with(status, &[], "")
    }

    /// Responds with this status, headers and body.
    pub fn status_with(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::Status { status, headers, body: body.into() }
    }

    /// Redirects to `location`, where `{path}` stands for the requested path and query.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::Redirect { status, location: location.to_owned() }
    }

    /// Sets a header.
    pub fn header(name: &str, value: &str) -> Self {
        Self::Header(name.to_owned(), value.to_owned())
    }

    /// Claims this digest in `Docker-Content-Digest`.
    pub fn lie_digest(digest: &Digest) -> Self {
        Self::header("docker-content-digest", &digest.to_string())
    }

    /// Claims this `Content-Encoding`; the bytes stay as they are.
    pub fn encoding(encoding: &str) -> Self {
        Self::header("content-encoding", encoding)
    }
}

/// A fault; it hits once by default.
///
/// For each request, the first matching fault that is not used up is played; the others wait.
///
/// ```
/// # use entrepot_testkit::{Action, Fault, Match};
/// // The second and third requested blobs break off after 100 bytes.
/// Fault::on(Match::blobs().get()).skip(1).times(2).then(Action::CutAfter(100));
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    on: Match,
    skip: u64,
    // `None`: forever.
    left: Option<u64>,
    actions: Vec<Action>,
}

impl Fault {
    /// A fault for these requests, without an effect yet.
    pub fn on(on: Match) -> Self {
        Self { on, skip: 0, left: Some(1), actions: Vec::new() }
    }

    /// Lets the first `count` of them pass.
    #[must_use]
    pub fn skip(self, count: u64) -> Self {
        Self { skip: count, ..self }
    }

    /// Hits `count` of them.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { left: Some(count), ..self }
    }

    /// Hits all of them.
    #[must_use]
    pub fn always(self) -> Self {
        Self { left: None, ..self }
    }

    /// Adds an effect. Several effects are played together.
    #[must_use]
    pub fn then(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// True if it hits this request, which is then counted.
    fn take(&mut self, call: &Call, is_refused: bool) -> bool {
        if self.left == Some(0) || (is_refused && !self.on.before_auth) || !self.on.fits(call) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }
}

/// The effects for `call`; none for most.
pub(crate) fn select(faults: &mut [Fault], call: &Call, is_refused: bool) -> Vec<Action> {
    let hit = faults.iter_mut().find_map(|fault| fault.take(call, is_refused).then(|| fault.actions.clone()));
    hit.unwrap_or_default()
}
