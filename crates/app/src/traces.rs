//! Sends traces to a collector, if the configuration has one.

use entrepot_telemetry::{Exporter, SpanMetrics, TraceLayer, TraceSettings};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{assembly, failure::Failure};

/// What sends traces; without a collector, nothing.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    exporter: Option<Exporter>,
    metrics: SpanMetrics,
}

impl Traces {
    /// What takes spans, for the log's subscriber, and what sends them.
    ///
    /// # Errors
    /// HTTP cannot be set up.
    pub(crate) fn open(settings: Option<&TraceSettings>) -> Result<(Option<TraceLayer>, Self), Failure> {
        let Some(settings) = settings else { return Ok((None, Self::default())) };
        assembly::install_crypto();
        let metrics = SpanMetrics::default();
        let opened = entrepot_telemetry::open(settings, metrics.clone());
        let (layer, exporter) = opened.map_err(|error| Failure::because("cannot set up traces", &error))?;
        Ok((Some(layer), Self { exporter: Some(exporter), metrics }))
    }

    /// Adds the counters to `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Sends until `stop`.
    pub(crate) async fn send(self, stop: CancellationToken) {
        if let Some(exporter) = self.exporter {
            exporter.run(stop).await;
        }
    }
}
