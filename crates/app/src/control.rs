//! Talks to the server that works in a data directory, over the socket it keeps there.

use std::{io, path::PathBuf, time::Duration};

use entrepot_mirror::{ImagePage, Removal, RepositoryPage, Totals};
use entrepot_oci::{ErrorBody, Name, Page, Reference};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use url::form_urlencoded::Serializer;

use crate::failure::Failure;

/// How long the server may take for an answer; a removal deletes files.
const PATIENCE: Duration = Duration::from_secs(300);

/// The most that an answer may have: a page of 1,000 entries is far below.
const MAX_ANSWER: usize = 16 << 20;

/// The way out where something is asked for that is not held.
pub(crate) const SEE_WHAT_IS_HELD: &str = "see what is held: `entrepot cache ls`";

/// A running server.
pub(crate) struct Control {
    socket: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("nobody answers there")]
    Connect(#[source] io::Error),
    #[error("the connection failed")]
    Connection(#[from] hyper::Error),
    #[error("the request cannot be made")]
    Request(#[from] hyper::http::Error),
    #[error("the answer broke off or is too long")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer is not what this version understands")]
    Answer(#[from] serde_json::Error),
    #[error("{said}")]
    Refused { said: String, unknown: bool },
    #[error("there was no answer in time")]
    TimedOut,
}

impl Control {
    /// The server behind a socket.
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Counts everything it holds.
    pub(crate) async fn holdings(&self) -> Result<Totals, Failure> {
        self.ask(Method::GET, "/v1/totals", &[]).await
    }

    /// A page of its repositories.
    pub(crate) async fn repositories(
        &self,
        prefix: Option<&str>,
        page: &Page,
    ) -> Result<RepositoryPage, Failure> {
        let limit = page.limit().to_string();
        self.ask(
            Method::GET,
            "/v1/repositories",
            &[("prefix", prefix), ("n", Some(&limit)), ("last", page.after())],
        )
        .await
    }

    /// A page of a repository's images.
    pub(crate) async fn images(&self, name: &Name, page: &Page) -> Result<ImagePage, Failure> {
        let limit = page.limit().to_string();
        let query = [("name", Some(name.as_str())), ("n", Some(&limit)), ("last", page.after())];
        self.ask(Method::GET, "/v1/images", &query).await
    }

    /// Removes a repository, or one image of it.
    pub(crate) async fn remove(
        &self,
        name: &Name,
        reference: Option<&Reference>,
    ) -> Result<Removal, Failure> {
        let reference = reference.map(ToString::to_string);
        let query = [("name", Some(name.as_str())), ("reference", reference.as_deref())];
        self.ask(Method::DELETE, "/v1/images", &query).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, Option<&str>)],
    ) -> Result<T, Failure> {
        let mut encoded = Serializer::new(String::new());
        encoded.extend_pairs(query.iter().filter_map(|(key, value)| Some((key, (*value)?))));
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?{}", encoded.finish()))
            .header(hyper::header::HOST, "entrepot")
            .body(Empty::new());
        let answer = match request {
            Ok(request) => {
                tokio::time::timeout(PATIENCE, self.exchange(request)).await.unwrap_or(Err(Fault::TimedOut))
            }
            Err(error) => Err(error.into()),
        };
        answer.and_then(|body| Ok(serde_json::from_slice(&body)?)).map_err(|fault| self.told(&fault))
    }

    async fn exchange(&self, request: Request<Empty<Bytes>>) -> Result<Bytes, Fault> {
        let stream = UnixStream::connect(&self.socket).await.map_err(Fault::Connect)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body =
            Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(Fault::Body)?.to_bytes();
        connection.abort();
        if status.is_success() {
            return Ok(body);
        }
        let said = ErrorBody::parse(&body)
            .map_or_else(|| status.to_string(), |error| message(&error.summary()).to_owned());
        Err(Fault::Refused { said, unknown: status == StatusCode::NOT_FOUND })
    }

    fn told(&self, fault: &Fault) -> Failure {
        match fault {
            // In the server's own words, hint included.
            Fault::Refused { said, unknown } => {
                match said.split_once("\nhint: ").or_else(|| said.split_once("; hint: ")) {
                    Some((what, hint)) => Failure::new(what).with_hint(hint),
                    None if *unknown => Failure::new(said.as_str()).with_hint(SEE_WHAT_IS_HELD),
                    None => Failure::new(said.as_str()),
                }
            }
            Fault::Connect(_) => Failure::because(self.busy(), fault)
                .with_hint("if it is a server, it may be starting or stopping: try again"),
            _ => Failure::because(self.busy(), fault).with_hint("the log of the server may say more"),
        }
    }

    fn busy(&self) -> String {
        let data = self.socket.parent().unwrap_or(&self.socket);
        format!("the data directory `{}` is in use, and its server cannot be asked", data.display())
    }
}

// `CODE: message` without the code, which is for programs.
fn message(summary: &str) -> &str {
    match summary.split_once(": ") {
        Some((code, message)) if code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => {
            message
        }
        _ => summary,
    }
}
