//! What placement is decided on: nodes, their cards, and what of them is taken.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, FromRow};

use crate::{
    error::Error,
    library::{
        devices::{DeviceState, DeviceVendor},
        nodes::NodeOffer,
    },
    sql::count,
};

pub(crate) const NODES: &str = "SELECT id, offers, region, cpus, memory_mib FROM node \
     WHERE drained = 0 AND status = 'connected' AND id > $1 ORDER BY id";
pub(crate) const CARDS: &str = "SELECT node_id, uuid, position, vendor, model, memory_mib, used_mib, state FROM node_device \
     WHERE node_id > $1 ORDER BY node_id, position";
pub(crate) const TAKEN: &str = "SELECT a.node_id, a.uuid, a.instance_id, a.memory_mib, a.core_percent, \
     CASE WHEN i.started_ms < d.seen_ms AND i.phase = 'running' THEN 1 ELSE 0 END AS measured \
     FROM device_allocation a JOIN instance i ON i.id = a.instance_id \
     JOIN node_device d ON d.node_id = a.node_id AND d.uuid = a.uuid \
     WHERE a.node_id > $1 AND i.holds_devices = 1 AND i.with_devices = 1";
pub(crate) const USED: &str = "SELECT node_id, CAST(SUM(cpu_milli) AS BIGINT) AS cpu_milli, \
     CAST(SUM(memory_mib) AS BIGINT) AS memory_mib FROM instance WHERE node_id > $1 AND holds_devices = 1 GROUP BY node_id";

/// A node that takes something new, and what of it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroundNode {
    /// Its id.
    pub id: i64,
    /// What it offers.
    pub offers: NodeOffer,
    /// Its region.
    pub region: String,
    /// Thousandths of its cores.
    pub cpu_milli: Option<u64>,
    /// Its memory in MiB.
    pub memory_mib: Option<u64>,
    /// Thousandths of cores that instances have.
    pub cpu_taken: u64,
    /// Memory that instances have, in MiB.
    pub memory_taken: u64,
    /// Its cards, by position.
    pub cards: Vec<GroundCard>,
}

/// A card, and what of it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroundCard {
    /// The vendor's name for it.
    pub uuid: String,
    /// Which card of its node it is.
    pub position: u32,
    /// Whose it is.
    pub vendor: DeviceVendor,
    /// The model.
    pub model: String,
    /// Its memory in MiB.
    pub memory_mib: Option<u64>,
    /// What was in use at the last look, in MiB.
    pub used_mib: Option<u64>,
    /// How it is.
    pub state: DeviceState,
    /// Who has which part of it.
    pub taken: Vec<GroundShare>,
}

/// A part of a card that an instance has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroundShare {
    /// The instance.
    pub instance_id: i64,
    /// The part; the whole card without one.
    pub memory_mib: Option<u64>,
    /// The part of its computing units, in percent.
    pub core_percent: Option<u8>,
    /// True if the instance ran when the card was looked at last.
    pub is_measured: bool,
}

#[derive(FromRow)]
struct RawNode {
    id: i64,
    offers: String,
    region: String,
    cpus: Option<i64>,
    memory_mib: Option<i64>,
}

#[derive(FromRow)]
struct RawCard {
    node_id: i64,
    uuid: String,
    position: i64,
    vendor: String,
    model: String,
    memory_mib: Option<i64>,
    used_mib: Option<i64>,
    state: String,
}

#[derive(FromRow)]
struct RawShare {
    node_id: i64,
    uuid: String,
    instance_id: i64,
    memory_mib: Option<i64>,
    core_percent: Option<i64>,
    measured: i64,
}

#[derive(FromRow)]
struct RawUse {
    node_id: i64,
    cpu_milli: i64,
    memory_mib: i64,
}

/// All nodes that take something new.
pub(super) async fn read(on: &mut AnyConnection) -> Result<Vec<GroundNode>, Error> {
    let nodes = sqlx::query_as::<_, RawNode>(NODES).bind(0_i64).fetch_all(&mut *on).await?;
    let cards = sqlx::query_as::<_, RawCard>(CARDS).bind(0_i64).fetch_all(&mut *on).await?;
    let taken = sqlx::query_as::<_, RawShare>(TAKEN).bind(0_i64).fetch_all(&mut *on).await?;
    let used = sqlx::query_as::<_, RawUse>(USED).bind(0_i64).fetch_all(&mut *on).await?;
    join(nodes, cards, taken, used)
}

fn join(
    nodes: Vec<RawNode>,
    cards: Vec<RawCard>,
    taken: Vec<RawShare>,
    used: Vec<RawUse>,
) -> Result<Vec<GroundNode>, Error> {
    let mut shares: BTreeMap<(i64, String), Vec<GroundShare>> = BTreeMap::new();
    for share in taken {
        let (key, share) = share.read();
        shares.entry(key).or_default().push(share);
    }
    let mut cards_of: BTreeMap<i64, Vec<GroundCard>> = BTreeMap::new();
    for card in cards {
        let taken = shares.remove(&(card.node_id, card.uuid.clone())).unwrap_or_default();
        cards_of.entry(card.node_id).or_default().push(card.read(taken)?);
    }
    let used: BTreeMap<_, _> = used.into_iter().map(|used| (used.node_id, used)).collect();
    let read = |node: RawNode| {
        let (cards, used) = (cards_of.remove(&node.id).unwrap_or_default(), used.get(&node.id));
        node.read(cards, used)
    };
    nodes.into_iter().map(read).collect()
}

impl RawNode {
    fn read(self, cards: Vec<GroundCard>, used: Option<&RawUse>) -> Result<GroundNode, Error> {
        Ok(GroundNode {
            id: self.id,
            offers: NodeOffer::read(&self.offers)?,
            region: self.region,
            cpu_milli: self.cpus.map(count),
            memory_mib: self.memory_mib.map(count),
            cpu_taken: used.map_or(0, |used| count(used.cpu_milli)),
            memory_taken: used.map_or(0, |used| count(used.memory_mib)),
            cards,
        })
    }
}

impl RawCard {
    fn read(self, taken: Vec<GroundShare>) -> Result<GroundCard, Error> {
        Ok(GroundCard {
            uuid: self.uuid,
            position: u32::try_from(self.position).unwrap_or_default(),
            vendor: DeviceVendor::read(&self.vendor)?,
            model: self.model,
            memory_mib: self.memory_mib.map(count),
            used_mib: self.used_mib.map(count),
            state: DeviceState::read(&self.state)?,
            taken,
        })
    }
}

impl RawShare {
    fn read(self) -> ((i64, String), GroundShare) {
        let share = GroundShare {
            instance_id: self.instance_id,
            memory_mib: self.memory_mib.map(count),
            core_percent: self.core_percent.and_then(|percent| u8::try_from(percent).ok()),
            is_measured: self.measured != 0,
        };
        ((self.node_id, self.uuid), share)
    }
}
