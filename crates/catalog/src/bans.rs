//! Who is sent away for a while.

use std::time::SystemTime;

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, to_ms},
};

/// A ban. It was written down by whoever bans, and only they know what its texts mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanRecord {
    /// Names it, for people.
    pub id: String,
    /// Whom it is for. There is one ban of each.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Who banned.
    pub actor: String,
    /// When it began.
    pub since: SystemTime,
    /// When it ends; `None`: when it is lifted.
    pub until: Option<SystemTime>,
    /// How many there were before, lately.
    pub earlier: u32,
}

const BANS: &str = "SELECT id, subject, reason, actor, since_ms, until_ms, earlier FROM ban ORDER BY id";
const PUT: &str = "INSERT INTO ban (id, subject, reason, actor, since_ms, until_ms, earlier) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (subject) DO UPDATE SET id = excluded.id, \
     reason = excluded.reason, actor = excluded.actor, since_ms = excluded.since_ms, \
     until_ms = excluded.until_ms, earlier = excluded.earlier";
pub(crate) const REMOVE: &str = "DELETE FROM ban WHERE id = $1";
pub(crate) const TRIM: &str = "DELETE FROM ban WHERE until_ms < $1";

impl Catalog {
    /// All bans, also those that have ended. There are few: whoever bans sees to that.
    ///
    /// # Errors
    /// The database failed.
    pub async fn bans(&self) -> Result<Vec<BanRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(BANS).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(Raw::read).collect())
    }

    /// Writes a ban down, in place of an earlier one of the same subject.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn put_ban(&self, ban: &BanRecord) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(PUT).bind(ban.id.clone()).bind(ban.subject.clone());
            let query = query.bind(ban.reason.clone()).bind(ban.actor.clone()).bind(to_ms(ban.since));
            let query = query.bind(ban.until.map(to_ms)).bind(i64::from(ban.earlier));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Removes a ban. Returns whether it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_ban(&self, id: &str) -> Result<bool, Error> {
        retried(|| async {
            let done = sqlx::query(REMOVE).bind(id.to_owned()).execute(&self.writer).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }

    /// Removes bans that ended before a time.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_bans(&self, before: SystemTime) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(TRIM).bind(to_ms(before)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    subject: String,
    reason: String,
    actor: String,
    since_ms: i64,
    until_ms: Option<i64>,
    earlier: i64,
}

impl Raw {
    fn read(self) -> BanRecord {
        BanRecord {
            id: self.id,
            subject: self.subject,
            reason: self.reason,
            actor: self.actor,
            since: from_ms(self.since_ms),
            until: self.until_ms.map(from_ms),
            earlier: u32::try_from(self.earlier).unwrap_or(u32::MAX),
        }
    }
}
