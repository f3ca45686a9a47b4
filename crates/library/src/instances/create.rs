//! Creates instances.

use std::time::SystemTime;

use entrepot_access::Audit;
use entrepot_catalog::{
    EntryRecord, InstanceRecord, NewInstance, PlaceOutcome, PortRange, SpecRecord, VolumeRecord,
};

use super::{
    fault::InstanceFault,
    ground::{self, NodeChoice, PlacementRequest},
    request::{self, RunRequest},
    snapshot::Snapshot,
};
use crate::{error::Error, ids::NodeId, library::Library, pins::PinHolder, tenant::Tenant};

/// An instance that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatedInstance {
    /// It is new, and on its way.
    New(Box<InstanceRecord>),
    /// The same request has made it before.
    Known(Box<InstanceRecord>),
}

impl Library {
    /// Creates an instance, and begins to bring it up.
    ///
    /// # Errors
    /// The request is wrong, its account may not have more, or nothing has room; then there is no instance.
    pub async fn create_instance(
        &self,
        tenant: &Tenant,
        request: RunRequest,
        by: Audit,
    ) -> Result<CreatedInstance, Error> {
        let tenant = tenant.clone();
        let object = request.name.clone().unwrap_or_else(|| format!("entry {}", request.entry));
        let work = async move |library: Self| library.try_create_instance(&tenant, request).await;
        self.deed(by, "instance.create", object, work).await
    }

    async fn try_create_instance(
        &self,
        tenant: &Tenant,
        request: RunRequest,
    ) -> Result<CreatedInstance, Error> {
        let now = SystemTime::now();
        let (entry, spec) = self.offered(&request).await?;
        let snapshot = Snapshot::of(&entry, &spec);
        let unchecked = || InstanceFault::Unchecked(entry.fields.name.clone());
        let snapshot = snapshot.ok_or_else(unchecked)?;
        let faults = request::faults(&request, &snapshot, &self.0.settings.instances, now);
        if !faults.is_empty() {
            return Err(InstanceFault::Request(faults).into());
        }
        let image = snapshot.image().ok_or_else(unchecked)?.to_string();
        let volume = self.wanted_volume(tenant, &request).await?;
        let new = new_instance(tenant, &request, &snapshot, image, now);
        let node = volume.as_ref().and_then(|volume| NodeId::try_from(volume.node_id).ok()).or(request.node);
        let place = NodeChoice { node, region: request.region.clone(), ..NodeChoice::default() };
        let demand = snapshot.spec.demand(true);
        let settings = &self.0.settings.instances;
        let choose = |ground: &entrepot_catalog::PlacementFacts| {
            ground::choose(
                ground,
                PlacementRequest { demand: &demand, place: &place, is_new: true },
                settings,
                now,
            )
        };
        match self.0.catalog.create_instance(&new, self.port_range(), now, &choose).await? {
            PlaceOutcome::New(made) => {
                self.begin_with(&made, volume).await?;
                Ok(CreatedInstance::New(made))
            }
            PlaceOutcome::Known(known) => Ok(CreatedInstance::Known(known)),
            PlaceOutcome::NameTaken => Err(InstanceFault::NameTaken(new.name).into()),
            PlaceOutcome::OffShelf => {
                Err(InstanceFault::OffShelf { kind: "entry", name: entry.fields.name }.into())
            }
            PlaceOutcome::NoPorts => Err(InstanceFault::NoPorts.into()),
            PlaceOutcome::Refused(no) => Err(InstanceFault::NoPlace(no).into()),
        }
    }

    async fn offered(&self, request: &RunRequest) -> Result<(EntryRecord, SpecRecord), Error> {
        let entry = self.0.catalog.entry(request.entry.into()).await?;
        let entry = entry.ok_or_else(|| Error::Unknown { kind: "entry", id: request.entry.to_string() })?;
        let spec = self.0.catalog.spec(request.spec.into()).await?;
        let spec = spec.ok_or_else(|| Error::Unknown { kind: "spec", id: request.spec.to_string() })?;
        let off_shelf =
            |kind, name: &str| Error::from(InstanceFault::OffShelf { kind, name: name.to_owned() });
        if !entry.fields.is_on_shelf {
            return Err(off_shelf("entry", &entry.fields.name));
        }
        if !spec.fields.on_shelf {
            return Err(off_shelf("spec", &spec.fields.name));
        }
        Ok((entry, spec))
    }

    // The volume that is to be attached: it must wait for an instance, and the instance goes where it is.
    async fn wanted_volume(
        &self,
        tenant: &Tenant,
        request: &RunRequest,
    ) -> Result<Option<VolumeRecord>, Error> {
        let Some(name) = &request.settings.volume else { return Ok(None) };
        let found = self.0.catalog.volume(name).await?;
        let own = found.filter(|volume| volume.account_id == tenant.id() && volume.instance_id.is_none());
        own.map(Some).ok_or_else(|| InstanceFault::Volume(name.clone()).into())
    }

    async fn begin_with(&self, made: &InstanceRecord, volume: Option<VolumeRecord>) -> Result<(), Error> {
        if let Some(volume) = volume
            && !self.0.catalog.attach_volume(&volume.name, made.id).await?
        {
            // Another instance was faster. This one has done nothing yet.
            self.0.catalog.remove_instance(made.id).await?;
            return Err(InstanceFault::Volume(volume.name).into());
        }
        self.repin(PinHolder::Instance(made.id)).await;
        self.begin_bring_up(made.id);
        Ok(())
    }

    /// The ports of nodes that may lead to instances.
    pub(super) fn port_range(&self) -> PortRange {
        let span = self.0.settings.instances.ports;
        PortRange { first: span.first(), last: span.last() }
    }
}

fn new_instance(
    tenant: &Tenant,
    request: &RunRequest,
    snapshot: &Snapshot,
    image: String,
    now: SystemTime,
) -> NewInstance {
    let number = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
    let name = request.name.clone().unwrap_or_else(|| {
        request::usual_name(
            &snapshot.entry.name,
            u64::try_from(number % u128::from(u64::MAX)).unwrap_or_default(),
        )
    });
    NewInstance {
        account_id: tenant.id(),
        owner: tenant.name().to_owned(),
        name,
        request_key: request.request_key.clone(),
        entry_id: snapshot.entry.id,
        spec_id: snapshot.spec.id,
        image,
        snapshot: snapshot.written(),
        settings: request.settings.written(),
        cpu_milli: snapshot.spec.cpu_milli,
        memory_mib: snapshot.spec.memory_mib,
        is_split: snapshot.spec.is_split(),
        ports: request.settings.ports.clone(),
        stop_at: request.stop_at,
        release_at: request.release_at,
    }
}
