//! Compares instances with what their engines show, again and again, and does what follows.

use std::{collections::BTreeMap, time::SystemTime};

use entrepot_catalog::{InstanceDesired, InstancePhase, InstanceReason, InstanceRecord, NodeRecord};
use entrepot_engine::{ContainerPurpose, Engine, Installation, ListedContainer, OwnerFilter};
use futures_util::{StreamExt, stream};

use super::{
    halt::Halt,
    hours::Hours,
    make::is_of_another_image,
    observed::{self, ClockReadings},
    put_down::{lost, stopped},
    steps::{ended, enter, stopped_at},
};
use crate::{
    error::Error,
    library::Library,
    lifecycle::{Absence, EngineView, InstanceFacts, InstanceStep, decide},
};

/// How many nodes are looked at at a time.
const NODES: usize = 16;
/// How many instances are read at a time.
const PAGE: usize = 500;
/// Of so many instances that seem to be as they should, one is looked at closely each time: a container that was restarted
/// between two looks is listed as running both times.
const ROUNDS: u64 = 20;

/// An engine, and what is to be known of it while its containers are looked at.
struct View<'a> {
    node: &'a NodeRecord,
    hours: &'a Hours,
    engine: &'a Engine,
    clocks: ClockReadings,
    away: Absence,
    round: u64,
}

impl Library {
    /// Waits for what is under way with instances.
    pub async fn instances_settled(&self) {
        self.0.instances.tasks.close();
        self.0.instances.tasks.wait().await;
        self.0.instances.tasks.reopen();
    }

    /// Compares all instances with what their engines show, once.
    ///
    /// # Errors
    /// The database failed.
    pub async fn look_at_all(&self, round: u64) -> Result<(), Error> {
        self.look_at_nodes(self.all_nodes().await?, round).await
    }

    /// Compares the instances of these nodes with what their engines show.
    pub(super) async fn look_at_nodes(&self, nodes: Vec<NodeRecord>, round: u64) -> Result<(), Error> {
        let hours = &self.hours(SystemTime::now()).await?;
        let looks =
            stream::iter(nodes).map(|node| async move { self.look_at_node(&node, hours, round).await });
        let done: Vec<_> = looks.buffer_unordered(NODES).collect().await;
        done.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// Compares the instances of a node with what its engine shows.
    async fn look_at_node(
        &self,
        node: &NodeRecord,
        hours: &Hours,
        round: u64,
    ) -> Result<(), entrepot_catalog::Error> {
        match self.listed(node).await {
            Ok((engine, containers, clocks)) => {
                let away = self.0.instances.answered(node.id, node.seen, clocks.ours);
                self.compare_all(&View { node, hours, engine: &engine, clocks, away, round }, containers)
                    .await
            }
            Err(Halt::Catalog(error)) => Err(error),
            Err(halt) => {
                self.0.instances.silent(node.id);
                let detail = match halt {
                    Halt::Unreachable(detail) | Halt::Failed(_, detail) | Halt::Again(_, detail) => detail,
                    _ => String::new(),
                };
                self.all_unsure(node, &detail).await
            }
        }
    }

    async fn listed(&self, node: &NodeRecord) -> Result<(Engine, Vec<ListedContainer>, ClockReadings), Halt> {
        let engine = self.engine(node).await?;
        let unreachable = |error: entrepot_engine::Error| Halt::Unreachable(error.to_string());
        let pong = engine.ping().await.map_err(unreachable)?;
        let ours = SystemTime::now();
        let clocks = ClockReadings { engine: pong.date_ms.map_or(ours, observed::time), ours };
        let installation = self.our_installation().await?;
        let containers = engine.containers(OwnerFilter::Of(&installation)).await.map_err(unreachable)?;
        Ok((engine, containers, clocks))
    }

    /// The containers of an instance.
    pub(super) async fn containers_of(
        &self,
        engine: &Engine,
        installation: &Installation,
        id: i64,
    ) -> Result<Vec<ListedContainer>, Halt> {
        let listed = engine.containers(OwnerFilter::Of(installation)).await;
        let listed = listed.map_err(|error| Halt::Unreachable(error.to_string()))?;
        Ok(listed.into_iter().filter(|one| instance_of(one) == Some(id)).collect())
    }

    async fn compare_all(
        &self,
        view: &View<'_>,
        containers: Vec<ListedContainer>,
    ) -> Result<(), entrepot_catalog::Error> {
        let mut by_instance: BTreeMap<i64, Vec<&ListedContainer>> = BTreeMap::new();
        for listed in &containers {
            if let Some(id) = instance_of(listed) {
                by_instance.entry(id).or_default().push(listed);
            }
        }
        let mut after = 0;
        loop {
            let page = self.0.catalog.instances_on(view.node.id, after, PAGE).await?;
            for instance in &page.rows {
                let listed = by_instance.remove(&instance.id).unwrap_or_default();
                self.compare_one(view, instance, &listed).await?;
            }
            let Some(last) = page.rows.last().filter(|_| page.more) else { break };
            after = last.id;
        }
        for id in by_instance.keys() {
            // Whoever restored an older database must not lose containers that it does not know.
            tracing::warn!(
                node = view.node.settings.name,
                instance = id,
                "a container of ours belongs to no instance"
            );
        }
        Ok(())
    }

    async fn compare_one(
        &self,
        view: &View<'_>,
        instance: &InstanceRecord,
        listed: &[&ListedContainer],
    ) -> Result<(), entrepot_catalog::Error> {
        if self.0.instances.is_busy(instance.id) {
            return Ok(());
        }
        if self.tick(instance, view.hours).await? {
            return Ok(());
        }
        let is_running = instance.state.phase == InstancePhase::Running;
        if is_running && is_of_another_image(instance) {
            // A server that ended has recorded the image, and no more.
            self.restart_as_recorded(instance.id).await?;
            return Ok(());
        }
        let is_settled = matches!(
            instance.state.phase,
            InstancePhase::Running | InstancePhase::Stopped | InstancePhase::Failed
        );
        let is_sure = instance.state.reason != Some(InstanceReason::NodeUnreachable);
        let is_due = view.round % ROUNDS == instance.id.unsigned_abs() % ROUNDS;
        let recorded = instance.state.container_id.as_deref();
        if is_settled && is_sure && !is_due && observed::is_as_recorded(listed, recorded, is_running) {
            return Ok(());
        }
        self.look_closely(view, instance, listed).await
    }

    async fn look_closely(
        &self,
        view: &View<'_>,
        instance: &InstanceRecord,
        listed: &[&ListedContainer],
    ) -> Result<(), entrepot_catalog::Error> {
        let mut shown = Vec::new();
        for listed in listed {
            match view.engine.inspect(&listed.id).await {
                Ok(container) => shown.push(container),
                Err(entrepot_engine::Error::NotFound(_)) => {}
                // It is looked at again next time.
                Err(_) => return Ok(()),
            }
        }
        let containers = shown.iter().map(|container| observed::container(container, view.clocks)).collect();
        let steps = decide(&known(instance), &EngineView::Containers(containers), view.away);
        if steps.is_empty() && instance.state.reason == Some(InstanceReason::NodeUnreachable) {
            self.amend(instance.id, |state| enter(state.phase)(state)).await?;
        }
        for step in steps {
            let of = |id: &str| shown.iter().find(|container| container.id.as_str() == id);
            let current = instance.state.container_id.as_deref().and_then(of).or(shown.first());
            match self.follow(view, instance, current, step).await {
                Ok(()) => {}
                Err(Halt::Catalog(error)) => return Err(error),
                Err(halt) => {
                    self.halted(instance.id, halt).await;
                    break;
                }
            }
        }
        Ok(())
    }

    async fn follow(
        &self,
        view: &View<'_>,
        instance: &InstanceRecord,
        shown: Option<&entrepot_engine::Container>,
        step: InstanceStep,
    ) -> Result<(), Halt> {
        let id = instance.id;
        let state = shown.map(|shown| &shown.state);
        match step {
            InstanceStep::Unsure => {}
            InstanceStep::Adopt(container) => {
                self.amend(id, |state| state.container_id = Some(container.clone())).await?;
            }
            InstanceStep::Make => self.begin_bring_up(id),
            InstanceStep::Start(_) => {
                self.settle(instance, state.and_then(observed::run).as_ref()).await?;
                self.start_again(view, id).await?;
            }
            InstanceStep::Stop(_) => self.begin_stop(id),
            InstanceStep::Remove(_) | InstanceStep::Forget
                if instance.state.desired == InstanceDesired::Deleted =>
            {
                self.begin_removal(id)
            }
            InstanceStep::Remove(container) => self.remove_surplus(view.engine, &container).await?,
            InstanceStep::Forget => {}
            // Whoever started it did not look whether it is what was asked for.
            InstanceStep::Running { .. } => {
                self.settle(instance, state.and_then(observed::run).as_ref()).await?;
                self.begin_bring_up(id);
            }
            InstanceStep::Paused => {
                self.amend(id, |state| state.reason = Some(InstanceReason::Paused)).await?;
            }
            InstanceStep::Stopped | InstanceStep::Ended { .. } => {
                self.settle(instance, state.and_then(observed::run).as_ref()).await?;
                self.has_ended(id, state, step == InstanceStep::Stopped).await?;
            }
            InstanceStep::Lost => {
                self.settle(instance, None).await?;
                self.amend(id, lost).await?;
            }
        }
        Ok(())
    }

    async fn start_again(&self, view: &View<'_>, id: i64) -> Result<(), Halt> {
        if self.0.instances.may_start(id, view.clocks.ours) {
            self.amend(id, |state| {
                state.phase = InstancePhase::Starting;
                state.restarts += 1;
            })
            .await?;
            self.begin_bring_up(id);
        }
        Ok(())
    }

    async fn has_ended(
        &self,
        id: i64,
        shown: Option<&entrepot_engine::ContainerState>,
        is_wanted: bool,
    ) -> Result<(), Halt> {
        self.amend(id, |state| match shown {
            Some(shown) if is_wanted => {
                stopped(state);
                stopped_at(state, shown);
            }
            Some(shown) => ended(state, shown),
            None => stopped(state),
        })
        .await?;
        Ok(())
    }

    // What a crash left behind while a container was made anew.
    async fn remove_surplus(&self, engine: &Engine, id: &str) -> Result<(), Halt> {
        let Ok(id) = id.parse() else { return Ok(()) };
        match engine.remove(&id).await {
            Ok(()) | Err(entrepot_engine::Error::NotFound(_)) => Ok(()),
            Err(error) => Err(Halt::Unreachable(error.to_string())),
        }
    }

    async fn all_unsure(&self, node: &NodeRecord, detail: &str) -> Result<(), entrepot_catalog::Error> {
        let mut after = 0;
        loop {
            let page = self.0.catalog.instances_on(node.id, after, PAGE).await?;
            for instance in &page.rows {
                let is_told = instance.state.reason == Some(InstanceReason::NodeUnreachable);
                let is_settled = matches!(
                    instance.state.phase,
                    InstancePhase::Stopped | InstancePhase::Failed | InstancePhase::Lost
                );
                if !is_told && !is_settled && !self.0.instances.is_busy(instance.id) {
                    self.halted(instance.id, Halt::Unreachable(detail.to_owned())).await;
                }
            }
            let Some(last) = page.rows.last().filter(|_| page.more) else { return Ok(()) };
            after = last.id;
        }
    }
}

fn known(instance: &InstanceRecord) -> InstanceFacts {
    InstanceFacts {
        desired: instance.state.desired,
        phase: instance.state.phase,
        container: instance.state.container_id.clone(),
        started: instance.state.started,
        is_busy: false,
    }
}

fn instance_of(listed: &ListedContainer) -> Option<i64> {
    match listed.owner.as_ref()?.purpose {
        ContainerPurpose::Instance(id) => Some(id.into()),
        ContainerPurpose::Survey => None,
    }
}
