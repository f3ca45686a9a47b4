//! The mode of the mirror while the server runs: by hand, by conditions, or as configured. What comes of it is put into force
//! in the mirror; what was set by hand is recorded, and is in force again after a restart.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use entrepot_catalog::{Catalog, Error as CatalogError, ModeOrderRecord};
use entrepot_events::{Event, EventSender, ModeChanged};
use entrepot_mirror::Mirror;
use entrepot_policy::{Cause, Condition, Measurements, Mode, ModeSettings, Modes, Offer, Order, Percent};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The mode in force. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct ModesInForce(Arc<ModesInner>);

struct ModesInner {
    mirror: Mirror,
    catalog: Catalog,
    events: EventSender,
    state: Mutex<ModesState>,
    // Held while an order is recorded, so that what is recorded is what is in force.
    ordering: tokio::sync::Mutex<()>,
    start: Instant,
    counters: Counters,
}

struct ModesState {
    modes: Modes,
    measured: Measurements,
}

#[derive(Default)]
struct Counters {
    in_force: Family<ModeLabels, Gauge>,
    changes: Family<ChangeLabels, Counter>,
    disk_size: Gauge,
    disk_free: Gauge,
    load: Gauge<f64, std::sync::atomic::AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModeLabels {
    mode: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    mode: &'static str,
    by: &'static str,
}

/// What the machine has and does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// The file system of the data directory, if it can be asked.
    pub disk: Option<Disk>,
    /// The load of the last minute by core, where the system tells it.
    pub load: Option<f64>,
}

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its size in bytes, without what is reserved for others.
    pub size: u64,
    /// What of that is free, in bytes.
    pub free: u64,
}

/// A change of the mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeChange {
    /// The mode that was in force.
    pub from: Mode,
    /// The mode that is in force now.
    pub to: Mode,
    /// Why, in words.
    pub why: String,
}

/// What decides about the mode, for those who look at it.
pub(crate) struct ModeView {
    pub(crate) offer: Offer,
    pub(crate) order: Option<Order>,
    pub(crate) conditions: Vec<(Condition, bool, Option<Percent>)>,
}

impl ModesInForce {
    /// Puts the configured mode into force.
    pub fn new(settings: ModeSettings, mirror: &Mirror, catalog: Catalog, events: EventSender) -> Self {
        let state = ModesState { modes: Modes::new(settings), measured: Measurements::default() };
        let this = Self(Arc::new(ModesInner {
            mirror: mirror.clone(),
            catalog,
            events,
            state: Mutex::new(state),
            ordering: tokio::sync::Mutex::new(()),
            start: Instant::now(),
            counters: Counters::default(),
        }));
        this.apply(&this.state());
        this
    }

    /// Puts into force again what was set by hand before a restart.
    ///
    /// # Errors
    /// The database failed.
    pub async fn restore(&self) -> Result<(), CatalogError> {
        let Some(record) = self.0.catalog.mode_order().await? else { return Ok(()) };
        // A mode that this version does not know offers as little as can be.
        let mode = record.mode.as_deref().map(|mode| mode.parse().unwrap_or(Mode::Closed));
        let ModeOrderRecord { tag_lists, catalog, reason, by, since, until, .. } = record;
        let order = Order { mode, tag_lists, catalog, reason, since, until, by };
        let mut state = self.state();
        state.modes.order(order, SystemTime::now(), self.now());
        state.modes.end(self.now());
        let offer = self.apply(&state);
        drop(state);
        tracing::info!(mode = %offer.mode, reason = offer.reason, "what was set by hand is in force again");
        Ok(())
    }

    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let counters = &self.0.counters;
        let in_force = "1 for the mode in force";
        registry.register("entrepot_mode", in_force, counters.in_force.clone());
        let changes = "Changes to a mode, by hand, condition or end";
        registry.register("entrepot_mode_changes", changes, counters.changes.clone());
        let size = "Bytes of the file system of the data directory";
        registry.register("entrepot_disk_size_bytes", size, counters.disk_size.clone());
        let free = "Bytes that are free there";
        registry.register("entrepot_disk_free_bytes", free, counters.disk_free.clone());
        registry.register("entrepot_load_ratio", "Load of the last minute by core", counters.load.clone());
    }

    /// Takes other settings, and puts into force what comes of them. Returns a change of the mode.
    pub fn take(&self, settings: ModeSettings) -> Option<ModeChange> {
        let mut state = self.state();
        let before = state.modes.offer();
        state.modes.configure(settings);
        let measured = state.measured;
        state.modes.observe(&measured, self.now());
        let offer = self.apply(&state);
        self.changed(&before, &offer, "configuration")
    }

    /// Takes what was measured just now; ends what was set by hand when its time is over. Returns a change of the mode that came
    /// of it.
    pub async fn observe(&self, machine: Machine) -> Option<ModeChange> {
        let measured = self.measured(machine);
        let (change, is_over) = {
            let mut state = self.state();
            let before = state.modes.offer();
            let is_over = state.modes.end(self.now());
            state.modes.observe(&measured, self.now());
            state.measured = measured;
            let offer = self.apply(&state);
            (self.changed(&before, &offer, if is_over { "end" } else { offer.cause.as_str() }), is_over)
        };
        if is_over {
            self.forget().await;
        }
        change
    }

    /// Puts into force what somebody says, or takes it back.
    ///
    /// # Errors
    /// It could not be recorded, and nothing has changed.
    pub async fn order(&self, order: Option<Order>) -> Result<Option<ModeChange>, CatalogError> {
        let _turn = self.0.ordering.lock().await;
        self.0.catalog.set_mode_order(order.as_ref().map(record).as_ref()).await?;
        let mut state = self.state();
        let before = state.modes.offer();
        match order {
            Some(order) => state.modes.order(order, SystemTime::now(), self.now()),
            None => state.modes.take_back(),
        }
        let offer = self.apply(&state);
        Ok(self.changed(&before, &offer, "hand"))
    }

    /// What decides.
    pub(crate) fn view(&self) -> ModeView {
        let state = self.state();
        let conditions = state.modes.conditions();
        let conditions =
            conditions.map(|(one, holds)| (*one, holds, state.measured.of(one.measure()))).collect();
        ModeView { offer: state.modes.offer(), order: state.modes.ordered().cloned(), conditions }
    }

    /// The used part of the disk, as measured last.
    pub(crate) fn disk_used(&self) -> Option<Percent> {
        self.state().measured.disk
    }

    fn measured(&self, Machine { disk, load }: Machine) -> Measurements {
        let counters = &self.0.counters;
        if let Some(Disk { size, free }) = disk {
            counters.disk_size.set(i64::try_from(size).unwrap_or(i64::MAX));
            counters.disk_free.set(i64::try_from(free).unwrap_or(i64::MAX));
        }
        if let Some(load) = load {
            counters.load.set(load);
        }
        Measurements {
            disk: disk.and_then(|disk| Percent::of(disk.size.saturating_sub(disk.free), disk.size)),
            budget: self.0.mirror.least_budget(),
            load: load.map(Percent::of_ratio),
        }
    }

    // What ended by itself need not be read again; if that fails, the next start ends it.
    async fn forget(&self) {
        let _turn = self.0.ordering.lock().await;
        if self.state().modes.ordered().is_some() {
            return;
        }
        if let Err(error) = self.0.catalog.set_mode_order(None).await {
            tracing::warn!(%error, "the end of what was set by hand about the mode cannot be recorded");
        }
    }

    fn apply(&self, state: &ModesState) -> Offer {
        let offer = state.modes.offer();
        for mode in Mode::ALL {
            let labels = ModeLabels { mode: mode.as_str() };
            self.0.counters.in_force.get_or_create(&labels).set(i64::from(mode == offer.mode));
        }
        if **self.0.mirror.offer() != offer {
            self.0.mirror.set_offer(offer.clone());
        }
        offer
    }

    fn changed(&self, before: &Offer, offer: &Offer, by: &'static str) -> Option<ModeChange> {
        if before.mode == offer.mode {
            return None;
        }
        let labels = ChangeLabels { mode: offer.mode.as_str(), by };
        self.0.counters.changes.get_or_create(&labels).inc();
        let why = match &offer.cause {
            Cause::Configured => "nothing is against it any more".to_owned(),
            Cause::ByHand | Cause::Condition(_) => offer.why().unwrap_or_else(|| by.to_owned()),
        };
        tracing::warn!(from = %before.mode, mode = %offer.mode, by, why, "the mode of the mirror has changed");
        self.0.events.raise(Event::ModeChanged(ModeChanged {
            from: before.mode.to_string(),
            to: offer.mode.to_string(),
            cause: why.clone(),
        }));
        Some(ModeChange { from: before.mode, to: offer.mode, why })
    }

    fn now(&self) -> Duration {
        self.0.start.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, ModesState> {
        // Its methods leave it consistent.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(order: &Order) -> ModeOrderRecord {
    let Order { mode, tag_lists, catalog, reason, since, until, by } = order.clone();
    ModeOrderRecord {
        mode: mode.map(|mode| mode.as_str().to_owned()),
        tag_lists,
        catalog,
        reason,
        by,
        since,
        until,
    }
}
