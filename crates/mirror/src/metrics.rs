//! The mirror's counters for `/metrics`.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};

use entrepot_catalog::ReturnedImages;
use entrepot_eviction::Reason;
use entrepot_policy::Mode;
use entrepot_remote::{AccountQuota, PullQuota, RequestOutcome};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::scrub_report::ScrubOutcome;

/// The mirror's counters. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct MirrorMetrics {
    hits: ByKind,
    misses: ByKind,
    pub(crate) bytes_saved: Counter,
    pub(crate) bytes_fetched: Counter,
    pub(crate) stale_served: Counter,
    pub(crate) fills: Gauge<i64, AtomicI64>,
    pub(crate) fills_failed: Counter,
    pub(crate) passed_through: Counter,
    mode_refusals: Family<ModeLabel, Counter>,
    evicted_images: Family<ReasonLabel, Counter>,
    evicted_bytes: Family<ReasonLabel, Counter>,
    scrubbed_bytes: Counter,
    scrub_findings: Family<OutcomeLabel, Counter>,
    returned_images: Counter,
    returned_bytes: Counter,
    upstream_requests: Family<UpstreamLabel, Counter>,
    upstream_limit: Family<HostLabel, Gauge<i64, AtomicI64>>,
    upstream_remaining: Family<HostLabel, Gauge<i64, AtomicI64>>,
    budget_limit: Family<AccountLabel, Gauge<i64, AtomicI64>>,
    budget_remaining: Family<AccountLabel, Gauge<i64, AtomicI64>>,
    budget_spent: Family<AccountLabel, Counter>,
    budget_postponed: Family<HostLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// The kind of content that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ContentKind {
    Manifest,
    Blob,
}

const KINDS: [&str; 2] = ["manifest", "blob"];

/// A counter for each [`ContentKind`], found once: a family takes a lock and hashes on every look, and this is on the path
/// of every pull.
#[derive(Clone, Debug, Default)]
struct ByKind {
    family: Family<KindLabel, Counter>,
    seen: Arc<[OnceLock<Counter>; KINDS.len()]>,
}

impl ByKind {
    fn count(&self, kind: ContentKind) {
        let label = KindLabel { kind: KINDS[kind as usize] };
        self.seen[kind as usize].get_or_init(|| self.family.get_or_create_owned(&label)).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabel {
    upstream: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModeLabel {
    mode: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabel {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabel {
    upstream: String,
    account: String,
}

impl MirrorMetrics {
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
        let refusals = "Pulls, lists and pushes that the mode refused";
        registry.register("entrepot_mode_refusals", refusals, self.mode_refusals.clone());
        let images = "Images evicted, by reason";
        registry.register("entrepot_evicted_images", images, self.evicted_images.clone());
        let bytes = "Bytes freed by evictions, by reason";
        registry.register("entrepot_evicted_bytes", bytes, self.evicted_bytes.clone());
        let images = "Evicted images pulled again within seven days: a larger disk would have kept them";
        registry.register("entrepot_returned_images", images, self.returned_images.clone());
        let bytes = "Bytes that were freed by evicting what was pulled again";
        registry.register("entrepot_returned_bytes", bytes, self.returned_bytes.clone());
        let bytes = "Bytes hashed again by scrubs";
        registry.register("entrepot_scrubbed_bytes", bytes, self.scrubbed_bytes.clone());
        let findings = "Damaged or missing content that scrubs found, by what became of it";
        registry.register("entrepot_scrub_findings", findings, self.scrub_findings.clone());
        let requests = "Requests sent to upstreams, by outcome";
        registry.register("entrepot_upstream_requests", requests, self.upstream_requests.clone());
        let limit = "Pulls that an upstream allows in a window, as it said last";
        registry.register("entrepot_upstream_rate_limit", limit, self.upstream_limit.clone());
        let remaining = "Pulls that an upstream has left for us, as it said last";
        registry.register("entrepot_upstream_rate_remaining", remaining, self.upstream_remaining.clone());
        let limit = "Pulls that an upstream allows an account in a window";
        registry.register("entrepot_budget_limit", limit, self.budget_limit.clone());
        let remaining = "Pulls that an account has left, as far as its upstream says";
        registry.register("entrepot_budget_remaining", remaining, self.budget_remaining.clone());
        let spent = "Manifests fetched with an account";
        registry.register("entrepot_budget_spent", spent, self.budget_spent.clone());
        let postponed = "Requests of background work that were not sent, so that clients keep the reserve";
        registry.register("entrepot_budget_postponed", postponed, self.budget_postponed.clone());
    }

    /// Records what accounts have left at `upstream`.
    pub fn account_quotas(&self, upstream: &entrepot_oci::Host, accounts: &[AccountQuota]) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (place, one) in accounts.iter().enumerate() {
            // Names of accounts are not for everybody who may read metrics.
            let account = one.account.as_ref().map_or_else(String::new, |_| (place + 1).to_string());
            let label = AccountLabel { upstream: upstream.to_string(), account };
            if let (Some(limit), Some(left)) = (one.limit, one.left) {
                self.budget_limit.get_or_create(&label).set(gauge(limit));
                self.budget_remaining.get_or_create(&label).set(gauge(left));
            }
            // Counted by the client, which several parts of the process share.
            self.budget_spent.get_or_create(&label).inner().store(one.spent, Ordering::Relaxed);
        }
    }

    pub(crate) fn postponed(&self, upstream: &entrepot_oci::Host) {
        self.budget_postponed.get_or_create(&HostLabel { upstream: upstream.to_string() }).inc();
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

    pub(crate) fn not_offered(&self, mode: Mode) {
        self.mode_refusals.get_or_create(&ModeLabel { mode: mode.as_str() }).inc();
    }

    /// Counts an evicted image.
    pub(crate) fn evicted(&self, reason: Reason, bytes: u64) {
        let label = match reason {
            Reason::Expired => ReasonLabel { reason: "expired" },
            Reason::Room => ReasonLabel { reason: "room" },
        };
        self.evicted_images.get_or_create(&label).inc();
        self.evicted_bytes.get_or_create(&label).inc_by(bytes);
    }

    /// Counts bytes that a scrub hashed.
    pub(crate) fn scrubbed(&self, bytes: u64) {
        self.scrubbed_bytes.inc_by(bytes);
    }

    /// Counts what a scrub found.
    pub(crate) fn scrub_found(&self, outcome: ScrubOutcome) {
        let outcome = match outcome {
            ScrubOutcome::Restored => "restored",
            ScrubOutcome::Lost => "lost",
            ScrubOutcome::Later => "later",
            ScrubOutcome::PushAgain => "push-again",
        };
        self.scrub_findings.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts evicted images that were pulled again.
    pub(crate) fn came_back(&self, returned: ReturnedImages) {
        self.returned_images.inc_by(returned.images);
        self.returned_bytes.inc_by(returned.bytes);
    }

    pub(crate) fn hit(&self, kind: ContentKind) {
        self.hits.count(kind);
    }

    pub(crate) fn miss(&self, kind: ContentKind) {
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
