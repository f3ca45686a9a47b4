//! An S3 server on a loopback port that keeps objects in a temporary directory, and can be told to misbehave.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use entrepot_blobs::S3Settings;
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

pub const BUCKET: &str = "images";

/// How to disturb a request.
pub enum Fault {
    /// Respond with this status without doing anything.
    Instead(StatusCode),
    /// Do it, then respond with this status.
    After(StatusCode),
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub query: String,
    pub conditional: bool,
}

type Rule = Box<dyn FnMut(&Seen) -> Option<Fault> + Send>;

pub struct S3Server {
    root: TempDir,
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    service: S3Service,
    seen: Mutex<Vec<Seen>>,
    rule: Mutex<Rule>,
}

impl S3Server {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single("access", "secret"));
        let (service, rule): (_, Rule) = (builder.build(), Box::new(|_| None));
        let shared = Arc::new(Shared { service, seen: Mutex::default(), rule: Mutex::new(rule) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { root, address, shared, accepting }
    }

    pub fn settings(&self, redirect: bool) -> S3Settings {
        S3Settings {
            virtual_hosted: false,
            bucket: BUCKET.to_owned(),
            endpoint: format!("http://{}", self.address).parse().unwrap(),
            region: "us-east-1".to_owned(),
            prefix: Some("mirror/blobs".to_owned()),
            access_key: Some("access".into()),
            secret_key: Some("secret".into()),
            redirect,
        }
    }

    /// Applies `rule` to every request from now on.
    pub fn misbehave(&self, rule: impl FnMut(&Seen) -> Option<Fault> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    pub fn behave(&self) {
        self.misbehave(|_| None);
    }

    /// The requests since the last call.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
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

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
    let seen = Seen {
        method: request.method().clone(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        conditional: request.headers().contains_key("if-none-match"),
    };
    let fault = (shared.rule.lock().unwrap())(&seen);
    shared.seen.lock().unwrap().push(seen);
    let status = match fault {
        None => return shared.service.call(request.map(Body::from)).await,
        Some(Fault::Instead(status)) => status,
        Some(Fault::After(status)) => {
            shared.service.call(request.map(Body::from)).await?;
            status
        }
    };
    let mut response = HttpResponse::new(Body::empty());
    *response.status_mut() = status;
    Ok(response)
}
