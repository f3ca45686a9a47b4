//! Speaks to the JSON API of a server: over the network, or over the socket in its data directory.
//!
//! - `fault`: why there is no answer; `events`: what happens, as it happens
//!
//! What the answers mean to a person is said by the commands.

mod events;
mod fault;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use entrepot_api::Problem;
use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{assembly, failure::Failure};

pub(crate) use events::Events;
pub(crate) use fault::Fault;

/// How long a connection may take to be made, and a stream of events to begin.
const CONNECT: Duration = Duration::from_secs(30);
/// How long an answer may take; a removal deletes files.
const PATIENCE: Duration = Duration::from_secs(300);
/// The most that an answer may have, in bytes: a page of 1,000 entries is far below.
const MAX_ANSWER: usize = 16 << 20;

/// A server.
pub(crate) struct Client {
    server: Url,
    token: Option<SecretString>,
    http: reqwest::Client,
    socket: Option<PathBuf>,
}

impl Client {
    /// The server at an address, such as `https://m.example.com` or `127.0.0.1:5000`.
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
        Ok(Self { server: url, token, http: built(reqwest::Client::builder())?, socket: None })
    }

    /// The server behind a socket on this machine, where no token is asked for.
    ///
    /// # Errors
    /// HTTP cannot be set up.
    pub(crate) fn over(socket: PathBuf) -> Result<Self, Failure> {
        let server = "http://localhost".parse();
        let server = server.map_err(|error| Failure::because("cannot set up HTTP", &error))?;
        let http = built(reqwest::Client::builder().unix_socket(socket.as_path()).no_proxy())?;
        Ok(Self { server, token: None, http, socket: Some(socket) })
    }

    /// The server's address, without a slash at its end.
    pub(crate) fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    /// The socket, if that is how it is reached.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// What is at an address below `/api/v1`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, Fault> {
        ask(self.request(Method::GET, path).query(query)).await
    }

    /// Sends a body to an address below `/api/v1`.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Fault> {
        ask(self.request(Method::POST, path).json(body)).await
    }

    /// Deletes what is at an address below `/api/v1`.
    pub(crate) async fn delete<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, Fault> {
        ask(self.request(Method::DELETE, path).query(query)).await
    }

    /// What happens from now on.
    pub(crate) async fn events(&self) -> Result<Events, Fault> {
        let request = self.request(Method::GET, &["sync", "events"]);
        let response = tokio::time::timeout(CONNECT, send(request)).await.unwrap_or(Err(Fault::TimedOut))?;
        let bytes = response.bytes_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec()));
        Ok(Events::new(bytes.boxed()))
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.server.clone();
        // An address with a host has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Fault> {
    let response = send(request.timeout(PATIENCE)).await?;
    Ok(serde_json::from_slice(&read(response).await?)?)
}

async fn send(request: RequestBuilder) -> Result<Response, Fault> {
    let response = request.send().await.map_err(Fault::of)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Option<Problem> =
        read(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok());
    Err(Fault::Refused { status, problem })
}

async fn read(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(Fault::of)? {
        if all.len() + bytes.len() > MAX_ANSWER {
            return Err(Fault::TooLong);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    assembly::install_crypto();
    let client = builder.connect_timeout(CONNECT).build();
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
