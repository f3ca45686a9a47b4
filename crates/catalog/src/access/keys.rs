//! Keys that sign registry tokens.

use sqlx::FromRow;

use super::records::SigningKeyRecord;
use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, to_ms},
};

const KEYS: &str = "SELECT id, sealed, created_ms FROM signing_key ORDER BY created_ms DESC, id";
const ADD: &str = "INSERT INTO signing_key (id, sealed, created_ms) VALUES ($1, $2, $3)";
const REMOVE: &str = "DELETE FROM signing_key WHERE id = $1";
impl Catalog {
    /// The keys that sign registry tokens, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(KEYS).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(Raw::read).collect())
    }

    /// Adds a key that signs registry tokens.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_signing_key(&self, key: &SigningKeyRecord) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(ADD).bind(key.id.clone()).bind(key.sealed.clone());
            query.bind(to_ms(key.created)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Removes a key that signs registry tokens. What it signed is not accepted any more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_signing_key(&self, id: &str) -> Result<(), Error> {
        sqlx::query(REMOVE).bind(id.to_owned()).execute(&self.writer).await?;
        Ok(())
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    sealed: String,
    created_ms: i64,
}

impl Raw {
    fn read(self) -> SigningKeyRecord {
        SigningKeyRecord { id: self.id, sealed: self.sealed, created: from_ms(self.created_ms) }
    }
}
