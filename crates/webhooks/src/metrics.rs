//! Counters of deliveries.

use std::sync::Arc;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    outcome: &'static str,
}

/// Counters of deliveries. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct WebhookMetrics(Arc<WebhookCounters>);

#[derive(Debug, Default)]
struct WebhookCounters {
    attempts: Family<AttemptLabels, Counter>,
    lost: Counter,
}

/// What an attempt came to, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    Delivered,
    Retried,
    Failed,
}

impl WebhookMetrics {
    /// Puts the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let WebhookCounters { attempts, lost } = &*self.0;
        let about = "Attempts to deliver an event to a webhook, by what they came to";
        registry.register("entrepot_webhook_attempts", about, attempts.clone());
        let about = "Events that were lost because too many waited to be delivered";
        registry.register("entrepot_webhook_events_lost", about, lost.clone());
    }

    pub(crate) fn tried(&self, outcome: AttemptOutcome) {
        let outcome = match outcome {
            AttemptOutcome::Delivered => "delivered",
            AttemptOutcome::Retried => "retried",
            AttemptOutcome::Failed => "failed",
        };
        self.0.attempts.get_or_create(&AttemptLabels { outcome }).inc();
    }

    pub(crate) fn lost(&self, count: u64) {
        self.0.lost.inc_by(count);
    }
}
