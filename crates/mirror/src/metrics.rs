//! The mirror's counters for `/metrics`.

use std::sync::{Arc, OnceLock, atomic::AtomicI64};

use entrepot_remote::{PullQuota, RequestOutcome};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The mirror's counters. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    hits: ByKind,
    misses: ByKind,
    pub(crate) bytes_saved: Counter,
    pub(crate) bytes_fetched: Counter,
    pub(crate) stale_served: Counter,
    pub(crate) fills: Gauge<i64, AtomicI64>,
    pub(crate) fills_failed: Counter,
    pub(crate) passed_through: Counter,
    upstream_requests: Family<UpstreamLabel, Counter>,
    upstream_limit: Family<HostLabel, Gauge<i64, AtomicI64>>,
    upstream_remaining: Family<HostLabel, Gauge<i64, AtomicI64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// The kind of content that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Manifest,
    Blob,
}

const KINDS: [&str; 2] = ["manifest", "blob"];

/// A counter for each [`Kind`], found once: a family takes a lock and hashes on every look, and this is on the path
/// of every pull.
#[derive(Clone, Debug, Default)]
struct ByKind {
    family: Family<KindLabel, Counter>,
    seen: Arc<[OnceLock<Counter>; KINDS.len()]>,
}

impl ByKind {
    fn count(&self, kind: Kind) {
        let label = KindLabel { kind: KINDS[kind as usize] };
        self.seen[kind as usize].get_or_init(|| self.family.get_or_create_owned(&label)).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabel {
    upstream: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabel {
    upstream: String,
}

impl Metrics {
    /// Registers the counters with `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("entrepot_hits", "Pulls answered from what is held", self.hits.family.clone());
        registry.register("entrepot_misses", "Pulls that needed an upstream", self.misses.family.clone());
        registry.register(
            "entrepot_bytes_saved",
            "Blob bytes served without an upstream",
            self.bytes_saved.clone(),
        );
        registry.register(
            "entrepot_bytes_fetched",
            "Blob bytes fetched from upstreams",
            self.bytes_fetched.clone(),
        );
        registry.register("entrepot_stale_served", "Tags served although overdue", self.stale_served.clone());
        registry.register("entrepot_fills_in_progress", "Blobs being fetched now", self.fills.clone());
        registry.register("entrepot_fills_failed", "Blob fetches given up", self.fills_failed.clone());
        let passed = "Blobs passed through unstored, for want of space";
        registry.register("entrepot_passed_through", passed, self.passed_through.clone());
        let requests = "Requests sent to upstreams, by outcome";
        registry.register("entrepot_upstream_requests", requests, self.upstream_requests.clone());
        let limit = "Pulls that an upstream allows in a window, as it said last";
        registry.register("entrepot_upstream_rate_limit", limit, self.upstream_limit.clone());
        let remaining = "Pulls that an upstream has left for us, as it said last";
        registry.register("entrepot_upstream_rate_remaining", remaining, self.upstream_remaining.clone());
    }

    /// Counts a request sent to `upstream`; upstreams are few and configured, so they may be labels.
    pub fn upstream_request(&self, upstream: &entrepot_oci::Host, outcome: RequestOutcome) {
        let label = UpstreamLabel { upstream: upstream.to_string(), outcome: outcome_name(outcome) };
        self.upstream_requests.get_or_create(&label).inc();
    }

    /// Records the rate limit that `upstream` told last.
    pub fn rate_limit(&self, upstream: &entrepot_oci::Host, told: PullQuota) {
        let label = HostLabel { upstream: upstream.to_string() };
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.upstream_limit.get_or_create(&label).set(gauge(told.limit));
        self.upstream_remaining.get_or_create(&label).set(gauge(told.remaining));
    }

    pub(crate) fn hit(&self, kind: Kind) {
        self.hits.count(kind);
    }

    pub(crate) fn miss(&self, kind: Kind) {
        self.misses.count(kind);
    }
}

fn outcome_name(outcome: RequestOutcome) -> &'static str {
    match outcome {
        RequestOutcome::Ok => "ok",
        RequestOutcome::NotFound => "not_found",
        RequestOutcome::Denied => "denied",
        RequestOutcome::Limited => "limited",
        RequestOutcome::Failing => "failing",
        RequestOutcome::Unreachable => "unreachable",
        RequestOutcome::TimedOut => "timed_out",
        RequestOutcome::Refused => "refused",
        RequestOutcome::Invalid => "invalid",
    }
}
