//! What can be done with nodes.

use std::{collections::BTreeSet, time::SystemTime};

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::{
    DeviceRecord, DeviceState, Listing, NewNode, NodeFilter, NodeRecord, NodeRemoval, NodeSettings,
    SecretChange,
};
use entrepot_engine::{Installation, Tls};
use entrepot_secrets::HeldKeys;

use super::{
    check::CheckDepth,
    checked::CheckedNode,
    faults::NodeFault,
    secret::{self, NodeTls},
};
use crate::{error::Error, ids::NodeId, library::Library};

/// How often a change that names no revision is tried again when somebody else's comes first.
const ATTEMPTS: usize = 5;

/// What becomes of a node's certificates.
#[derive(Clone, Debug, Default)]
pub enum TlsChange {
    /// They stay.
    #[default]
    Keep,
    /// Others replace them, in place: connections that were made with the old ones end.
    Set(NodeTls),
    /// There are none any more.
    Remove,
}

impl Library {
    /// The nodes that a filter selects, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn nodes(&self, filter: &NodeFilter, limit: usize) -> Result<Listing<NodeRecord>, Error> {
        Ok(self.0.catalog.nodes(filter, limit).await?)
    }

    /// A node.
    ///
    /// # Errors
    /// There is none with this id, or the database failed.
    pub async fn node(&self, id: NodeId) -> Result<NodeRecord, Error> {
        self.0.catalog.node(id.into()).await?.ok_or_else(|| unknown(id))
    }

    /// The cards of some nodes, in the order of nodes and positions.
    ///
    /// # Errors
    /// The database failed.
    pub async fn devices_of(&self, nodes: &[NodeRecord]) -> Result<Vec<DeviceRecord>, Error> {
        let ids: BTreeSet<i64> = nodes.iter().map(|node| node.id).collect();
        Ok(self.0.catalog.devices_of(&ids).await?)
    }

    /// When the first certificate of each of these nodes ends, by the node's id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn certificates_end(
        &self,
        nodes: &[NodeRecord],
    ) -> Result<Vec<(i64, Option<SystemTime>)>, Error> {
        let ids: BTreeSet<i64> = nodes.iter().map(|node| node.id).collect();
        let secrets = self.0.catalog.node_secrets(&ids).await?;
        Ok(secrets.into_iter().map(|(id, secret)| (id, secret.ends)).collect())
    }

    /// Adds a node, and looks at it. One that does not answer is added all the same, and says why.
    ///
    /// # Errors
    /// Something is wrong with what is said about it, its name is taken, or the database failed; then there is no node.
    pub async fn add_node(
        &self,
        settings: NodeSettings,
        tls: Option<NodeTls>,
        by: Audit,
    ) -> Result<NodeRecord, Error> {
        let library = self.clone();
        to_the_end(async move {
            let (name, detail) = (settings.name.clone(), Some(format!("address: {}", settings.address)));
            let added = library.try_add_node(settings, tls, &by).await;
            let deed = AuditAction { action: "node.create", object: &name, detail };
            let id = library.recorded(&by, deed, added).await?;
            library.check_node(id, CheckDepth::Whole).await
        })
        .await
    }

    async fn try_add_node(
        &self,
        settings: NodeSettings,
        tls: Option<NodeTls>,
        by: &Audit,
    ) -> Result<NodeId, Error> {
        let read = tls.as_ref().map(NodeTls::read).transpose();
        let checked = checked(settings, read.clone())?;
        let id = self.0.catalog.next_node_id().await?;
        // Held until it is stored.
        let keys = self.0.keys.hold().await;
        let secret = match (&tls, read) {
            (Some(tls), Ok(Some(read))) => Some(tls.seal(id, &read, &keys)),
            _ => None,
        };
        let settings = checked.settings().clone();
        let name = settings.name.clone();
        let new = NewNode { id, settings, secret, created_by: by.actor.clone() };
        if !self.0.catalog.add_node(&new, SystemTime::now()).await? {
            return Err(taken(&name));
        }
        id.try_into().map_err(|_| Error::Stale)
    }

    /// Changes a node: `change` makes the new one out of the one that is there. With a revision, only if it still has that.
    /// If it is reached in another way now, it is looked at.
    ///
    /// # Errors
    /// There is no such node, it was changed since, something is wrong with the new one, its name is taken, or the database
    /// failed; then nothing has changed.
    pub async fn change_node(
        &self,
        id: NodeId,
        revision: Option<i64>,
        change: NodeChange,
        by: Audit,
    ) -> Result<NodeRecord, Error> {
        let library = self.clone();
        to_the_end(async move {
            let object = id.to_string();
            let changed = library.try_change_node(id, revision, &change).await;
            let detail = changed.as_ref().ok().map(|(before, after)| told(before, after, &change.tls));
            let deed = AuditAction { action: "node.change", object: &object, detail };
            let (before, after) = library.recorded(&by, deed, changed).await?;
            let is_reached_otherwise = before.settings.address != after.settings.address
                || before.settings.hami_core != after.settings.hami_core
                || before.settings.ascend_cards != after.settings.ascend_cards
                || !matches!(change.tls, TlsChange::Keep);
            library.0.connections.forget(after.id);
            if is_reached_otherwise { library.check_node(id, CheckDepth::Whole).await } else { Ok(after) }
        })
        .await
    }

    async fn try_change_node(
        &self,
        id: NodeId,
        revision: Option<i64>,
        change: &NodeChange,
    ) -> Result<(NodeRecord, NodeRecord), Error> {
        for _ in 0..ATTEMPTS {
            // Held until what is sealed is stored.
            let keys = self.0.keys.hold().await;
            let before = self.node(id).await?;
            if revision.is_some_and(|revision| revision != before.revision) {
                return Err(Error::Stale);
            }
            let (settings, secret) = self.changed(&before, change, &keys).await?;
            if self.0.catalog.change_node(&before, &settings, &secret, SystemTime::now()).await? {
                return Ok((before, self.node(id).await?));
            }
            let other = self.0.catalog.node_by_name(&settings.name).await?;
            if other.is_some_and(|other| other.id != before.id) {
                return Err(taken(&settings.name));
            }
        }
        Err(Error::Stale)
    }

    async fn changed(
        &self,
        before: &NodeRecord,
        change: &NodeChange,
        keys: &HeldKeys<'_>,
    ) -> Result<(NodeSettings, SecretChange), Error> {
        let settings = (change.settings)(before.settings.clone());
        let (read, change) = match &change.tls {
            TlsChange::Remove => (Ok(None), SecretChange::Remove),
            TlsChange::Set(tls) => {
                let read = tls.read();
                let sealed = read.as_ref().ok().map(|read| tls.seal(before.id, read, keys));
                (read.map(Some), sealed.map_or(SecretChange::Keep, SecretChange::Set))
            }
            TlsChange::Keep => {
                let stored = self.0.catalog.node_secret(before.id).await?;
                let opened = stored.map(|record| secret::open(before.id, &record, keys)).transpose()?;
                (Ok(opened), SecretChange::Keep)
            }
        };
        Ok((checked(settings, read)?.settings().clone(), change))
    }

    /// Removes a node that nothing is on. With a revision, only if it still has that.
    ///
    /// # Errors
    /// There is no such node, it was changed since, something is on it, or the database failed; then it is still there.
    pub async fn remove_node(&self, id: NodeId, revision: Option<i64>, by: Audit) -> Result<(), Error> {
        let library = self.clone();
        to_the_end(async move {
            let removed = library.try_remove_node(id, revision).await;
            let (object, detail) = (id.to_string(), removed.as_ref().ok().cloned());
            let deed = AuditAction { action: "node.remove", object: &object, detail };
            library.recorded(&by, deed, removed.map(drop)).await
        })
        .await
    }

    // Returns what the audit log says about it.
    async fn try_remove_node(&self, id: NodeId, revision: Option<i64>) -> Result<String, Error> {
        let name = self.node(id).await?.settings.name;
        match self.0.catalog.remove_node(id.into(), revision).await? {
            NodeRemoval::Done => {
                self.0.connections.forget(id.into());
                Ok(format!("name: {name}"))
            }
            NodeRemoval::Stale => Err(Error::Stale),
            NodeRemoval::InUse(instances) => Err(Error::InUse { kind: "node", name, instances }),
            NodeRemoval::HoldsData(volumes) => Err(Error::HoldsData { node: name, volumes }),
        }
    }

    /// Says that a card which was quarantined works again.
    ///
    /// # Errors
    /// The node has no such card, it is not quarantined, or the database failed.
    pub async fn release_device(&self, id: NodeId, uuid: String, by: Audit) -> Result<(), Error> {
        let library = self.clone();
        to_the_end(async move {
            let released = library.try_release(id, &uuid).await;
            let object = format!("{id}/{uuid}");
            library
                .recorded(
                    &by,
                    AuditAction { action: "node.release", object: &object, detail: None },
                    released,
                )
                .await
        })
        .await
    }

    async fn try_release(&self, id: NodeId, uuid: &str) -> Result<(), Error> {
        let node = self.node(id).await?;
        let cards = self.devices_of(std::slice::from_ref(&node)).await?;
        let card = cards.into_iter().find(|card| card.found.uuid == uuid);
        let is_quarantined = card.is_some_and(|card| card.found.state == DeviceState::Quarantined);
        if !is_quarantined {
            return Err(Error::Unknown { kind: "quarantined card", id: uuid.to_owned() });
        }
        self.0.catalog.set_device_state(node.id, uuid, DeviceState::Healthy, None).await?;
        Ok(())
    }

    /// By which name this server knows its containers.
    pub(crate) async fn installation(&self) -> Result<Installation, entrepot_catalog::Error> {
        let text = self.0.catalog.installation().await?;
        text.parse().map_err(|_| entrepot_catalog::Error::Content { what: "name of an installation" })
    }
}

/// A change of a node.
pub struct NodeChange {
    /// Makes what is to be said about it out of what is said now.
    pub settings: Box<dyn Fn(NodeSettings) -> NodeSettings + Send + Sync>,
    /// What becomes of its certificates.
    pub tls: TlsChange,
}

// All faults at once, also those of the certificates.
fn checked(
    settings: NodeSettings,
    tls: Result<Option<Tls>, entrepot_engine::PemError>,
) -> Result<CheckedNode, Error> {
    match tls {
        Ok(tls) => Ok(CheckedNode::new(settings, tls)?),
        Err(error) => {
            let of_endpoint = |fault: &NodeFault| !matches!(fault, NodeFault::Endpoint(_));
            let others = CheckedNode::new(settings, None).err().unwrap_or_default();
            let faults = others.into_iter().filter(of_endpoint).chain([NodeFault::Pem(error)]);
            Err(faults.collect::<Vec<_>>().into())
        }
    }
}

fn told(before: &NodeRecord, after: &NodeRecord, tls: &TlsChange) -> String {
    let (before, after) = (&before.settings, &after.settings);
    let changes = [
        (before.name != after.name).then(|| format!("name: {}", after.name)),
        (before.address != after.address).then(|| format!("address: {}", after.address)),
        (before.drained != after.drained).then(|| format!("drained: {}", after.drained)),
        (!matches!(tls, TlsChange::Keep)).then(|| "certificates".to_owned()),
    ];
    let told: Vec<String> = changes.into_iter().flatten().collect();
    if told.is_empty() { "settings".to_owned() } else { told.join(", ") }
}

fn unknown(id: NodeId) -> Error {
    Error::Unknown { kind: "node", id: id.to_string() }
}

fn taken(name: &str) -> Error {
    Error::Exists { kind: "node", name: name.to_owned() }
}
