//! Use, and what is told to people: repositories and totals.
//!
//! A listing reads the counts that are kept with each repository; totals read everything and are not for a request path.

use std::collections::BTreeSet;

use entrepot_eviction::Heat;
use entrepot_oci::Page;

use crate::{
    counts::note_changes,
    database::{Catalog, retried},
    error::Error,
    eviction::{ReturnedImages, welcome_back},
    key::RepoKey,
    records::{Listing, RepositoryRow, Totals, Use},
    sql::{ask, count, from_ms, here, number, to_ms},
};

pub(crate) const USED: &str = concat!(
    "UPDATE manifest SET pulls = pulls + $4, \
     last_used_ms = CASE WHEN last_used_ms > $5 THEN last_used_ms ELSE $5 END WHERE repository_id = ",
    here!(),
    " AND digest = $3 RETURNING repository_id, heat, heat_ms"
);
pub(crate) const WARM: &str =
    "UPDATE manifest SET heat = $3, heat_ms = $4 WHERE repository_id = $1 AND digest = $2";
pub(crate) const REPOSITORIES: &str = "SELECT r.path, r.origin, r.tags, r.manifests, r.blobs, r.bytes, r.pulls, r.last_used_ms \
     FROM repository r WHERE r.path >= $1 AND r.path < $2 AND r.path <> $3 ORDER BY r.path, r.origin LIMIT $4";
const TOTALS: &str = "SELECT (SELECT COUNT(*) FROM repository), (SELECT COUNT(*) FROM tag), \
     (SELECT COUNT(DISTINCT digest) FROM manifest), (SELECT COUNT(DISTINCT digest) FROM blob), \
     (SELECT CAST(COALESCE(SUM(once.size), 0) AS BIGINT) FROM (SELECT held.digest, MAX(held.size) AS size FROM \
       (SELECT digest, size FROM manifest UNION ALL SELECT digest, size FROM blob) held \
       GROUP BY held.digest) once)";

/// Sorts after every name.
const END: char = '\u{10FFFF}';

impl Catalog {
    /// Adds pulls to what is counted. Returns which of the images had been evicted and are pulled for the first time since.
    ///
    /// # Errors
    /// The database failed; then none is counted.
    pub async fn record_uses(&self, uses: &[Use]) -> Result<ReturnedImages, Error> {
        if uses.is_empty() {
            return Ok(ReturnedImages::default());
        }
        // One order for everybody: see `link_blobs`.
        let mut uses: Vec<_> = uses.iter().map(|used| (used.key.to_string(), used)).collect();
        uses.sort_by(|(a, a_use), (b, b_use)| (a, a_use.digest).cmp(&(b, b_use.digest)));
        retried(|| self.try_record(&uses)).await
    }

    async fn try_record(&self, uses: &[(String, &Use)]) -> Result<ReturnedImages, Error> {
        let mut tx = self.begin().await?;
        let (mut changed, mut returned) = (BTreeSet::new(), ReturnedImages::default());
        for (_, used) in uses {
            let digest = used.digest.to_string();
            let query = ask::<(i64, i64, Option<i64>)>(USED, &used.key).bind(digest.clone());
            // All rows: a statement that is left halfway may not be done.
            let rows = query.bind(number(used.pulls)).bind(to_ms(used.last)).fetch_all(&mut *tx).await?;
            let Some((id, heat, heat_ms)) = rows.into_iter().next() else { continue };
            changed.insert(id);
            let pulled = Heat::of_pulls(used.counted, used.last);
            let warmer = match heat_ms {
                Some(at) => pulled.with(Heat::new(count(heat), from_ms(at))),
                None => match welcome_back(&mut tx, &used.key, &digest, used.last).await? {
                    Some((before, back)) => {
                        returned.images += back.images;
                        returned.bytes += back.bytes;
                        pulled.with(before)
                    }
                    None => pulled,
                },
            };
            let query = sqlx::query(WARM).bind(id).bind(digest).bind(number(warmer.thousandths()));
            query.bind(to_ms(warmer.as_of())).execute(&mut *tx).await?;
        }
        note_changes(&mut tx, &changed).await?;
        tx.commit().await?;
        Ok(returned)
    }

    /// The repositories whose written name starts with `prefix`, in bytewise order of that name. The prefix is plain
    /// text: end it with `/` to mean a whole part. A page may have one row more than its limit where a hosted and an
    /// upstream repository are written the same.
    ///
    /// # Errors
    /// The database failed.
    pub async fn repositories(
        &self,
        page: &Page,
        prefix: Option<&str>,
    ) -> Result<Listing<RepositoryRow>, Error> {
        let (prefix, after) = (prefix.unwrap_or_default(), page.after().unwrap_or_default());
        if page.limit() == 0 {
            return Ok(Listing { rows: Vec::new(), more: false });
        }
        // A full disk keeps nobody from looking at what there is.
        if let Err(error) = self.count_changes().await {
            tracing::warn!(%error, "what repositories have could not be counted anew");
        }
        let query = sqlx::query_as::<_, RawRepository>(REPOSITORIES)
            .bind(prefix.max(after))
            .bind(format!("{prefix}{END}"))
            .bind(after)
            .bind(number(page.limit()).saturating_add(2));
        let mut rows = query.fetch_all(&self.reader).await?;
        let keep = page_end(&rows, page.limit());
        let more = rows.len() > keep;
        rows.truncate(keep);
        Ok(Listing { rows: rows.into_iter().map(repository).collect::<Result<_, _>>()?, more })
    }

    /// Counts all that we hold. Reads everything: not for a request path.
    ///
    /// # Errors
    /// The database failed.
    pub async fn totals(&self) -> Result<Totals, Error> {
        let (repositories, tags, manifests, blobs, bytes) =
            sqlx::query_as::<_, (i64, i64, i64, i64, i64)>(TOTALS).fetch_one(&self.reader).await?;
        Ok(Totals {
            repositories: count(repositories),
            tags: count(tags),
            manifests: count(manifests),
            blobs: count(blobs),
            bytes: count(bytes),
        })
    }
}

type RawRepository = (String, String, i64, i64, i64, i64, i64, Option<i64>);

/// Where to cut, so that two rows of one written name are never parted: the next page starts after the name.
fn page_end(rows: &[RawRepository], limit: usize) -> usize {
    match (rows.get(limit.wrapping_sub(1)), rows.get(limit)) {
        (Some(last), Some(next)) if last.0 == next.0 => limit + 1,
        _ => limit.min(rows.len()),
    }
}

fn repository(row: RawRepository) -> Result<RepositoryRow, Error> {
    let (path, origin, tags, manifests, blobs, bytes, pulls, last_used) = row;
    Ok(RepositoryRow {
        key: RepoKey::read(&path, &origin)?,
        tags: count(tags),
        manifests: count(manifests),
        blobs: count(blobs),
        bytes: count(bytes),
        pulls: count(pulls),
        last_used: last_used.map(from_ms),
    })
}
