//! The public keys that accounts reach their instances with by SSH: one for each account.

use std::time::SystemTime;

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, to_ms},
};

pub(crate) const KEY_OF: &str =
    "SELECT account_id, key_line, fingerprint, created_ms FROM ssh_key WHERE account_id = $1";
pub(crate) const KEY_WITH: &str =
    "SELECT account_id, key_line, fingerprint, created_ms FROM ssh_key WHERE fingerprint = $1";
const SET: &str = "INSERT INTO ssh_key (account_id, key_line, fingerprint, created_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (account_id) DO UPDATE SET key_line = excluded.key_line, fingerprint = excluded.fingerprint, \
     created_ms = excluded.created_ms";
pub(crate) const REMOVE: &str = "DELETE FROM ssh_key WHERE account_id = $1";

/// The public key of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKeyRecord {
    /// The account.
    pub account: i64,
    /// The key as files have it: algorithm, base64, comment.
    pub line: String,
    /// What it is told by.
    pub fingerprint: String,
    /// When it was set.
    pub created: SystemTime,
}

/// What came of setting a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SshKeySet {
    /// The account has it now, and no other.
    Done,
    /// Another account has it.
    Taken,
}

impl Catalog {
    /// The public key of an account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ssh_key(&self, account: i64) -> Result<Option<SshKeyRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(KEY_OF).bind(account).fetch_optional(&self.reader).await?;
        Ok(row.map(Raw::read))
    }

    /// The public key with this fingerprint.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ssh_key_with(&self, fingerprint: &str) -> Result<Option<SshKeyRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(KEY_WITH).bind(fingerprint.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.map(Raw::read))
    }

    /// Gives an account a public key, in place of the one that it has.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn set_ssh_key(&self, key: &SshKeyRecord) -> Result<SshKeySet, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let query = sqlx::query_as::<_, Raw>(KEY_WITH).bind(key.fingerprint.clone());
            let holder = query.fetch_optional(&mut *tx).await?;
            if holder.is_some_and(|holder| holder.account_id != key.account) {
                return Ok(SshKeySet::Taken);
            }
            let query = sqlx::query(SET).bind(key.account).bind(key.line.clone());
            query.bind(key.fingerprint.clone()).bind(to_ms(key.created)).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(SshKeySet::Done)
        })
        .await
    }

    /// Takes the public key of an account away. Returns whether it had one.
    ///
    /// # Errors
    /// The database failed; then it may still have it.
    pub async fn remove_ssh_key(&self, account: i64) -> Result<bool, Error> {
        retried(|| async {
            Ok(sqlx::query(REMOVE).bind(account).execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    account_id: i64,
    key_line: String,
    fingerprint: String,
    created_ms: i64,
}

impl Raw {
    fn read(self) -> SshKeyRecord {
        SshKeyRecord {
            account: self.account_id,
            line: self.key_line,
            fingerprint: self.fingerprint,
            created: from_ms(self.created_ms),
        }
    }
}
