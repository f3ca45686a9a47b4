//! How keep lists stand, in numbers.

use entrepot_catalog::KeepCounts;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeepMetrics {
    images: Family<ImageLabels, Gauge>,
    pub(crate) bytes: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ImageLabels {
    list: String,
    state: &'static str,
}

impl KeepMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let images = "Images of keep lists, by list and how they stand";
        registry.register("entrepot_keep_images", images, self.images.clone());
        registry.register("entrepot_keep_bytes", "Bytes that came for keep lists", self.bytes.clone());
    }

    /// Says how the images of a list stand.
    pub(crate) fn stand(&self, list: &str, counts: KeepCounts) {
        let KeepCounts { kept, failed, postponed } = counts;
        for (state, number) in [("kept", kept), ("failed", failed), ("postponed", postponed)] {
            let labels = ImageLabels { list: list.to_owned(), state };
            self.images.get_or_create(&labels).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    /// Forgets a list that is not there any more.
    pub(crate) fn forget(&self, list: &str) {
        for state in ["kept", "failed", "postponed"] {
            self.images.remove(&ImageLabels { list: list.to_owned(), state });
        }
    }
}
