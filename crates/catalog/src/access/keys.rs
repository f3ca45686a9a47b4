//! Keys that sign registry tokens, and the check that the key file is the right one.

use sqlx::FromRow;

use super::records::SigningKeyRecord;
use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{from_ms, to_ms},
};

const KEYS: &str = "SELECT id, public, private, created_ms FROM signing_key ORDER BY created_ms DESC, id";
const ADD: &str = "INSERT INTO signing_key (id, public, private, created_ms) VALUES ($1, $2, $3, $4)";
const RESEAL: &str = "UPDATE signing_key SET private = $2 WHERE id = $1";
const REMOVE: &str = "DELETE FROM signing_key WHERE id = $1";
const CHECK: &str = "SELECT sealed FROM seal_check WHERE slot = 0";
const SET_CHECK: &str = "INSERT INTO seal_check (slot, sealed) VALUES (0, $1) \
     ON CONFLICT (slot) DO UPDATE SET sealed = excluded.sealed";

impl Catalog {
    /// The keys that sign registry tokens, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(KEYS).fetch_all(&self.reader).await?;
        rows.into_iter().map(Raw::read).collect()
    }

    /// Adds a key that signs registry tokens.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_signing_key(&self, key: &SigningKeyRecord) -> Result<(), Error> {
        retried(|| async {
            let public: String = key.public.iter().map(|byte| format!("{byte:02x}")).collect();
            let query = sqlx::query(ADD).bind(key.id.clone()).bind(public).bind(key.private.clone());
            query.bind(to_ms(key.created)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Stores a signing key's private half as it is sealed now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn reseal_signing_key(&self, id: &str, private: &str) -> Result<(), Error> {
        sqlx::query(RESEAL).bind(id.to_owned()).bind(private.to_owned()).execute(&self.writer).await?;
        Ok(())
    }

    /// Removes a key that signs registry tokens. What it signed is not accepted any more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_signing_key(&self, id: &str) -> Result<(), Error> {
        sqlx::query(REMOVE).bind(id.to_owned()).execute(&self.writer).await?;
        Ok(())
    }

    /// The sealed text by which a key file is recognised.
    ///
    /// # Errors
    /// The database failed.
    pub async fn seal_check(&self) -> Result<Option<String>, Error> {
        let row = sqlx::query_as::<_, (String,)>(CHECK).fetch_optional(&self.reader).await?;
        Ok(row.map(|(sealed,)| sealed))
    }

    /// Stores the sealed text by which a key file is recognised.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_seal_check(&self, sealed: &str) -> Result<(), Error> {
        sqlx::query(SET_CHECK).bind(sealed.to_owned()).execute(&self.writer).await?;
        Ok(())
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    public: String,
    private: String,
    created_ms: i64,
}

impl Raw {
    fn read(self) -> Result<SigningKeyRecord, Error> {
        let public = unhex(&self.public).ok_or(Error::Content { what: "public key" })?;
        Ok(SigningKeyRecord { id: self.id, public, private: self.private, created: from_ms(self.created_ms) })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
