//! Spans as OTLP has them in JSON (opentelemetry.io, "OTLP specification", §JSON protobuf encoding). Pure.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value as Json, json};

use crate::span::{AttributeValue, Span, SpanKind};

/// A request with these spans.
pub(crate) fn document(spans: &[Span]) -> Json {
    let resource = [
        ("service.name", AttributeValue::Text("entrepot".to_owned())),
        ("service.version", AttributeValue::Text(env!("CARGO_PKG_VERSION").to_owned())),
    ];
    json!({
        "resourceSpans": [{
            "resource": {"attributes": attributes(&resource)},
            "scopeSpans": [{
                "scope": {"name": "entrepot", "version": env!("CARGO_PKG_VERSION")},
                "spans": spans.iter().map(span).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn span(span: &Span) -> Json {
    let mut document = json!({
        "traceId": hex(&span.context.trace),
        "spanId": hex(&span.context.span),
        "name": span.name,
        "kind": kind(span.kind),
        "startTimeUnixNano": nanoseconds(span.start),
        "endTimeUnixNano": nanoseconds(span.end.unwrap_or(span.start)),
        "attributes": attributes(&span.attributes),
    });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(span.parent.map(|parent| ("parentSpanId".to_owned(), hex(&parent).into())));
        // 2 is STATUS_CODE_ERROR.
        let status = |message: &String| ("status".to_owned(), json!({"code": 2, "message": message}));
        fields.extend(span.error.as_ref().map(status));
    }
    document
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
    }
}

fn attributes(attributes: &[(&'static str, AttributeValue)]) -> Vec<Json> {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => json!({"stringValue": text}),
        // 64-bit numbers are texts.
        AttributeValue::Number(number) => json!({"intValue": number.to_string()}),
        AttributeValue::Flag(flag) => json!({"boolValue": flag}),
    };
    attributes.iter().map(|(key, of)| json!({"key": key, "value": value(of)})).collect()
}

fn nanoseconds(at: SystemTime) -> String {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::context::Context;

    #[test]
    fn a_span_is_written_as_the_protocol_has_it() {
        let context = Context::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        let start = UNIX_EPOCH + Duration::from_secs(1);
        let written = document(&[Span {
            context,
            parent: Some([0xab; 8]),
            name: "request",
            kind: SpanKind::Server,
            start,
            end: Some(start + Duration::from_nanos(5)),
            attributes: vec![
                ("http.request.method", AttributeValue::Text("GET".to_owned())),
                ("http.response.status_code", AttributeValue::Number(200)),
                ("cached", AttributeValue::Flag(true)),
            ],
            error: Some("boom".to_owned()),
        }]);
        let span = &written["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(
            *span,
            json!({
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "b7ad6b7169203331",
                "parentSpanId": "abababababababab",
                "name": "request",
                "kind": 2,
                "startTimeUnixNano": "1000000000",
                "endTimeUnixNano": "1000000005",
                "attributes": [
                    {"key": "http.request.method", "value": {"stringValue": "GET"}},
                    {"key": "http.response.status_code", "value": {"intValue": "200"}},
                    {"key": "cached", "value": {"boolValue": true}},
                ],
                "status": {"code": 2, "message": "boom"},
            })
        );
        let resource = &written["resourceSpans"][0]["resource"]["attributes"][0];
        assert_eq!(*resource, json!({"key": "service.name", "value": {"stringValue": "entrepot"}}));
    }
}
