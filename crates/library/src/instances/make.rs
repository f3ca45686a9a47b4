//! Makes the container of an instance: exactly one, whatever happens in between.

use entrepot_catalog::{InstancePhase, InstanceReason, InstanceRecord, InstanceState};
use entrepot_engine::{
    ContainerId, ContainerPurpose, CreateRequest, Error as EngineError, ListedContainer, Owner, OwnerFilter,
    Volume,
};

use super::{
    bring_up::{container_id, judged, written},
    halt::Halt,
    remake::ExistingContainer,
    site::{LaunchContext, NodeImage},
    steps::enter,
};
use crate::{
    library::Library,
    lifecycle::{NameTaken, name_taken},
};

/// How many names of containers are tried where others have them.
const NAMES: u32 = 3;

impl Library {
    /// The container of an instance: the one that it has, or a new one.
    ///
    /// # Errors
    /// There is none that is what was asked for; none was left behind.
    pub(super) async fn container(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        image: &NodeImage,
        request: &CreateRequest,
    ) -> Result<ContainerId, Halt> {
        if instance.state.container_id.is_none() && !self.adopt(instance, launch).await? {
            self.advance(instance, enter(InstancePhase::Creating)).await?;
            self.make(instance, launch, request).await?;
        }
        let shown = self.shown(instance, launch).await?;
        if is_of_another_image(instance) {
            return self.replace(instance, launch, &shown, request).await;
        }
        match judged(request, &shown) {
            Ok(warnings) => {
                self.advance(instance, |state| state.warnings = written(&warnings)).await?;
                Ok(shown.id)
            }
            Err(halt) if shown.state.started_ms.is_none() => {
                self.discard(instance, launch).await?;
                Err(halt)
            }
            Err(halt) if shown.state.status.is_alive() => {
                self.put_down(instance, launch).await?;
                Err(halt)
            }
            // It was as it was asked for before. Now it gets other cards, or none.
            Err(_) => {
                self.remake(
                    instance,
                    launch,
                    &ExistingContainer { container: &shown, image: &image.image },
                    request,
                )
                .await
            }
        }
    }

    /// Takes a container that was made before a crash, if there is one.
    async fn adopt(&self, instance: &mut InstanceRecord, launch: &LaunchContext) -> Result<bool, Halt> {
        let Some(found) = self.ours(instance, launch).await?.into_iter().next() else { return Ok(false) };
        self.has_container(instance, &found).await?;
        Ok(true)
    }

    /// The containers of an instance on its node.
    async fn ours(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
    ) -> Result<Vec<ListedContainer>, Halt> {
        let listed = launch.engine.containers(OwnerFilter::Of(&launch.installation)).await;
        let listed = listed.map_err(|error| Halt::engine(InstanceReason::CreateFailed, &error))?;
        Ok(listed.into_iter().filter(|one| is_of(one, instance)).collect())
    }

    async fn make(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        request: &CreateRequest,
    ) -> Result<(), Halt> {
        self.make_volumes(instance, launch, request).await?;
        let mut request = request.clone();
        for attempt in 0..NAMES {
            match launch.engine.create(&request).await {
                Ok(created) => return self.is_made(instance, &created.id, request.name.as_str()).await,
                Err(EngineError::Conflict(message)) => {
                    let Some(name) = self.other_name(instance, launch, &request, attempt).await? else {
                        return Ok(());
                    };
                    tracing::info!(instance = instance.id, %message, name, "the name of a container is taken");
                    request.name =
                        name.parse().map_err(|_| Halt::failed(InstanceReason::CreateFailed, &message))?;
                }
                // It may have been made: whoever looks next finds it by its label.
                Err(error) => return Err(Halt::engine(InstanceReason::CreateFailed, &error)),
            }
        }
        Err(Halt::failed(InstanceReason::CreateFailed, "the names of its containers are taken"))
    }

    // Another name to try; `None` if the one that has it is ours, and is taken as ours.
    async fn other_name(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        request: &CreateRequest,
        attempt: u32,
    ) -> Result<Option<String>, Halt> {
        let all = launch.engine.containers(OwnerFilter::Everybody).await;
        let all = all.map_err(|error| Halt::engine(InstanceReason::CreateFailed, &error))?;
        let name = request.name.as_str();
        let Some(other) = all.into_iter().find(|one| one.name == name) else {
            return Ok(Some(name.to_owned()));
        };
        match name_taken(&instance.state.container_name, other.id.as_str(), is_of(&other, instance), attempt)
        {
            NameTaken::Adopt(_) => self.has_container(instance, &other).await.map(|()| None),
            NameTaken::Another(name) => Ok(Some(name)),
        }
    }

    async fn has_container(
        &self,
        instance: &mut InstanceRecord,
        found: &ListedContainer,
    ) -> Result<(), Halt> {
        self.is_made(instance, &found.id, &found.name).await
    }

    async fn is_made(&self, instance: &mut InstanceRecord, id: &ContainerId, name: &str) -> Result<(), Halt> {
        let image = instance.image.clone();
        let has = |state: &mut InstanceState| {
            state.container_id = Some(id.to_string());
            state.made_of = Some(image.clone());
        };
        let done = self
            .advance(instance, |state| {
                has(state);
                state.container_name = name.to_owned();
            })
            .await;
        if matches!(done, Err(Halt::Changed)) {
            // Somebody stopped or deleted it meanwhile: they must know what there is to stop or delete.
            self.amend(instance.id, has).await?;
        }
        done
    }

    async fn make_volumes(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
        request: &CreateRequest,
    ) -> Result<(), Halt> {
        let owner = Owner { installation: launch.installation.clone(), purpose: request.owner.purpose };
        let data = request.mounts.volumes.iter().map(|mount| &mount.volume);
        for name in data.clone() {
            self.record_volume(instance, name.as_str()).await?;
        }
        for name in data {
            let made =
                launch.engine.create_volume(&Volume { name: name.clone(), owner: owner.clone() }).await;
            made.map_err(|error| Halt::engine(InstanceReason::CreateFailed, &error))?;
        }
        Ok(())
    }

    /// Removes the container of an instance, which was never used.
    pub(super) async fn discard(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
    ) -> Result<(), Halt> {
        let id = container_id(instance)?;
        match launch.engine.remove(&id).await {
            Ok(()) | Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(Halt::engine(InstanceReason::CreateFailed, &error)),
        }
        self.advance(instance, |state| state.container_id = None).await
    }
}

/// True if the container of an instance was made of another image than the one that it has now.
pub(super) fn is_of_another_image(instance: &InstanceRecord) -> bool {
    instance.state.made_of.as_ref().is_some_and(|made_of| *made_of != instance.image)
}

fn is_of(listed: &ListedContainer, instance: &InstanceRecord) -> bool {
    let id = u32::try_from(instance.id).ok();
    listed
        .owner
        .as_ref()
        .is_some_and(|owner| matches!(owner.purpose, ContainerPurpose::Instance(of) if Some(of) == id))
}
