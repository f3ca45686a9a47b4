//! Whether the repositories of upstreams are public, as those said last; and for which of them accounts were used.

use std::time::SystemTime;

use entrepot_oci::{Host, Repository};

use crate::{
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    records::VisibilityRecord,
    sql::{ask, from_ms, number, tell, to_ms},
};

pub(crate) const VISIBILITY: &str =
    "SELECT is_public, checked_ms FROM visibility WHERE path = $1 AND origin = $2";
const SET: &str = "INSERT INTO visibility (path, origin, is_public, checked_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (path, origin) DO UPDATE SET is_public = excluded.is_public, checked_ms = excluded.checked_ms";
pub(crate) const TRIM: &str = "DELETE FROM visibility WHERE checked_ms < $1";
pub(crate) const TRIM_PRIVATE: &str = "DELETE FROM visibility WHERE is_public = 0 AND checked_ms < \
     (SELECT checked_ms FROM visibility WHERE is_public = 0 ORDER BY checked_ms DESC LIMIT 1 OFFSET $1)";
const ADD_ACCOUNT: &str =
    "INSERT INTO upstream_account (origin, namespace) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(crate) const ACCOUNTS: &str = "SELECT namespace FROM upstream_account WHERE origin = $1";

impl Catalog {
    /// Whether a repository of an upstream is public, if that is known.
    ///
    /// # Errors
    /// The database failed.
    pub async fn visibility(&self, key: &RepoKey) -> Result<Option<VisibilityRecord>, Error> {
        let row = ask::<(i64, i64)>(VISIBILITY, key).fetch_optional(&self.reader).await?;
        Ok(row
            .map(|(public, checked)| VisibilityRecord { is_public: public != 0, checked: from_ms(checked) }))
    }

    /// Records whether a repository of an upstream is public. Nothing of it need be held.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_visibility(&self, key: &RepoKey, record: VisibilityRecord) -> Result<(), Error> {
        let VisibilityRecord { is_public, checked } = record;
        retried(|| async {
            let query = tell(SET, key).bind(i64::from(is_public)).bind(to_ms(checked));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Forgets what was found out before a time, and all but the latest `most` of the repositories that are not public:
    /// anybody can ask for names that do not exist.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_visibility(&self, before: SystemTime, most: usize) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(TRIM).bind(to_ms(before)).execute(&self.writer).await?;
            let last = number(most).saturating_sub(1);
            sqlx::query(TRIM_PRIVATE).bind(last).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Records that an account is used for repositories of `host` below `namespace`, or for all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_upstream_account(
        &self,
        host: &Host,
        namespace: Option<&Repository>,
    ) -> Result<(), Error> {
        let namespace = namespace.map_or("", Repository::as_str);
        retried(|| async {
            let query = sqlx::query(ADD_ACCOUNT).bind(host.to_string()).bind(namespace.to_owned());
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// The namespaces of `host` that accounts are or were used for; `None` is the whole registry.
    ///
    /// # Errors
    /// The database failed.
    pub async fn upstream_accounts(&self, host: &Host) -> Result<Vec<Option<Repository>>, Error> {
        let query = sqlx::query_as::<_, (String,)>(ACCOUNTS).bind(host.to_string());
        let rows = query.fetch_all(&self.reader).await?;
        let read = |(name,): (String,)| match name.as_str() {
            "" => Ok(None),
            name => name.parse().map(Some).map_err(|_| Error::Content { what: "namespace" }),
        };
        rows.into_iter().map(read).collect()
    }
}
