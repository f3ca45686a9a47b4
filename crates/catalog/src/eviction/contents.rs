//! What repositories hold, row by row, for the decision what goes. Not for a request path.

use std::time::SystemTime;

use entrepot_eviction::Heat;
use futures_util::TryStreamExt as _;

use super::records::{HeldRepository, ManifestContent, RepositoryContent};
use crate::{
    database::Catalog,
    error::Error,
    key::RepoKey,
    sql::{self, count, from_ms, number, to_ms},
};

pub(crate) const NEXT_REPOSITORIES: &str =
    "SELECT id, path, origin FROM repository WHERE id > $1 ORDER BY id LIMIT $2";
const MANIFESTS: &str = "SELECT digest, size, subject, created_ms, last_used_ms, heat, heat_ms FROM manifest \
     WHERE repository_id = $1";
const NAMED: &str = "SELECT parent, child, kind FROM reference WHERE repository_id = $1 AND kind <> 2";
const TAGGED: &str = "SELECT digest FROM tag WHERE repository_id = $1";
const BLOBS: &str = "SELECT digest, size, created_ms FROM blob WHERE repository_id = $1";
pub(crate) const PINNED_IN: &str =
    "SELECT digest FROM pin WHERE path = $1 AND origin = $2 AND (expires_ms IS NULL OR expires_ms > $3)";

impl Catalog {
    /// Repositories of which anything is held, at most `limit`, after a place in their order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_repositories(
        &self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<HeldRepository>, Error> {
        let query = sqlx::query_as::<_, (i64, String, String)>(NEXT_REPOSITORIES);
        let query = query.bind(after.unwrap_or(i64::MIN)).bind(number(limit));
        let rows = query.fetch_all(&self.reader).await?;
        let read = |(id, path, origin): (i64, String, String)| {
            Ok(HeldRepository { id, key: RepoKey::read(&path, &origin)? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Tells all that a repository holds, one by one: manifests first, then what they name, tags, blobs and the pins that
    /// count `now`. The heat of what was never pulled is none.
    ///
    /// # Errors
    /// The database failed; then only a part was told.
    pub async fn contents(
        &self,
        of: &HeldRepository,
        now: SystemTime,
        tell: &mut (dyn FnMut(RepositoryContent) + Send),
    ) -> Result<(), Error> {
        let mut rows = sqlx::query_as::<_, RawManifest>(MANIFESTS).bind(of.id).fetch(&self.reader);
        while let Some(row) = rows.try_next().await? {
            tell(RepositoryContent::Manifest(manifest(row)?));
        }
        let mut rows = sqlx::query_as::<_, (String, String, i64)>(NAMED).bind(of.id).fetch(&self.reader);
        while let Some((parent, child, kind)) = rows.try_next().await? {
            let (parent, child) = (sql::digest(&parent)?, sql::digest(&child)?);
            tell(match kind {
                1 => RepositoryContent::Lists { parent, child },
                _ => RepositoryContent::NamesBlob { parent, child },
            });
        }
        let mut rows = sqlx::query_as::<_, (String,)>(TAGGED).bind(of.id).fetch(&self.reader);
        while let Some((digest,)) = rows.try_next().await? {
            tell(RepositoryContent::Tagged(sql::digest(&digest)?));
        }
        let mut rows = sqlx::query_as::<_, (String, i64, i64)>(BLOBS).bind(of.id).fetch(&self.reader);
        while let Some((digest, size, created)) = rows.try_next().await? {
            let digest = sql::digest(&digest)?;
            tell(RepositoryContent::Blob { digest, size: count(size), created: from_ms(created) });
        }
        let query = sqlx::query_as::<_, (String,)>(PINNED_IN).bind(of.key.to_string());
        let query = query.bind(of.key.origin_text().to_owned()).bind(to_ms(now));
        for (digest,) in query.fetch_all(&self.reader).await? {
            tell(RepositoryContent::Pinned(sql::digest(&digest)?));
        }
        Ok(())
    }
}

type RawManifest = (String, i64, Option<String>, i64, Option<i64>, i64, Option<i64>);

fn manifest(row: RawManifest) -> Result<ManifestContent, Error> {
    let (digest, size, subject, created, last_used, heat, heat_at) = row;
    Ok(ManifestContent {
        digest: sql::digest(&digest)?,
        size: count(size),
        subject: subject.as_deref().map(sql::digest).transpose()?,
        created: from_ms(created),
        last_used: last_used.map(from_ms),
        heat: Heat::new(count(heat), from_ms(heat_at.unwrap_or(created))),
    })
}
