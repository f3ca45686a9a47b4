//! The limits in force, and what is counted by them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::{ArcSwap, Guard};
use entrepot_policy::Limits;
use prometheus_client::registry::Registry;

use super::{ban::Bans, ledger::Ledger, misses::Misses, refusals::Refusals};

/// The limits in force. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct LimitsInForce(pub(super) Arc<Shared>);

pub(super) struct Shared {
    limits: ArcSwap<Limits>,
    has: Has,
    pub(super) ledger: Ledger,
    pub(super) misses: Misses,
    pub(super) refusals: Refusals,
    pub(super) bans: Bans,
}

/// Which kinds of limits there are: one look where there are none.
#[derive(Default)]
struct Has {
    any: AtomicBool,
    bytes: AtomicBool,
    misses: AtomicBool,
}

impl Default for LimitsInForce {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl LimitsInForce {
    /// Puts limits into force.
    pub fn new(limits: Limits) -> Self {
        let this = Self(Arc::new(Shared {
            limits: ArcSwap::default(),
            has: Has::default(),
            ledger: Ledger::default(),
            misses: Misses::default(),
            refusals: Refusals::default(),
            bans: Bans::default(),
        }));
        this.replace(limits);
        this
    }

    /// Takes limits that were read. What was taken by others stays taken.
    pub fn take(&self, limits: Limits) {
        if **self.limits() != limits {
            self.replace(limits);
            tracing::info!("the limits were changed and are in force");
        }
    }

    pub(super) fn replace(&self, limits: Limits) {
        let Has { any, bytes, misses } = &self.0.has;
        any.store(!limits.are_none(), Ordering::Relaxed);
        bytes.store(limits.count_bytes(), Ordering::Relaxed);
        misses.store(limits.count_misses(), Ordering::Relaxed);
        self.0.limits.store(Arc::new(limits));
    }

    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        self.0.refusals.register(registry);
    }

    /// True if nothing is limited.
    pub(crate) fn are_none(&self) -> bool {
        !self.0.has.any.load(Ordering::Relaxed)
    }

    /// True if the bytes of answers are counted.
    pub(crate) fn count_bytes(&self) -> bool {
        self.0.has.bytes.load(Ordering::Relaxed)
    }

    /// True if names that nobody has are counted.
    pub(crate) fn count_misses(&self) -> bool {
        self.0.has.misses.load(Ordering::Relaxed)
    }

    /// The limits.
    pub(super) fn limits(&self) -> Guard<Arc<Limits>> {
        self.0.limits.load()
    }
}
