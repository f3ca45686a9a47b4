//! Takes an image out of a repository unless something speaks for it.
//!
//! Whoever chose it looked at all images some time ago. So one transaction looks again at this one: what lists it, what it is
//! about, pins, pulls since then. Manifests and blobs that others need stay as with any removal.

use std::time::SystemTime;

use entrepot_eviction::Heat;
use entrepot_oci::Digest;
use sqlx::AnyConnection;

use super::{
    ghosts::{self, Ghost},
    records::{RetireOutcome, RetiredContent, SpareReason},
};
use crate::{
    counts::note_change,
    database::{Catalog, retried},
    error::Error,
    key::{Origin, RepoKey},
    plan,
    removal::{candidates, remove_manifests},
    sql::{self, count, drop_if_empty, find_repository, from_ms, to_ms},
    tags,
};

pub(crate) const STATE: &str = "SELECT m.created_ms, m.last_used_ms, m.heat, m.heat_ms, \
     (SELECT 1 FROM manifest s WHERE s.repository_id = m.repository_id AND s.digest = m.subject LIMIT 1), \
     (SELECT 1 FROM pin p WHERE p.path = $3 AND p.origin = $4 AND p.digest = m.digest \
       AND (p.expires_ms IS NULL OR p.expires_ms > $5) LIMIT 1) \
     FROM manifest m WHERE m.repository_id = $1 AND m.digest = $2";
pub(crate) const TAGS_AT: &str = "SELECT name FROM tag WHERE repository_id = $1 AND digest = $2";
pub(crate) const STRAYS: &str = "DELETE FROM blob WHERE repository_id = $1 AND created_ms < $2 AND \
     (SELECT 1 FROM reference r WHERE r.repository_id = blob.repository_id AND r.child = blob.digest AND r.kind <> 1 \
      LIMIT 1) IS NULL RETURNING digest, size";

/// What an image must have been through to be evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Nothing of it came or was pulled since then.
    pub unused_since: SystemTime,
    /// The time.
    pub now: SystemTime,
}

impl Catalog {
    /// Evicts an image of an upstream's repository: a manifest that no other one lists and that is about none that is held,
    /// with all that only it leads to.
    ///
    /// # Errors
    /// The database failed; then nothing was removed.
    pub async fn retire(
        &self,
        key: &RepoKey,
        root: &Digest,
        on: &Conditions,
    ) -> Result<RetireOutcome, Error> {
        if key.origin == Origin::Hosted {
            return Ok(RetireOutcome::Spared(SpareReason::NotThere));
        }
        retried(|| self.try_retire(key, root, on)).await
    }

    async fn try_retire(
        &self,
        key: &RepoKey,
        root: &Digest,
        on: &Conditions,
    ) -> Result<RetireOutcome, Error> {
        let mut tx = self.begin().await?;
        let Some(id) = find_repository(&mut tx, key).await? else {
            return Ok(RetireOutcome::Spared(SpareReason::NotThere));
        };
        let (found, _) = candidates(&mut tx, id, *root).await?;
        match found.get(root) {
            None => return Ok(RetireOutcome::Spared(SpareReason::NotThere)),
            Some(image) if !image.parents.is_empty() => {
                return Ok(RetireOutcome::Spared(SpareReason::Needed));
            }
            Some(_) => {}
        }
        let doomed = plan::doomed(found, Some(*root));
        let place = RetireContext { key, id, now: on.now };
        let mut heat = Heat::new(0, on.now);
        for (digest, _) in &doomed {
            let state = place.state(&mut tx, digest).await?;
            if let Some(spared) = state.speaks_for_it(digest == root, on) {
                return Ok(RetireOutcome::Spared(spared));
            }
            if state.heat.at(on.now) > heat.at(on.now) {
                heat = state.heat;
            }
        }
        let names = sqlx::query_as::<_, (String,)>(TAGS_AT).bind(id).bind(root.to_string());
        let names = names.fetch_all(&mut *tx).await?;
        let tags = names.iter().map(|(name,)| tags::read(name)).collect::<Result<_, _>>()?;
        let (blobs, orphans) = remove_manifests(&mut tx, id, &doomed).await?;
        let bytes = orphans.iter().map(|(_, size)| size).sum();
        ghosts::add(&mut tx, &Ghost { key, digest: root.to_string(), bytes, heat }, on.now).await?;
        drop_if_empty(&mut tx, id).await?;
        note_change(&mut tx, id).await?;
        tx.commit().await?;
        let manifests = doomed.into_iter().map(|(digest, _)| digest).collect();
        let blobs = blobs.into_iter().map(|(digest, _)| digest).collect();
        Ok(RetireOutcome::Gone(RetiredContent { manifests, blobs, tags, orphans }))
    }

    /// Takes blobs out of an upstream's repository that came before a time and that no manifest of it names: what is left of
    /// a pull that went on after its image was evicted.
    ///
    /// # Errors
    /// The database failed; then nothing was removed.
    pub async fn retire_strays(&self, key: &RepoKey, before: SystemTime) -> Result<RetiredContent, Error> {
        if key.origin == Origin::Hosted {
            return Ok(RetiredContent::default());
        }
        retried(|| self.try_retire_strays(key, before)).await
    }

    async fn try_retire_strays(&self, key: &RepoKey, before: SystemTime) -> Result<RetiredContent, Error> {
        let mut tx = self.begin().await?;
        let Some(id) = find_repository(&mut tx, key).await? else { return Ok(RetiredContent::default()) };
        let query = sqlx::query_as::<_, (String, i64)>(STRAYS).bind(id).bind(to_ms(before));
        let (mut blobs, mut orphans) = (Vec::new(), Vec::new());
        for (digest, size) in query.fetch_all(&mut *tx).await? {
            let digest = sql::digest(&digest)?;
            blobs.push(digest);
            if !sql::is_held(&mut tx, &digest).await? {
                orphans.push((digest, count(size)));
            }
        }
        drop_if_empty(&mut tx, id).await?;
        note_change(&mut tx, id).await?;
        tx.commit().await?;
        Ok(RetiredContent { blobs, orphans, ..RetiredContent::default() })
    }
}

/// What may speak for a manifest.
struct RetentionFacts {
    created: SystemTime,
    last_used: Option<SystemTime>,
    heat: Heat,
    is_about_held: bool,
    is_pinned: bool,
}

impl RetentionFacts {
    fn speaks_for_it(&self, is_root: bool, on: &Conditions) -> Option<SpareReason> {
        if is_root && self.is_about_held {
            return Some(SpareReason::Needed);
        }
        if self.is_pinned {
            return Some(SpareReason::Pinned);
        }
        let used = self.created.max(self.last_used.unwrap_or(self.created));
        (used > on.unused_since).then_some(SpareReason::Used)
    }
}

/// A repository at a time.
struct RetireContext<'a> {
    key: &'a RepoKey,
    id: i64,
    now: SystemTime,
}

type RawState = (i64, Option<i64>, i64, Option<i64>, Option<i64>, Option<i64>);

impl RetireContext<'_> {
    async fn state(&self, on: &mut AnyConnection, digest: &Digest) -> Result<RetentionFacts, Error> {
        let query = sqlx::query_as::<_, RawState>(STATE).bind(self.id).bind(digest.to_string());
        let query = query.bind(self.key.to_string()).bind(self.key.origin_text().to_owned());
        let row = query.bind(to_ms(self.now)).fetch_one(on).await?;
        let (created, last_used, heat, heat_ms, subject, pin) = row;
        Ok(RetentionFacts {
            created: from_ms(created),
            last_used: last_used.map(from_ms),
            heat: Heat::new(count(heat), from_ms(heat_ms.unwrap_or(created))),
            is_about_held: subject.is_some(),
            is_pinned: pin.is_some(),
        })
    }
}
