//! Which client pulled which manifest, where that is recorded.

use std::time::SystemTime;

use entrepot_oci::Digest;

use crate::{
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    records::Listing,
    sql::{ask, fetch_page, from_ms, number, tell, to_ms},
};

/// Pulls of a manifest by a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullerRecord {
    /// The manifest.
    pub digest: Digest,
    /// Who: an account, an address or a network.
    pub client: String,
    /// How often.
    pub pulls: u64,
    /// When last.
    pub last: SystemTime,
}

const ADD: &str = "INSERT INTO puller (path, origin, digest, client, pulls, last_ms) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (path, origin, digest, client) DO UPDATE SET \
     pulls = puller.pulls + excluded.pulls, last_ms = excluded.last_ms";
pub(crate) const PULLERS: &str = "SELECT digest, client, pulls, last_ms FROM puller \
     WHERE path = $1 AND origin = $2 AND last_ms >= $3 ORDER BY path, origin, digest, client LIMIT $4";
pub(crate) const TRIM: &str = "DELETE FROM puller WHERE last_ms < $1";

impl Catalog {
    /// Adds pulls of a repository to what is recorded.
    ///
    /// # Errors
    /// The database failed; then none is.
    pub async fn record_pullers(&self, pulls: &[(RepoKey, PullerRecord)]) -> Result<(), Error> {
        if pulls.is_empty() {
            return Ok(());
        }
        // One order for everybody: see `link_blobs`.
        let mut pulls: Vec<_> = pulls.iter().map(|(key, pull)| (key.to_string(), key, pull)).collect();
        pulls.sort_by(|(a, _, one), (b, _, two)| {
            (a, one.digest, &one.client).cmp(&(b, two.digest, &two.client))
        });
        retried(|| async {
            let mut tx = self.begin().await?;
            for (_, key, pull) in &pulls {
                let query = tell(ADD, key).bind(pull.digest.to_string()).bind(pull.client.clone());
                query.bind(number(pull.pulls)).bind(to_ms(pull.last)).execute(&mut *tx).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Who pulled something of a repository since a time.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pullers(
        &self,
        key: &RepoKey,
        since: SystemTime,
        limit: usize,
    ) -> Result<Listing<PullerRecord>, Error> {
        let query = ask::<(String, String, i64, i64)>(PULLERS, key).bind(to_ms(since));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        let read = |(digest, client, pulls, last): (String, String, i64, i64)| {
            let digest = crate::sql::digest(&digest)?;
            Ok(PullerRecord { digest, client, pulls: pulls.unsigned_abs(), last: from_ms(last) })
        };
        Ok(Listing { rows: rows.into_iter().map(read).collect::<Result<_, Error>>()?, more })
    }

    /// Removes what was last pulled before a time. Returns how much.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_pullers(&self, before: SystemTime) -> Result<u64, Error> {
        retried(|| async {
            let done = sqlx::query(TRIM).bind(to_ms(before)).execute(&self.writer).await?;
            Ok(done.rows_affected())
        })
        .await
    }
}
