//! Blobs: which repository may read which.
//!
//! A blob held for one repository is not readable through another, though its bytes are kept once for all.

use std::time::SystemTime;

use entrepot_oci::Digest;

use crate::{
    counts::note_change,
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    records::UnlinkOutcome,
    sql::{
        self, BATCH, Rows, ask, count, drop_if_empty, find_repository, here, make_repository, number, to_ms,
    },
};

pub(crate) const BLOB: &str =
    concat!("SELECT size FROM blob WHERE digest = $3 AND repository_id = ", here!());
pub(crate) const HOLDERS: &str = "SELECT r.path, r.origin FROM blob b JOIN repository r ON r.id = b.repository_id \
     WHERE b.digest = $1 ORDER BY b.repository_id LIMIT $2";
pub(crate) const UNLINK: &str = "DELETE FROM blob WHERE digest = $1 AND repository_id = $2";

impl Catalog {
    /// Makes blobs, given with their sizes, readable through the repository. Those that are so already stay as they are.
    ///
    /// # Errors
    /// The database failed; then none is linked.
    pub async fn link_blobs(
        &self,
        key: &RepoKey,
        blobs: &[(Digest, u64)],
        at: SystemTime,
    ) -> Result<(), Error> {
        if blobs.is_empty() {
            return Ok(());
        }
        // Everybody writes in the same order, so that PostgreSQL's row locks make no circle.
        let mut blobs = blobs.to_vec();
        blobs.sort_unstable();
        retried(|| self.try_link(key, &blobs, at)).await
    }

    async fn try_link(&self, key: &RepoKey, blobs: &[(Digest, u64)], at: SystemTime) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let id = make_repository(&mut tx, key).await?;
        for batch in blobs.chunks(BATCH) {
            let text = sql::insert(
                "INSERT INTO blob (repository_id, created_ms, digest, size) VALUES",
                Rows { count: batch.len(), shared: 2, own: 2 },
                "ON CONFLICT DO NOTHING",
            );
            let mut query = sqlx::query(text).bind(id).bind(to_ms(at));
            for (digest, size) in batch {
                query = query.bind(digest.to_string()).bind(number(*size));
            }
            query.execute(&mut *tx).await?;
        }
        note_change(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// The blob's size in bytes, if it is readable through the repository.
    ///
    /// # Errors
    /// The database failed.
    pub async fn blob(&self, key: &RepoKey, digest: &Digest) -> Result<Option<u64>, Error> {
        let query = ask::<(i64,)>(BLOB, key).bind(digest.to_string());
        Ok(query.fetch_optional(&self.reader).await?.map(|(size,)| count(size)))
    }

    /// Repositories through which the blob is readable, at most `limit`, those known longest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn blob_holders(&self, digest: &Digest, limit: usize) -> Result<Vec<RepoKey>, Error> {
        let query =
            sqlx::query_as::<_, (String, String)>(HOLDERS).bind(digest.to_string()).bind(number(limit));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(|(path, origin)| RepoKey::read(path, origin)).collect()
    }

    /// Takes the blob out of the repository, whatever manifests name it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn unlink_blob(&self, key: &RepoKey, digest: &Digest) -> Result<UnlinkOutcome, Error> {
        retried(|| self.try_unlink(key, digest)).await
    }

    async fn try_unlink(&self, key: &RepoKey, digest: &Digest) -> Result<UnlinkOutcome, Error> {
        let mut tx = self.begin().await?;
        let Some(id) = find_repository(&mut tx, key).await? else { return Ok(UnlinkOutcome::NotThere) };
        let done = sqlx::query(UNLINK).bind(digest.to_string()).bind(id).execute(&mut *tx).await?;
        if done.rows_affected() == 0 {
            return Ok(UnlinkOutcome::NotThere);
        }
        drop_if_empty(&mut tx, id).await?;
        note_change(&mut tx, id).await?;
        let held = sql::is_held(&mut tx, digest).await?;
        tx.commit().await?;
        Ok(if held { UnlinkOutcome::StillHeld } else { UnlinkOutcome::Last })
    }

    /// Whether any repository has the digest, as a blob or as a manifest.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_held(&self, digest: &Digest) -> Result<bool, Error> {
        let mut connection = self.reader.acquire().await?;
        sql::is_held(&mut connection, digest).await
    }
}
