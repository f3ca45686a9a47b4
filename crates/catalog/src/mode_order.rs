//! What somebody set by hand about the mode of the mirror, so that it survives a restart.

use std::time::SystemTime;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, to_ms},
};

const ORDER: &str =
    "SELECT mode, tag_lists, catalog, reason, set_by, since_ms, until_ms FROM mode_order WHERE slot = 0";
const SET: &str = "INSERT INTO mode_order (slot, mode, tag_lists, catalog, reason, set_by, since_ms, until_ms) \
     VALUES (0, $1, $2, $3, $4, $5, $6, $7) ON CONFLICT (slot) DO UPDATE SET mode = excluded.mode, \
     tag_lists = excluded.tag_lists, catalog = excluded.catalog, reason = excluded.reason, \
     set_by = excluded.set_by, since_ms = excluded.since_ms, until_ms = excluded.until_ms";
const REMOVE: &str = "DELETE FROM mode_order WHERE slot = 0";

/// What was set by hand. What it leaves open is decided without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeOrderRecord {
    /// The mode.
    pub mode: Option<String>,
    /// Whether tags are listed.
    pub tag_lists: Option<bool>,
    /// Whether names are listed.
    pub catalog: Option<bool>,
    /// Why.
    pub reason: Option<String>,
    /// Who set it.
    pub by: String,
    /// When it was set.
    pub since: SystemTime,
    /// When it ends.
    pub until: Option<SystemTime>,
}

type OrderRow = (Option<String>, Option<i64>, Option<i64>, Option<String>, String, i64, Option<i64>);

impl Catalog {
    /// What was set by hand and was not taken back.
    ///
    /// # Errors
    /// The database failed.
    pub async fn mode_order(&self) -> Result<Option<ModeOrderRecord>, Error> {
        let row = sqlx::query_as::<_, OrderRow>(ORDER).fetch_optional(&self.reader).await?;
        Ok(row.map(|(mode, tag_lists, catalog, reason, by, since, until)| ModeOrderRecord {
            mode,
            tag_lists: tag_lists.map(|flag| flag != 0),
            catalog: catalog.map(|flag| flag != 0),
            reason,
            by,
            since: from_ms(since),
            until: until.map(from_ms),
        }))
    }

    /// Records what is set by hand, in place of what was before; `None` takes it back.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_mode_order(&self, order: Option<&ModeOrderRecord>) -> Result<(), Error> {
        retried(|| async {
            let Some(order) = order else {
                sqlx::query(REMOVE).execute(&self.writer).await?;
                return Ok(());
            };
            let query = sqlx::query(SET)
                .bind(order.mode.clone())
                .bind(order.tag_lists.map(i64::from))
                .bind(order.catalog.map(i64::from))
                .bind(order.reason.clone())
                .bind(order.by.clone())
                .bind(to_ms(order.since))
                .bind(order.until.map(to_ms));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}
