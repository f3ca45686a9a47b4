//! How requests go, in numbers.

use entrepot_catalog::ImageRequestStatus;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestMetrics {
    pub(crate) open: Gauge,
    pub(crate) joined: Counter,
    pub(crate) bytes: Counter,
    ended: Family<EndLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    result: &'static str,
}

impl RequestMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "entrepot_requests_open",
            "Requests for images that have not ended",
            self.open.clone(),
        );
        let joined = "Requests for images that were asked for already";
        registry.register("entrepot_requests_joined", joined, self.joined.clone());
        registry.register("entrepot_requests_bytes", "Bytes that came for requests", self.bytes.clone());
        registry.register("entrepot_requests_ended", "Requests that ended, by result", self.ended.clone());
    }

    pub(crate) fn ended(&self, status: ImageRequestStatus) {
        self.ended.get_or_create(&EndLabels { result: status.as_str() }).inc();
    }
}
