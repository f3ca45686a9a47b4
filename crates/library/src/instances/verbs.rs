//! What people do with their instances.

use std::time::{Duration, SystemTime};

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::{
    AllocationRecord, InstanceChange, InstanceChanged, InstanceDesired, InstancePhase, InstanceReason,
    InstanceRecord, PlacementFacts, RetakeOutcome,
};

use super::{
    clock::{self, DueAction},
    fault::InstanceFault,
    ground::{self, NodeChoice, PlacementRequest},
    hours::Hours,
    request::{self, RunFault, RunSettings},
    snapshot::Snapshot,
};
use crate::{
    error::Error,
    ids::{InstanceId, NodeId},
    library::Library,
};

/// How long the end of a container may take, besides the time that it is given itself.
const STOPPING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Which instance somebody means, and may do something with.
#[derive(Clone, Copy, Debug)]
pub struct InstanceTarget {
    /// Its id.
    pub id: InstanceId,
    /// Only if it belongs to this account; `None` for who manages all.
    pub account: Option<i64>,
    /// Only if it still has this revision.
    pub revision: Option<i64>,
}

/// What somebody changes about an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Its name.
    pub name: Option<String>,
    /// When it is to be stopped; `Some(None)`: never.
    pub stop_at: Option<Option<SystemTime>>,
    /// When it is to be removed; `Some(None)`: never.
    pub release_at: Option<Option<SystemTime>>,
}

/// What becomes of the volumes of an instance that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volumes {
    /// They stay, and can be attached to another instance.
    Keep,
    /// They are removed with all that is in them.
    Remove,
}

impl Library {
    // Does something to the end, and writes down what came of it.
    pub(super) async fn deed<T, F>(
        &self,
        by: Audit,
        action: &'static str,
        object: String,
        work: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let library = self.clone();
        to_the_end(async move {
            let done = work(library.clone()).await;
            library.recorded(&by, AuditAction { action, object: &object, detail: None }, done).await
        })
        .await
    }

    /// Starts an instance that is stopped: with its cards, or without them, to copy data.
    ///
    /// # Errors
    /// It is not stopped, its account may not have more, or its node has no room.
    pub async fn start_instance(
        &self,
        target: InstanceTarget,
        with_cards: bool,
        by: Audit,
    ) -> Result<(), Error> {
        let work = async move |library: Self| library.try_start_instance(target, with_cards).await;
        self.deed(by, "instance.start", target.id.to_string(), work).await
    }

    async fn try_start_instance(&self, target: InstanceTarget, with_cards: bool) -> Result<(), Error> {
        let instance = self.at_rest(target).await?;
        let phase = instance.state.phase;
        let is_down = matches!(phase, InstancePhase::Stopped | InstancePhase::Failed | InstancePhase::Lost);
        if !is_down || instance.state.desired == InstanceDesired::Deleted {
            return Err(InstanceFault::Phase(phase).into());
        }
        let spec = Snapshot::read(&instance.snapshot)?.spec;
        let cards = self.0.catalog.instance_cards(instance.id).await?;
        let place = NodeChoice {
            node: NodeId::try_from(instance.node_id).ok(),
            without: Some(instance.id),
            rather: cards.into_iter().map(|card| card.uuid).collect(),
            ..NodeChoice::default()
        };
        let demand = spec.demand(with_cards);
        let (settings, now) = (&self.0.settings.instances, SystemTime::now());
        let choose = |ground: &PlacementFacts| {
            ground::choose(
                ground,
                PlacementRequest { demand: &demand, place: &place, is_new: false },
                settings,
                now,
            )
        };
        match self.0.catalog.take_again(&instance, now, &choose).await? {
            RetakeOutcome::Has(cards) => self.start_with(&instance, &cards).await,
            RetakeOutcome::Changed => Err(Error::Stale),
            RetakeOutcome::Refused(no) => Err(InstanceFault::NoPlace(no).into()),
        }
    }

    async fn start_with(&self, instance: &InstanceRecord, cards: &[AllocationRecord]) -> Result<(), Error> {
        tracing::debug!(instance = instance.id, cards = cards.len(), "an instance starts");
        self.0.instances.worked(instance.id);
        let wanted = |state: &mut entrepot_catalog::InstanceState| {
            state.desired = InstanceDesired::Running;
            state.phase =
                if state.container_id.is_some() { InstancePhase::Starting } else { InstancePhase::Queued };
            state.reason = None;
            state.detail = None;
            state.warned = None;
        };
        self.amend(instance.id, wanted).await?;
        self.begin_bring_up(instance.id);
        Ok(())
    }

    /// Stops an instance. It keeps its disk; its cards are free for others.
    ///
    /// # Errors
    /// It is stopped, or about to be removed.
    pub async fn stop_instance(&self, target: InstanceTarget, by: Audit) -> Result<(), Error> {
        let work = async move |library: Self| library.try_stop_instance(target).await;
        self.deed(by, "instance.stop", target.id.to_string(), work).await
    }

    async fn try_stop_instance(&self, target: InstanceTarget) -> Result<(), Error> {
        let instance = self.target(target).await?;
        if instance.state.desired != InstanceDesired::Running {
            return Err(InstanceFault::Phase(instance.state.phase).into());
        }
        self.begin_end(instance.id, None).await
    }

    async fn begin_end(&self, id: i64, reason: Option<InstanceReason>) -> Result<(), Error> {
        let wanted = |state: &mut entrepot_catalog::InstanceState| {
            state.desired = InstanceDesired::Stopped;
            state.phase = InstancePhase::Stopping;
            state.reason = reason;
            state.detail = None;
        };
        self.amend(id, wanted).await?;
        self.begin_stop(id);
        Ok(())
    }

    /// Stops an instance and starts it again. It keeps its cards.
    ///
    /// # Errors
    /// It does not run.
    pub async fn restart_instance(&self, target: InstanceTarget, by: Audit) -> Result<(), Error> {
        let work = async move |library: Self| library.try_restart_instance(target).await;
        self.deed(by, "instance.restart", target.id.to_string(), work).await
    }

    async fn try_restart_instance(&self, target: InstanceTarget) -> Result<(), Error> {
        let instance = self.target(target).await?;
        let is_up = instance.state.phase == InstancePhase::Running;
        if !is_up || instance.state.desired != InstanceDesired::Running {
            return Err(InstanceFault::Phase(instance.state.phase).into());
        }
        Ok(self.restart_as_recorded(instance.id).await?)
    }

    /// Removes an instance. Where its node does not answer, that is done as soon as it does.
    ///
    /// # Errors
    /// There is no such instance.
    pub async fn remove_instance(
        &self,
        target: InstanceTarget,
        volumes: Volumes,
        by: Audit,
    ) -> Result<(), Error> {
        let work = async move |library: Self| library.try_remove_instance(target, volumes).await;
        self.deed(by, "instance.remove", target.id.to_string(), work).await
    }

    async fn try_remove_instance(&self, target: InstanceTarget, volumes: Volumes) -> Result<(), Error> {
        let instance = self.target(target).await?;
        let mut asked = RunSettings::read(&instance.settings)?;
        asked.removes_volumes = volumes == Volumes::Remove;
        let change = InstanceChange { settings: Some(asked.written()), ..InstanceChange::default() };
        match self.0.catalog.change_instance(&instance, &change, SystemTime::now()).await? {
            InstanceChanged::Done => {}
            _ => return Err(Error::Stale),
        }
        self.begin_release(instance.id).await
    }

    async fn begin_release(&self, id: i64) -> Result<(), Error> {
        let wanted = |state: &mut entrepot_catalog::InstanceState| {
            state.desired = InstanceDesired::Deleted;
            state.phase = InstancePhase::Deleting;
        };
        self.amend(id, wanted).await?;
        self.begin_removal(id);
        Ok(())
    }

    /// Changes the name of an instance, or when it ends.
    ///
    /// # Errors
    /// The change is wrong, or the instance was changed meanwhile.
    pub async fn edit_instance(&self, target: InstanceTarget, edit: Edit, by: Audit) -> Result<(), Error> {
        let work = async move |library: Self| library.try_edit_instance(target, edit).await;
        self.deed(by, "instance.change", target.id.to_string(), work).await
    }

    async fn try_edit_instance(&self, target: InstanceTarget, edit: Edit) -> Result<(), Error> {
        let instance = self.target(target).await?;
        let faults = edit_faults(&edit, SystemTime::now());
        if !faults.is_empty() {
            return Err(InstanceFault::Request(faults).into());
        }
        let Edit { name, stop_at, release_at } = edit;
        let change = InstanceChange { name: name.clone(), stop_at, release_at, ..InstanceChange::default() };
        match self.0.catalog.change_instance(&instance, &change, SystemTime::now()).await? {
            InstanceChanged::Done => Ok(()),
            InstanceChanged::Stale => Err(Error::Stale),
            InstanceChanged::NameTaken => Err(InstanceFault::NameTaken(name.unwrap_or_default()).into()),
        }
    }

    // One that is being stopped is waited for, so that whoever starts it next need not ask again and again.
    async fn at_rest(&self, target: InstanceTarget) -> Result<InstanceRecord, Error> {
        let instance = self.target(target).await?;
        if instance.state.phase != InstancePhase::Stopping {
            return Ok(instance);
        }
        let patience = self.0.settings.instances.stop_grace + STOPPING;
        let stopped = async {
            loop {
                drop(self.0.instances.begin_when_free(instance.id).await);
                let instance = self.own(target.id, target.account).await?;
                if instance.state.phase != InstancePhase::Stopping {
                    return Ok(instance);
                }
                // Whoever stops it has not begun yet.
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(patience, stopped).await.unwrap_or(Ok(instance))
    }

    pub(super) async fn target(&self, target: InstanceTarget) -> Result<InstanceRecord, Error> {
        let instance = self.own(target.id, target.account).await?;
        let is_as_seen = target.revision.is_none_or(|revision| revision == instance.revision);
        if is_as_seen { Ok(instance) } else { Err(Error::Stale) }
    }

    /// Does what is due because of the time. Returns whether the instance is on its way to something else.
    pub(super) async fn tick(
        &self,
        instance: &InstanceRecord,
        hours: &Hours,
    ) -> Result<bool, entrepot_catalog::Error> {
        let now = SystemTime::now();
        let quota = hours.end(instance).await?;
        let done = match clock::due(instance, &self.0.settings.instances, quota, now) {
            None => return Ok(false),
            Some(DueAction::Warn(ends)) => {
                let left = ends.duration_since(now).unwrap_or_default();
                tracing::info!(
                    instance = instance.id,
                    name = instance.name,
                    minutes = left.as_secs() / 60,
                    "an instance ends soon"
                );
                self.amend(instance.id, |state| state.warned = Some(now)).await?;
                return Ok(false);
            }
            Some(DueAction::Stop(reason)) => self.begin_end(instance.id, Some(reason)).await,
            Some(DueAction::Release) => self.begin_release(instance.id).await,
        };
        match done {
            Err(Error::Catalog(error)) => Err(error),
            _ => Ok(true),
        }
    }
}

fn edit_faults(edit: &Edit, now: SystemTime) -> Vec<RunFault> {
    let mut faults = Vec::new();
    if edit.name.as_deref().is_some_and(|name| !request::is_name(name)) {
        faults.push(RunFault::Name);
    }
    for (field, at) in [("stop_at", edit.stop_at), ("release_at", edit.release_at)] {
        if at.flatten().is_some_and(|at| at <= now) {
            faults.push(RunFault::Past(field));
        }
    }
    faults
}
