//! Spans on their way to a collector in process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use entrepot_telemetry::{SpanMetrics, TraceSettings, TracingSection, open};
use entrepot_testkit::Receiver;
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::trace_span;
use tracing_subscriber::{layer::SubscriberExt as _, registry};

fn settings(url: &str) -> TraceSettings {
    let section = json!({"otlp": url, "headers": {"authorization": "Bearer secret"}});
    let section: TracingSection = serde_json::from_value(section).unwrap();
    TraceSettings::read(&section).unwrap().unwrap()
}

/// Two spans, sent to a collector; what the counters say then.
async fn sent(settings: &TraceSettings) -> String {
    let (metrics, mut counters) = (SpanMetrics::default(), Registry::default());
    metrics.register(&mut counters);
    let (layer, exporter) = open(settings, metrics).unwrap();
    tracing::subscriber::with_default(registry().with(layer.filtered()), || {
        let outer = trace_span!(target: "otlp", "request", otel.kind = "server");
        outer.in_scope(|| drop(trace_span!(target: "otlp", "fetch")));
    });
    let stop = CancellationToken::new();
    stop.cancel();
    exporter.run(stop).await;
    let mut text = String::new();
    encode(&mut text, &counters).unwrap();
    text
}

#[tokio::test]
async fn what_is_left_is_sent_before_the_end() {
    let collector = Receiver::start(200, "{}").await;
    let counters = sent(&settings(&format!("http://127.0.0.1:{}", collector.port()))).await;
    assert!(counters.contains("entrepot_trace_spans_total{outcome=\"sent\"} 2"), "{counters}");
    let heard = collector.next().await;
    assert_eq!(heard.path, "/v1/traces");
    assert_eq!(heard.headers["authorization"], "Bearer secret");
    assert_eq!(heard.headers["content-type"], "application/json");
    let body: Value = serde_json::from_str(&heard.body).unwrap();
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["fetch", "request"]);
    assert_eq!(spans[0]["parentSpanId"], spans[1]["spanId"]);
}

#[tokio::test]
async fn what_the_collector_does_not_take_is_lost_and_counted() {
    let collector = Receiver::start(503, "").await;
    let counters = sent(&settings(&format!("http://127.0.0.1:{}", collector.port()))).await;
    assert!(counters.contains("entrepot_trace_spans_total{outcome=\"lost\"} 2"), "{counters}");
    // Nothing listens on port 1.
    let counters = sent(&settings("http://127.0.0.1:1")).await;
    assert!(counters.contains("entrepot_trace_spans_total{outcome=\"lost\"} 2"), "{counters}");
}
