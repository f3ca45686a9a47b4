//! Credentials for registries.

use std::time::SystemTime;

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{fetch_page, from_ms, to_ms},
};

const LIST: &str = "SELECT id, name, host, namespace, endpoint, username, sealed, revision, created_ms, changed_ms \
     FROM credential WHERE kind = 'registry' AND name > $1 ORDER BY name LIMIT $2";
const BY_NAME: &str = "SELECT id, name, host, namespace, endpoint, username, sealed, revision, created_ms, changed_ms \
     FROM credential WHERE kind = 'registry' AND name = $1";
const ADD: &str = "INSERT INTO credential \
     (kind, id, name, host, namespace, endpoint, username, sealed, created_ms, changed_ms) \
     VALUES ('registry', $1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING";
const CHANGE: &str = "UPDATE credential SET username = $3, sealed = $4, changed_ms = $5, revision = revision + 1 \
     WHERE id = $1 AND revision = $2";
const REMOVE: &str =
    "DELETE FROM credential WHERE kind = 'registry' AND name = $1 AND revision = COALESCE($2, revision)";

/// A credential for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Its key.
    pub id: String,
    /// Its name, unique.
    pub name: String,
    /// The registry.
    pub host: String,
    /// The only repository that it is for, with those below it.
    pub namespace: Option<String>,
    /// The only URL that sees it.
    pub endpoint: Option<String>,
    /// The name of the account there.
    pub username: String,
    /// The sealed value, which has the password.
    pub sealed: String,
    /// Rises with every change.
    pub revision: i64,
    /// When it was created.
    pub created: SystemTime,
    /// When it was changed last.
    pub changed: SystemTime,
}

/// A new credential for a registry.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its key.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The registry.
    pub host: String,
    /// The only repository that it is for, with those below it.
    pub namespace: Option<String>,
    /// The only URL that sees it.
    pub endpoint: Option<String>,
    /// The name of the account there.
    pub username: String,
    /// The sealed value.
    pub sealed: String,
}

impl Catalog {
    /// Credentials after `after`, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn credentials(&self, after: &str, limit: usize) -> Result<Listing<CredentialRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(LIST).bind(after.to_owned());
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect(), more })
    }

    /// The credential with this name, if it exists.
    ///
    /// # Errors
    /// The database failed.
    pub async fn credential(&self, name: &str) -> Result<Option<CredentialRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(BY_NAME).bind(name.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.map(Raw::read))
    }

    /// Adds a credential. Returns false if its name is taken.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_credential(&self, new: &NewCredential, at: SystemTime) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(ADD).bind(new.id.clone()).bind(new.name.clone()).bind(new.host.clone());
            let query = query.bind(new.namespace.clone()).bind(new.endpoint.clone());
            let query = query.bind(new.username.clone()).bind(new.sealed.clone()).bind(to_ms(at));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Changes the account of a credential. Returns false if it is not as `before` any more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn change_credential(
        &self,
        before: &CredentialRecord,
        username: &str,
        sealed: &str,
        at: SystemTime,
    ) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(CHANGE).bind(before.id.clone()).bind(before.revision);
            let query = query.bind(username.to_owned()).bind(sealed.to_owned()).bind(to_ms(at));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Removes a credential. Returns whether it was there, with this revision if one is given.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_credential(&self, name: &str, revision: Option<i64>) -> Result<bool, Error> {
        retried(|| async {
            let done = sqlx::query(REMOVE).bind(name.to_owned()).bind(revision).execute(&self.writer).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    name: String,
    host: String,
    namespace: Option<String>,
    endpoint: Option<String>,
    username: String,
    sealed: String,
    revision: i64,
    created_ms: i64,
    changed_ms: i64,
}

impl Raw {
    fn read(self) -> CredentialRecord {
        CredentialRecord {
            id: self.id,
            name: self.name,
            host: self.host,
            namespace: self.namespace,
            endpoint: self.endpoint,
            username: self.username,
            sealed: self.sealed,
            revision: self.revision,
            created: from_ms(self.created_ms),
            changed: from_ms(self.changed_ms),
        }
    }
}
