//! Use, and the listings for people: repositories, images, totals.
//!
//! A listing reads its page and counts only what is on it; totals read everything and are not for a request path.

use std::collections::HashMap;

use entrepot_oci::{Page, Tag};

use crate::{
    Catalog, Error, ImageRow, Listing, RepoKey, RepositoryRow, Totals, Use,
    database::retried,
    sql::{self, ask, count, fetch_page, from_ms, here, number, tell, to_ms},
    tags,
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
     (SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blob b WHERE b.repository_id = r.id AND NOT EXISTS \
       (SELECT 1 FROM manifest m WHERE m.repository_id = r.id AND m.digest = b.digest)), \
     (SELECT CAST(COALESCE(SUM(m.pulls), 0) AS BIGINT) FROM manifest m WHERE m.repository_id = r.id), \
     (SELECT MAX(m.last_used_ms) FROM manifest m WHERE m.repository_id = r.id) \
     FROM repository r WHERE r.path >= $1 AND r.path < $2 AND r.path <> $3 ORDER BY r.path, r.origin LIMIT $4";
// `CROSS JOIN` has SQLite go from the tree to the references; left to itself it reads all of the repository's.
pub(crate) const IMAGES: &str = concat!(
    "SELECT m.digest, m.media_type, m.pulls, m.last_used_ms, m.created_ms, \
     (WITH RECURSIVE tree (digest) AS (SELECT m.digest UNION SELECT r.child FROM tree \
       CROSS JOIN reference r WHERE r.repository_id = m.repository_id AND r.parent = tree.digest) \
      SELECT CAST(SUM(COALESCE(held.size, b.size, 0)) AS BIGINT) FROM tree \
       LEFT JOIN manifest held ON held.repository_id = m.repository_id AND held.digest = tree.digest \
       LEFT JOIN blob b ON b.repository_id = m.repository_id AND b.digest = tree.digest) \
     FROM manifest m WHERE m.repository_id = ",
    here!(),
    " AND m.digest > $3 AND (EXISTS \
       (SELECT 1 FROM tag t WHERE t.repository_id = m.repository_id AND t.digest = m.digest) OR NOT EXISTS \
       (SELECT 1 FROM reference r WHERE r.repository_id = m.repository_id AND r.child = m.digest AND r.kind = 1)) \
     ORDER BY m.digest LIMIT $4"
);
pub(crate) const TAGS_BETWEEN: &str = concat!(
    "SELECT digest, name FROM tag WHERE repository_id = ",
    here!(),
    " AND digest >= $3 AND digest <= $4 ORDER BY digest, name"
);
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

    /// The repository's images, in order of their digests; the page's mark is a digest.
    ///
    /// # Errors
    /// The database failed.
    pub async fn images(&self, key: &RepoKey, page: &Page) -> Result<Listing<ImageRow>, Error> {
        let query = ask::<RawImage>(IMAGES, key).bind(page.after().unwrap_or_default());
        let (rows, more) = fetch_page(query, &self.reader, page.limit()).await?;
        let mut tags = self.tags_of(key, &rows).await?;
        let rows = rows.into_iter().map(|row| {
            let tags = tags.remove(&row.0).unwrap_or_default();
            image(row, tags)
        });
        Ok(Listing { rows: rows.collect::<Result<_, _>>()?, more })
    }

    async fn tags_of(&self, key: &RepoKey, rows: &[RawImage]) -> Result<HashMap<String, Vec<Tag>>, Error> {
        let mut by_digest = HashMap::<_, Vec<_>>::new();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(by_digest) };
        let query = ask::<(String, String)>(TAGS_BETWEEN, key).bind(first.0.as_str()).bind(last.0.as_str());
        for (digest, name) in query.fetch_all(&self.reader).await? {
            by_digest.entry(digest).or_default().push(tags::read(&name)?);
        }
        Ok(by_digest)
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
type RawImage = (String, String, i64, Option<i64>, i64, i64);

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

fn image(row: RawImage, tags: Vec<Tag>) -> Result<ImageRow, Error> {
    let (digest, media_type, pulls, last_used, created, size_held) = row;
    Ok(ImageRow {
        digest: sql::digest(&digest)?,
        media_type: sql::media_type(&media_type)?,
        tags,
        size_held: count(size_held),
        pulls: count(pulls),
        last_used: last_used.map(from_ms),
        created: from_ms(created),
    })
}
