//! The images of a repository, for people: a page of roots, their tags, and how much of each is held.
//!
//! The size is found by walking down level by level, for the whole page at once. One recursive query would be shorter,
//! but PostgreSQL reads all references of a repository for each image if most repositories are small.

use std::collections::{HashMap, HashSet};

use entrepot_oci::{Digest, Page, Tag};
use sqlx::AnyConnection;

use crate::{
    database::Catalog,
    error::Error,
    key::RepoKey,
    records::{ImageRow, Listing},
    sql::{self, ask, count, fetch_page, find_repository, from_ms, here},
    tags,
};

pub(crate) const IMAGES: &str = concat!(
    "SELECT m.digest, m.media_type, m.pulls, m.last_used_ms, m.created_ms FROM manifest m WHERE m.repository_id = ",
    here!(),
    " AND m.digest > $3 AND ( \
       (SELECT 1 FROM tag t WHERE t.repository_id = m.repository_id AND t.digest = m.digest LIMIT 1) IS NOT NULL OR \
       (SELECT 1 FROM reference r WHERE r.repository_id = m.repository_id AND r.child = m.digest AND r.kind = 1 \
        LIMIT 1) IS NULL) ORDER BY m.digest LIMIT $4"
);
pub(crate) const TAGS_BETWEEN: &str = concat!(
    "SELECT digest, name FROM tag WHERE repository_id = ",
    here!(),
    " AND digest >= $3 AND digest <= $4 ORDER BY digest, name"
);

/// How many digests are asked about at once.
const BATCH: usize = 500;

impl Catalog {
    /// The repository's images, in order of their digests; the page's mark is a digest.
    ///
    /// # Errors
    /// The database failed.
    pub async fn images(&self, key: &RepoKey, page: &Page) -> Result<Listing<ImageRow>, Error> {
        let query = ask::<RawImage>(IMAGES, key).bind(page.after().unwrap_or_default());
        let (rows, more) = fetch_page(query, &self.reader, page.limit()).await?;
        let mut rows: Vec<_> = rows.into_iter().map(image).collect::<Result<_, _>>()?;
        let mut on = self.reader.acquire().await?;
        set_tags(&mut on, key, &mut rows).await?;
        set_sizes(&mut on, key, &mut rows).await?;
        Ok(Listing { rows, more })
    }
}

type RawImage = (String, String, i64, Option<i64>, i64);

fn image((digest, media_type, pulls, last_used, created): RawImage) -> Result<ImageRow, Error> {
    Ok(ImageRow {
        digest: sql::digest(&digest)?,
        media_type: sql::media_type(&media_type)?,
        tags: Vec::new(),
        size_held: 0,
        pulls: count(pulls),
        last_used: last_used.map(from_ms),
        created: from_ms(created),
    })
}

async fn set_tags(on: &mut AnyConnection, key: &RepoKey, rows: &mut [ImageRow]) -> Result<(), Error> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let query = ask::<(String, String)>(TAGS_BETWEEN, key);
    let query = query.bind(first.digest.to_string()).bind(last.digest.to_string());
    let mut by_digest = HashMap::<Digest, Vec<Tag>>::new();
    for (digest, name) in query.fetch_all(on).await? {
        by_digest.entry(sql::digest(&digest)?).or_default().push(tags::read(&name)?);
    }
    for row in rows {
        row.tags = by_digest.remove(&row.digest).unwrap_or_default();
    }
    Ok(())
}

async fn set_sizes(on: &mut AnyConnection, key: &RepoKey, rows: &mut [ImageRow]) -> Result<(), Error> {
    let Some(id) = find_repository(on, key).await? else { return Ok(()) };
    let roots: Vec<_> = rows.iter().map(|row| row.digest).collect();
    let children = children(on, id, roots.clone()).await?;
    let named = children.values().flatten().copied();
    let all: Vec<_> = roots.into_iter().chain(named).collect::<HashSet<_>>().into_iter().collect();
    let sizes = sizes(on, id, &all).await?;
    for row in rows {
        row.size_held = size_under(row.digest, &children, &sizes);
    }
    Ok(())
}

/// What each manifest under `level`, itself included, names.
async fn children(
    on: &mut AnyConnection,
    id: i64,
    mut level: Vec<Digest>,
) -> Result<HashMap<Digest, Vec<Digest>>, Error> {
    let mut children = HashMap::<_, Vec<_>>::new();
    while !level.is_empty() {
        let mut below = HashSet::new();
        for batch in level.chunks(BATCH) {
            let text = sql::with_list(
                "SELECT parent, child, kind FROM reference WHERE repository_id = $1 AND parent IN {}",
                batch.len(),
            );
            let query = sqlx::query_as::<_, (String, String, i64)>(text).bind(id);
            let query = batch.iter().fold(query, |query, digest| query.bind(digest.to_string()));
            for (parent, child, kind) in query.fetch_all(&mut *on).await? {
                let child = sql::digest(&child)?;
                children.entry(sql::digest(&parent)?).or_default().push(child);
                if kind == 1 {
                    below.insert(child);
                }
            }
        }
        level = below.into_iter().filter(|digest| !children.contains_key(digest)).collect();
    }
    Ok(children)
}

/// The sizes of those that the repository has.
async fn sizes(on: &mut AnyConnection, id: i64, digests: &[Digest]) -> Result<HashMap<Digest, u64>, Error> {
    let mut sizes = HashMap::new();
    for batch in digests.chunks(BATCH) {
        let text = sql::with_list(
            "SELECT digest, size FROM manifest WHERE repository_id = $1 AND digest IN {} \
             UNION SELECT digest, size FROM blob WHERE repository_id = $1 AND digest IN {}",
            batch.len(),
        );
        let query = sqlx::query_as::<_, (String, i64)>(text).bind(id);
        let query = batch.iter().fold(query, |query, digest| query.bind(digest.to_string()));
        for (digest, size) in query.fetch_all(&mut *on).await? {
            sizes.insert(sql::digest(&digest)?, count(size));
        }
    }
    Ok(sizes)
}

fn size_under(root: Digest, children: &HashMap<Digest, Vec<Digest>>, sizes: &HashMap<Digest, u64>) -> u64 {
    let mut seen = HashSet::new();
    let mut next = vec![root];
    let mut total = 0;
    while let Some(digest) = next.pop() {
        if seen.insert(digest) {
            total += sizes.get(&digest).copied().unwrap_or(0);
            next.extend(children.get(&digest).into_iter().flatten());
        }
    }
    total
}
