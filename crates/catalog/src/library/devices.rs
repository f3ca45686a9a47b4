//! The cards of nodes.

use std::{collections::BTreeSet, time::SystemTime};

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{count, from_ms, number, to_ms, with_numbers},
    words::words,
};

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT node_id, uuid, position, vendor, model, cdi_name, memory_mib, used_mib, state, detail, seen_ms \
             FROM node_device ",
            $($rest),+
        )
    };
}

pub(crate) const DEVICES_OF: &str = columns!("WHERE node_id IN {} ORDER BY node_id, position, uuid");
pub(crate) const ALL_DEVICES: &str = columns!("WHERE node_id > 0 ORDER BY node_id, position, uuid");
// A card that is quarantined stays so until somebody says that it works again.
const FOUND: &str = "INSERT INTO node_device (node_id, uuid, position, vendor, model, cdi_name, memory_mib, used_mib, \
     state, detail, seen_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (node_id, uuid) DO UPDATE SET position = excluded.position, vendor = excluded.vendor, \
     model = excluded.model, cdi_name = excluded.cdi_name, memory_mib = excluded.memory_mib, \
     used_mib = excluded.used_mib, seen_ms = excluded.seen_ms, \
     detail = CASE WHEN node_device.state = 'quarantined' THEN node_device.detail ELSE excluded.detail END, \
     state = CASE WHEN node_device.state = 'quarantined' THEN node_device.state ELSE excluded.state END";
pub(crate) const GONE: &str =
    "UPDATE node_device SET state = 'gone', used_mib = NULL WHERE node_id = $1 AND seen_ms < $2";
pub(crate) const FORGET: &str = "DELETE FROM node_device WHERE node_id = $1 AND state = 'gone' AND NOT EXISTS \
     (SELECT 1 FROM device_allocation a WHERE a.node_id = node_device.node_id AND a.uuid = node_device.uuid)";
const SET_STATE: &str = "UPDATE node_device SET state = $3, detail = $4 WHERE node_id = $1 AND uuid = $2";

words! {
    /// Who made a card.
    DeviceVendor "vendor of a card" {
        /// NVIDIA.
        Nvidia = "nvidia",
        /// Huawei Ascend.
        Ascend = "ascend",
    }
}

words! {
    /// How a card is.
    DeviceState "state of a card" {
        /// It can be given to instances.
        Healthy = "healthy",
        /// It is not in the machine any more.
        Gone = "gone",
        /// Something hangs on it: it is given to nobody until somebody has looked.
        Quarantined = "quarantined",
        /// Somebody else has it.
        Busy = "busy",
        /// It is cut by the vendor's own means: never cut again.
        Mig = "mig",
    }
}

/// A card of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The node.
    pub node: i64,
    /// How it was found.
    pub found: FoundDevice,
    /// When it was seen last.
    pub seen: SystemTime,
}

/// A card as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundDevice {
    /// The vendor's name of it, which never changes.
    pub uuid: String,
    /// Its place among the cards, by which people know it.
    pub position: u32,
    /// Who made it.
    pub vendor: DeviceVendor,
    /// Its model.
    pub model: String,
    /// Its name in the container device interface.
    pub cdi_name: Option<String>,
    /// Its memory; `None` if it does not say.
    pub memory_mib: Option<u64>,
    /// What everybody on the machine uses of it; `None` if that is not known.
    pub used_mib: Option<u64>,
    /// How it is.
    pub state: DeviceState,
    /// Why it is so.
    pub detail: Option<String>,
}

impl Catalog {
    /// The cards of some nodes, in the order of nodes and positions.
    ///
    /// # Errors
    /// The database failed.
    pub async fn devices_of(&self, nodes: &BTreeSet<i64>) -> Result<Vec<DeviceRecord>, Error> {
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query_as::<_, Raw>(with_numbers(DEVICES_OF, nodes));
        query.fetch_all(&self.reader).await?.into_iter().map(Raw::read).collect()
    }

    /// All cards of all nodes, in the order of nodes and positions.
    ///
    /// # Errors
    /// The database failed.
    pub async fn devices(&self) -> Result<Vec<DeviceRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(ALL_DEVICES);
        query.fetch_all(&self.reader).await?.into_iter().map(Raw::read).collect()
    }

    /// Records the cards that a node has. Those that it had, and has no more, are gone; they are listed as long as an
    /// instance has them.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn devices_found(&self, node: i64, found: &[FoundDevice], at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            for device in found {
                let query = sqlx::query(FOUND).bind(node).bind(device.uuid.clone());
                let query = query.bind(i64::from(device.position)).bind(device.vendor.as_str());
                let query = query.bind(device.model.clone()).bind(device.cdi_name.clone());
                let query = query.bind(device.memory_mib.map(number)).bind(device.used_mib.map(number));
                let query = query.bind(device.state.as_str()).bind(device.detail.clone());
                query.bind(to_ms(at)).execute(&mut *tx).await?;
            }
            sqlx::query(GONE).bind(node).bind(to_ms(at)).execute(&mut *tx).await?;
            sqlx::query(FORGET).bind(node).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// Says how a card is. Returns whether there is such a card.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_device_state(
        &self,
        node: i64,
        uuid: &str,
        state: DeviceState,
        detail: Option<&str>,
    ) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(SET_STATE).bind(node).bind(uuid.to_owned()).bind(state.as_str());
            let done = query.bind(detail.map(ToOwned::to_owned)).execute(&self.writer).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    node_id: i64,
    uuid: String,
    position: i64,
    vendor: String,
    model: String,
    cdi_name: Option<String>,
    memory_mib: Option<i64>,
    used_mib: Option<i64>,
    state: String,
    detail: Option<String>,
    seen_ms: i64,
}

impl Raw {
    fn read(self) -> Result<DeviceRecord, Error> {
        let found = FoundDevice {
            uuid: self.uuid,
            position: u32::try_from(self.position)
                .map_err(|_| Error::Content { what: "position of a card" })?,
            vendor: DeviceVendor::read(&self.vendor)?,
            model: self.model,
            cdi_name: self.cdi_name,
            memory_mib: self.memory_mib.map(count),
            used_mib: self.used_mib.map(count),
            state: DeviceState::read(&self.state)?,
            detail: self.detail,
        };
        Ok(DeviceRecord { node: self.node_id, found, seen: from_ms(self.seen_ms) })
    }
}
