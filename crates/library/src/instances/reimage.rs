//! Gives an instance the image of another entry. Its container is made anew; its volumes, ports, cards and name stay.

use std::time::SystemTime;

use entrepot_access::Audit;
use entrepot_catalog::{InstanceChange, InstanceChanged, InstanceDesired, InstancePhase, InstanceRecord};

use super::{fault::InstanceFault, request, snapshot::Snapshot, verbs::InstanceTarget};
use crate::{error::Error, ids::EntryId, library::Library, pins::PinHolder};

impl Library {
    /// Gives an instance the image of an entry as it is now. One that runs is stopped and starts again; another one has it
    /// from its next start on. Until the new container is there, the old one is kept: the entry that it was made of brings
    /// it back.
    ///
    /// # Errors
    /// There is no such instance or entry, the entry is not offered or not checked, its image does not fit the spec, or the
    /// instance is on its way to something else.
    pub async fn reimage_instance(
        &self,
        target: InstanceTarget,
        entry: EntryId,
        by: Audit,
    ) -> Result<(), Error> {
        let work = async move |library: Self| library.try_reimage(target, entry).await;
        self.deed(by, "instance.reimage", target.id.to_string(), work).await
    }

    async fn try_reimage(&self, target: InstanceTarget, entry: EntryId) -> Result<(), Error> {
        let instance = self.target(target).await?;
        let phase = instance.state.phase;
        let runs = phase == InstancePhase::Running && instance.state.desired == InstanceDesired::Running;
        let is_down = matches!(phase, InstancePhase::Stopped | InstancePhase::Failed | InstancePhase::Lost);
        if instance.state.desired == InstanceDesired::Deleted || !(runs || is_down) {
            return Err(InstanceFault::Phase(phase).into());
        }
        let change = self.image_change(&instance, entry).await?;
        let is_same = change.image.as_ref() == Some(&instance.image);
        match self.0.catalog.change_instance(&instance, &change, SystemTime::now()).await? {
            InstanceChanged::Done => {}
            InstanceChanged::Stale | InstanceChanged::NameTaken => return Err(Error::Stale),
        }
        self.repin(PinHolder::Instance(instance.id)).await;
        if runs && !is_same {
            self.restart_as_recorded(instance.id).await?;
        }
        Ok(())
    }

    /// Has an instance restart, with what is recorded of it now.
    pub(super) async fn restart_as_recorded(&self, id: i64) -> Result<(), entrepot_catalog::Error> {
        self.amend(id, |state| state.phase = InstancePhase::Restarting).await?;
        self.begin_restart(id);
        Ok(())
    }

    async fn image_change(&self, instance: &InstanceRecord, entry: EntryId) -> Result<InstanceChange, Error> {
        let found = self.0.catalog.entry(entry.into()).await?;
        let found = found.ok_or_else(|| Error::Unknown { kind: "entry", id: entry.to_string() })?;
        let name = found.fields.name.clone();
        if !found.fields.is_on_shelf {
            return Err(InstanceFault::OffShelf { kind: "entry", name }.into());
        }
        let unchecked = || InstanceFault::Unchecked(name.clone());
        let snapshot = Snapshot::read(&instance.snapshot)?.with_entry(&found).ok_or_else(unchecked)?;
        if let Some(fault) = request::of_split(&snapshot) {
            return Err(InstanceFault::Request(vec![fault]).into());
        }
        Ok(InstanceChange {
            image: Some(snapshot.image().ok_or_else(unchecked)?.to_string()),
            snapshot: Some(snapshot.written()),
            entry_id: Some(found.id),
            ..InstanceChange::default()
        })
    }
}
