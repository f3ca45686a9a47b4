//! Instances: found, changed, removed. How they come to be is in `place`.

use std::time::SystemTime;

use sqlx::FromRow;

use super::{
    records::{
        AllocationRecord, InstanceFilter, InstanceRecord, InstanceRow, InstanceState, PortRecord, columns, ms,
    },
    volumes::DETACH,
};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{containing, count, fetch_page, number, to_ms},
};

pub(crate) const INSTANCE: &str = columns!("id = $1");
pub(crate) const INSTANCES: &str = columns!(
    "id < $1 AND account_id = COALESCE($2, account_id) AND node_id = COALESCE($3, node_id) \
     AND entry_id = COALESCE($4, entry_id) AND spec_id = COALESCE($5, spec_id) AND phase = COALESCE($6, phase) \
     AND name LIKE $7 ESCAPE '!' ORDER BY id DESC LIMIT $8"
);
pub(crate) const ON_NODE: &str = columns!("node_id = $1 AND id > $2 ORDER BY id LIMIT $3");
pub(crate) const CARDS_OF: &str =
    "SELECT uuid, memory_mib, core_percent FROM device_allocation WHERE instance_id = $1 ORDER BY position";
pub(crate) const PORTS_OF: &str =
    "SELECT host_port, container_port FROM port_allocation WHERE instance_id = $1 ORDER BY container_port";
const SAVE: &str = "UPDATE instance SET container_id = $3, container_name = $4, phase = $5, desired = $6, reason = $7, \
     detail = $8, with_devices = $9, holds_devices = $10, split = $11, split_proof = $12, warnings = $13, exit_code = $14, \
     oom_killed = $15, restarts = $16, started_ms = $17, stopped_ms = $18, warned_ms = $19, made_of = $20, revision = revision + 1, \
     changed_ms = $21 WHERE id = $1 AND revision = $2";
const CHANGE: &str = "UPDATE instance SET name = COALESCE($3, name), image = COALESCE($4, image), \
     snapshot = COALESCE($5, snapshot), settings = COALESCE($6, settings), entry_id = COALESCE($7, entry_id), \
     stop_at_ms = CASE WHEN $8 = 1 THEN $9 ELSE stop_at_ms END, \
     release_at_ms = CASE WHEN $10 = 1 THEN $11 ELSE release_at_ms END, \
     warned_ms = CASE WHEN $8 = 1 OR $10 = 1 THEN NULL ELSE warned_ms END, \
     revision = revision + 1, changed_ms = $12 WHERE id = $1 AND revision = $2";
pub(crate) const WITH_NAME: &str = columns!("account_id = $1 AND name = $2");
const NAMED: &str = "SELECT id FROM instance WHERE account_id = $1 AND name = $2";
pub(crate) const REMOVE: &str = "DELETE FROM instance WHERE id = $1";

/// What somebody changes about an instance; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceChange {
    /// Its name.
    pub name: Option<String>,
    /// The image, pinned by digest.
    pub image: Option<String>,
    /// The entry and the spec, as JSON.
    pub snapshot: Option<String>,
    /// Environment, command and ports, as JSON.
    pub settings: Option<String>,
    /// The entry.
    pub entry_id: Option<i64>,
    /// When it is to be stopped; `Some(None)`: never.
    pub stop_at: Option<Option<SystemTime>>,
    /// When it is to be removed; `Some(None)`: never.
    pub release_at: Option<Option<SystemTime>>,
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceChanged {
    /// It was changed.
    Done,
    /// It is not as it was any more, or gone.
    Stale,
    /// The account has another instance of this name.
    NameTaken,
}

impl Catalog {
    /// The instance with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instance(&self, id: i64) -> Result<Option<InstanceRecord>, Error> {
        let row = sqlx::query_as::<_, InstanceRow>(INSTANCE).bind(id).fetch_optional(&self.reader).await?;
        row.map(InstanceRow::read).transpose()
    }

    /// The instance of an account that has this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instance_named(&self, account: i64, name: &str) -> Result<Option<InstanceRecord>, Error> {
        let query = sqlx::query_as::<_, InstanceRow>(WITH_NAME).bind(account).bind(name.to_owned());
        query.fetch_optional(&self.reader).await?.map(InstanceRow::read).transpose()
    }

    /// The instances that a filter selects, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instances(
        &self,
        filter: &InstanceFilter,
        limit: usize,
    ) -> Result<Listing<InstanceRecord>, Error> {
        let query = sqlx::query_as::<_, InstanceRow>(INSTANCES).bind(filter.before.unwrap_or(i64::MAX));
        let query = query.bind(filter.account).bind(filter.node).bind(filter.entry).bind(filter.spec);
        let query =
            query.bind(filter.phase.map(|phase| phase.as_str())).bind(containing(filter.search.as_deref()));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(InstanceRow::read).collect::<Result<_, _>>()?, more })
    }

    /// The instances of a node after `after`, by id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instances_on(
        &self,
        node_id: i64,
        after: i64,
        limit: usize,
    ) -> Result<Listing<InstanceRecord>, Error> {
        let query = sqlx::query_as::<_, InstanceRow>(ON_NODE).bind(node_id).bind(after);
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(InstanceRow::read).collect::<Result<_, _>>()?, more })
    }

    /// What an instance has of which cards, in the container's order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instance_cards(&self, id: i64) -> Result<Vec<AllocationRecord>, Error> {
        let rows = sqlx::query_as::<_, RawCard>(CARDS_OF).bind(id).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(RawCard::read).collect())
    }

    /// The published ports of an instance, by the container's.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instance_ports(&self, id: i64) -> Result<Vec<PortRecord>, Error> {
        let rows = sqlx::query_as::<_, (i64, i64)>(PORTS_OF).bind(id).fetch_all(&self.reader).await?;
        let port = |number: i64| u16::try_from(number).map_err(|_| Error::Content { what: "port" });
        let read = |(host, container)| Ok(PortRecord { host: port(host)?, container: port(container)? });
        rows.into_iter().map(read).collect()
    }

    /// Records how an instance is, if it still has the revision that `before` has. Returns whether it did.
    ///
    /// # Errors
    /// The database failed.
    pub async fn save_instance(
        &self,
        before: &InstanceRecord,
        state: &InstanceState,
        at: SystemTime,
    ) -> Result<bool, Error> {
        retried(|| async {
            let query =
                sqlx::query(SAVE).bind(before.id).bind(before.revision).bind(state.container_id.clone());
            let query = query.bind(state.container_name.clone()).bind(state.phase.as_str());
            let query = query.bind(state.desired.as_str()).bind(state.reason.map(|reason| reason.as_str()));
            let query = query.bind(state.detail.clone()).bind(i64::from(state.has_devices));
            let query = query.bind(i64::from(state.holds)).bind(state.split.as_str());
            let query =
                query.bind(state.split_proof.clone()).bind(state.warnings.clone()).bind(state.exit_code);
            let query = query.bind(i64::from(state.is_oom_killed)).bind(number(state.restarts));
            let query = query.bind(ms(state.started)).bind(ms(state.stopped)).bind(ms(state.warned));
            Ok(query.bind(state.made_of.clone()).bind(to_ms(at)).execute(&self.writer).await?.rows_affected()
                > 0)
        })
        .await
    }

    /// Changes an instance, if it still has the revision that `before` has.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn change_instance(
        &self,
        before: &InstanceRecord,
        change: &InstanceChange,
        at: SystemTime,
    ) -> Result<InstanceChanged, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            if let Some(name) = &change.name {
                let query = sqlx::query_as::<_, (i64,)>(NAMED).bind(before.account_id).bind(name.clone());
                if query.fetch_optional(&mut *tx).await?.is_some_and(|(id,)| id != before.id) {
                    return Ok(InstanceChanged::NameTaken);
                }
            }
            let query = sqlx::query(CHANGE).bind(before.id).bind(before.revision).bind(change.name.clone());
            let query = query.bind(change.image.clone()).bind(change.snapshot.clone());
            let query = query.bind(change.settings.clone()).bind(change.entry_id);
            let query = query.bind(i64::from(change.stop_at.is_some())).bind(ms(change.stop_at.flatten()));
            let query =
                query.bind(i64::from(change.release_at.is_some())).bind(ms(change.release_at.flatten()));
            if query.bind(to_ms(at)).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(InstanceChanged::Stale);
            }
            tx.commit().await?;
            Ok(InstanceChanged::Done)
        })
        .await
    }

    /// Forgets an instance. Its volumes wait for another one; what it has cost stays. Returns whether it was known.
    ///
    /// # Errors
    /// The database failed; then it is still there.
    pub async fn remove_instance(&self, id: i64) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            sqlx::query(DETACH).bind(id).execute(&mut *tx).await?;
            let done = sqlx::query(REMOVE).bind(id).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct RawCard {
    uuid: String,
    memory_mib: Option<i64>,
    core_percent: Option<i64>,
}

impl RawCard {
    fn read(self) -> AllocationRecord {
        AllocationRecord {
            uuid: self.uuid,
            memory_mib: self.memory_mib.map(count),
            core_percent: self.core_percent.and_then(|percent| u8::try_from(percent).ok()),
        }
    }
}
