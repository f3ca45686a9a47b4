//! Takes spans from `tracing`.

use std::{fmt, time::SystemTime};

use tokio::sync::mpsc;
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::{Context as LayerContext, Filter},
    registry::LookupSpan,
};

use crate::{
    context::Context,
    export::SpanMetrics,
    section::Sample,
    span::{AttributeValue, Span, SpanKind},
};

/// The target of spans that are sent.
pub const TARGET: &str = "otlp";

/// Takes the spans of [`TARGET`] when they end. Nothing waits for it: what the exporter cannot take is lost and counted.
#[derive(Debug)]
pub struct TraceLayer {
    sample: Sample,
    sender: mpsc::Sender<Span>,
    metrics: SpanMetrics,
}

/// Lets spans of [`TARGET`] through, and nothing else.
#[derive(Clone, Copy, Debug)]
struct OnlyTraces;

impl<S> Filter<S> for OnlyTraces {
    fn enabled(&self, metadata: &Metadata<'_>, _: &LayerContext<'_, S>) -> bool {
        metadata.is_span() && metadata.target() == TARGET
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        match metadata.is_span() && metadata.target() == TARGET {
            true => tracing::subscriber::Interest::always(),
            false => tracing::subscriber::Interest::never(),
        }
    }
}

impl TraceLayer {
    pub(crate) fn new(sample: Sample, sender: mpsc::Sender<Span>, metrics: SpanMetrics) -> Self {
        Self { sample, sender, metrics }
    }

    /// The same, for nothing but the spans that are meant.
    pub fn filtered<S>(self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.with_filter(OnlyTraces)
    }

    // Below the span that it is in, else below what a client says, else on its own.
    fn place(&self, parent: Option<Context>, said: Option<&str>) -> (Context, Option<[u8; 8]>) {
        match parent.or_else(|| said.and_then(Context::parse)) {
            Some(parent) => (parent.child(), Some(parent.span)),
            None => (Context::root(self.sample), None),
        }
    }
}

impl<S> Layer<S> for TraceLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| Some(parent.extensions().get::<Span>()?.context));
        let mut said = SpanFields::default();
        attributes.record(&mut said);
        let (place, parent) = self.place(parent, said.traceparent.as_deref());
        span.extensions_mut().insert(Span {
            context: place,
            parent,
            name: attributes.metadata().name(),
            kind: said.kind,
            start: SystemTime::now(),
            end: None,
            attributes: said.attributes,
            error: said.error,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: LayerContext<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut said = SpanFields::default();
        values.record(&mut said);
        if let Some(span) = span.extensions_mut().get_mut::<Span>() {
            span.attributes.extend(said.attributes);
            span.error = said.error.or(span.error.take());
            span.end = said.has_ended.then(SystemTime::now).or(span.end);
        }
    }

    fn on_close(&self, id: Id, context: LayerContext<'_, S>) {
        let ended = context.span(&id).and_then(|span| span.extensions_mut().remove::<Span>());
        let Some(span) = ended.filter(|span| span.context.is_sampled) else { return };
        let end = span.end.or_else(|| Some(SystemTime::now()));
        if self.sender.try_send(Span { end, ..span }).is_err() {
            self.metrics.lost(1);
        }
    }
}

/// The fields of a span.
#[derive(Default)]
struct SpanFields {
    kind: SpanKind,
    traceparent: Option<String>,
    error: Option<String>,
    has_ended: bool,
    attributes: Vec<(&'static str, AttributeValue)>,
}

impl SpanFields {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "otel.kind" => {
                self.kind = match text.as_str() {
                    "server" => SpanKind::Server,
                    "client" => SpanKind::Client,
                    _ => SpanKind::Internal,
                }
            }
            "traceparent" => self.traceparent = Some(text),
            "error" => self.error = Some(text),
            name => self.attributes.push((name, AttributeValue::Text(text))),
        }
    }
}

impl Visit for SpanFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push((field.name(), AttributeValue::Number(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i64(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "ended" {
            self.has_ended |= value;
            return;
        }
        self.attributes.push((field.name(), AttributeValue::Flag(value)));
    }
}

#[cfg(test)]
mod tests {
    use tracing::{field::Empty, trace_span};
    use tracing_subscriber::{layer::SubscriberExt as _, registry};

    use super::*;
    use crate::section::{TraceSettings, TracingSection};

    fn layer(sample: &str, room: usize) -> (TraceLayer, mpsc::Receiver<Span>) {
        let section = TracingSection {
            otlp: Some("http://127.0.0.1:1".to_owned()),
            sample: Some(sample.to_owned()),
            ..TracingSection::default()
        };
        let settings = TraceSettings::read(&section).unwrap().unwrap();
        let (sender, receiver) = mpsc::channel(room);
        (TraceLayer::new(settings.sample(), sender, SpanMetrics::default()), receiver)
    }

    #[test]
    fn spans_have_their_parents_and_what_is_said_of_them() {
        let (layer, mut spans) = layer("100%", 9);
        let subscriber = registry().with(layer.filtered());
        tracing::subscriber::with_default(subscriber, || {
            let outer = trace_span!(target: "otlp", "request", otel.kind = "server", http.status = Empty, path = "/v2/");
            outer.in_scope(|| {
                // What others do in between is not sent, and does not come between parent and child.
                let other = trace_span!("other");
                other.in_scope(|| {
                    let inner = trace_span!(target: "otlp", "fetch", otel.kind = "client", bytes = 7_u64, error = Empty);
                    inner.record("error", "no answer");
                });
            });
            outer.record("http.status", 200);
        });
        let (inner, outer) = (spans.try_recv().unwrap(), spans.try_recv().unwrap());
        assert!(spans.try_recv().is_err());
        assert_eq!((inner.name, inner.kind), ("fetch", SpanKind::Client));
        assert_eq!(inner.error.as_deref(), Some("no answer"));
        assert_eq!(inner.attributes, [("bytes", AttributeValue::Number(7))]);
        assert_eq!((inner.context.trace, inner.parent), (outer.context.trace, Some(outer.context.span)));
        assert_eq!((outer.name, outer.kind, outer.parent), ("request", SpanKind::Server, None));
        let path = ("path", AttributeValue::Text("/v2/".to_owned()));
        assert_eq!(outer.attributes, [path, ("http.status", AttributeValue::Number(200))]);
        assert!(outer.start <= inner.start && inner.end <= outer.end);
    }

    #[test]
    fn a_span_may_end_before_what_it_began() {
        let (layer, mut spans) = layer("100%", 9);
        tracing::subscriber::with_default(registry().with(layer.filtered()), || {
            let outer = trace_span!(target: "otlp", "request", ended = Empty);
            let inner = outer.in_scope(|| trace_span!(target: "otlp", "fill"));
            outer.record("ended", true);
            drop(outer);
            let later = SystemTime::now();
            drop(inner);
            let (inner, outer) = (spans.try_recv().unwrap(), spans.try_recv().unwrap());
            assert!(outer.end.unwrap() <= later && inner.end.unwrap() >= later);
            assert_eq!((outer.name, outer.attributes), ("request", Vec::new()));
        });
    }

    #[test]
    fn a_client_says_which_trace_it_is_and_whether_it_is_sent() {
        let (layer, mut spans) = layer("0%", 9);
        let subscriber = registry().with(layer.filtered());
        tracing::subscriber::with_default(subscriber, || {
            let said = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            drop(trace_span!(target: "otlp", "request", traceparent = said));
            drop(trace_span!(target: "otlp", "request", traceparent = said.replace("-01", "-00")));
            drop(trace_span!(target: "otlp", "request", traceparent = "nonsense"));
        });
        let span = spans.try_recv().unwrap();
        assert_eq!((span.context.trace[0], span.parent.unwrap()[7]), (0x0a, 0x31));
        assert!(span.attributes.is_empty() && spans.try_recv().is_err());
    }

    #[test]
    fn nobody_waits_and_what_is_lost_is_counted() {
        let (layer, mut spans) = layer("100%", 1);
        let metrics = layer.metrics.clone();
        tracing::subscriber::with_default(registry().with(layer.filtered()), || {
            (0..3).for_each(|_| drop(trace_span!(target: "otlp", "request")));
        });
        assert!(spans.try_recv().is_ok() && spans.try_recv().is_err());
        assert_eq!(metrics.count_lost(), 2);
    }
}
