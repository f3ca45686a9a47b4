//! Gives instances their place: one at a time, so that nothing is given away twice.
//!
//! What goes where is decided by whoever calls, from what is read here in the same transaction.

use std::{collections::BTreeSet, time::SystemTime};

use sqlx::{Any, AnyConnection, Transaction};

use super::{
    ground::{self, GroundNode},
    periods::{self, PeriodRecord},
    quotas::{self, QuotaRecord},
    records::{AllocationRecord, InstanceRecord, InstanceRow, NewInstance, PortRecord, amount, columns, ms},
    words::{InstanceDesired, InstancePhase, InstanceSplit},
};
use crate::{
    database::{Catalog, retried},
    error::Error,
    library::sequence::Sequence,
    sql::{SqlQuery, count, number, to_ms},
};

const BY_ID: &str = columns!("id = $1");
pub(crate) const BY_REQUEST: &str = columns!("account_id = $1 AND request_key = $2");
pub(crate) const BY_NAME: &str = columns!("account_id = $1 AND name = $2");
const ON_SHELF: &str =
    "SELECT 1 FROM image_entry e, spec s WHERE e.id = $1 AND e.on_shelf = 1 AND s.id = $2 AND s.on_shelf = 1";
pub(crate) const HELD: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN i.holds_devices = 1 AND i.with_devices = 1 \
     THEN (SELECT COUNT(*) FROM device_allocation a WHERE a.instance_id = i.id) ELSE 0 END), 0) AS BIGINT) \
     FROM instance i WHERE i.account_id = $1 AND i.desired <> 'deleted'";
pub(crate) const PORTS: &str = "SELECT host_port FROM port_allocation WHERE node_id = $1";
const ADD: &str = "INSERT INTO instance (id, account_id, owner, name, request_key, entry_id, spec_id, node_id, image, snapshot, \
     settings, container_name, phase, desired, cpu_milli, memory_mib, split, stop_at_ms, release_at_ms, created_ms, changed_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)";
const ADD_CARD: &str = "INSERT INTO device_allocation (instance_id, node_id, uuid, position, memory_mib, core_percent) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const ADD_PORT: &str =
    "INSERT INTO port_allocation (node_id, host_port, instance_id, container_port) VALUES ($1, $2, $3, $4)";
pub(crate) const DROP_CARDS: &str = "DELETE FROM device_allocation WHERE instance_id = $1";
pub(crate) const MOVE_PORT: &str =
    "DELETE FROM port_allocation WHERE node_id = $1 AND host_port = $2 AND instance_id = $3";
const HOLD: &str = "UPDATE instance SET holds_devices = 1, with_devices = $3, revision = revision + 1, changed_ms = $4 \
     WHERE id = $1 AND revision = $2";

/// What an account has, when something more is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Its instances.
    pub instances: u64,
    /// The cards that it has now, or parts of cards.
    pub cards: u64,
    /// Its runs in the present month that had cards.
    pub periods: Vec<PeriodRecord>,
    /// What it may have at most.
    pub quota: Option<QuotaRecord>,
}

/// What placement is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementFacts {
    /// The nodes that take something new.
    pub nodes: Vec<GroundNode>,
    /// What the account has.
    pub holdings: Holdings,
}

/// Where an instance goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenPlace {
    /// The node.
    pub node_id: i64,
    /// What it gets of which cards, in the container's order.
    pub cards: Vec<AllocationRecord>,
}

/// Ports of nodes that may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
}

/// How the creation of an instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceOutcome<R> {
    /// There is a new instance.
    New(Box<InstanceRecord>),
    /// The same request has made this one before.
    Known(Box<InstanceRecord>),
    /// The account has an instance of this name.
    NameTaken,
    /// Entry or spec are not on the shelf any more.
    OffShelf,
    /// The node has too few free ports.
    NoPorts,
    /// Whoever decides found no place.
    Refused(R),
}

/// How taking cards again ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetakeOutcome<R> {
    /// The instance has these cards. They may be others than before.
    Has(Vec<AllocationRecord>),
    /// The instance is not as it was any more.
    Changed,
    /// Whoever decides found no place.
    Refused(R),
}

impl Catalog {
    /// Creates an instance where `decide` says. Instances are placed one after the other.
    ///
    /// # Errors
    /// The database failed; then there is no instance.
    pub async fn create_instance<R>(
        &self,
        new: &NewInstance,
        ports: PortRange,
        at: SystemTime,
        decide: &(dyn Fn(&PlacementFacts) -> Result<ChosenPlace, R> + Sync),
    ) -> Result<PlaceOutcome<R>, Error> {
        retried(|| self.try_create(new, ports, at, decide)).await
    }

    async fn try_create<R>(
        &self,
        new: &NewInstance,
        ports: PortRange,
        at: SystemTime,
        decide: &(dyn Fn(&PlacementFacts) -> Result<ChosenPlace, R> + Sync),
    ) -> Result<PlaceOutcome<R>, Error> {
        let mut tx = self.begin_placing().await?;
        if let Some(key) = &new.request_key {
            let query = sqlx::query_as::<_, InstanceRow>(BY_REQUEST).bind(new.account_id).bind(key.clone());
            if let Some(known) = query.fetch_optional(&mut *tx).await? {
                return Ok(PlaceOutcome::Known(Box::new(known.read()?)));
            }
        }
        let query = sqlx::query_as::<_, InstanceRow>(BY_NAME).bind(new.account_id).bind(new.name.clone());
        if query.fetch_optional(&mut *tx).await?.is_some() {
            return Ok(PlaceOutcome::NameTaken);
        }
        let query = sqlx::query(ON_SHELF).bind(new.entry_id).bind(new.spec_id);
        if query.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(PlaceOutcome::OffShelf);
        }
        let chosen = match decide(&ground(&mut tx, new.account_id, at).await?) {
            Ok(chosen) => chosen,
            Err(refused) => return Ok(PlaceOutcome::Refused(refused)),
        };
        let Some(hosts) = free_ports(&mut tx, chosen.node_id, ports, new.ports.len()).await? else {
            return Ok(PlaceOutcome::NoPorts);
        };
        let id = Sequence::Instance.next(&mut tx).await?;
        let query = inserted(new, id, chosen.node_id).bind(to_ms(at));
        query.execute(&mut *tx).await?;
        add_cards(&mut tx, id, &chosen).await?;
        for (host, container) in hosts.into_iter().zip(&new.ports) {
            let port = PortRecord { host, container: *container };
            add_port(&mut tx, chosen.node_id, id, port).await?;
        }
        let made = sqlx::query_as::<_, InstanceRow>(BY_ID).bind(id).fetch_one(&mut *tx).await?.read()?;
        tx.commit().await?;
        Ok(PlaceOutcome::New(Box::new(made)))
    }

    /// Gives a stopped instance processors, memory and cards again, on its own node, where `decide` says; without cards if
    /// that chooses none.
    ///
    /// # Errors
    /// The database failed; then it has nothing.
    pub async fn take_again<R>(
        &self,
        instance: &InstanceRecord,
        at: SystemTime,
        decide: &(dyn Fn(&PlacementFacts) -> Result<ChosenPlace, R> + Sync),
    ) -> Result<RetakeOutcome<R>, Error> {
        retried(|| async {
            let mut tx = self.begin_placing().await?;
            let chosen = match decide(&ground(&mut tx, instance.account_id, at).await?) {
                Ok(chosen) => chosen,
                Err(refused) => return Ok(RetakeOutcome::Refused(refused)),
            };
            let query = sqlx::query(HOLD).bind(instance.id).bind(instance.revision);
            let query = query.bind(i64::from(!chosen.cards.is_empty())).bind(to_ms(at));
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(RetakeOutcome::Changed);
            }
            // Without cards it keeps its claim on those that it had: a later start tries them first.
            if !chosen.cards.is_empty() {
                sqlx::query(DROP_CARDS).bind(instance.id).execute(&mut *tx).await?;
                add_cards(&mut tx, instance.id, &chosen).await?;
            }
            tx.commit().await?;
            Ok(RetakeOutcome::Has(chosen.cards))
        })
        .await
    }

    /// Gives an instance another port of its node for one that somebody else uses there. `None`: there is none.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn other_port(
        &self,
        instance: &InstanceRecord,
        port: PortRecord,
        range: PortRange,
    ) -> Result<Option<PortRecord>, Error> {
        retried(|| async {
            let mut tx = self.begin_placing().await?;
            let free = free_ports(&mut tx, instance.node_id, range, 1).await?;
            let Some(host) = free.and_then(|free| free.first().copied()) else { return Ok(None) };
            let query =
                sqlx::query(MOVE_PORT).bind(instance.node_id).bind(i64::from(port.host)).bind(instance.id);
            query.execute(&mut *tx).await?;
            let other = PortRecord { host, container: port.container };
            add_port(&mut tx, instance.node_id, instance.id, other).await?;
            tx.commit().await?;
            Ok(Some(other))
        })
        .await
    }

    /// What placement would be decided on now, for this account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ground(&self, account_id: i64, at: SystemTime) -> Result<PlacementFacts, Error> {
        let mut connection = self.reader.acquire().await?;
        ground(&mut connection, account_id, at).await
    }

    // Whoever places waits for the others here, and then sees what they have done.
    async fn begin_placing(&self) -> Result<Transaction<'static, Any>, Error> {
        let mut tx = self.writer.begin_with(self.dialect.begin_plain).await?;
        Sequence::Placement.next(&mut tx).await?;
        Ok(tx)
    }
}

async fn ground(on: &mut AnyConnection, account_id: i64, at: SystemTime) -> Result<PlacementFacts, Error> {
    let (instances, cards) =
        sqlx::query_as::<_, (i64, i64)>(HELD).bind(account_id).fetch_one(&mut *on).await?;
    let holdings = Holdings {
        instances: count(instances),
        cards: count(cards),
        periods: periods::of_month(on, account_id, at).await?,
        quota: quotas::read(on, account_id).await?,
    };
    Ok(PlacementFacts { nodes: ground::read(on).await?, holdings })
}

async fn free_ports(
    on: &mut AnyConnection,
    node_id: i64,
    range: PortRange,
    wanted: usize,
) -> Result<Option<Vec<u16>>, Error> {
    if wanted == 0 {
        return Ok(Some(Vec::new()));
    }
    let taken = sqlx::query_as::<_, (i64,)>(PORTS).bind(node_id).fetch_all(on).await?;
    let taken: BTreeSet<i64> = taken.into_iter().map(|(port,)| port).collect();
    let free = (range.first..=range.last).filter(|port| !taken.contains(&i64::from(*port)));
    let free: Vec<_> = free.take(wanted).collect();
    Ok(Some(free).filter(|free| free.len() == wanted))
}

// All of the new row but the time.
fn inserted(new: &NewInstance, id: i64, node_id: i64) -> SqlQuery<'static> {
    let split = if new.is_split { InstanceSplit::Unverified } else { InstanceSplit::None };
    let query = sqlx::query(ADD).bind(id).bind(new.account_id).bind(new.owner.clone()).bind(new.name.clone());
    let query = query.bind(new.request_key.clone()).bind(new.entry_id).bind(new.spec_id).bind(node_id);
    let query = query.bind(new.image.clone()).bind(new.snapshot.clone()).bind(new.settings.clone());
    let query = query.bind(format!("entrepot-{id}")).bind(InstancePhase::Queued.as_str());
    let query = query.bind(InstanceDesired::Running.as_str()).bind(number(new.cpu_milli));
    let query = query.bind(number(new.memory_mib)).bind(split.as_str());
    query.bind(ms(new.stop_at)).bind(ms(new.release_at))
}

async fn add_cards(on: &mut AnyConnection, id: i64, chosen: &ChosenPlace) -> Result<(), Error> {
    for (position, card) in chosen.cards.iter().enumerate() {
        let query = sqlx::query(ADD_CARD).bind(id).bind(chosen.node_id).bind(card.uuid.clone());
        let query = query.bind(number(position)).bind(amount(card.memory_mib));
        query.bind(card.core_percent.map(i64::from)).execute(&mut *on).await?;
    }
    Ok(())
}

async fn add_port(on: &mut AnyConnection, node_id: i64, id: i64, port: PortRecord) -> Result<(), Error> {
    let query = sqlx::query(ADD_PORT).bind(node_id).bind(i64::from(port.host)).bind(id);
    query.bind(i64::from(port.container)).execute(on).await?;
    Ok(())
}
