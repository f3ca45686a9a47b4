//! A link that registries share: its route, its rate, its counters and how it is.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use entrepot_oci::{Host, Rate};

use super::{
    choose::Facts,
    pace::Pace,
    section::LinkSettings,
    standing::LinkHealth,
    status::{LinkFailure, LinkStatus},
};

/// One way out of this machine.
pub(crate) struct Link {
    settings: LinkSettings,
    name: String,
    /// Whether the operator wrote it.
    is_configured: bool,
    rate: Mutex<Option<Rate>>,
    pace: Mutex<Pace>,
    health: Mutex<LinkHealth>,
    registries: Mutex<BTreeSet<Host>>,
    seen_as: Mutex<Option<String>>,
    turns: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    failures: AtomicU64,
}

impl Link {
    /// A link that the operator wrote.
    pub(crate) fn new(settings: LinkSettings) -> Self {
        Self { is_configured: true, ..Self::usual_with(settings) }
    }

    /// The usual way, for registries without links.
    pub(crate) fn usual() -> Self {
        Self::usual_with(LinkSettings::default())
    }

    fn usual_with(settings: LinkSettings) -> Self {
        Self {
            name: settings.name(),
            rate: Mutex::new(settings.rate),
            settings,
            is_configured: false,
            pace: Mutex::default(),
            health: Mutex::default(),
            registries: Mutex::default(),
            seen_as: Mutex::default(),
            turns: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// How it was written. The rate may be another by now.
    pub(crate) fn settings(&self) -> &LinkSettings {
        &self.settings
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes the rate that was written last.
    pub(crate) fn set_rate(&self, rate: Option<Rate>) {
        *lock(&self.rate) = rate;
    }

    /// Notes a registry that uses it.
    pub(crate) fn add_registry(&self, host: &Host) {
        lock(&self.registries).insert(host.clone());
    }

    /// What there is to be known before a request to `host`.
    pub(crate) fn facts(&self, host: &Host, now: Instant) -> Facts {
        let rate = lock(&self.rate).map(Rate::as_bytes);
        let standing = lock(&self.health);
        let speed = match (standing.speed(), rate) {
            (Some(measured), Some(rate)) => Some(measured.min(rate)),
            (measured, rate) => measured.or(rate),
        };
        let state = standing.state(Some(host), now);
        Facts { state, active: standing.active(), speed, turn: standing.turn() }
    }

    /// A request begins over it.
    pub(super) fn begin(&self) {
        lock(&self.health).begin(self.turns.fetch_add(1, Ordering::Relaxed) + 1);
    }

    /// How it is, to be changed.
    pub(super) fn standing(&self) -> MutexGuard<'_, LinkHealth> {
        lock(&self.health)
    }

    /// Counts bytes that have come. Returns how long to wait before more are read.
    pub(super) fn received(&self, bytes: u64) -> Duration {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        let now = Instant::now();
        lock(&self.health).heard(bytes, now);
        self.pay(bytes, now)
    }

    /// Counts bytes that are sent. Returns how long to wait before more are sent.
    pub(crate) fn sent(&self, bytes: u64) -> Duration {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        self.pay(bytes, Instant::now())
    }

    fn pay(&self, bytes: u64, now: Instant) -> Duration {
        match *lock(&self.rate) {
            Some(rate) => lock(&self.pace).pay(bytes, rate, now),
            None => Duration::ZERO,
        }
    }

    /// Something came whole.
    pub(super) fn worked(&self) {
        if lock(&self.health).worked() && self.is_configured {
            tracing::info!(link = self.name, "a link works again");
        }
    }

    /// It failed, whichever registry was asked.
    pub(crate) fn failed(&self, failure: LinkFailure) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let first = lock(&self.health).failed(failure.clone(), Instant::now(), SystemTime::now());
        if self.is_configured && first.is_some() {
            let hint = "look at `links` in the configuration; `entrepot links` shows how they are";
            tracing::warn!(link = self.name, %failure, hint, "a link fails and rests");
        }
    }

    /// A registry refused it, and not another link.
    pub(crate) fn refused(&self, host: &Host, failure: LinkFailure, wait: Option<Duration>) {
        let at = (Instant::now(), SystemTime::now());
        let rest = lock(&self.health).refused(host, failure.clone(), wait, at);
        if let Some(rest) = rest
            && self.is_configured
        {
            self.failures.fetch_add(1, Ordering::Relaxed);
            let seconds = rest.as_secs();
            tracing::warn!(link = self.name, registry = %host, %failure, seconds, "a link rests for a registry");
        }
    }

    /// A registry answered over it.
    pub(crate) fn welcomed(&self, host: &Host) {
        lock(&self.health).welcomed(host);
    }

    /// Notes the address that a registry says it sees.
    pub(crate) fn seen_as(&self, address: &str) {
        let mut seen = lock(&self.seen_as);
        if seen.as_deref() != Some(address) {
            *seen = Some(address.to_owned());
        }
    }

    /// How it is now; `None` for the usual way.
    pub(crate) fn status(&self) -> Option<LinkStatus> {
        if !self.is_configured {
            return None;
        }
        let now = Instant::now();
        let standing = lock(&self.health);
        let refused_by =
            standing.refusals(now).map(|(host, left, failure)| (host.clone(), left, failure.clone()));
        Some(LinkStatus {
            name: self.name.clone(),
            registries: lock(&self.registries).iter().cloned().collect(),
            state: standing.state(None, now),
            rate: *lock(&self.rate),
            measured: standing.speed(),
            active: standing.active(),
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_failure: standing.last().cloned(),
            refused_by: refused_by.collect(),
            seen_as: lock(&self.seen_as).clone(),
        })
    }
}

// Each value is consistent whatever panicked beside it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
