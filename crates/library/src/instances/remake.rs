//! Makes the container of an instance anew, with its disk: for other cards, or none. What a container has of cards is fixed
//! when it is made.

use std::collections::BTreeMap;

use entrepot_catalog::{InstanceReason, InstanceRecord};
use entrepot_engine::{CommitRequest, Container, ContainerId, CreateRequest, Error as EngineError, Image};
use entrepot_oci::ImageRef;

use super::{
    bring_up::{judged, written},
    halt::Halt,
    site::Site,
};
use crate::{library::Library, split};

/// The registry that saved disks are named after. There is none: they never leave their node.
const NOWHERE: &str = "saved.entrepot.invalid";

/// A container, and the image that it was made of first.
pub(super) struct Made<'a> {
    pub(super) container: &'a Container,
    pub(super) image: &'a Image,
}

impl Made<'_> {
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
        site: &Site,
        old: &Made<'_>,
        request: &CreateRequest,
    ) -> Result<ContainerId, Halt> {
        let failed = |error: &EngineError| Halt::engine(InstanceReason::CreateFailed, error);
        let saved = saved_image(instance)?;
        let commit = CommitRequest { image: saved.clone(), environment: old.variables() };
        site.engine.commit(&old.container.id, &commit).await.map_err(|error| failed(&error))?;
        let name = instance.state.container_name.clone();
        let request = CreateRequest {
            name: next_name(&name).parse().map_err(|_| Halt::failed(InstanceReason::CreateFailed, &name))?,
            image: saved,
            ..request.clone()
        };
        let made = site.engine.create(&request).await.map_err(|error| failed(&error))?;
        let shown = site.engine.inspect(&made.id).await.map_err(|error| failed(&error))?;
        let warnings = match judged(&request, &shown) {
            Ok(warnings) => warnings,
            Err(halt) => {
                site.engine.remove(&made.id).await.map_err(|error| failed(&error))?;
                return Err(halt);
            }
        };
        self.advance(instance, |state| {
            state.container_id = Some(made.id.to_string());
            state.container_name = request.name.to_string();
            state.warnings = written(&warnings);
            state.started = None;
        })
        .await?;
        match site.engine.remove(&old.container.id).await {
            Ok(()) | Err(EngineError::NotFound(_)) => Ok(made.id),
            // The next look removes it.
            Err(error) => {
                tracing::info!(instance = instance.id, %error, "the container before cannot be removed yet");
                Ok(made.id)
            }
        }
    }
}

fn saved_image(instance: &InstanceRecord) -> Result<ImageRef, Halt> {
    let name = format!("{NOWHERE}/instance-{}:r{}", instance.id, instance.revision);
    name.parse().map_err(|_| Halt::failed(InstanceReason::CreateFailed, name))
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
