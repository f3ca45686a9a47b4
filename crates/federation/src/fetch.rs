//! Requests to an OpenID provider: bounded in time and size, with TLS verified, and no redirect followed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use entrepot_egress::{Exemptions, Gate, Proxies};
use reqwest::{Client, Proxy, RequestBuilder, Response, StatusCode, header, redirect};
use url::Url;

use crate::{
    error::{ProviderError, SetupError, deepest},
    tls,
    token::printable,
};

/// How long a request may take. Docker gives up a login after 15 s, and there may be three requests for one.
const TIME: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// What a server is trusted with beyond what everybody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates to accept beside those that the system trusts, in PEM format.
    pub ca: Option<PathBuf>,
    /// Whether the provider may name other hosts at private addresses. Its own host may always be at one.
    pub private_network: bool,
}

/// Sends requests to one provider. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: Client,
    gate: Gate,
    issuer: Url,
}

impl Fetcher {
    pub(crate) fn new(issuer: &Url, trust: &Trust) -> Result<Self, SetupError> {
        let mut tls = tls::config(trust.ca.as_deref())?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let proxies = Arc::new(Proxies::from_environment());
        let exemptions = Exemptions::new(std::slice::from_ref(issuer))
            .with_private_network(trust.private_network)
            .with_proxies(proxies.urls().cloned());
        let gate = Gate::new(exemptions);
        let client = Client::builder()
            .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .dns_resolver(gate.resolver())
            .no_proxy()
            .proxy(Proxy::custom(move |url| proxies.of(url).cloned()))
            .timeout(TIME)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client, gate, issuer: issuer.clone() })
    }

    /// Checks an address that the provider named.
    pub(crate) fn address(&self, what: &'static str, url: &str) -> Result<Url, ProviderError> {
        self.gate.absolute(&self.issuer, url).map_err(|why| ProviderError::Address { what, why })
    }

    /// Gets a document. `what` it is, is told in errors.
    pub(crate) async fn get(&self, what: &'static str, url: Url) -> Result<Vec<u8>, ProviderError> {
        self.document(what, self.client.get(url)).await
    }

    /// Gets a document with an access token.
    pub(crate) async fn get_with(
        &self,
        what: &'static str,
        url: Url,
        token: &str,
    ) -> Result<Vec<u8>, ProviderError> {
        self.document(what, self.client.get(url).bearer_auth(token)).await
    }

    /// Posts to an address of the provider; the answer may be a refusal.
    pub(crate) fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends a request and reads its answer, whatever its status.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<ProviderResponse, ProviderError> {
        let response = request.header(header::ACCEPT, "application/json").send().await;
        let response = response.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        Ok(ProviderResponse { status, body: self.read(response).await? })
    }

    async fn document(&self, what: &'static str, request: RequestBuilder) -> Result<Vec<u8>, ProviderError> {
        let ProviderResponse { status, body } = self.send(request).await?;
        if status.is_server_error() {
            let host = self.issuer.host_str().unwrap_or_default().to_owned();
            return Err(ProviderError::Unreachable { host, why: format!("status {status} for its {what}") });
        }
        if status != StatusCode::OK {
            let why = match status.is_redirection() {
                true => format!("status {status}, and redirects are not followed"),
                false => format!("status {status}"),
            };
            return Err(ProviderError::Answer { what, why });
        }
        Ok(body)
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, ProviderError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let why = format!("it is larger than {MAX_ANSWER} bytes");
                return Err(ProviderError::Answer { what: "answer", why });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: reqwest::Error) -> ProviderError {
        let host = error.url().and_then(Url::host_str).unwrap_or_default().to_owned();
        let why = if error.is_timeout() {
            format!("nothing came within {} s", TIME.as_secs())
        } else {
            printable(&deepest(&error.without_url()))
        };
        ProviderError::Unreachable { host, why }
    }
}

/// An answer of whatever status.
pub(crate) struct ProviderResponse {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}
