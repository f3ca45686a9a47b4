//! Grants that were made by API.

use std::time::SystemTime;

use sqlx::FromRow;

use super::records::{GrantRecord, NewGrant};
use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, new_id, to_ms},
};

const GRANTS: &str =
    "SELECT id, subject, repositories, may, created_ms, created_by FROM access_grant ORDER BY id";
const ADD: &str = "INSERT INTO access_grant (id, subject, repositories, may, created_ms, created_by) \
     VALUES ($1, $2, $3, $4, $5, $6)";
pub(crate) const REMOVE: &str = "DELETE FROM access_grant WHERE id = $1";
pub(crate) const REMOVE_OF: &str = "DELETE FROM access_grant WHERE subject = $1";

impl Catalog {
    /// All grants, the oldest first. There are few: whoever adds them sees to that.
    ///
    /// # Errors
    /// The database failed.
    pub async fn grants(&self) -> Result<Vec<GrantRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(GRANTS).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(Raw::read).collect())
    }

    /// Adds a grant. Returns its key.
    ///
    /// # Errors
    /// The database failed; then there is no grant.
    pub async fn add_grant(&self, new: &NewGrant, at: SystemTime) -> Result<i64, Error> {
        retried(|| async {
            let id = new_id();
            let query = sqlx::query(ADD).bind(id).bind(new.subject.clone()).bind(new.repositories.clone());
            let query = query.bind(new.may.clone()).bind(to_ms(at)).bind(new.created_by.clone());
            query.execute(&self.writer).await?;
            Ok(id)
        })
        .await
    }

    /// Removes a grant. Returns whether it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_grant(&self, id: i64) -> Result<bool, Error> {
        retried(|| async {
            Ok(sqlx::query(REMOVE).bind(id).execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    subject: String,
    repositories: String,
    may: String,
    created_ms: i64,
    created_by: String,
}

impl Raw {
    fn read(self) -> GrantRecord {
        GrantRecord {
            id: self.id,
            subject: self.subject,
            repositories: self.repositories,
            may: self.may,
            created: from_ms(self.created_ms),
            created_by: self.created_by,
        }
    }
}
