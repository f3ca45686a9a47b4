//! Speaks to a server's API.

use std::{collections::VecDeque, path::PathBuf, time::Duration};

use entrepot_scheduler::{ProgressView, RunCopyView, RunDetail, RunView, RunsView};
use futures_util::{StreamExt as _, stream::BoxStream};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::failure::Failure;

/// How long a connection may take, and an answer other than events.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may say nothing: its heartbeat comes every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// The most that one event may have, in bytes.
const MAX_EVENT: usize = 1 << 20;

/// A server.
pub(super) struct Client {
    server: Url,
    token: Option<SecretString>,
    http: reqwest::Client,
    socket: Option<PathBuf>,
}

/// What a server says when it refuses.
#[derive(Default, Deserialize)]
struct Problem {
    detail: Option<String>,
    hint: Option<String>,
}

impl Client {
    pub(super) fn new(server: &str, token: Option<SecretString>) -> Result<Self, Failure> {
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

    /// Speaks over the socket of a server on this machine, where no token is asked for.
    pub(super) fn over(socket: PathBuf) -> Result<Self, Failure> {
        let server = "http://localhost".parse();
        let server = server.map_err(|error| Failure::because("cannot set up HTTP", &error))?;
        let http = built(reqwest::Client::builder().unix_socket(socket.as_path()).no_proxy())?;
        Ok(Self { server, token: None, http, socket: Some(socket) })
    }

    /// The server's address, without a slash at its end.
    pub(super) fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    /// Where more is said of a run.
    pub(super) fn address_of(&self, run: &str) -> String {
        let address = format!("{}/api/v1/sync/runs/{run}", self.server());
        match &self.socket {
            Some(socket) => format!("curl --unix-socket {} {address}", socket.display()),
            None => address,
        }
    }

    pub(super) async fn begin<T: DeserializeOwned>(
        &self,
        rule: &str,
        image: Option<&str>,
    ) -> Result<T, Failure> {
        let mut request = self.request(Method::POST, &["rules", rule, "run"])?;
        if let Some(image) = image {
            request = request.json(&serde_json::json!({ "image": image }));
        }
        self.ask(request).await
    }

    pub(super) async fn cancel<T: DeserializeOwned>(&self, run: &str) -> Result<T, Failure> {
        self.ask(self.request(Method::POST, &["runs", run, "cancel"])?).await
    }

    pub(super) async fn run(&self, id: &str) -> Result<RunDetail, Failure> {
        self.ask(self.request(Method::GET, &["runs", id])?).await
    }

    pub(super) async fn runs(&self, rule: Option<&str>, count: usize) -> Result<RunsView, Failure> {
        let request = self.request(Method::GET, &["runs"])?.query(&[("n", count)]);
        self.ask(match rule {
            Some(rule) => request.query(&[("rule", rule)]),
            None => request,
        })
        .await
    }

    pub(super) async fn events(&self) -> Result<Events, Failure> {
        let response = self.send(self.request(Method::GET, &["events"])?).await?;
        let bytes = response.bytes_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec())).boxed();
        Ok(Events { bytes, text: Vec::new(), ready: VecDeque::new() })
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Failure> {
        let mut url = self.server.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::wrong("the server's address cannot have a path"))?
            .pop_if_empty()
            .extend(["api", "v1", "sync"])
            .extend(path);
        let request = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.send(request.timeout(PATIENCE)).await?;
        let answer = response.json().await;
        answer.map_err(|error| Failure::because("the server's answer cannot be used", &error.without_url()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| {
            Failure::because(format!("cannot reach the server at `{}`", self.server()), &error.without_url())
                .with_hint("say where it is with `--server URL` or `ENTREPOT_SERVER`")
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem: Problem = response.json().await.unwrap_or_default();
        let what = problem.detail.unwrap_or_else(|| format!("the server answers {status}"));
        let failure = Failure::new(what);
        Err(match (problem.hint, status) {
            (_, StatusCode::UNAUTHORIZED) => {
                failure.with_hint("put the server's `api_token` into `ENTREPOT_API_TOKEN`")
            }
            (Some(hint), _) => failure.with_hint(hint),
            (None, _) => failure,
        })
    }
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    let client = builder.connect_timeout(PATIENCE).read_timeout(SILENCE).build();
    client.map_err(|error| Failure::because("cannot set up HTTP", &error))
}

/// Something that happened.
pub(super) enum Event {
    Progress(ProgressView),
    Copies { run: String, changes: Vec<RunCopyView> },
    Ended(RunView),
    Other,
}

#[derive(Deserialize)]
struct Copies {
    run: String,
    changes: Vec<RunCopyView>,
}

/// What happens, as it happens.
pub(super) struct Events {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: Vec<u8>,
    ready: VecDeque<Event>,
}

impl Events {
    /// The next one; `None` if the server let us go.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(Ok(bytes)) = self.bytes.next().await else { return Ok(None) };
            self.text.extend_from_slice(&bytes);
            if self.text.len() > MAX_EVENT {
                return Err(Failure::new("the server's events cannot be used: one of them does not end"));
            }
            self.cut()?;
        }
    }

    // Events end with an empty line (WHATWG HTML §9.2.5).
    fn cut(&mut self) -> Result<(), Failure> {
        while let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            self.ready.push_back(read(&String::from_utf8_lossy(&block))?);
        }
        Ok(())
    }
}

fn read(block: &str) -> Result<Event, Failure> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data").unwrap_or_default();
    let event = match field("event") {
        Some("progress" | "began") => serde_json::from_str(data).map(Event::Progress),
        Some("copies") => {
            serde_json::from_str(data).map(|Copies { run, changes }| Event::Copies { run, changes })
        }
        Some("ended") => serde_json::from_str(data).map(Event::Ended),
        _ => Ok(Event::Other),
    };
    event.map_err(|error| Failure::because("the server's events cannot be used", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_where_they_end() {
        let mut events =
            Events { bytes: futures_util::stream::empty().boxed(), text: Vec::new(), ready: VecDeque::new() };
        let text = "retry: 3000\n\nid: 1\nevent: copies\ndata: {\"run\":\"a\",\"rule\":\"r\",\"changes\":[],\"more\":0}\n\n: still here\n\nid: 2\nev";
        events.text.extend_from_slice(text.as_bytes());
        events.cut().unwrap();
        assert_eq!((events.ready.len(), events.text.len()), (3, 8));
        assert!(matches!(&events.ready[1], Event::Copies { run, .. } if run == "a"));
        assert!(read("event: ended\ndata: {}\n\n").is_err());
    }

    #[test]
    fn servers_have_addresses() {
        let server = |text| Client::new(text, None).map(|client| client.server().to_owned());
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
