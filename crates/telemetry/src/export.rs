//! Sends spans to the collector, in batches.

use std::{sync::Arc, time::Duration};

use entrepot_egress::Proxies;
use http::HeaderMap;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use reqwest::{Client, Proxy, header, redirect};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{document::document, section::TraceSettings, span::Span};

/// The most spans of a request.
const BATCH: usize = 512;
/// How long the first span of a request waits for others.
const WAIT: Duration = Duration::from_secs(2);
/// How long a request may take.
const TIME: Duration = Duration::from_secs(10);
/// How often it is said that the collector takes nothing.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The HTTP client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up HTTP")]
pub struct SetupError(#[source] reqwest::Error);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SpanLabels {
    outcome: &'static str,
}

/// Counters of spans. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct SpanMetrics(Arc<Family<SpanLabels, Counter>>);

impl SpanMetrics {
    /// Puts the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let about = "Spans of traces, by whether the collector has taken them";
        registry.register("entrepot_trace_spans", about, (*self.0).clone());
    }

    pub(crate) fn lost(&self, count: usize) {
        self.0.get_or_create(&SpanLabels { outcome: "lost" }).inc_by(count as u64);
    }

    fn sent(&self, count: usize) {
        self.0.get_or_create(&SpanLabels { outcome: "sent" }).inc_by(count as u64);
    }

    #[cfg(test)]
    pub(crate) fn count_lost(&self) -> u64 {
        self.0.get_or_create(&SpanLabels { outcome: "lost" }).get()
    }
}

/// Sends spans to the collector. What it does not take is lost: traces are no books.
#[derive(Debug)]
pub struct Exporter {
    http: Client,
    endpoint: Url,
    spans: mpsc::Receiver<Span>,
    metrics: SpanMetrics,
    said: Option<Instant>,
}

impl Exporter {
    pub(crate) fn new(
        settings: &TraceSettings,
        spans: mpsc::Receiver<Span>,
        metrics: SpanMetrics,
    ) -> Result<Self, SetupError> {
        let proxies = Proxies::from_environment();
        let http = Client::builder()
            .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .default_headers(HeaderMap::from_iter(settings.headers()))
            .no_proxy()
            .proxy(Proxy::custom(move |url| proxies.of(url).cloned()))
            .timeout(TIME)
            .build()
            .map_err(SetupError)?;
        Ok(Self { http, endpoint: settings.endpoint().clone(), spans, metrics, said: None })
    }

    /// Sends what comes until `stop`, and then what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                first = self.spans.recv() => first,
                () = stop.cancelled() => self.spans.try_recv().ok(),
            };
            let Some(first) = first else { return };
            let batch = self.batch(first, &stop).await;
            self.send(&batch).await;
        }
    }

    async fn batch(&mut self, first: Span, stop: &CancellationToken) -> Vec<Span> {
        let (mut batch, until) = (vec![first], Instant::now() + WAIT);
        while batch.len() < BATCH {
            let next = tokio::select! {
                next = self.spans.recv() => next,
                () = tokio::time::sleep_until(until) => None,
                () = stop.cancelled() => self.spans.try_recv().ok(),
            };
            match next {
                Some(span) => batch.push(span),
                None => break,
            }
        }
        batch
    }

    async fn send(&mut self, batch: &[Span]) {
        let body = document(batch).to_string();
        let request = self.http.post(self.endpoint.clone()).header(header::CONTENT_TYPE, "application/json");
        let problem = match request.body(body).send().await {
            Ok(response) if response.status().is_success() => return self.metrics.sent(batch.len()),
            Ok(response) => format!("status {}", response.status().as_u16()),
            Err(error) if error.is_timeout() => format!("no answer within {} s", TIME.as_secs()),
            Err(error) => innermost(&error.without_url()),
        };
        self.metrics.lost(batch.len());
        let now = Instant::now();
        if self.said.is_none_or(|said| now.duration_since(said) >= SAID_EVERY) {
            self.said = Some(now);
            tracing::warn!(problem, "the collector of `tracing.otlp` does not take traces: they are lost");
        }
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
