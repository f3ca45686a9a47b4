//! Volumes that keep people's data, also after their instances.

use std::time::SystemTime;

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{fetch_page, from_ms, to_ms},
};

macro_rules! volumes {
    ($($rest:literal),+) => {
        concat!("SELECT name, node_id, account_id, instance_id, created_ms FROM data_volume WHERE ", $($rest),+)
    };
}

pub(crate) const OF_ACCOUNT: &str = volumes!("account_id = $1 AND name > $2 ORDER BY name LIMIT $3");
pub(crate) const ALL: &str = volumes!("name > $1 ORDER BY name LIMIT $2");
pub(crate) const OF_INSTANCE: &str = volumes!("instance_id = $1 ORDER BY name");
pub(crate) const VOLUME: &str = volumes!("name = $1");
const ADD: &str = "INSERT INTO data_volume (name, node_id, account_id, instance_id, created_ms) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET instance_id = excluded.instance_id";
const ATTACH: &str = "UPDATE data_volume SET instance_id = $2 WHERE name = $1 AND instance_id IS NULL";
pub(crate) const DETACH: &str = "UPDATE data_volume SET instance_id = NULL WHERE instance_id = $1";
const REMOVE: &str = "DELETE FROM data_volume WHERE name = $1";

/// A volume that keeps somebody's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeRecord {
    /// Its name on its node, unique.
    pub name: String,
    /// The node that it is on.
    pub node_id: i64,
    /// Whose it is.
    pub account_id: i64,
    /// The instance that has it; `None`: it waits for one.
    pub instance_id: Option<i64>,
    /// When it was made.
    pub created: SystemTime,
}

impl Catalog {
    /// Volumes after `after`, by name: those of one account, or all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn volumes(
        &self,
        account: Option<i64>,
        after: &str,
        limit: usize,
    ) -> Result<Listing<VolumeRecord>, Error> {
        let query = match account {
            Some(account) => sqlx::query_as::<_, Raw>(OF_ACCOUNT).bind(account).bind(after.to_owned()),
            None => sqlx::query_as::<_, Raw>(ALL).bind(after.to_owned()),
        };
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect(), more })
    }

    /// The volumes of an instance.
    ///
    /// # Errors
    /// The database failed.
    pub async fn volumes_of(&self, instance_id: i64) -> Result<Vec<VolumeRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(OF_INSTANCE).bind(instance_id);
        Ok(query.fetch_all(&self.reader).await?.into_iter().map(Raw::read).collect())
    }

    /// The volume with this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn volume(&self, name: &str) -> Result<Option<VolumeRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(VOLUME).bind(name.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.map(Raw::read))
    }

    /// Records a volume, before it is made.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_volume(&self, volume: &VolumeRecord) -> Result<(), Error> {
        retried(|| async {
            let query =
                sqlx::query(ADD).bind(volume.name.clone()).bind(volume.node_id).bind(volume.account_id);
            let query = query.bind(volume.instance_id).bind(to_ms(volume.created));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Gives a volume that waits for one an instance. Returns whether it waited.
    ///
    /// # Errors
    /// The database failed.
    pub async fn attach_volume(&self, name: &str, instance_id: i64) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(ATTACH).bind(name.to_owned()).bind(instance_id);
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Forgets a volume that is no more. Returns whether it was known.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_volume(&self, name: &str) -> Result<bool, Error> {
        retried(|| async {
            Ok(sqlx::query(REMOVE).bind(name.to_owned()).execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    name: String,
    node_id: i64,
    account_id: i64,
    instance_id: Option<i64>,
    created_ms: i64,
}

impl Raw {
    fn read(self) -> VolumeRecord {
        VolumeRecord {
            name: self.name,
            node_id: self.node_id,
            account_id: self.account_id,
            instance_id: self.instance_id,
            created: from_ms(self.created_ms),
        }
    }
}
