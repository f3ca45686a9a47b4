//! Sessions: logins that go on.

use std::time::SystemTime;

use entrepot_oci::Digest;
use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{digest, fetch_page, from_ms, number, to_ms},
};

/// The most sessions that an account has. The one that was used least recently gives way.
pub const MAX_SESSIONS: usize = 100;

/// A new session.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its public part.
    pub id: String,
    /// The account that it belongs to.
    pub account: i64,
    /// The hash of its secret.
    pub hash: Digest,
    /// When it ends, however much it is used.
    pub ends: SystemTime,
    /// Where it began.
    pub address: Option<String>,
    /// The program that it began with.
    pub agent: Option<String>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its public part.
    pub id: String,
    /// The account that it belongs to.
    pub account: i64,
    /// The account's name.
    pub account_name: String,
    /// The hash of its secret.
    pub hash: Digest,
    /// When it began.
    pub created: SystemTime,
    /// When it was last used, to the minute.
    pub used: SystemTime,
    /// When it ends, however much it is used.
    pub ends: SystemTime,
    /// Where it began.
    pub address: Option<String>,
    /// The program that it began with.
    pub agent: Option<String>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.account_id, a.name, s.hash, s.created_ms, s.used_ms, s.ends_ms, s.address, s.agent \
             FROM session s JOIN account a ON a.id = s.account_id WHERE ",
            $rest
        )
    };
}

pub(crate) const SESSION: &str = columns!("s.id = $1");
pub(crate) const SESSIONS_OF: &str = columns!("s.account_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3");
const SESSIONS: &str = columns!("s.id > $1 ORDER BY s.id LIMIT $2");
const IS_ENABLED: &str = "SELECT id FROM account WHERE id = $1 AND disabled = 0";
const ADD: &str = "INSERT INTO session (id, account_id, hash, created_ms, used_ms, ends_ms, address, agent) \
     VALUES ($1, $2, $3, $4, $4, $5, $6, $7)";
const USED: &str = "UPDATE session SET used_ms = $2 WHERE id = $1";
pub(crate) const REMOVE: &str = "DELETE FROM session WHERE id = $1";
pub(crate) const REMOVE_OF: &str = "DELETE FROM session WHERE account_id = $1";
pub(crate) const REMOVE_ENDED: &str = "DELETE FROM session WHERE ends_ms <= $1";
const REMOVE_BEYOND: &str = "DELETE FROM session WHERE account_id = $1 AND id IN \
     (SELECT id FROM session WHERE account_id = $1 ORDER BY used_ms DESC, id LIMIT 1000 OFFSET $2)";

impl Catalog {
    /// The session with this public part.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session(&self, id: &str) -> Result<Option<SessionRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(SESSION).bind(id.to_owned());
        query.fetch_optional(&self.reader).await?.map(Raw::read).transpose()
    }

    /// Sessions after `after`, by id: those of one account, or all. Some may have ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sessions(
        &self,
        account: Option<i64>,
        after: &str,
        limit: usize,
    ) -> Result<Listing<SessionRecord>, Error> {
        let query = match account {
            Some(account) => sqlx::query_as::<_, Raw>(SESSIONS_OF).bind(account).bind(after.to_owned()),
            None => sqlx::query_as::<_, Raw>(SESSIONS).bind(after.to_owned()),
        };
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// Adds a session, and removes those that have ended and those beyond [`MAX_SESSIONS`]. Returns false, and adds
    /// nothing, if the account is gone or disabled.
    ///
    /// # Errors
    /// The database failed; then nothing was added.
    pub async fn add_session(&self, new: &NewSession, at: SystemTime) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let account = sqlx::query_as::<_, (i64,)>(IS_ENABLED).bind(new.account);
            if account.fetch_optional(&mut *tx).await?.is_none() {
                return Ok(false);
            }
            sqlx::query(REMOVE_ENDED).bind(to_ms(at)).execute(&mut *tx).await?;
            let beyond = sqlx::query(REMOVE_BEYOND).bind(new.account).bind(number(MAX_SESSIONS - 1));
            beyond.execute(&mut *tx).await?;
            let query = sqlx::query(ADD).bind(new.id.clone()).bind(new.account).bind(new.hash.to_string());
            let query = query.bind(to_ms(at)).bind(to_ms(new.ends));
            query.bind(new.address.clone()).bind(new.agent.clone()).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Records that a session was used.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session_used(&self, id: &str, at: SystemTime) -> Result<(), Error> {
        sqlx::query(USED).bind(id.to_owned()).bind(to_ms(at)).execute(&self.writer).await?;
        Ok(())
    }

    /// Removes a session. Returns whether it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_session(&self, id: &str) -> Result<bool, Error> {
        retried(|| async {
            let done = sqlx::query(REMOVE).bind(id.to_owned()).execute(&self.writer).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }

    /// Removes all sessions of an account. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_sessions(&self, account: i64) -> Result<u64, Error> {
        retried(|| async {
            Ok(sqlx::query(REMOVE_OF).bind(account).execute(&self.writer).await?.rows_affected())
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    account_id: i64,
    name: String,
    hash: String,
    created_ms: i64,
    used_ms: i64,
    ends_ms: i64,
    address: Option<String>,
    agent: Option<String>,
}

impl Raw {
    fn read(self) -> Result<SessionRecord, Error> {
        Ok(SessionRecord {
            id: self.id,
            account: self.account_id,
            account_name: self.name,
            hash: digest(&self.hash)?,
            created: from_ms(self.created_ms),
            used: from_ms(self.used_ms),
            ends: from_ms(self.ends_ms),
            address: self.address,
            agent: self.agent,
        })
    }
}
