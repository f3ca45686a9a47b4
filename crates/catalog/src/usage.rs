//! Use, and what is told to people: repositories and totals.
//!
//! A listing reads its page and counts only what is on it; totals read everything and are not for a request path.

use entrepot_oci::Page;

use crate::{
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    records::{Listing, RepositoryRow, Totals, Use},
    sql::{count, from_ms, here, number, tell, to_ms},
};

pub(crate) const USED: &str = concat!(
    "UPDATE manifest SET pulls = pulls + $4, \
     last_used_ms = CASE WHEN last_used_ms > $5 THEN last_used_ms ELSE $5 END WHERE repository_id = ",
    here!(),
    " AND digest = $3"
);
pub(crate) const REPOSITORIES: &str = "SELECT r.path, r.origin, \
     (SELECT COUNT(*) FROM tag t WHERE t.repository_id = r.id), \
     (SELECT COUNT(*) FROM manifest m WHERE m.repository_id = r.id), \
     (SELECT COUNT(*) FROM blob b WHERE b.repository_id = r.id), \
     (SELECT CAST(COALESCE(SUM(m.size), 0) AS BIGINT) FROM manifest m WHERE m.repository_id = r.id) + \
     (SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blob b WHERE b.repository_id = r.id AND \
       (SELECT 1 FROM manifest m WHERE m.repository_id = r.id AND m.digest = b.digest LIMIT 1) IS NULL), \
     (SELECT CAST(COALESCE(SUM(m.pulls), 0) AS BIGINT) FROM manifest m WHERE m.repository_id = r.id), \
     (SELECT MAX(m.last_used_ms) FROM manifest m WHERE m.repository_id = r.id) \
     FROM repository r WHERE r.path >= $1 AND r.path < $2 AND r.path <> $3 ORDER BY r.path, r.origin LIMIT $4";
const TOTALS: &str = "SELECT (SELECT COUNT(*) FROM repository), (SELECT COUNT(*) FROM tag), \
     (SELECT COUNT(DISTINCT digest) FROM manifest), (SELECT COUNT(DISTINCT digest) FROM blob), \
     (SELECT CAST(COALESCE(SUM(once.size), 0) AS BIGINT) FROM (SELECT held.digest, MAX(held.size) AS size FROM \
       (SELECT digest, size FROM manifest UNION ALL SELECT digest, size FROM blob) held \
       GROUP BY held.digest) once)";

/// Sorts after every name.
const END: char = '\u{10FFFF}';

impl Catalog {
    /// Adds pulls to what is counted.
    ///
    /// # Errors
    /// The database failed; then none is counted.
    pub async fn record_uses(&self, uses: &[Use]) -> Result<(), Error> {
        if uses.is_empty() {
            return Ok(());
        }
        // One order for everybody: see `link_blobs`.
        let mut uses: Vec<_> = uses.iter().map(|used| (used.key.to_string(), used)).collect();
        uses.sort_by(|(a, a_use), (b, b_use)| (a, a_use.digest).cmp(&(b, b_use.digest)));
        retried(|| self.try_record(&uses)).await
    }

    async fn try_record(&self, uses: &[(String, &Use)]) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for (_, used) in uses {
            let query = tell(USED, &used.key).bind(used.digest.to_string());
            query.bind(number(used.pulls)).bind(to_ms(used.last)).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
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
