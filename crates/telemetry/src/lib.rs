//! Traces for a collector of OpenTelemetry, by OTLP over HTTP with JSON.
//!
//! - [`TraceSettings`]: what the configuration says (`section`)
//! - [`TraceLayer`]: takes spans of the target [`TARGET`] from `tracing`; `context` (pure): ids, and who is whose parent
//! - [`Exporter`]: sends them in batches; `document` (pure): as OTLP has it
//!
//! A span is begun with `tracing::trace_span!(target: "otlp", …)`. Without a collector that is one look at an atomic.

#![forbid(unsafe_code)]

mod context;
mod document;
mod export;
mod layer;
mod section;
mod span;

pub use export::{Exporter, SetupError, SpanMetrics};
pub use layer::{TARGET, TraceLayer};
pub use section::{SettingsFault, TraceSettings, TracingSection};

use tokio::sync::mpsc;

/// How many spans may wait to be sent.
const CAPACITY: usize = 8192;

/// What takes spans, and what sends them.
///
/// # Errors
/// The HTTP client cannot be set up.
pub fn open(settings: &TraceSettings, metrics: SpanMetrics) -> Result<(TraceLayer, Exporter), SetupError> {
    let (sender, received) = mpsc::channel(CAPACITY);
    let exporter = Exporter::new(settings, received, metrics.clone())?;
    Ok((TraceLayer::new(settings.sample(), sender, metrics), exporter))
}
