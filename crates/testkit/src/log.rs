//! What was asked and how far it was answered.

use std::{
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, Mutex},
};

use entrepot_oci::Digest;
use http::Method;
use tokio::sync::watch;

use crate::{Kind, patience::patiently, request::Call};

/// How an answer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not: it is being held, or its body is on its way.
    Open,
    /// The connection has taken all of it.
    Complete,
    /// A fault ended it.
    Cut,
    /// The client went away, or the registry was stopped.
    Left,
}

/// One request, as it stood when the log was taken.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it was about.
    pub kind: Kind,
    /// Its method.
    pub method: Method,
    /// Its path, as it was sent.
    pub path: String,
    /// Its query, as it was sent, without the `?`.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `Content-Range` header.
    pub content_range: Option<String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Accept` header; several are joined by `, `.
    pub accept: Option<String>,
    /// The client's address: requests of one connection have the same.
    pub peer: SocketAddr,
    /// The status answered; 0 before that.
    pub status: u16,
    /// Bytes of the answer's body given to the connection so far.
    pub sent: u64,
    /// Bytes of the request's body read so far.
    pub received: u64,
    /// How the answer ended.
    pub end: End,
}

/// Some requests in their order. It is a slice of [`Request`] with words for what tests ask.
#[derive(Clone, Debug, Default)]
pub struct Log(Vec<Request>);

impl Deref for Log {
    type Target = [Request];

    fn deref(&self) -> &[Request] {
        &self.0
    }
}

impl Log {
    /// The requests that `is_wanted` takes.
    pub fn matching(&self, is_wanted: impl Fn(&Request) -> bool) -> Self {
        Self(self.iter().filter(|request| is_wanted(request)).cloned().collect())
    }

    /// How many have this method and `part` in their path.
    pub fn count(&self, method: Method, part: &str) -> usize {
        self.iter().filter(|request| request.method == method && request.path.contains(part)).count()
    }

    /// Requests of this kind.
    pub fn kind(&self, kind: Kind) -> Self {
        self.matching(|request| request.kind == kind)
    }

    /// Requests about manifests, whatever their method.
    pub fn manifests(&self) -> Self {
        self.kind(Kind::Manifest)
    }

    /// `GET`s of manifests.
    pub fn manifest_gets(&self) -> Self {
        self.manifests().matching(|request| request.method == Method::GET)
    }

    /// `GET`s of blobs.
    pub fn blob_gets(&self) -> Self {
        self.kind(Kind::Blob).matching(|request| request.method == Method::GET)
    }

    /// `PUT`s of manifests.
    pub fn manifest_puts(&self) -> Self {
        self.manifests().matching(|request| request.method == Method::PUT)
    }

    /// Requests of uploads, whatever their method; mounts are among them.
    pub fn uploads(&self) -> Self {
        self.kind(Kind::Upload)
    }

    /// `HEAD`s.
    pub fn heads(&self) -> Self {
        self.matching(|request| request.method == Method::HEAD)
    }

    /// Requests with this digest in their path.
    pub fn of(&self, digest: &Digest) -> Self {
        let text = digest.to_string();
        self.matching(|request| request.path.contains(&text))
    }

    /// Requests that are still being answered.
    pub fn open(&self) -> Self {
        self.matching(|request| request.end == End::Open)
    }

    /// The bytes of all requests' bodies read so far.
    pub fn bytes_received(&self) -> u64 {
        self.iter().map(|request| request.received).sum()
    }

    /// The bytes of all bodies given to connections so far.
    pub fn bytes_sent(&self) -> u64 {
        self.iter().map(|request| request.sent).sum()
    }
}

/// The log while it is written.
#[derive(Debug)]
pub(crate) struct Journal {
    records: Mutex<Vec<Arc<Mutex<Request>>>>,
    changed: Arc<watch::Sender<()>>,
}

/// One request's line, written as its answer goes on. Dropped before its end was noted, the client has left.
#[derive(Debug)]
pub(crate) struct Entry {
    request: Arc<Mutex<Request>>,
    changed: Arc<watch::Sender<()>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { records: Mutex::default(), changed: Arc::new(watch::Sender::new(())) }
    }
}

impl Journal {
    pub(crate) fn enter(&self, call: &Call, peer: SocketAddr) -> Entry {
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
            end: End::Open,
        }));
        self.records.lock().unwrap().push(request.clone());
        self.changed.send_replace(());
        Entry { request, changed: self.changed.clone() }
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

impl Entry {
    pub(crate) fn write(&self, change: impl FnOnce(&mut Request)) {
        change(&mut self.request.lock().unwrap());
        self.changed.send_replace(());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.write(|request| {
            if request.end == End::Open {
                request.end = End::Left;
            }
        });
    }
}
