//! An S3 server on a loopback port that keeps objects in a temporary directory, and can be told to misbehave.

#![allow(missing_docs, reason = "the names say it")]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use http::{Method, Request, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    Body, HttpError, HttpResponse,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// The one bucket.
pub const BUCKET: &str = "images";
/// The access key and the secret key.
pub const KEYS: [&str; 2] = ["access", "secret"];

/// How to disturb a request.
pub enum S3Fault {
    /// Respond with this status without doing anything.
    Instead(StatusCode),
    /// Respond with this error without doing anything.
    Error(StatusCode, &'static str),
    /// Respond with this document without doing anything.
    Document(&'static str),
    /// Do it, then respond with this status.
    After(StatusCode),
    /// Close the connection without a reply, as a server that is gone does.
    Close,
}

/// A request that was received.
#[derive(Clone, Debug)]
pub struct S3Request {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub conditional: bool,
}

type FaultRule = Box<dyn FnMut(&S3Request) -> Option<S3Fault> + Send>;

/// A server with one bucket.
pub struct S3Server {
    root: TempDir,
    address: std::net::SocketAddr,
    shared: Arc<S3State>,
    accepting: JoinHandle<()>,
}

struct S3State {
    service: S3Service,
    requests: Mutex<Vec<S3Request>>,
    rule: Mutex<FaultRule>,
}

impl S3Server {
    /// Starts one with an empty bucket.
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEYS[0], KEYS[1]));
        let (service, rule): (_, FaultRule) = (builder.build(), Box::new(|_| None));
        let shared = Arc::new(S3State { service, requests: Mutex::default(), rule: Mutex::new(rule) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { root, address, shared, accepting }
    }

    /// Its address, without the bucket.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Applies `rule` to every request from now on.
    pub fn misbehave(&self, rule: impl FnMut(&S3Request) -> Option<S3Fault> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// Serves every request again.
    pub fn behave(&self) {
        self.misbehave(|_| None);
    }

    /// The requests since the last call.
    pub fn take_seen(&self) -> Vec<S3Request> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }

    /// The file that stores an object.
    pub fn object(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<S3State>) {
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(shared: Arc<S3State>, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
    let seen = S3Request {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        conditional: request.headers().contains_key("if-none-match"),
    };
    let fault = (shared.rule.lock().unwrap())(&seen);
    shared.requests.lock().unwrap().push(seen);
    let status = match fault {
        None => return shared.service.call(request.map(Body::from)).await,
        Some(S3Fault::Close) => return Err(HttpError::new(Box::from("closed on purpose"))),
        Some(S3Fault::Instead(status)) => status,
        Some(S3Fault::Error(status, code)) => {
            let body = format!("<Error><Code>{code}</Code></Error>");
            let mut response = HttpResponse::new(Body::from(body));
            *response.status_mut() = status;
            return Ok(response);
        }
        Some(S3Fault::Document(text)) => return Ok(HttpResponse::new(Body::from(text.to_owned()))),
        Some(S3Fault::After(status)) => {
            shared.service.call(request.map(Body::from)).await?;
            status
        }
    };
    let mut response = HttpResponse::new(Body::empty());
    *response.status_mut() = status;
    Ok(response)
}
