//! How far the work is that looks at everything that is held, again and again: a restart goes on with it.

use std::time::SystemTime;

use entrepot_oci::Digest;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{self, from_ms, to_ms},
};

pub(crate) const GET: &str = "SELECT done_until, ended_ms FROM upkeep WHERE name = $1";
const REACHED: &str = "INSERT INTO upkeep (name, done_until) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET done_until = excluded.done_until";
const ENDED: &str = "INSERT INTO upkeep (name, done_until, ended_ms) VALUES ($1, NULL, $2) \
     ON CONFLICT (name) DO UPDATE SET done_until = NULL, ended_ms = excluded.ended_ms";

/// Work that looks at everything again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Hashing all bytes again.
    Scrub,
}

impl Upkeep {
    fn name(self) -> &'static str {
        match self {
            Self::Scrub => "scrub",
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpkeepRecord {
    /// The last digest that was looked at in a round that has not ended.
    pub done_until: Option<Digest>,
    /// When the last round ended.
    pub ended: Option<SystemTime>,
}

impl Catalog {
    /// How far the work is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn upkeep(&self, of: Upkeep) -> Result<UpkeepRecord, Error> {
        let query = sqlx::query_as::<_, (Option<String>, Option<i64>)>(GET).bind(of.name());
        let Some((until, ended)) = query.fetch_optional(&self.reader).await? else {
            return Ok(UpkeepRecord::default());
        };
        let done_until = until.as_deref().map(sql::digest).transpose()?;
        Ok(UpkeepRecord { done_until, ended: ended.map(from_ms) })
    }

    /// Records how far a round is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn upkeep_reached(&self, of: Upkeep, digest: &Digest) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(REACHED).bind(of.name()).bind(digest.to_string()).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Records that a round has ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn upkeep_ended(&self, of: Upkeep, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(ENDED).bind(of.name()).bind(to_ms(at)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}
