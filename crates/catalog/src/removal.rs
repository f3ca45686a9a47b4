//! Taking images out of a repository, with all that only they led to.
//!
//! One transaction each: look at the manifests concerned, let `plan` decide, then delete. What nobody has any more
//! after that is told to the caller, who deletes the bytes.

use std::collections::{BTreeSet, HashMap};

use entrepot_oci::{Digest, Tag};
use sqlx::AnyConnection;

use crate::{
    counts::note_change,
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    manifests,
    plan::{self, Candidate},
    records::{RemovedContent, Selection},
    sql::{self, count, drop_if_empty, find_repository},
};

pub(crate) const TAKE_TAG: &str = "DELETE FROM tag WHERE repository_id = $1 AND name = $2 RETURNING digest";
pub(crate) const FACTS: &str = "SELECT m.size, \
     (SELECT COUNT(*) FROM tag t WHERE t.repository_id = m.repository_id AND t.digest = m.digest) \
     FROM manifest m WHERE m.repository_id = $1 AND m.digest = $2";
// The size is asked for because it is in no index: SQLite prefers an index that holds all it needs to one that finds it
// faster, and would read every reference of the repository.
pub(crate) const PARENTS: &str =
    "SELECT parent, size FROM reference WHERE repository_id = $1 AND child = $2 AND kind = 1";
pub(crate) const LEADS_TO: &str = "SELECT r.child FROM reference r \
     WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind = 1 AND \
     (SELECT 1 FROM manifest m WHERE m.repository_id = r.repository_id AND m.digest = r.child LIMIT 1) IS NOT NULL \
     UNION SELECT digest FROM manifest WHERE repository_id = $1 AND subject = $2";
pub(crate) const BLOBS_OF: &str =
    "SELECT child FROM reference WHERE repository_id = $1 AND parent = $2 AND kind <> 1";
pub(crate) const UNLINK_UNNAMED: &str = "DELETE FROM blob WHERE repository_id = $1 AND digest = $2 AND \
     (SELECT 1 FROM reference WHERE repository_id = $1 AND child = $2 AND kind <> 1 LIMIT 1) IS NULL RETURNING size";
pub(crate) const ONLY_HERE: &str = "SELECT held.digest, MAX(held.size) FROM \
     (SELECT digest, size FROM blob WHERE repository_id = $1 \
      UNION ALL SELECT digest, size FROM manifest WHERE repository_id = $1) held \
     WHERE (SELECT 1 FROM blob b WHERE b.digest = held.digest AND b.repository_id <> $1 LIMIT 1) IS NULL AND \
     (SELECT 1 FROM manifest m WHERE m.digest = held.digest AND m.repository_id <> $1 LIMIT 1) IS NULL \
     GROUP BY held.digest";
pub(crate) const ALL_TAGS: &str = "DELETE FROM tag WHERE repository_id = $1";
pub(crate) const ALL_MANIFESTS: &str = "DELETE FROM manifest WHERE repository_id = $1";
pub(crate) const ALL_BLOBS: &str = "DELETE FROM blob WHERE repository_id = $1";

impl Catalog {
    /// Takes `what` out of the repository.
    ///
    /// Manifests under it and about it go too, unless a tag or a manifest that stays leads to them. Blobs that went
    /// manifests named are unlinked, unless a manifest that stays names them. No other repository is touched.
    ///
    /// # Errors
    /// The database failed; then nothing was removed.
    pub async fn remove(&self, key: &RepoKey, what: &Selection) -> Result<RemovedContent, Error> {
        retried(|| self.try_remove(key, what)).await
    }

    async fn try_remove(&self, key: &RepoKey, what: &Selection) -> Result<RemovedContent, Error> {
        let mut tx = self.begin().await?;
        let Some(id) = find_repository(&mut tx, key).await? else { return Ok(RemovedContent::default()) };
        let removed = match what {
            Selection::Repository => remove_all(&mut tx, id).await?,
            Selection::Tag(tag) => remove_tag(&mut tx, id, tag).await?,
            Selection::Digest(digest) => remove_from(&mut tx, id, *digest, true).await?,
        };
        drop_if_empty(&mut tx, id).await?;
        note_change(&mut tx, id).await?;
        tx.commit().await?;
        Ok(removed)
    }
}

async fn remove_all(on: &mut AnyConnection, id: i64) -> Result<RemovedContent, Error> {
    let rows = sqlx::query_as::<_, (String, i64)>(ONLY_HERE).bind(id).fetch_all(&mut *on).await?;
    let orphans = rows.iter().map(|(text, size)| Ok((sql::digest(text)?, count(*size))));
    let orphans = orphans.collect::<Result<_, Error>>()?;
    let mut counts = [0; 3];
    for (deleted, text) in counts.iter_mut().zip([ALL_TAGS, ALL_MANIFESTS, ALL_BLOBS]) {
        *deleted = sqlx::query(text).bind(id).execute(&mut *on).await?.rows_affected();
    }
    let [tags, manifests, unlinked] = counts;
    Ok(RemovedContent { tags, manifests, unlinked, orphans })
}

async fn remove_tag(on: &mut AnyConnection, id: i64, tag: &Tag) -> Result<RemovedContent, Error> {
    let query = sqlx::query_as::<_, (String,)>(TAKE_TAG).bind(id).bind(tag.as_str());
    // All rows: a statement that is left halfway may not be done.
    let Some((digest,)) = query.fetch_all(&mut *on).await?.pop() else {
        return Ok(RemovedContent::default());
    };
    let removed = remove_from(on, id, sql::digest(&digest)?, false).await?;
    Ok(RemovedContent { tags: removed.tags + 1, ..removed })
}

/// Removes what `start` leads to and nothing else leads to. `start` itself goes in any case if it is `chosen`.
async fn remove_from(
    on: &mut AnyConnection,
    id: i64,
    start: Digest,
    chosen: bool,
) -> Result<RemovedContent, Error> {
    let (candidates, start_tags) = candidates(on, id, start).await?;
    let doomed = plan::doomed(candidates, chosen.then_some(start));
    let (unlinked, orphans) = remove_manifests(on, id, &doomed).await?;
    Ok(RemovedContent {
        // Only the chosen one can have had tags: others that have one stay.
        tags: if chosen { start_tags } else { 0 },
        manifests: doomed.len() as u64,
        unlinked: unlinked.len() as u64,
        orphans,
    })
}

/// Content with its sizes.
type SizedContent = Vec<(Digest, u64)>;

/// Removes manifests and the links of blobs that only they named. Returns those blobs, and all that nobody has any more.
pub(crate) async fn remove_manifests(
    on: &mut AnyConnection,
    id: i64,
    doomed: &[(Digest, u64)],
) -> Result<(SizedContent, SizedContent), Error> {
    let mut blobs = BTreeSet::new();
    for (digest, _) in doomed {
        blobs.extend(digests(on, BLOBS_OF, id, digest).await?);
    }
    for (digest, _) in doomed {
        sqlx::query(manifests::REMOVE).bind(id).bind(digest.to_string()).execute(&mut *on).await?;
    }
    let unlinked = unlink_unnamed(on, id, blobs).await?;
    let orphans = not_held(on, doomed.iter().chain(&unlinked).copied()).await?;
    Ok((unlinked, orphans))
}

/// What `start` leads to, itself included, as far as it is held; and how many tags `start` has.
pub(crate) async fn candidates(
    on: &mut AnyConnection,
    id: i64,
    start: Digest,
) -> Result<(HashMap<Digest, Candidate>, u64), Error> {
    let mut found = HashMap::new();
    let mut start_tags = 0;
    let mut next = vec![start];
    while let Some(digest) = next.pop() {
        if found.contains_key(&digest) {
            continue;
        }
        let query = sqlx::query_as::<_, (i64, i64)>(FACTS).bind(id).bind(digest.to_string());
        let Some((size, tags)) = query.fetch_optional(&mut *on).await? else { continue };
        if digest == start {
            start_tags = count(tags);
        }
        let parents = parents(on, id, &digest).await?;
        let leads_to = digests(on, LEADS_TO, id, &digest).await?;
        next.extend(&leads_to);
        found.insert(digest, Candidate { size: count(size), is_tagged: tags > 0, parents, leads_to });
    }
    Ok((found, start_tags))
}

async fn parents(on: &mut AnyConnection, id: i64, of: &Digest) -> Result<Vec<Digest>, Error> {
    let query = sqlx::query_as::<_, (String, i64)>(PARENTS).bind(id).bind(of.to_string());
    query.fetch_all(on).await?.iter().map(|(digest, _)| sql::digest(digest)).collect()
}

async fn unlink_unnamed(
    on: &mut AnyConnection,
    id: i64,
    blobs: BTreeSet<Digest>,
) -> Result<Vec<(Digest, u64)>, Error> {
    let mut unlinked = Vec::new();
    for digest in blobs {
        let query = sqlx::query_as::<_, (i64,)>(UNLINK_UNNAMED).bind(id).bind(digest.to_string());
        if let Some((size,)) = query.fetch_all(&mut *on).await?.pop() {
            unlinked.push((digest, count(size)));
        }
    }
    Ok(unlinked)
}

/// Those of `gone` that nobody has any more, each once.
async fn not_held(
    on: &mut AnyConnection,
    gone: impl Iterator<Item = (Digest, u64)>,
) -> Result<Vec<(Digest, u64)>, Error> {
    let mut orphans = Vec::new();
    for (digest, size) in gone.collect::<BTreeSet<_>>() {
        if !sql::is_held(on, &digest).await? {
            orphans.push((digest, size));
        }
    }
    Ok(orphans)
}

async fn digests(
    on: &mut AnyConnection,
    text: &'static str,
    id: i64,
    of: &Digest,
) -> Result<Vec<Digest>, Error> {
    let rows = sqlx::query_as::<_, (String,)>(text).bind(id).bind(of.to_string()).fetch_all(on).await?;
    rows.iter().map(|(digest,)| sql::digest(digest)).collect()
}
