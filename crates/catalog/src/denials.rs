//! Images that were denied by command, beside the rules of the configuration.

use std::time::SystemTime;

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, to_ms},
};

/// A denial. What its pattern means is known by whoever wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenialRecord {
    /// The images, as a pattern. There is one denial of each.
    pub image: String,
    /// Why.
    pub reason: Option<String>,
    /// Where that is written at length.
    pub notice: Option<String>,
    /// Whether it is denied by law.
    pub is_legal: bool,
    /// Since when.
    pub since: SystemTime,
    /// Who denied it.
    pub actor: String,
}

const DENIALS: &str = "SELECT image, reason, notice, is_legal, since_ms, actor FROM denial ORDER BY image";
const PUT: &str = "INSERT INTO denial (image, reason, notice, is_legal, since_ms, actor) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (image) DO UPDATE SET reason = excluded.reason, \
     notice = excluded.notice, is_legal = excluded.is_legal, since_ms = excluded.since_ms, actor = excluded.actor";
pub(crate) const REMOVE: &str = "DELETE FROM denial WHERE image = $1";

impl Catalog {
    /// All denials. There are few: people write them one by one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn denials(&self) -> Result<Vec<DenialRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(DENIALS).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(Raw::read).collect())
    }

    /// Writes a denial down, in place of an earlier one of the same images.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn put_denial(&self, denial: &DenialRecord) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(PUT).bind(denial.image.clone()).bind(denial.reason.clone());
            let query = query.bind(denial.notice.clone()).bind(i64::from(denial.is_legal));
            query.bind(to_ms(denial.since)).bind(denial.actor.clone()).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Removes a denial. Returns whether it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_denial(&self, image: &str) -> Result<bool, Error> {
        retried(|| async {
            let done = sqlx::query(REMOVE).bind(image.to_owned()).execute(&self.writer).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    image: String,
    reason: Option<String>,
    notice: Option<String>,
    is_legal: i64,
    since_ms: i64,
    actor: String,
}

impl Raw {
    fn read(self) -> DenialRecord {
        DenialRecord {
            image: self.image,
            reason: self.reason,
            notice: self.notice,
            is_legal: self.is_legal != 0,
            since: from_ms(self.since_ms),
            actor: self.actor,
        }
    }
}
