//! Who waits for a card, until one is free.

use std::time::SystemTime;

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, number, to_ms},
};

/// How many waits are looked at at a time.
const MOST: usize = 10_000;

const WAITS: &str =
    "SELECT spec_id, account_id, account, since_ms FROM spec_wait ORDER BY spec_id, account_id LIMIT $1";
pub(crate) const END_WAIT: &str = "DELETE FROM spec_wait WHERE spec_id = $1 AND account_id = $2";
pub(crate) const END_WAITS: &str = "DELETE FROM spec_wait WHERE spec_id = $1";
const WAIT: &str = "INSERT INTO spec_wait (spec_id, account_id, account, since_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (spec_id, account_id) DO NOTHING";

/// Somebody who waits until an instance of a spec could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecWait {
    /// The spec.
    pub spec: i64,
    /// The account; 0 is the server's owner.
    pub account_id: i64,
    /// Its name.
    pub account: String,
    /// Since when.
    pub since: SystemTime,
}

impl Catalog {
    /// Somebody waits for a spec, if they do not already.
    ///
    /// # Errors
    /// There is no such spec, or the database failed.
    pub async fn wait_for_spec(&self, wait: &SpecWait) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(WAIT).bind(wait.spec).bind(wait.account_id);
            query.bind(wait.account.clone()).bind(to_ms(wait.since)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Somebody waits no longer. Returns false if they did not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_spec_wait(&self, spec: i64, account_id: i64) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(END_WAIT).bind(spec).bind(account_id);
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// All who wait, by spec.
    ///
    /// # Errors
    /// The database failed.
    pub async fn spec_waits(&self) -> Result<Vec<SpecWait>, Error> {
        let rows = sqlx::query_as::<_, Raw>(WAITS).bind(number(MOST)).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(Raw::read).collect())
    }

    /// Nobody waits for this spec any longer.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_spec_waits(&self, spec: i64) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(END_WAITS).bind(spec).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    spec_id: i64,
    account_id: i64,
    account: String,
    since_ms: i64,
}

impl Raw {
    fn read(self) -> SpecWait {
        SpecWait {
            spec: self.spec_id,
            account_id: self.account_id,
            account: self.account,
            since: from_ms(self.since_ms),
        }
    }
}
