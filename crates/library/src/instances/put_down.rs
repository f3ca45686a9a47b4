//! Stops and removes the containers of instances.

use entrepot_catalog::{DeviceState, InstanceDesired, InstancePhase, InstanceReason, InstanceRecord};
use entrepot_engine::{ContainerId, ContainerStatus, Engine, Error as EngineError};

use super::{
    bring_up::container_id,
    halt::Halt,
    observed,
    request::RunSettings,
    site::LaunchContext,
    steps::{enter, stopped_at},
};
use crate::{library::Library, pins::PinHolder};

/// How the end of a container came.
enum ContainerEnd {
    /// It has ended.
    Ended(Box<entrepot_engine::ContainerState>),
    /// It is not there.
    Gone,
    /// Nothing ends it.
    Stuck,
}

impl Library {
    // Work on an instance that begins as soon as nobody else is at it.
    pub(super) fn in_background<F>(&self, id: i64, work: impl FnOnce(Self) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), Halt>> + Send,
    {
        let library = self.clone();
        self.0.instances.tasks.spawn(async move {
            let busy = library.0.instances.begin_when_free(id).await;
            if let Err(halt) = work(library.clone()).await {
                library.halted(id, halt).await;
            }
            drop(busy);
        });
    }

    /// Stops an instance in the background.
    pub(super) fn begin_stop(&self, id: i64) {
        self.in_background(id, async move |library: Self| library.stop_now(id).await);
    }

    /// Stops an instance. It keeps its disk, and nothing else. Whoever calls is alone at work on it.
    pub(super) async fn stop_now(&self, id: i64) -> Result<(), Halt> {
        let mut instance = self.record(id).await?;
        if instance.state.container_id.is_none() {
            return self.advance(&mut instance, stopped).await;
        }
        let (_, engine) = self.engine_of(&instance).await?;
        match self.end(&engine, &container_id(&instance)?).await? {
            ContainerEnd::Ended(shown) => {
                self.settle(&instance, observed::run(&shown).as_ref()).await?;
                self.advance(&mut instance, |state| {
                    stopped(state);
                    stopped_at(state, &shown);
                })
                .await
            }
            ContainerEnd::Gone => {
                self.settle(&instance, None).await?;
                self.advance(&mut instance, lost).await
            }
            ContainerEnd::Stuck => self.stuck(&mut instance).await,
        }
    }

    /// Stops an instance and starts it again. It keeps its cards.
    pub(super) fn begin_restart(&self, id: i64) {
        self.in_background(id, async move |library: Self| library.restart_now(id).await);
    }

    async fn restart_now(&self, id: i64) -> Result<(), Halt> {
        let mut instance = self.record(id).await?;
        let (_, engine) = self.engine_of(&instance).await?;
        match self.end(&engine, &container_id(&instance)?).await? {
            ContainerEnd::Ended(shown) => {
                self.settle(&instance, observed::run(&shown).as_ref()).await?;
                self.advance(&mut instance, |state| {
                    enter(InstancePhase::Starting)(state);
                    state.restarts += 1;
                })
                .await?;
                self.bring_up(id).await
            }
            ContainerEnd::Gone => self.advance(&mut instance, lost).await,
            ContainerEnd::Stuck => self.stuck(&mut instance).await,
        }
    }

    /// Ends a container that must not run.
    pub(super) async fn put_down(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
    ) -> Result<(), Halt> {
        if let ContainerEnd::Ended(shown) = self.end(&launch.engine, &container_id(instance)?).await? {
            self.settle(instance, observed::run(&shown).as_ref()).await?;
        }
        Ok(())
    }

    // Asks it to end, then ends it, then gives up: a card that has left the bus keeps its process for ever.
    async fn end(&self, engine: &Engine, id: &ContainerId) -> Result<ContainerEnd, Halt> {
        let halt = |error: &EngineError| Halt::engine(InstanceReason::Stuck, error);
        match engine.stop(id, self.0.settings.instances.stop_grace).await {
            Ok(_) => {}
            Err(EngineError::NotFound(_)) => return Ok(ContainerEnd::Gone),
            Err(EngineError::Timeout(_) | EngineError::Refused { .. } | EngineError::Conflict(_)) => {
                // What comes of it is looked at.
                let _ = engine.kill(id).await;
            }
            Err(error) => return Err(halt(&error)),
        }
        match engine.inspect(id).await {
            Ok(shown) if shown.state.status.is_alive() && shown.state.status != ContainerStatus::Removing => {
                Ok(ContainerEnd::Stuck)
            }
            Ok(shown) => Ok(ContainerEnd::Ended(Box::new(shown.state))),
            Err(EngineError::NotFound(_)) => Ok(ContainerEnd::Gone),
            Err(error) => Err(halt(&error)),
        }
    }

    // Its cards are kept from others until somebody has looked.
    async fn stuck(&self, instance: &mut InstanceRecord) -> Result<(), Halt> {
        if instance.state.has_devices {
            for card in self.0.catalog.instance_cards(instance.id).await? {
                let detail = format!("the instance `{}` cannot be stopped", instance.name);
                let quarantined = DeviceState::Quarantined;
                let catalog = &self.0.catalog;
                catalog.set_device_state(instance.node_id, &card.uuid, quarantined, Some(&detail)).await?;
            }
        }
        Err(Halt::failed(InstanceReason::Stuck, "its engine cannot end it"))
    }

    /// Removes an instance in the background.
    pub(super) fn begin_removal(&self, id: i64) {
        self.in_background(id, async move |library: Self| library.remove_now(id).await);
    }

    /// Removes an instance with its container, and with its volumes if its owner said so.
    pub(super) async fn remove_now(&self, id: i64) -> Result<(), Halt> {
        let instance = self.record(id).await?;
        if instance.state.desired != InstanceDesired::Deleted {
            return Err(Halt::Changed);
        }
        let (_, engine) = self.engine_of(&instance).await?;
        let installation = self.our_installation().await?;
        for container in self.containers_of(&engine, &installation, instance.id).await? {
            self.end_and_remove(&instance, &engine, &container.id).await?;
        }
        let saved = self.drop_saved(&engine, (&installation, instance.id), None).await;
        saved.map_err(|error| Halt::engine(InstanceReason::Stuck, &error))?;
        if RunSettings::read(&instance.settings)?.removes_volumes {
            self.remove_volumes(&instance, &engine).await?;
        }
        self.settle(&instance, None).await?;
        self.0.catalog.remove_instance(id).await?;
        self.repin(PinHolder::Instance(id)).await;
        self.0.instances.forget(id);
        Ok(())
    }

    async fn end_and_remove(
        &self,
        instance: &InstanceRecord,
        engine: &Engine,
        id: &ContainerId,
    ) -> Result<(), Halt> {
        if let ContainerEnd::Ended(shown) = self.end(engine, id).await? {
            self.settle(instance, observed::run(&shown).as_ref()).await?;
        }
        match engine.remove(id).await {
            Ok(()) | Err(EngineError::NotFound(_)) => Ok(()),
            Err(error) => Err(Halt::engine(InstanceReason::Stuck, &error)),
        }
    }

    async fn remove_volumes(&self, instance: &InstanceRecord, engine: &Engine) -> Result<(), Halt> {
        for volume in self.0.catalog.volumes_of(instance.id).await? {
            let Ok(name) = volume.name.parse() else { continue };
            match engine.remove_volume(&name).await {
                Ok(()) | Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(Halt::engine(InstanceReason::Stuck, &error)),
            }
            self.0.catalog.remove_volume(&volume.name).await?;
        }
        Ok(())
    }
}

/// Stopped, as it should be. Nothing is kept for it.
pub(super) fn stopped(state: &mut entrepot_catalog::InstanceState) {
    state.phase = InstancePhase::Stopped;
    state.desired = InstanceDesired::Stopped;
    state.holds = false;
    if state.reason == Some(InstanceReason::NodeUnreachable) {
        state.reason = None;
        state.detail = None;
    }
}

/// Its container is gone, and we did not remove it. Its data volume is not.
pub(super) fn lost(state: &mut entrepot_catalog::InstanceState) {
    state.phase = InstancePhase::Lost;
    state.desired = InstanceDesired::Stopped;
    state.reason = Some(InstanceReason::ContainerGone);
    state.detail = None;
    state.container_id = None;
    state.holds = false;
}
