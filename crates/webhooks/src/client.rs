//! Sends requests: bounded in time and size, only where they may go, and no redirect followed.

use std::{sync::Arc, time::Duration};

use entrepot_egress::{Exemptions, Gate, Proxies};
use entrepot_oci::printable;
use reqwest::{Client as Http, Proxy, Response, header, redirect};

use crate::{
    answer::{DeliveryVerdict, WebhookResponse, judge},
    error::OpenError,
    format::Format,
    outgoing::Outgoing,
    settings::Webhook,
};

/// How long a request may take.
const TIME: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes.
const MOST: usize = 16 << 10;

/// Sends the requests of one webhook.
pub(crate) struct Client {
    http: Http,
    format: Format,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendResult {
    /// The HTTP status, if there was an answer.
    pub(crate) status: Option<u16>,
    /// What it came to.
    pub(crate) verdict: DeliveryVerdict,
}

impl Client {
    pub(crate) fn new(webhook: &Webhook) -> Result<Self, OpenError> {
        let proxies = Arc::new(Proxies::from_environment());
        let exemptions = Exemptions::default()
            .with_private_network(webhook.private_network)
            .with_proxies(proxies.urls().cloned());
        let http = Http::builder()
            .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .dns_resolver(Gate::new(exemptions).resolver())
            .no_proxy()
            .proxy(Proxy::custom(move |url| proxies.of(url).cloned()))
            .timeout(TIME)
            .build()
            .map_err(OpenError::Client)?;
        Ok(Self { http, format: webhook.format })
    }

    pub(crate) async fn send(&self, Outgoing { url, headers, body }: Outgoing) -> SendResult {
        let request = self.http.post(url).header(header::CONTENT_TYPE, "application/json").body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        match self.answer(request).await {
            Ok(answer) => SendResult { status: Some(answer.status), verdict: judge(self.format, &answer) },
            Err(error) => SendResult {
                status: None,
                verdict: DeliveryVerdict::Refused { why: unanswered(error), wait: None },
            },
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<WebhookResponse, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after =
            retry_after.and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
        Ok(WebhookResponse { status, retry_after, body: beginning(response).await? })
    }
}

async fn beginning(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MOST - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MOST {
            break;
        }
    }
    Ok(body)
}

// Without the URL, which may hold a key.
fn unanswered(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIME.as_secs());
    }
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    printable(&deepest.to_string()).into_owned()
}
