//! Which digests are recorded at all, for comparison with the bytes that are stored.

use std::collections::BTreeMap;

use entrepot_oci::Digest;

use crate::{
    database::Catalog,
    error::Error,
    key::RepoKey,
    records::Listing,
    sql::{self, count, number},
};

pub(crate) const BLOBS: &str =
    "SELECT digest, MAX(size) FROM blob WHERE digest > $1 GROUP BY digest ORDER BY digest LIMIT $2";
pub(crate) const MANIFESTS: &str =
    "SELECT digest, MAX(size) FROM manifest WHERE digest > $1 GROUP BY digest ORDER BY digest LIMIT $2";
pub(crate) const MANIFEST_HOLDERS: &str = "SELECT r.path, r.origin FROM manifest m \
     JOIN repository r ON r.id = m.repository_id WHERE m.digest = $1 ORDER BY m.repository_id LIMIT $2";

impl Catalog {
    /// A page of the digests that any repository has as a blob or as a manifest, each once, with their sizes; in order of
    /// the digests, after `after`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn recorded(
        &self,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Listing<(Digest, u64)>, Error> {
        let after = after.map(Digest::to_string).unwrap_or_default();
        let mut found = BTreeMap::new();
        for text in [BLOBS, MANIFESTS] {
            let query = sqlx::query_as::<_, (String, i64)>(text).bind(&after);
            for (digest, size) in query.bind(number(limit).saturating_add(1)).fetch_all(&self.reader).await? {
                found.insert(sql::digest(&digest)?, count(size));
            }
        }
        let more = found.len() > limit && limit > 0;
        Ok(Listing { rows: found.into_iter().take(limit).collect(), more })
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
