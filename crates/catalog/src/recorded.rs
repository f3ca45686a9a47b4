//! Which digests are recorded at all, for comparison with the bytes that are stored.

use entrepot_oci::Digest;

use crate::{
    database::Catalog,
    error::Error,
    key::RepoKey,
    sql::{self, count, number},
};

pub(crate) const RECORDED: &str = "SELECT held.digest, MAX(held.size) FROM \
     (SELECT digest, size FROM blob WHERE digest >= $1 AND digest < $2 \
      UNION ALL SELECT digest, size FROM manifest WHERE digest >= $1 AND digest < $2) held GROUP BY held.digest";
pub(crate) const MANIFEST_HOLDERS: &str = "SELECT r.path, r.origin FROM manifest m \
     JOIN repository r ON r.id = m.repository_id WHERE m.digest = $1 ORDER BY m.repository_id LIMIT $2";

/// Sorts after every digit of a digest.
const END: char = 'g';

impl Catalog {
    /// The digests that start with `prefix`, such as `sha256:0a`, and that any repository has as a blob or as a manifest,
    /// with their sizes; in no particular order, each once.
    ///
    /// # Errors
    /// The database failed.
    pub async fn recorded(&self, prefix: &str) -> Result<Vec<(Digest, u64)>, Error> {
        let query = sqlx::query_as::<_, (String, i64)>(RECORDED).bind(prefix).bind(format!("{prefix}{END}"));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(|(digest, size)| Ok((sql::digest(digest)?, count(*size)))).collect()
    }

    /// Repositories that have the manifest, at most `limit`, those known longest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn manifest_holders(&self, digest: &Digest, limit: usize) -> Result<Vec<RepoKey>, Error> {
        let query = sqlx::query_as::<_, (String, String)>(MANIFEST_HOLDERS);
        let rows = query.bind(digest.to_string()).bind(number(limit)).fetch_all(&self.reader).await?;
        rows.iter().map(|(path, origin)| RepoKey::read(path, origin)).collect()
    }
}
