//! Counters of runs and copies.

use std::sync::Arc;

use entrepot_catalog::{CopyOutcome, RunOutcome};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// Counters of runs. Rules are not labels: people name as many as they like.
#[derive(Clone, Debug, Default)]
pub struct SchedulerMetrics(Arc<SchedulerCounters>);

#[derive(Debug, Default)]
struct SchedulerCounters {
    runs: Family<OutcomeLabels, Counter>,
    copies: Family<OutcomeLabels, Counter>,
    written: Counter,
    read: Counter,
    running: Gauge,
}

impl SchedulerMetrics {
    /// Puts the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let SchedulerCounters { runs, copies, written, read, running } = &*self.0;
        registry.register("entrepot_sync_runs", "Runs of rules that have ended, by outcome", runs.clone());
        registry.register("entrepot_sync_copies", "Copies that runs settled, by outcome", copies.clone());
        registry.register("entrepot_sync_written_bytes", "Bytes written to targets", written.clone());
        registry.register("entrepot_sync_read_bytes", "Bytes read from sources", read.clone());
        registry.register("entrepot_sync_running", "Rules that run or wait for others", running.clone());
    }

    pub(crate) fn begun(&self) {
        self.0.running.inc();
    }

    pub(crate) fn ended(&self, outcome: RunOutcome) {
        self.0.running.dec();
        self.0.runs.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    pub(crate) fn settled(&self, outcome: CopyOutcome, written: u64) {
        self.0.copies.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
        self.0.written.inc_by(written);
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.0.read.inc_by(bytes);
    }
}
