//! Disks of containers that are saved as images, for the next container to be made of. They never leave their node, and go as
//! soon as no container needs them.

use entrepot_catalog::InstanceRecord;
use entrepot_engine::{Engine, Error as EngineError, Installation};
use entrepot_oci::ImageRef;

use crate::library::Library;

/// The registry that they are named after. There is none.
const NOWHERE: &str = "saved.entrepot.invalid";

/// The name of the disk of an instance that is saved now; `None` if it cannot be written.
pub(super) fn name(installation: &Installation, instance: &InstanceRecord) -> Option<ImageRef> {
    format!("{}r{}", prefix(installation, instance.id), instance.revision).parse().ok()
}

// How the names of all saved disks of an instance begin.
fn prefix(installation: &Installation, instance: i64) -> String {
    format!("{NOWHERE}/{installation}/instance-{instance}:")
}

impl Library {
    /// Removes the saved disks of an instance from its node, but the one that its container is made of. What cannot be
    /// removed now goes with the next one.
    pub(super) async fn drop_saved(
        &self,
        engine: &Engine,
        of: (&Installation, i64),
        kept: Option<&ImageRef>,
    ) -> Result<(), EngineError> {
        let (prefix, kept) = (prefix(of.0, of.1), kept.map(ToString::to_string));
        for image in engine.images().await? {
            let saved =
                image.tags.iter().filter(|tag| tag.starts_with(&prefix) && Some(*tag) != kept.as_ref());
            for name in saved.filter_map(|tag| tag.parse().ok()) {
                match engine.remove_image(&name).await {
                    Ok(()) | Err(EngineError::NotFound(_) | EngineError::Conflict(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::InstancePhase;

    use super::*;
    use crate::instances::sample;

    #[test]
    fn disks_of_one_instance_are_told_from_those_of_all_others() {
        let (ours, theirs) = ("a1".parse().unwrap(), "a12".parse().unwrap());
        let instance = sample::instance(InstancePhase::Stopped);
        let name = name(&ours, &instance).unwrap().to_string();
        assert_eq!(name, format!("saved.entrepot.invalid/a1/instance-7:r{}", instance.revision));
        assert!(name.starts_with(&prefix(&ours, 7)));
        assert!(!name.starts_with(&prefix(&ours, 70)) && !name.starts_with(&prefix(&theirs, 7)));
    }
}
