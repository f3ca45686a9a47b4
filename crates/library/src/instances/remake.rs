//! Makes the container of an instance anew. With its disk: for other cards, or none, because what a container has of cards is
//! fixed when it is made. Without its disk: of another image.

use std::collections::BTreeMap;

use entrepot_catalog::{InstanceReason, InstanceRecord};
use entrepot_engine::{CommitRequest, Container, ContainerId, CreateRequest, Error as EngineError, Image};
use entrepot_oci::ImageRef;

use super::{
    bring_up::{judged, written},
    halt::Halt,
    saved,
    site::LaunchContext,
};
use crate::{library::Library, split};

/// A container, and the image that it was made of first.
pub(super) struct ExistingContainer<'a> {
    pub(super) container: &'a Container,
    pub(super) image: &'a Image,
}

impl ExistingContainer<'_> {
    // Those of the image. What the library set for cards stays in what is saved, so it is emptied: the new container may have
    // none.
    fn variables(&self) -> BTreeMap<String, String> {
        let set = self.container.settings.environment.keys().filter(|name| split::is_ours(name));
        let emptied = set.map(|name| (name.clone(), String::new()));
        emptied.chain(self.image.config.environment.clone()).collect()
    }
}

impl Library {
    /// Makes the container anew as it is asked for now, from the disk of the one that is there. That one is kept until the
    /// new one is there: a crash in between leaves the old one recorded, and the next look removes the other.
    ///
    /// # Errors
    /// It cannot be saved or made; then the old one is as it was.
    pub(super) async fn remake(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        old: &ExistingContainer<'_>,
        request: &CreateRequest,
    ) -> Result<ContainerId, Halt> {
        let saved = saved::name(&launch.installation, instance)
            .ok_or_else(|| Halt::failed(InstanceReason::CreateFailed, "its disk cannot be named"))?;
        let commit = CommitRequest { image: saved.clone(), environment: old.variables() };
        let committed = launch.engine.commit(&old.container.id, &commit).await;
        committed.map_err(|error| Halt::engine(InstanceReason::CreateFailed, &error))?;
        let request = CreateRequest { image: saved, ..request.clone() };
        self.succeed(instance, launch, old.container, request).await
    }

    /// Makes the container anew of the image that the instance has now. The disk of the one that is there goes; its volumes
    /// stay. That one is kept until the new one is there.
    ///
    /// # Errors
    /// It cannot be made; then the old one is as it was.
    pub(super) async fn replace(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        old: &Container,
        request: &CreateRequest,
    ) -> Result<ContainerId, Halt> {
        if old.state.status.is_alive() {
            self.put_down(instance, launch).await?;
        }
        self.succeed(instance, launch, old, request.clone()).await
    }

    // Makes the container that comes after another one, which is removed.
    async fn succeed(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        old: &Container,
        request: CreateRequest,
    ) -> Result<ContainerId, Halt> {
        let failed = |error: &EngineError| Halt::engine(InstanceReason::CreateFailed, error);
        let name = instance.state.container_name.clone();
        let name = next_name(&name).parse().map_err(|_| Halt::failed(InstanceReason::CreateFailed, &name))?;
        let request = CreateRequest { name, ..request };
        let made = launch.engine.create(&request).await.map_err(|error| failed(&error))?;
        let shown = launch.engine.inspect(&made.id).await.map_err(|error| failed(&error))?;
        let warnings = match judged(&request, &shown) {
            Ok(warnings) => warnings,
            Err(halt) => {
                launch.engine.remove(&made.id).await.map_err(|error| failed(&error))?;
                return Err(halt);
            }
        };
        let image = instance.image.clone();
        self.advance(instance, |state| {
            state.container_id = Some(made.id.to_string());
            state.container_name = request.name.to_string();
            state.made_of = Some(image);
            state.warnings = written(&warnings);
            state.started = None;
        })
        .await?;
        self.drop_old(instance, launch, old, &request.image).await;
        Ok(made.id)
    }

    // What stays for now is removed later: a container by the next look, the disk that it was made of with the next one.
    async fn drop_old(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
        old: &Container,
        kept: &ImageRef,
    ) {
        let removed = match launch.engine.remove(&old.id).await {
            Ok(()) | Err(EngineError::NotFound(_)) => {
                self.drop_saved(&launch.engine, (&launch.installation, instance.id), Some(kept)).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::info!(instance = instance.id, %error, "the container before cannot be removed yet");
        }
    }
}

/// The name of the container that comes after the one with this name.
fn next_name(name: &str) -> String {
    let (base, number) = match name.rsplit_once(".r") {
        Some((base, number)) => (base, number.parse::<u64>().unwrap_or_default()),
        None => (name, 0),
    };
    format!("{base}.r{}", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_container_has_a_name_of_its_own() {
        assert_eq!(next_name("entrepot-7"), "entrepot-7.r1");
        assert_eq!(next_name("entrepot-7.r1"), "entrepot-7.r2");
        assert_eq!(next_name("entrepot-7-1.r9"), "entrepot-7-1.r10");
    }
}
