//! Client for a server's JSON API, over the network or over the socket in its data directory.
//!
//! - `answer`: what comes back; `server`: which server; `login`: the login for it; `fault`: errors; `events`: the event stream; `web_socket`:
//!   conversations
//!
//! The commands explain the errors to the user.

mod answer;
mod events;
mod fault;
mod login;
mod server;
mod web_socket;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use entrepot_credentials::Credential;
use entrepot_egress::Proxies;
use futures_util::StreamExt as _;
use reqwest::{
    Method, Proxy, RequestBuilder, Response,
    header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    assembly,
    failure::{self, Failure},
};

use answer::{read, refusal};
pub(crate) use events::{Events, SseStream};
pub(crate) use fault::ApiError;
pub(crate) use server::{ServerLocation, ServerTarget};
pub(crate) use web_socket::{Message, WebSocket};

/// Timeout for connecting, and for an event stream to start.
const CONNECT: Duration = Duration::from_secs(30);
/// Timeout for a whole response; long, because a removal deletes files.
const PATIENCE: Duration = Duration::from_secs(300);
/// The same for work that reads whole images.
const LONG_WORK: Duration = Duration::from_secs(60 * 60);

/// A client for one server.
pub(crate) struct Client {
    server: Url,
    authorization: Option<Authorization>,
    http: reqwest::Client,
    socket: Option<PathBuf>,
}

/// What a client proves who is asking with.
enum Authorization {
    /// A token.
    Bearer(SecretString),
    /// A user name with a password or an API token.
    Basic(Credential),
}

impl Client {
    /// A client for the server at an address, such as `https://m.example.com` or `127.0.0.1:5000`.
    ///
    /// # Errors
    /// The text is not such an address.
    pub(crate) fn at(server: &str, token: Option<SecretString>) -> Result<Self, Failure> {
        let text = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
        let wrong = || {
            Failure::wrong(format!("`{server}` is not the address of a server"))
                .with_hint("write `http://127.0.0.1:5000`")
        };
        let url: Url = text.parse().map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.password().is_some() {
            return Err(wrong());
        }
        let proxies = Proxies::from_environment();
        let proxy = Proxy::custom(move |url| proxies.of(url).cloned());
        let http = built(reqwest::Client::builder().no_proxy().proxy(proxy))?;
        let authorization = token.map(Authorization::Bearer);
        Ok(Self { server: url, authorization, http, socket: None })
    }

    /// A client for the server behind a local socket. No token is needed there.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub(crate) fn over(socket: PathBuf) -> Result<Self, Failure> {
        let server = "http://localhost".parse();
        let server = server.map_err(|error| Failure::because("cannot set up HTTP", &error))?;
        let http = built(reqwest::Client::builder().unix_socket(socket.as_path()).no_proxy())?;
        Ok(Self { server, authorization: None, http, socket: Some(socket) })
    }

    /// The same, for an account.
    pub(crate) fn logged_in(self, credential: Credential) -> Self {
        Self { authorization: Some(Authorization::Basic(credential)), ..self }
    }

    fn address(&self) -> &Url {
        &self.server
    }

    /// The server's address, without a trailing slash.
    pub(crate) fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    /// The socket, if the server is reached through one.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Sends `GET` to a path below `/api/v1`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::GET, path).query(query)).await
    }

    /// Sends `POST` with a body to a path below `/api/v1`.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::POST, path).json(body)).await
    }

    /// Sends `POST` without a body to a path below `/api/v1`.
    pub(crate) async fn act<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::POST, path).query(query)).await
    }

    /// Sends `POST` without a body to a path below `/api/v1`, and waits for work that may take long.
    pub(crate) async fn work<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, ApiError> {
        let response = send(self.request(Method::POST, path).query(query).timeout(LONG_WORK)).await?;
        Ok(serde_json::from_slice(&read(response).await?)?)
    }

    /// Sends `POST` with a body to a path below `/api/v1`, and waits for work that may take long.
    pub(crate) async fn long_post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let response = send(self.request(Method::POST, path).json(body).timeout(LONG_WORK)).await?;
        Ok(serde_json::from_slice(&read(response).await?)?)
    }

    /// Sends `POST` with a document to a path below `/api/v1`.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
        document: Vec<u8>,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::POST, path).query(query).body(document)).await
    }

    /// Sends `GET` to a path below `/api/v1` that answers with a document.
    pub(crate) async fn document(&self, path: &[&str], query: &impl Serialize) -> Result<Vec<u8>, ApiError> {
        read(send(self.request(Method::GET, path).query(query).timeout(PATIENCE)).await?).await
    }

    /// Sends `PATCH` to a path below `/api/v1`; the answer is the thing as it is now.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::PATCH, path).json(body)).await
    }

    /// Sends `PUT` to a path below `/api/v1`; the answer is the thing as it is now.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::PUT, path).json(body)).await
    }

    /// Sends a change to a path below `/api/v1`; the answer has no content.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<(), ApiError> {
        send(self.request(method, path).json(body).timeout(PATIENCE)).await.map(drop)
    }

    /// Sends `DELETE` to a path below `/api/v1`.
    pub(crate) async fn delete<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, ApiError> {
        ask(self.request(Method::DELETE, path).query(query)).await
    }

    /// Sends `DELETE` to a path below `/api/v1`; the answer has no content.
    pub(crate) async fn remove(&self, path: &[&str], query: &impl Serialize) -> Result<(), ApiError> {
        send(self.request(Method::DELETE, path).query(query).timeout(PATIENCE)).await.map(drop)
    }

    /// Opens a text that may go on for ever.
    pub(crate) async fn text(&self, path: &[&str], query: &impl Serialize) -> Result<Text, ApiError> {
        let request = self.request(Method::GET, path).query(query);
        let response =
            tokio::time::timeout(CONNECT, send(request)).await.unwrap_or(Err(ApiError::TimedOut))?;
        Ok(Text(response))
    }

    /// Opens the stream of events from now on.
    pub(crate) async fn events(&self) -> Result<Events, ApiError> {
        Ok(Events::new(self.stream(&["sync", "events"]).await?))
    }

    /// Opens a stream of server-sent events at a path below `/api/v1`.
    pub(crate) async fn stream(&self, path: &[&str]) -> Result<SseStream, ApiError> {
        let request = self.request(Method::GET, path);
        let response =
            tokio::time::timeout(CONNECT, send(request)).await.unwrap_or(Err(ApiError::TimedOut))?;
        let bytes = response.bytes_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec()));
        Ok(SseStream::new(bytes.boxed()))
    }

    /// Begins a conversation at a path below `/api/v1`.
    pub(crate) async fn web_socket(&self, path: &[&str], protocol: &str) -> Result<WebSocket, ApiError> {
        let opened = web_socket::open(self.request(Method::GET, path), protocol);
        tokio::time::timeout(CONNECT, opened).await.unwrap_or(Err(ApiError::TimedOut))
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.server.clone();
        // Always `Ok`: a URL with a host has path segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        let request = self.http.request(method, url);
        match &self.authorization {
            Some(Authorization::Bearer(token)) => request.bearer_auth(token.expose_secret()),
            Some(Authorization::Basic(Credential { username, password })) => {
                request.basic_auth(username, Some(password.expose_secret()))
            }
            None => request,
        }
    }
}

/// A text that arrives in pieces.
pub(crate) struct Text(Response);

impl Text {
    /// The next piece, however long that takes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        Ok(self.0.chunk().await.map_err(ApiError::of)?.map(|bytes| bytes.to_vec()))
    }
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
    let response = send(request.timeout(PATIENCE)).await?;
    Ok(serde_json::from_slice(&read(response).await?)?)
}

async fn send(request: RequestBuilder) -> Result<Response, ApiError> {
    let response = request.send().await.map_err(ApiError::of)?;
    if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    assembly::install_crypto();
    // What the server refuses, it tells in the terminal's language.
    let language = if failure::is_chinese() { "zh" } else { "en" };
    let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(language))]);
    // A connection of HTTP/2 cannot become a WebSocket.
    let client = builder.default_headers(headers).connect_timeout(CONNECT).http1_only().build();
    client.map_err(|error| Failure::because("cannot set up HTTP", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_addresses() {
        let server = |text| Client::at(text, None).map(|client| client.server().to_owned());
        assert_eq!(server("127.0.0.1:5000").unwrap(), "http://127.0.0.1:5000");
        assert_eq!(server("https://m.example.com/x/").unwrap(), "https://m.example.com/x");
        for wrong in ["", "ftp://x", "http://u:p@x", "http://"] {
            let failure = server(wrong).unwrap_err().to_string();
            assert_eq!(
                failure,
                format!("`{wrong}` is not the address of a server\nhint: write `http://127.0.0.1:5000`")
            );
        }
    }
}
