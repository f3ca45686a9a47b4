//! One step of an instance after the other, each written down before the next.

use std::time::SystemTime;

use entrepot_catalog::{
    InstanceDesired, InstancePhase, InstanceReason, InstanceRecord, InstanceSplit, InstanceState, NodeRecord,
    PeriodRecord,
};
use entrepot_engine::Engine;

use super::{halt::Halt, observed::time, snapshot::Snapshot};
use crate::{
    error::Error,
    ids::InstanceId,
    library::Library,
    lifecycle::{self, ContainerRun, Looks, Period, PeriodChange},
};

/// How often a change is tried again that met another one.
const TRIES: u32 = 10;

impl Library {
    /// The instance as it is recorded now.
    pub(super) async fn record(&self, id: i64) -> Result<InstanceRecord, Halt> {
        self.0.catalog.instance(id).await?.ok_or(Halt::Changed)
    }

    /// Records a step of an instance, and goes on from there.
    ///
    /// # Errors
    /// [`Halt::Changed`] if somebody changed it meanwhile.
    pub(super) async fn advance(
        &self,
        instance: &mut InstanceRecord,
        change: impl FnOnce(&mut InstanceState),
    ) -> Result<(), Halt> {
        let mut state = instance.state.clone();
        change(&mut state);
        if state == instance.state {
            return Ok(());
        }
        if !self.0.catalog.save_instance(instance, &state, SystemTime::now()).await? {
            return Err(Halt::Changed);
        }
        instance.state = state;
        instance.revision += 1;
        Ok(())
    }

    /// Records something about an instance whatever else was changed meanwhile. Returns how it is then; `None` if it is gone.
    pub(super) async fn amend(
        &self,
        id: i64,
        change: impl Fn(&mut InstanceState),
    ) -> Result<Option<InstanceRecord>, entrepot_catalog::Error> {
        for _ in 0..TRIES {
            let Some(mut instance) = self.0.catalog.instance(id).await? else { return Ok(None) };
            match self.advance(&mut instance, &change).await {
                Ok(()) => return Ok(Some(instance)),
                Err(Halt::Catalog(error)) => return Err(error),
                Err(_) => {}
            }
        }
        tracing::warn!(instance = id, "others keep changing it");
        self.0.catalog.instance(id).await
    }

    /// Records why work on an instance ended, where that is to be known.
    pub(super) async fn halted(&self, id: i64, halt: Halt) {
        let done = match halt {
            Halt::Changed => Ok(None),
            Halt::Unreachable(detail) => {
                self.amend(id, |state| because(state, InstanceReason::NodeUnreachable, &detail)).await
            }
            Halt::Again(reason, detail) => self.amend(id, |state| because(state, reason, &detail)).await,
            Halt::Failed(reason, detail) => {
                tracing::info!(instance = id, reason = reason.as_str(), detail, "an instance failed");
                self.amend(id, |state| failed(state, reason, &detail)).await
            }
            Halt::Catalog(error) => Err(error),
        };
        if let Err(cause) = done {
            tracing::warn!(instance = id, %cause, "what became of an instance cannot be recorded");
        }
    }

    /// The node of an instance and its engine.
    pub(super) async fn engine_of(&self, instance: &InstanceRecord) -> Result<(NodeRecord, Engine), Halt> {
        let node = self.0.catalog.node(instance.node_id).await?;
        let node =
            node.ok_or_else(|| Halt::failed(InstanceReason::CreateFailed, "its node is not known any more"))?;
        let engine = self.engine(&node).await?;
        Ok((node, engine))
    }

    /// Records when an instance ran, by what its engine says of its last run; `None`: its container is gone.
    pub(super) async fn settle(
        &self,
        instance: &InstanceRecord,
        run: Option<&ContainerRun>,
    ) -> Result<(), entrepot_catalog::Error> {
        let catalog = &self.0.catalog;
        let open = catalog.open_period(instance.id).await?;
        let period = open.as_ref().map(|open| Period { started: open.started, ended: None });
        let now = SystemTime::now();
        let looks = Looks { last: self.0.instances.before(instance.node_id).unwrap_or(now), now };
        for change in lifecycle::settle(period.as_ref(), run, looks) {
            match change {
                PeriodChange::Open { started } => {
                    catalog.begin_period(&period_of(instance, started)?).await?
                }
                PeriodChange::Close { started, ended, unknown } => {
                    catalog.end_period(instance.id, started, ended, unknown).await?;
                }
            }
        }
        Ok(())
    }

    /// The instance that people call so: by its name, or else by its id. `account`: one of these; `None`: one of anybody, by its
    /// id alone, because names are everybody's own.
    ///
    /// # Errors
    /// There is none, or the database failed.
    pub async fn instance_called(&self, text: &str, account: Option<i64>) -> Result<InstanceId, Error> {
        let unknown = || Error::Unknown { kind: "instance", id: text.to_owned() };
        if let Some(account) = account
            && let Some(found) = self.0.catalog.instance_named(account, text).await?
        {
            return found.id.try_into().map_err(|_| unknown());
        }
        let id: InstanceId = text.parse().map_err(|_| unknown())?;
        self.own(id, account).await?;
        Ok(id)
    }

    /// The instance with this id, for whom it belongs to or who sees all.
    pub(super) async fn own(&self, id: InstanceId, account: Option<i64>) -> Result<InstanceRecord, Error> {
        let found = self.0.catalog.instance(id.into()).await?;
        let own = found.filter(|found| account.is_none_or(|account| found.account_id == account));
        own.ok_or_else(|| Error::Unknown { kind: "instance", id: id.to_string() })
    }
}

fn period_of(
    instance: &InstanceRecord,
    started: SystemTime,
) -> Result<PeriodRecord, entrepot_catalog::Error> {
    let spec = Snapshot::read(&instance.snapshot)?.spec;
    let has_devices = instance.state.has_devices;
    Ok(PeriodRecord {
        instance_id: instance.id,
        started,
        ended: None,
        account_id: instance.account_id,
        spec_id: instance.spec_id,
        cards: if has_devices { u64::from(spec.card_count()) } else { 0 },
        // The price is that of the spec with its cards: without them, it costs nothing.
        price: if has_devices { spec.price } else { 0 },
        unknown: std::time::Duration::ZERO,
    })
}

fn because(state: &mut InstanceState, reason: InstanceReason, detail: &str) {
    state.reason = Some(reason);
    state.detail = Some(detail.to_owned());
}

/// It did not work out: nothing is kept for it any more, and nothing restarts it.
pub(super) fn failed(state: &mut InstanceState, reason: InstanceReason, detail: &str) {
    if state.desired == InstanceDesired::Deleted {
        return;
    }
    state.phase = InstancePhase::Failed;
    state.desired = InstanceDesired::Stopped;
    state.reason = Some(reason);
    state.detail = Some(detail.to_owned());
    state.holds = reason == InstanceReason::Stuck;
    if reason == InstanceReason::SplitNotEffective {
        state.split = InstanceSplit::NotEffective;
    }
}

/// Its program has ended by itself: it is stopped, and nothing is kept for it.
pub(super) fn ended(state: &mut InstanceState, shown: &entrepot_engine::ContainerState) {
    let code = shown.exit_code;
    let (phase, reason) = match code {
        _ if shown.oom_killed => (InstancePhase::Failed, InstanceReason::OutOfMemory),
        Some(0) => (InstancePhase::Stopped, InstanceReason::Exited),
        _ => (InstancePhase::Failed, InstanceReason::Exited),
    };
    state.phase = phase;
    state.desired = InstanceDesired::Stopped;
    state.reason = Some(reason);
    state.detail = Some(shown.error.to_string()).filter(|text| !text.is_empty());
    state.holds = false;
    stopped_at(state, shown);
}

/// When and how its last run ended, as its engine says.
pub(super) fn stopped_at(state: &mut InstanceState, shown: &entrepot_engine::ContainerState) {
    state.exit_code = shown.exit_code;
    state.is_oom_killed = shown.oom_killed;
    state.started = shown.started_ms.map(time).or(state.started);
    state.stopped = shown.finished_ms.map(time);
}

/// Goes on to another phase, without a reason.
pub(super) fn enter(phase: InstancePhase) -> impl Fn(&mut InstanceState) {
    move |state| {
        state.phase = phase;
        state.reason = None;
        state.detail = None;
    }
}
