//! What accounts may have at most, and the key that they log in to their instances with.

use std::time::SystemTime;

use sqlx::{AnyConnection, FromRow};

use super::records::amount;
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{count, fetch_page, to_ms},
};

pub(crate) const QUOTA: &str =
    "SELECT account_id, instances, cards, hours FROM library_quota WHERE account_id = $1";
pub(crate) const QUOTAS: &str = "SELECT account_id, instances, cards, hours FROM library_quota \
     WHERE account_id > $1 ORDER BY account_id LIMIT $2";
const SET: &str = "INSERT INTO library_quota (account_id, instances, cards, hours) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (account_id) DO UPDATE SET instances = excluded.instances, cards = excluded.cards, hours = excluded.hours";
const REMOVE: &str = "DELETE FROM library_quota WHERE account_id = $1";
pub(crate) const KEY: &str = "SELECT public_key FROM ssh_key WHERE account_id = $1";
const SET_KEY: &str = "INSERT INTO ssh_key (account_id, public_key, changed_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (account_id) DO UPDATE SET public_key = excluded.public_key, changed_ms = excluded.changed_ms";
const REMOVE_KEY: &str = "DELETE FROM ssh_key WHERE account_id = $1";

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
        self.remove_of(REMOVE, account_id).await
    }

    /// The public key that an account logs in to its instances with.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ssh_key(&self, account_id: i64) -> Result<Option<String>, Error> {
        let query = sqlx::query_as::<_, (String,)>(KEY).bind(account_id);
        Ok(query.fetch_optional(&self.reader).await?.map(|(key,)| key))
    }

    /// Sets the public key that an account logs in to its instances with.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_ssh_key(&self, account_id: i64, key: &str, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(SET_KEY).bind(account_id).bind(key.to_owned()).bind(to_ms(at));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Removes the public key of an account. Returns whether it had one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_ssh_key(&self, account_id: i64) -> Result<bool, Error> {
        self.remove_of(REMOVE_KEY, account_id).await
    }

    async fn remove_of(&self, text: &'static str, account_id: i64) -> Result<bool, Error> {
        retried(|| async {
            Ok(sqlx::query(text).bind(account_id).execute(&self.writer).await?.rows_affected() > 0)
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
