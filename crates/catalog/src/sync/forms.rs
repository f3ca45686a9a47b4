//! What saves requests next time. Losing it does no harm.

use std::time::SystemTime;

use entrepot_oci::Digest;

use crate::{
    database::{Catalog, retried},
    error::Error,
    sql::{self, to_ms},
};

pub(crate) const CONVERTED: &str = "SELECT converted FROM sync_form WHERE source = $1 AND form = $2";
const REMEMBER: &str = "INSERT INTO sync_form (source, form, converted) VALUES ($1, $2, $3) \
     ON CONFLICT (source, form) DO UPDATE SET converted = excluded.converted";
pub(crate) const VERIFIED: &str = "SELECT at_ms FROM sync_verified WHERE tag = $1";
const VERIFY: &str = "INSERT INTO sync_verified (tag, at_ms) VALUES ($1, $2) \
     ON CONFLICT (tag) DO UPDATE SET at_ms = excluded.at_ms";

impl Catalog {
    /// The digest of the image `source` after its conversion to `form`, if it is recorded.
    ///
    /// # Errors
    /// The database failed.
    pub async fn converted(&self, source: &Digest, form: &str) -> Result<Option<Digest>, Error> {
        let query = sqlx::query_as::<_, (String,)>(CONVERTED).bind(source.to_string()).bind(form.to_owned());
        query.fetch_optional(&self.reader).await?.map(|(text,)| sql::digest(&text)).transpose()
    }

    /// Records the digest of such a conversion.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remember_converted(
        &self,
        source: &Digest,
        form: &str,
        converted: &Digest,
    ) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(REMEMBER).bind(source.to_string()).bind(form.to_owned());
            query.bind(converted.to_string()).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Whether `tag`, which never changes, is recorded as equal to its source.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_verified(&self, tag: &str) -> Result<bool, Error> {
        let query = sqlx::query_as::<_, (i64,)>(VERIFIED).bind(tag.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.is_some())
    }

    /// Records that `tag` was seen to be equal to its source at the time `at`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_verified(&self, tag: &str, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(VERIFY).bind(tag.to_owned()).bind(to_ms(at)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}
