//! Where an instance is brought up: its node, its engine, its image there.

use std::time::SystemTime;

use entrepot_catalog::{InstancePhase, InstanceReason, InstanceRecord, NodeRecord, VolumeRecord};
use entrepot_engine::{CreateRequest, Engine, Error as EngineError, Image, Installation};
use entrepot_oci::ImageRef;

use super::{
    container::{ContainerInputs, own_volume},
    halt::Halt,
    request::RunSettings,
    snapshot::Snapshot,
    steps::enter,
};
use crate::library::Library;

/// What an instance is brought up with.
pub(super) struct LaunchContext {
    pub(super) node: NodeRecord,
    pub(super) engine: Engine,
    pub(super) installation: Installation,
    pub(super) snapshot: Snapshot,
    pub(super) asked: RunSettings,
}

/// An image as a node has it.
pub(super) struct NodeImage {
    /// What the node calls it.
    pub(super) name: ImageRef,
    /// What it is.
    pub(super) image: Image,
}

impl LaunchContext {
    /// True if the limit must hold by every way into the container.
    pub(super) fn is_strict(&self) -> bool {
        self.node.settings.strict_split || self.snapshot.entry.has_sshd
    }
}

impl Library {
    /// Where an instance is brought up.
    pub(super) async fn site(&self, instance: &InstanceRecord) -> Result<LaunchContext, Halt> {
        let (node, engine) = self.engine_of(instance).await?;
        Ok(LaunchContext {
            node,
            engine,
            installation: self.our_installation().await?,
            snapshot: Snapshot::read(&instance.snapshot)?,
            asked: RunSettings::read(&instance.settings)?,
        })
    }

    /// By which name this server's containers are known.
    pub(super) async fn our_installation(&self) -> Result<Installation, Halt> {
        let text = self.0.catalog.installation().await?;
        text.parse().map_err(|_| Halt::Catalog(entrepot_catalog::Error::Content { what: "installation" }))
    }

    /// The image of an instance on its node, fetched if it is not there.
    pub(super) async fn fetched(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
    ) -> Result<NodeImage, Halt> {
        let wrong = || Halt::failed(InstanceReason::PullFailed, "its image is not one");
        let image = launch.snapshot.image().ok_or_else(wrong)?;
        let name = self.name_on_node(&image, &launch.node)?;
        match launch.engine.image(&name).await {
            Ok(image) => return Ok(NodeImage { name, image }),
            Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(Halt::engine(InstanceReason::PullFailed, &error)),
        }
        self.advance(instance, enter(InstancePhase::Pulling)).await?;
        self.pull_for(instance, launch, image).await?;
        let image = launch.engine.image(&name).await;
        let image = image.map_err(|error| Halt::engine(InstanceReason::PullFailed, &error))?;
        Ok(NodeImage { name, image })
    }

    /// The container of an instance, as its engine is asked for it.
    pub(super) async fn container_request(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
        image: &NodeImage,
    ) -> Result<CreateRequest, Halt> {
        let catalog = &self.0.catalog;
        let devices = catalog.devices_of(&[instance.node_id].into()).await?;
        let devices: Vec<_> = devices.into_iter().map(|device| device.found).collect();
        let cards = catalog.instance_cards(instance.id).await?;
        let ports = catalog.instance_ports(instance.id).await?;
        let volume = launch.asked.volume.clone().unwrap_or_else(|| own_volume(instance.id));
        let ingredients = ContainerInputs {
            instance,
            snapshot: &launch.snapshot,
            asked: &launch.asked,
            installation: &launch.installation,
            node: &launch.node.settings,
            is_strict: launch.is_strict(),
            devices: &devices,
            cards: if instance.state.has_devices { &cards } else { &[] },
            ports: &ports,
            volume: Some(&volume),
            image: &image.name,
            variables: &image.image.config.environment,
            settings: &self.0.settings.instances,
        };
        Ok(ingredients.request()?)
    }

    /// Records the data volume of an instance, before its engine makes it.
    pub(super) async fn record_volume(&self, instance: &InstanceRecord, name: &str) -> Result<(), Halt> {
        let volume = VolumeRecord {
            name: name.to_owned(),
            node_id: instance.node_id,
            account_id: instance.account_id,
            instance_id: Some(instance.id),
            created: SystemTime::now(),
        };
        Ok(self.0.catalog.add_volume(&volume).await?)
    }
}
