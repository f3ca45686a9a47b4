//! What each repository has, counted in its own row.
//!
//! Whoever changes something of a repository notes that in the same transaction, as a new row, which nobody has to wait
//! for. [`Catalog::count_changes`] counts those repositories anew.

use std::collections::BTreeSet;

use sqlx::AnyConnection;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{self, BATCH, Rows, new_id},
};

/// The most changes that one transaction counts.
const AT_ONCE: i64 = 1000;

const ANY: &str = "SELECT id FROM repository_change LIMIT 1";
const TAKE: &str = "DELETE FROM repository_change WHERE id IN \
     (SELECT id FROM repository_change ORDER BY id LIMIT $1) RETURNING repository_id";
pub(crate) const COUNT: &str = "UPDATE repository SET \
     tags = (SELECT COUNT(*) FROM tag t WHERE t.repository_id = repository.id), \
     manifests = (SELECT COUNT(*) FROM manifest m WHERE m.repository_id = repository.id), \
     blobs = (SELECT COUNT(*) FROM blob b WHERE b.repository_id = repository.id), \
     bytes = (SELECT CAST(COALESCE(SUM(m.size), 0) AS BIGINT) FROM manifest m WHERE m.repository_id = repository.id) + \
     (SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blob b WHERE b.repository_id = repository.id AND \
       (SELECT 1 FROM manifest m WHERE m.repository_id = repository.id AND m.digest = b.digest LIMIT 1) IS NULL), \
     pulls = (SELECT CAST(COALESCE(SUM(m.pulls), 0) AS BIGINT) FROM manifest m WHERE m.repository_id = repository.id), \
     last_used_ms = (SELECT MAX(m.last_used_ms) FROM manifest m WHERE m.repository_id = repository.id) \
     WHERE id IN {}";

/// Notes that what a repository has is no longer as it was counted. Part of the transaction that changes it.
pub(crate) async fn note_change(on: &mut AnyConnection, id: i64) -> Result<(), Error> {
    note_changes(on, &BTreeSet::from([id])).await
}

/// The same for several.
pub(crate) async fn note_changes(on: &mut AnyConnection, ids: &BTreeSet<i64>) -> Result<(), Error> {
    let ids: Vec<_> = ids.iter().collect();
    for batch in ids.chunks(BATCH) {
        let text = sql::insert(
            "INSERT INTO repository_change (id, repository_id) VALUES",
            Rows { count: batch.len(), shared: 0, own: 2 },
            "",
        );
        let query = batch.iter().fold(sqlx::query(text), |query, id| query.bind(new_id()).bind(**id));
        query.execute(&mut *on).await?;
    }
    Ok(())
}

impl Catalog {
    /// Counts anew what has changed since it was last counted, so that listings of repositories have little left to do.
    ///
    /// # Errors
    /// The database failed. What is left stays noted.
    pub async fn count_changes(&self) -> Result<(), Error> {
        while sqlx::query(ANY).fetch_optional(&self.reader).await?.is_some() {
            retried(|| self.try_count()).await?;
        }
        Ok(())
    }

    // Each statement sees what is committed by then, in both databases: a change that is taken is seen by the count, and
    // one that comes later has a row of its own. Changes are not kept waiting, as a serializable transaction might.
    async fn try_count(&self) -> Result<(), Error> {
        let mut tx = self.writer.begin_with(self.dialect.begin_plain).await?;
        let taken = sqlx::query_as::<_, (i64,)>(TAKE).bind(AT_ONCE).fetch_all(&mut *tx).await?;
        let changed: BTreeSet<_> = taken.into_iter().map(|(id,)| id).collect();
        if !changed.is_empty() {
            sqlx::query(sql::with_numbers(COUNT, &changed)).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }
}
