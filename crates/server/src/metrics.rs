//! Server metrics. Never labelled by repository: a client could create any number of label values.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The server's counters. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ServerMetrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    requests: Family<RequestLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    // Counters of `requests` after their first use: a family takes a lock and hashes on every lookup.
    seen: [OnceLock<Counter>; METHODS.len() * ROUTES.len() * CLASSES.len()],
    response_bytes: Counter,
    sendfile_bytes: Counter,
    connections: Gauge,
    accepted: Counter,
    ending_tokens: Gauge,
    // It is there once there is a certificate.
    certificate_ends: Family<CertificateLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    source: &'static str,
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"];
const ROUTES: [&str; 10] =
    ["ping", "manifest", "blob", "tags", "referrers", "upload", "page", "api", "token", "none"];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// The kinds of addresses that are counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteKind {
    Ping,
    Manifest,
    Blob,
    Tags,
    Referrers,
    Upload,
    Page,
    Api,
    Token,
    None,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            refusals: Family::default(),
            seen: [const { OnceLock::new() }; METHODS.len() * ROUTES.len() * CLASSES.len()],
            response_bytes: Counter::default(),
            sendfile_bytes: Counter::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            ending_tokens: Gauge::default(),
            certificate_ends: Family::default(),
        }
    }
}

impl ServerMetrics {
    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let requests = "Requests answered, by method, kind of address and class of status";
        registry.register("entrepot_http_requests", requests, self.0.requests.clone());
        let refusals = "Requests below `/v2/` that were refused, by reason";
        registry.register("entrepot_refusals", refusals, self.0.refusals.clone());
        let bytes = "Bytes of response bodies";
        registry.register("entrepot_http_response_bytes", bytes, self.0.response_bytes.clone());
        let sendfile = "Bytes that the kernel sent from files by itself";
        registry.register("entrepot_http_sendfile_bytes", sendfile, self.0.sendfile_bytes.clone());
        registry.register("entrepot_http_connections", "Connections open now", self.0.connections.clone());
        let accepted = "Connections accepted";
        registry.register("entrepot_http_connections_accepted", accepted, self.0.accepted.clone());
        let ending = "API tokens that end within seven days";
        registry.register("entrepot_api_tokens_ending", ending, self.0.ending_tokens.clone());
        let ends = "When the server's certificate ends, in seconds since 1970";
        registry.register(
            "entrepot_certificate_expiry_timestamp_seconds",
            ends,
            self.0.certificate_ends.clone(),
        );
    }

    /// Tells how many API tokens end within seven days.
    pub fn api_tokens_ending(&self, count: u64) {
        self.0.ending_tokens.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Tells when the server's certificate ends. `source` is where it comes from: `acme` or `files`.
    pub(crate) fn certificate_ends(&self, source: &'static str, at: SystemTime) {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.0
            .certificate_ends
            .get_or_create(&CertificateLabels { source })
            .set(since.as_secs().try_into().unwrap_or(i64::MAX));
    }

    /// Bytes sent with `sendfile`.
    pub fn sendfile_bytes(&self) -> u64 {
        self.0.sendfile_bytes.get()
    }

    pub(crate) fn sent_file(&self, bytes: usize) {
        self.0.sendfile_bytes.inc_by(bytes as u64);
    }

    /// Counts a finished request. `None` means that the client left before there was a response.
    pub(crate) fn request(&self, method: Label, kind: RouteKind, status: Option<StatusCode>, bytes: u64) {
        let class = status.map_or(5, |status| usize::from(status.as_u16() / 100).clamp(1, 5) - 1);
        let at = (method.0 * ROUTES.len() + kind as usize) * CLASSES.len() + class;
        let labels = || RequestLabels {
            method: METHODS[method.0],
            route: ROUTES[kind as usize],
            status: CLASSES[class],
        };
        self.0.seen[at].get_or_init(|| self.0.requests.get_or_create_owned(&labels())).inc();
        self.0.response_bytes.inc_by(bytes);
    }

    /// Counts a request below `/v2/` that was refused.
    pub(crate) fn refused(&self, status: StatusCode) {
        self.0.refusals.get_or_create(&RefusalLabels { reason: reason(status) }).inc();
    }

    /// Counts a connection as open until the guard is dropped.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.0.accepted.inc();
        self.0.connections.inc();
        OpenConnection(self.clone())
    }
}

// Why a request was refused, in few words.
fn reason(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "login",
        403 | 451 => "denied",
        404 => "not_found",
        429 => "limit",
        400..=499 => "invalid",
        502 | 504 => "upstream",
        503 | 507 => "busy",
        _ => "fault",
    }
}

/// A method as a metric label.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label(usize);

impl From<&Method> for Label {
    fn from(method: &Method) -> Self {
        let other = METHODS.len() - 1;
        Self(METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(other))
    }
}

/// Guard of a connection that is counted as open.
pub(crate) struct OpenConnection(ServerMetrics);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counts() {
        let metrics = ServerMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.request((&Method::GET).into(), RouteKind::Blob, Some(StatusCode::PARTIAL_CONTENT), 7);
        metrics.request((&Method::GET).into(), RouteKind::Blob, Some(StatusCode::OK), 3);
        metrics.request((&Method::OPTIONS).into(), RouteKind::None, None, 0);
        for status in [401, 403, 451, 404, 429, 416, 502, 503, 500] {
            metrics.refused(StatusCode::from_u16(status).unwrap());
        }
        metrics.certificate_ends("acme", SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000));
        let open = metrics.connection();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"entrepot_http_requests_total{method="GET",route="blob",status="2xx"} 2"#,
            r#"entrepot_http_requests_total{method="other",route="none",status="none"} 1"#,
            "entrepot_http_response_bytes_total 10",
            r#"entrepot_refusals_total{reason="denied"} 2"#,
            r#"entrepot_refusals_total{reason="fault"} 1"#,
            "entrepot_http_connections 1",
            r#"entrepot_certificate_expiry_timestamp_seconds{source="acme"} 1900000000"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        drop(open);
        assert_eq!(metrics.0.connections.get(), 0);
    }
}
