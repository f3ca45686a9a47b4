//! The engines that instances are on, and how images come to them.

use entrepot_access::Audit;
use entrepot_catalog::{InstanceReason, InstanceRecord, NodeFilter, NodeRecord};
use entrepot_engine::Engine;
use entrepot_oci::ImageRef;

use super::{halt::Halt, site::LaunchContext};
use crate::{
    error::Error,
    ids::{EntryId, NodeId},
    library::Library,
    nodes::{Link, UnreachableReason},
    pulls::{LibraryImage, PullFault, PullRequest},
};

impl Library {
    /// The engine of a node.
    pub(super) async fn engine(&self, node: &NodeRecord) -> Result<Engine, Halt> {
        Ok(self.link_of(node).await?.engine().clone())
    }

    /// How a node is reached now.
    pub(super) async fn link_of(&self, node: &NodeRecord) -> Result<Link, Halt> {
        self.link(node).await.map_err(|error| match error {
            UnreachableReason::Condition(condition) => Halt::Unreachable(condition.detail),
            UnreachableReason::Catalog(error) => Halt::Catalog(error),
        })
    }

    /// All nodes.
    pub(super) async fn all_nodes(&self) -> Result<Vec<NodeRecord>, Error> {
        self.nodes_of(NodeFilter::default()).await
    }

    /// What the node calls the image of an instance.
    pub(super) fn name_on_node(&self, image: &LibraryImage, node: &NodeRecord) -> Result<ImageRef, Halt> {
        self.image_on_node(image, node).map_err(|error| Halt::failed(InstanceReason::PullFailed, error))
    }

    /// Has a node fetch the image of an instance.
    pub(super) async fn pull_for(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
        image: LibraryImage,
    ) -> Result<(), Halt> {
        let node = NodeId::try_from(instance.node_id);
        let node = node.map_err(|_| Halt::failed(InstanceReason::PullFailed, "its node has no id"))?;
        let request = PullRequest { image, entry: EntryId::try_from(launch.snapshot.entry.id).ok() };
        let by = Audit { actor: format!("account:{}", instance.owner), address: None, request_id: None };
        self.pulled(node, request, &by).await.map_err(|failure| match failure.fault {
            PullFault::Unreachable | PullFault::Interrupted => Halt::Unreachable(failure.detail),
            fault => {
                Halt::failed(InstanceReason::PullFailed, format!("{}: {}", fault.as_str(), failure.detail))
            }
        })
    }
}
