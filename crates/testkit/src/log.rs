//! The requests received and the progress of their responses.

use std::{
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, Mutex},
};

use entrepot_oci::Digest;
use http::Method;
use tokio::sync::watch;

use crate::{ResourceKind, patience::patiently, request::Call};

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseEnd {
    /// Not yet: it is being held, or its body is being sent.
    Open,
    /// The connection has taken all of it.
    Complete,
    /// A fault ended it.
    Cut,
    /// The client went away, or the registry was stopped.
    Left,
}

/// A request, as of the time the log was taken.
#[derive(Clone, Debug)]
pub struct Request {
    /// The kind of resource it names.
    pub kind: ResourceKind,
    /// Its method.
    pub method: Method,
    /// Its raw path.
    pub path: String,
    /// Its raw query, without the `?`.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `Content-Range` header.
    pub content_range: Option<String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Accept` header; several are joined with `, `.
    pub accept: Option<String>,
    /// The client's address; requests on one connection share it.
    pub peer: SocketAddr,
    /// The response status; 0 before the response.
    pub status: u16,
    /// Response body bytes given to the connection so far.
    pub sent: u64,
    /// Request body bytes read so far.
    pub received: u64,
    /// How the response ended.
    pub end: ResponseEnd,
}

/// Requests in order: a slice of [`Request`] with filters and counts for tests.
#[derive(Clone, Debug, Default)]
pub struct Log(Vec<Request>);

impl Deref for Log {
    type Target = [Request];

    fn deref(&self) -> &[Request] {
        &self.0
    }
}

impl Log {
    /// The requests that satisfy `is_wanted`.
    pub fn matching(&self, is_wanted: impl Fn(&Request) -> bool) -> Self {
        Self(self.iter().filter(|request| is_wanted(request)).cloned().collect())
    }

    /// Number of requests with this method and `part` in the path.
    pub fn count(&self, method: Method, part: &str) -> usize {
        self.iter().filter(|request| request.method == method && request.path.contains(part)).count()
    }

    /// Requests of this kind.
    pub fn kind(&self, kind: ResourceKind) -> Self {
        self.matching(|request| request.kind == kind)
    }

    /// Manifest requests with any method.
    pub fn manifests(&self) -> Self {
        self.kind(ResourceKind::Manifest)
    }

    /// `GET`s of manifests.
    pub fn manifest_gets(&self) -> Self {
        self.manifests().matching(|request| request.method == Method::GET)
    }

    /// `GET`s of blobs.
    pub fn blob_gets(&self) -> Self {
        self.kind(ResourceKind::Blob).matching(|request| request.method == Method::GET)
    }

    /// `PUT`s of manifests.
    pub fn manifest_puts(&self) -> Self {
        self.manifests().matching(|request| request.method == Method::PUT)
    }

    /// Upload requests with any method, including mounts.
    pub fn uploads(&self) -> Self {
        self.kind(ResourceKind::Upload)
    }

    /// `HEAD`s.
    pub fn heads(&self) -> Self {
        self.matching(|request| request.method == Method::HEAD)
    }

    /// Requests with this digest in the path.
    pub fn of(&self, digest: &Digest) -> Self {
        let text = digest.to_string();
        self.matching(|request| request.path.contains(&text))
    }

    /// Requests without a complete response.
    pub fn open(&self) -> Self {
        self.matching(|request| request.end == ResponseEnd::Open)
    }

    /// Total request body bytes read so far.
    pub fn bytes_received(&self) -> u64 {
        self.iter().map(|request| request.received).sum()
    }

    /// Total response body bytes given to connections so far.
    pub fn bytes_sent(&self) -> u64 {
        self.iter().map(|request| request.sent).sum()
    }
}

/// The log being written.
#[derive(Debug)]
pub(crate) struct Journal {
    records: Mutex<Vec<Arc<Mutex<Request>>>>,
    changed: Arc<watch::Sender<()>>,
}

/// One request's entry, updated with its response. If it is dropped before the end was recorded, the client has left.
#[derive(Debug)]
pub(crate) struct LogEntry {
    request: Arc<Mutex<Request>>,
    changed: Arc<watch::Sender<()>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { records: Mutex::default(), changed: Arc::new(watch::Sender::new(())) }
    }
}

impl Journal {
    pub(crate) fn enter(&self, call: &Call, peer: SocketAddr) -> LogEntry {
        let header = |name: &str| {
            let all: Vec<_> =
                call.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            (!all.is_empty()).then(|| all.join(", "))
        };
        let request = Arc::new(Mutex::new(Request {
            kind: call.kind,
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            range: header("range"),
            content_range: header("content-range"),
            authorization: header("authorization"),
            user_agent: header("user-agent"),
            accept: header("accept"),
            peer,
            status: 0,
            sent: 0,
            received: 0,
            end: ResponseEnd::Open,
        }));
        self.records.lock().unwrap().push(request.clone());
        self.changed.send_replace(());
        LogEntry { request, changed: self.changed.clone() }
    }

    pub(crate) fn read(&self) -> Log {
        Log(self.records.lock().unwrap().iter().map(|record| record.lock().unwrap().clone()).collect())
    }

    pub(crate) fn clear(&self) {
        self.records.lock().unwrap().clear();
    }

    pub(crate) async fn until(&self, condition: impl Fn(&Log) -> bool) -> Log {
        let mut changed = self.changed.subscribe();
        let wait = async {
            loop {
                changed.borrow_and_update();
                let log = self.read();
                if condition(&log) {
                    return log;
                }
                changed.changed().await.unwrap();
            }
        };
        patiently("the log to say so", wait).await
    }
}

impl LogEntry {
    pub(crate) fn write(&self, change: impl FnOnce(&mut Request)) {
        change(&mut self.request.lock().unwrap());
        self.changed.send_replace(());
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        self.write(|request| {
            if request.end == ResponseEnd::Open {
                request.end = ResponseEnd::Left;
            }
        });
    }
}
