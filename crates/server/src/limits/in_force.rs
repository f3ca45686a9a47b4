//! The limits in force, and what is counted by them.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};
use entrepot_access::Principal;
use entrepot_policy::PullLimits;
use prometheus_client::registry::Registry;

use super::{ban::Bans, holder::is_exempt, ledger::Ledger, misses::Misses, refusals::Refusals};

/// The limits in force. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct LimitsInForce(pub(super) Arc<LimitsInner>);

pub(super) struct LimitsInner {
    limits: ArcSwap<PullLimits>,
    has: LimitKinds,
    pub(super) ledger: Ledger,
    pub(super) misses: Misses,
    pub(super) refusals: Refusals,
    pub(super) bans: Bans,
}

/// Which kinds of limits there are: one look where there are none.
#[derive(Default)]
struct LimitKinds {
    any: AtomicBool,
    bytes: AtomicBool,
    misses: AtomicBool,
    /// Whether it was told that a proxy hides its clients.
    warned: AtomicBool,
}

impl Default for LimitsInForce {
    fn default() -> Self {
        Self::new(PullLimits::default())
    }
}

impl LimitsInForce {
    /// Puts limits into force.
    pub fn new(limits: PullLimits) -> Self {
        let this = Self(Arc::new(LimitsInner {
            limits: ArcSwap::default(),
            has: LimitKinds::default(),
            ledger: Ledger::default(),
            misses: Misses::default(),
            refusals: Refusals::default(),
            bans: Bans::default(),
        }));
        this.replace(limits);
        this
    }

    /// Takes limits that were read. All buckets are full then: what was taken of others says nothing about them.
    pub fn take(&self, limits: PullLimits) {
        if **self.limits() != limits {
            self.replace(limits);
            self.0.ledger.clear();
            tracing::info!("the limits were changed and are in force");
        }
    }

    pub(super) fn replace(&self, limits: PullLimits) {
        let LimitKinds { any, bytes, misses, .. } = &self.0.has;
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

    /// Somebody near, who is not one of our proxies, passes on the requests of others: then all of them are one client. That
    /// is told once.
    pub(crate) fn notice_proxy(&self, address: IpAddr) {
        let is_near = match address.to_canonical() {
            IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
            IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
        };
        if is_near && !self.0.has.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{address} passes on requests (`x-forwarded-for`) and is not in `access.trusted_proxies`: all clients behind it \
                 have the limits of one; hint: add it there if it is your proxy"
            );
        }
    }

    /// True if it was told already that a proxy hides its clients.
    pub(crate) fn has_noticed_proxy(&self) -> bool {
        self.0.has.warned.load(Ordering::Relaxed)
    }

    /// True for whoever is not limited: the server's owner, programs on its machine, and accounts that are exempt.
    pub(crate) fn exempts(&self, principal: &Principal) -> bool {
        is_exempt(principal, &self.limits())
    }

    /// The limits.
    pub(super) fn limits(&self) -> Guard<Arc<PullLimits>> {
        self.0.limits.load()
    }
}

#[cfg(test)]
mod tests {
    use entrepot_testkit::CapturedOutput;

    use super::*;

    // operate.md row 13
    #[test]
    fn a_proxy_that_hides_its_clients_is_told_of_once() {
        let (log, limits) = (CapturedOutput::default(), LimitsInForce::default());
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            limits.notice_proxy("203.0.113.7".parse().unwrap());
            assert!(!limits.has_noticed_proxy(), "that one is not near");
            for _ in 0..3 {
                limits.notice_proxy("10.0.0.7".parse().unwrap());
            }
        });
        assert!(limits.has_noticed_proxy());
        assert_eq!(log.text().matches("10.0.0.7 passes on requests").count(), 1, "{}", log.text());
    }
}
