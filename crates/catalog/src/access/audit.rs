//! The audit log: only ever added to, and trimmed by age.

use std::time::SystemTime;

use sqlx::FromRow;

use super::records::{AuditEntry, AuditFilter, AuditOutcome, AuditRecord};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{fetch_page, first_id, from_ms, new_id, to_ms},
};

// Keys rise with time, so a time is a bound of the key.
macro_rules! entries {
    ($first:literal) => {
        concat!(
            "SELECT id, at_ms, actor, action, object, address, outcome, request_id, detail FROM audit WHERE ",
            $first,
            " AND object = COALESCE($3, object) AND outcome = COALESCE($4, outcome) AND id < $5 AND id >= $6 \
             ORDER BY id DESC LIMIT $7"
        )
    };
}
pub(crate) const AUDIT: &str = entries!("actor = COALESCE($1, actor) AND action = COALESCE($2, action)");
pub(crate) const AUDIT_OF: &str = entries!("actor = $1 AND action = COALESCE($2, action)");
pub(crate) const AUDIT_OF_ACTION: &str = entries!("actor = COALESCE($1, actor) AND action = $2");
pub(crate) const TRIM: &str = "DELETE FROM audit WHERE at_ms < $1";
const ADD: &str = "INSERT INTO audit (id, at_ms, actor, action, object, address, outcome, request_id, detail) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

impl Catalog {
    /// Adds to the audit log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_audit(&self, entry: &AuditEntry, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(ADD).bind(new_id()).bind(to_ms(at)).bind(entry.actor.clone());
            let query = query.bind(entry.action.clone()).bind(entry.object.clone());
            let query = query.bind(entry.address.clone()).bind(entry.outcome.as_str());
            let query = query.bind(entry.request_id.clone()).bind(entry.detail.clone());
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// The audit log, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit(&self, filter: &AuditFilter, limit: usize) -> Result<Listing<AuditRecord>, Error> {
        let until = filter.until.map_or(i64::MAX, first_id);
        let before = filter.before.unwrap_or(i64::MAX).min(until);
        let text = match (&filter.actor, &filter.action) {
            (Some(_), _) => AUDIT_OF,
            (None, Some(_)) => AUDIT_OF_ACTION,
            (None, None) => AUDIT,
        };
        let query = sqlx::query_as::<_, Raw>(text).bind(filter.actor.clone()).bind(filter.action.clone());
        let query = query.bind(filter.object.clone()).bind(filter.outcome.map(AuditOutcome::as_str));
        let query = query.bind(before).bind(filter.since.map_or(0, first_id));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// Removes what is older than `before`. Returns how many rows.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_audit(&self, before: SystemTime) -> Result<u64, Error> {
        retried(|| async {
            Ok(sqlx::query(TRIM).bind(to_ms(before)).execute(&self.writer).await?.rows_affected())
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    at_ms: i64,
    actor: String,
    action: String,
    object: String,
    address: Option<String>,
    outcome: String,
    request_id: Option<String>,
    detail: Option<String>,
}

impl Raw {
    fn read(self) -> Result<AuditRecord, Error> {
        let entry = AuditEntry {
            actor: self.actor,
            action: self.action,
            object: self.object,
            address: self.address,
            outcome: AuditOutcome::read(&self.outcome)?,
            request_id: self.request_id,
            detail: self.detail,
        };
        Ok(AuditRecord { id: self.id, at: from_ms(self.at_ms), entry })
    }
}
