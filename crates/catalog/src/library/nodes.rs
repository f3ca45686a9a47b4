//! Nodes: container engines, and the machines that they are on.

use std::{collections::BTreeSet, time::SystemTime};

use sqlx::{Any, FromRow, Transaction};

use super::{sequence::Sequence, specs::NAMED};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{SqlQuery, containing, count, fetch_page, from_ms, number, to_ms},
    words::words,
};

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, name, region, address, public_host, pull_via, mirror_url, hami_core, strict_split, drained, \
             ascend_cards, ascend_model, ascend_memory_mib, remark, status, offers, conditions, facts, cpus, memory_mib, seen_ms, checked_ms, created_by, revision, \
             created_ms, changed_ms FROM node WHERE ",
            $($rest),+
        )
    };
}

pub(crate) const NODE: &str = columns!("id = $1");
pub(crate) const NODE_BY_NAME: &str = columns!("name = $1");
pub(crate) const NODES: &str = columns!(
    "name > $1 AND region = COALESCE($2, region) AND status = COALESCE($3, status) \
     AND drained = COALESCE($4, drained) AND LOWER(name) LIKE LOWER($5) ESCAPE '!' ORDER BY name LIMIT $6"
);
const ADD: &str = "INSERT INTO node (id, name, region, address, public_host, pull_via, mirror_url, hami_core, \
     strict_split, drained, ascend_cards, ascend_model, ascend_memory_mib, remark, created_by, created_ms, changed_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16) ON CONFLICT (name) DO NOTHING";
const CHANGE: &str = "UPDATE node SET name = $2, region = $3, address = $4, public_host = $5, pull_via = $6, \
     mirror_url = $7, hami_core = $8, strict_split = $9, drained = $10, ascend_cards = $11, ascend_model = $12, \
     ascend_memory_mib = $13, remark = $14, changed_ms = $15, revision = revision + 1 WHERE id = $1 AND revision = $16";
const CHECKED: &str = "UPDATE node SET status = $2, offers = $3, conditions = $4, facts = COALESCE($5, facts), \
     cpus = COALESCE($6, cpus), memory_mib = COALESCE($7, memory_mib), seen_ms = COALESCE($8, seen_ms), \
     checked_ms = $9 WHERE id = $1 AND revision = $10";
const NAME_TAKEN: &str = "SELECT id FROM node WHERE name = $1 AND id <> $2";
pub(crate) const NODE_USES: &str = "SELECT name FROM instance WHERE node_id = $1 ORDER BY id LIMIT $2";
pub(crate) const HOLDS_DATA: &str = "SELECT name FROM data_volume WHERE node_id = $1 ORDER BY name LIMIT $2";
pub(crate) const REMOVE: &str = "DELETE FROM node WHERE id = $1 AND revision = COALESCE($2, revision)";
pub(crate) const NODE_SECRET: &str = "SELECT sealed, ends_ms FROM node_secret WHERE id = $1";
const SECRETS_OF: &str = "SELECT id, sealed, ends_ms FROM node_secret WHERE id IN {}";
const SET_SECRET: &str = "INSERT INTO node_secret (id, sealed, ends_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, ends_ms = excluded.ends_ms";
const REMOVE_SECRET: &str = "DELETE FROM node_secret WHERE id = $1";

words! {
    /// Whether a node answers.
    NodeStatus "status of a node" {
        /// It was not asked yet, or does not answer: what runs there may run on.
        Unknown = "unknown",
        /// It answers.
        Connected = "connected",
        /// It answers, and cannot be used as it is.
        Failed = "failed",
    }
}

words! {
    #[derive(PartialOrd, Ord)]
    /// What a node offers to new instances. Each includes those before it.
    NodeOffer "offer of a node" {
        /// It takes nothing new.
        Nothing = "nothing",
        /// Containers without cards.
        Containers = "containers",
        /// Whole cards.
        Cards = "cards",
        /// Parts of cards.
        Parts = "parts",
    }
}

words! {
    /// What a node pulls from.
    PullVia "way of pulling" {
        /// From this server, so that the logins of registries stay here.
        Mirror = "mirror",
        /// From the registry itself.
        Direct = "direct",
    }
}

/// What people say about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its name, unique.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// The address of its engine.
    pub address: String,
    /// Where people reach its published ports.
    pub public_host: Option<String>,
    /// What it pulls from.
    pub pull_via: PullVia,
    /// Where it reaches this server, if not by the public URL.
    pub mirror_url: Option<String>,
    /// The directory of HAMi-core on it.
    pub hami_core: String,
    /// Whether parts of cards are held against a lost environment, too.
    pub strict_split: bool,
    /// Whether it takes nothing new.
    pub drained: bool,
    /// How many Ascend cards it has, which no engine lists.
    pub ascend_cards: u32,
    /// Their model.
    pub ascend_model: String,
    /// The memory of each.
    pub ascend_memory_mib: Option<u64>,
    /// Anything.
    pub remark: String,
}

/// A new node.
#[derive(Clone, Debug)]
pub struct NewNode {
    /// Its id, from [`Catalog::next_node_id`].
    pub id: i64,
    /// What people say about it.
    pub settings: NodeSettings,
    /// What it is reached with.
    pub secret: Option<SecretRecord>,
    /// Who made it.
    pub created_by: String,
}

/// What a node is reached with, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRecord {
    /// The sealed value.
    pub sealed: String,
    /// When the first of its certificates ends.
    pub ends: Option<SystemTime>,
}

/// What becomes of what a node is reached with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// It stays.
    Keep,
    /// Another one.
    Set(SecretRecord),
    /// None any more.
    Remove,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its id.
    pub id: i64,
    /// What people say about it.
    pub settings: NodeSettings,
    /// Whether it answers.
    pub status: NodeStatus,
    /// What it offers to new instances, if it is not drained.
    pub offers: NodeOffer,
    /// Why it offers no more, and what is to be known, as JSON: a list of `{code, detail}`.
    pub conditions: String,
    /// What was found of it last, as JSON.
    pub facts: String,
    /// Thousandths of a core; `None` until it has answered.
    pub cpus: Option<u64>,
    /// Its memory; `None` until it has answered.
    pub memory_mib: Option<u64>,
    /// When it answered last.
    pub seen: Option<SystemTime>,
    /// When it was asked last.
    pub checked: Option<SystemTime>,
    /// Who made it.
    pub created_by: String,
    /// Rises with every change of its settings.
    pub revision: i64,
    /// When it was created.
    pub created: SystemTime,
    /// When its settings were changed last.
    pub changed: SystemTime,
}

/// What a check found. What is `None` stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCheck {
    /// Whether it answers.
    pub status: NodeStatus,
    /// What it offers.
    pub offers: NodeOffer,
    /// Why it offers no more, as JSON.
    pub conditions: String,
    /// What was found, as JSON.
    pub facts: Option<String>,
    /// Thousandths of a core.
    pub cpus: Option<u64>,
    /// Its memory.
    pub memory_mib: Option<u64>,
}

/// Which nodes to list.
#[derive(Clone, Debug, Default)]
pub struct NodeFilter {
    /// Only those of this region.
    pub region: Option<String>,
    /// Only those of this status.
    pub status: Option<NodeStatus>,
    /// Only those that are drained, or that are not.
    pub drained: Option<bool>,
    /// Only those whose names have this in them, in any case.
    pub search: Option<String>,
    /// The name of the last one of the page before.
    pub after: Option<String>,
}

/// What came of removing a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRemoval {
    /// It is gone, with what was known of its cards.
    Done,
    /// It is not there, or not as it was seen.
    Stale,
    /// Instances are on it: the names of some.
    InUse(Vec<String>),
    /// Volumes with somebody's data are on it: the names of some.
    HoldsData(Vec<String>),
}

impl Catalog {
    /// The node with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn node(&self, id: i64) -> Result<Option<NodeRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(NODE).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// The node with this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn node_by_name(&self, name: &str) -> Result<Option<NodeRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(NODE_BY_NAME).bind(name.to_owned());
        query.fetch_optional(&self.reader).await?.map(Raw::read).transpose()
    }

    /// The nodes that a filter selects, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn nodes(&self, filter: &NodeFilter, limit: usize) -> Result<Listing<NodeRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(NODES).bind(filter.after.clone().unwrap_or_default());
        let query = query.bind(filter.region.clone()).bind(filter.status.map(NodeStatus::as_str));
        let query = query.bind(filter.drained.map(i64::from)).bind(containing(filter.search.as_deref()));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// The id of the next node. It is spent, whether or not something comes of it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_node_id(&self) -> Result<i64, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let id = Sequence::Node.next(&mut tx).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Adds a node. Returns false if its name is taken.
    ///
    /// # Errors
    /// The database failed; then there is no node.
    pub async fn add_node(&self, new: &NewNode, at: SystemTime) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let query = bound(sqlx::query(ADD), new.id, &new.settings);
            let query = query.bind(new.created_by.clone()).bind(to_ms(at));
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some(secret) = &new.secret {
                set_secret(&mut tx, new.id, secret).await?;
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Changes a node that is still as `before`. Returns false if it is not, or if the name is taken:
    /// [`Self::node_by_name`] tells which.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn change_node(
        &self,
        before: &NodeRecord,
        settings: &NodeSettings,
        secret: &SecretChange,
        at: SystemTime,
    ) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let taken = sqlx::query_as::<_, (i64,)>(NAME_TAKEN).bind(settings.name.clone()).bind(before.id);
            if taken.fetch_optional(&mut *tx).await?.is_some() {
                return Ok(false);
            }
            let query = bound(sqlx::query(CHANGE), before.id, settings).bind(to_ms(at)).bind(before.revision);
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            match secret {
                SecretChange::Keep => {}
                SecretChange::Set(secret) => set_secret(&mut tx, before.id, secret).await?,
                SecretChange::Remove => {
                    sqlx::query(REMOVE_SECRET).bind(before.id.to_string()).execute(&mut *tx).await?;
                }
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Records what a check of `node` found. A node that was changed meanwhile is left alone: it is checked again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn node_checked(
        &self,
        node: &NodeRecord,
        check: &NodeCheck,
        at: SystemTime,
    ) -> Result<bool, Error> {
        let seen = (check.status != NodeStatus::Unknown).then(|| to_ms(at));
        retried(|| async {
            let query = sqlx::query(CHECKED).bind(node.id).bind(check.status.as_str());
            let query = query.bind(check.offers.as_str()).bind(check.conditions.clone());
            let query = query.bind(check.facts.clone()).bind(check.cpus.map(number));
            let query = query.bind(check.memory_mib.map(number)).bind(seen).bind(to_ms(at));
            Ok(query.bind(node.revision).execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Removes a node that nothing is on, if it has this revision, or any if `revision` is `None`.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn remove_node(&self, id: i64, revision: Option<i64>) -> Result<NodeRemoval, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let instances = names(&mut tx, NODE_USES, id).await?;
            if !instances.is_empty() {
                return Ok(NodeRemoval::InUse(instances));
            }
            let volumes = names(&mut tx, HOLDS_DATA, id).await?;
            if !volumes.is_empty() {
                return Ok(NodeRemoval::HoldsData(volumes));
            }
            let done = sqlx::query(REMOVE).bind(id).bind(revision).execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                return Ok(NodeRemoval::Stale);
            }
            sqlx::query(REMOVE_SECRET).bind(id.to_string()).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(NodeRemoval::Done)
        })
        .await
    }

    /// What a node is reached with.
    ///
    /// # Errors
    /// The database failed.
    pub async fn node_secret(&self, id: i64) -> Result<Option<SecretRecord>, Error> {
        let query = sqlx::query_as::<_, (String, Option<i64>)>(NODE_SECRET).bind(id.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        Ok(row.map(|(sealed, ends)| SecretRecord { sealed, ends: ends.map(from_ms) }))
    }

    /// What some nodes are reached with, by their ids; those without a secret are left out.
    ///
    /// # Errors
    /// The database failed.
    pub async fn node_secrets(&self, ids: &BTreeSet<i64>) -> Result<Vec<(i64, SecretRecord)>, Error> {
        let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        // Nothing but numbers goes into the text.
        let text = sqlx::AssertSqlSafe(SECRETS_OF.replace("{}", &format!("({list})")));
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_as::<_, (String, String, Option<i64>)>(text).fetch_all(&self.reader).await?;
        let read = |(id, sealed, ends): (String, String, Option<i64>)| {
            let id = id.parse().map_err(|_| Error::Content { what: "id of a node" })?;
            Ok((id, SecretRecord { sealed, ends: ends.map(from_ms) }))
        };
        rows.into_iter().map(read).collect()
    }
}

async fn set_secret(tx: &mut Transaction<'static, Any>, id: i64, secret: &SecretRecord) -> Result<(), Error> {
    let query = sqlx::query(SET_SECRET).bind(id.to_string()).bind(secret.sealed.clone());
    query.bind(secret.ends.map(to_ms)).execute(&mut **tx).await?;
    Ok(())
}

async fn names(
    tx: &mut Transaction<'static, Any>,
    text: &'static str,
    id: i64,
) -> Result<Vec<String>, Error> {
    let query = sqlx::query_as::<_, (String,)>(text).bind(id).bind(number(NAMED));
    Ok(query.fetch_all(&mut **tx).await?.into_iter().map(|(name,)| name).collect())
}

fn bound(query: SqlQuery<'static>, id: i64, settings: &NodeSettings) -> SqlQuery<'static> {
    let query = query.bind(id).bind(settings.name.clone()).bind(settings.region.clone());
    let query = query.bind(settings.address.clone()).bind(settings.public_host.clone());
    let query = query.bind(settings.pull_via.as_str()).bind(settings.mirror_url.clone());
    let query = query.bind(settings.hami_core.clone()).bind(i64::from(settings.strict_split));
    let query = query.bind(i64::from(settings.drained)).bind(i64::from(settings.ascend_cards));
    let query = query.bind(settings.ascend_model.clone()).bind(settings.ascend_memory_mib.map(number));
    query.bind(settings.remark.clone())
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    name: String,
    region: String,
    address: String,
    public_host: Option<String>,
    pull_via: String,
    mirror_url: Option<String>,
    hami_core: String,
    strict_split: i64,
    drained: i64,
    ascend_cards: i64,
    ascend_model: String,
    ascend_memory_mib: Option<i64>,
    remark: String,
    status: String,
    offers: String,
    conditions: String,
    facts: String,
    cpus: Option<i64>,
    memory_mib: Option<i64>,
    seen_ms: Option<i64>,
    checked_ms: Option<i64>,
    created_by: String,
    revision: i64,
    created_ms: i64,
    changed_ms: i64,
}

impl Raw {
    fn read(self) -> Result<NodeRecord, Error> {
        let settings = NodeSettings {
            name: self.name,
            region: self.region,
            address: self.address,
            public_host: self.public_host,
            pull_via: PullVia::read(&self.pull_via)?,
            mirror_url: self.mirror_url,
            hami_core: self.hami_core,
            strict_split: self.strict_split != 0,
            drained: self.drained != 0,
            ascend_cards: u32::try_from(self.ascend_cards)
                .map_err(|_| Error::Content { what: "number of cards" })?,
            ascend_model: self.ascend_model,
            ascend_memory_mib: self.ascend_memory_mib.map(count),
            remark: self.remark,
        };
        Ok(NodeRecord {
            id: self.id,
            settings,
            status: NodeStatus::read(&self.status)?,
            offers: NodeOffer::read(&self.offers)?,
            conditions: self.conditions,
            facts: self.facts,
            cpus: self.cpus.map(count),
            memory_mib: self.memory_mib.map(count),
            seen: self.seen_ms.map(from_ms),
            checked: self.checked_ms.map(from_ms),
            created_by: self.created_by,
            revision: self.revision,
            created: from_ms(self.created_ms),
            changed: from_ms(self.changed_ms),
        })
    }
}
