//! The engines that instances are on, and how images come to them.

use entrepot_catalog::{InstanceReason, InstanceRecord, NodeRecord};
use entrepot_engine::{Endpoint, Engine, PullStop};

use super::{halt::Halt, site::Site};
use crate::library::Library;

impl Library {
    /// The engine of a node.
    pub(super) async fn engine(&self, node: &NodeRecord) -> Result<Engine, Halt> {
        let unreachable = |error: String| Halt::Unreachable(error);
        let address = node
            .settings
            .address
            .parse()
            .map_err(|error: entrepot_engine::AddressError| unreachable(error.to_string()))?;
        let endpoint = Endpoint::new(address, None).map_err(|error| unreachable(error.to_string()))?;
        Engine::connect(endpoint).await.map_err(|error| unreachable(error.to_string()))
    }

    /// Has a node fetch the image of an instance.
    pub(super) async fn pull_for(&self, instance: &InstanceRecord, site: &Site) -> Result<(), Halt> {
        let stopped = |stop: PullStop| match stop {
            PullStop::Failed(failure) => Halt::failed(InstanceReason::PullFailed, failure),
            PullStop::Engine(error) => Halt::Unreachable(error.to_string()),
        };
        let image = instance
            .image
            .parse()
            .map_err(|_| Halt::failed(InstanceReason::PullFailed, "its image is not one"))?;
        let mut pull = site.engine.pull(&image, None, None).await.map_err(stopped)?;
        while pull.next().await.map_err(stopped)?.is_some() {}
        Ok(())
    }

    /// All nodes.
    pub(super) async fn all_nodes(&self) -> Result<Vec<NodeRecord>, entrepot_catalog::Error> {
        let mut filter = entrepot_catalog::NodeFilter::default();
        let mut all = Vec::new();
        loop {
            let page = self.0.catalog.nodes(&filter, 500).await?;
            filter.after = page.rows.last().map(|node| node.settings.name.clone());
            all.extend(page.rows);
            if !page.more {
                return Ok(all);
            }
        }
    }
}
