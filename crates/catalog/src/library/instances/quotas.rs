//! What accounts may have at most.

use sqlx::{AnyConnection, FromRow};

use super::records::amount;
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{count, fetch_page},
};

pub(crate) const QUOTA: &str =
    "SELECT account_id, instances, cards, hours FROM library_quota WHERE account_id = $1";
pub(crate) const QUOTAS: &str = "SELECT account_id, instances, cards, hours FROM library_quota \
     WHERE account_id > $1 ORDER BY account_id LIMIT $2";
const SET: &str = "INSERT INTO library_quota (account_id, instances, cards, hours) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (account_id) DO UPDATE SET instances = excluded.instances, cards = excluded.cards, hours = excluded.hours";
const REMOVE: &str = "DELETE FROM library_quota WHERE account_id = $1";

/// What an account may have at most; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaRecord {
    /// The account.
    pub account_id: i64,
    /// How many instances.
    pub instances: Option<u64>,
    /// How many cards, or parts of cards, at a time.
    pub cards: Option<u64>,
    /// How many hours of cards in a calendar month.
    pub hours: Option<u64>,
}

impl Catalog {
    /// What an account may have at most, if that was set for it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn quota(&self, account_id: i64) -> Result<Option<QuotaRecord>, Error> {
        let mut connection = self.reader.acquire().await?;
        read(&mut connection, account_id).await
    }

    /// What was set for accounts after this one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn quotas(&self, after: i64, limit: usize) -> Result<Listing<QuotaRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(QUOTAS).bind(after);
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect(), more })
    }

    /// Sets what an account may have at most.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_quota(&self, quota: &QuotaRecord) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(SET).bind(quota.account_id).bind(amount(quota.instances));
            let query = query.bind(amount(quota.cards)).bind(amount(quota.hours));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Removes what was set for an account. Returns whether something was.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_quota(&self, account_id: i64) -> Result<bool, Error> {
        retried(|| async {
            Ok(sqlx::query(REMOVE).bind(account_id).execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }
}

pub(super) async fn read(on: &mut AnyConnection, account_id: i64) -> Result<Option<QuotaRecord>, Error> {
    let query = sqlx::query_as::<_, Raw>(QUOTA).bind(account_id);
    Ok(query.fetch_optional(on).await?.map(Raw::read))
}

#[derive(FromRow)]
struct Raw {
    account_id: i64,
    instances: Option<i64>,
    cards: Option<i64>,
    hours: Option<i64>,
}

impl Raw {
    fn read(self) -> QuotaRecord {
        QuotaRecord {
            account_id: self.account_id,
            instances: self.instances.map(count),
            cards: self.cards.map(count),
            hours: self.hours.map(count),
        }
    }
}
