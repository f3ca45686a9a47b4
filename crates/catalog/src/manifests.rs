//! Manifests: what they are, what they name, what is said about them.
//!
//! A manifest, what it names and the tags set to it are one transaction. Their bytes are not kept here.

use std::time::SystemTime;

use entrepot_oci::{Descriptor, Digest, MAX_LISTED_ANNOTATIONS, Manifest, Tag};
use futures_util::TryStreamExt as _;
use sqlx::AnyConnection;

use crate::{
    counts::note_change,
    database::{Catalog, retried},
    error::Error,
    key::{Origin, RepoKey},
    records::ManifestRecord,
    sql::{
        self, BATCH, FIND_REPOSITORY, Rows, ask, count, drop_if_empty, find_repository, here,
        make_repository, number, to_ms,
    },
};

pub(crate) const MANIFEST: &str =
    concat!("SELECT media_type, size FROM manifest WHERE repository_id = ", here!(), " AND digest = $3");
// What an earlier version wrote may be longer than what is written now.
pub(crate) const REFERRERS: &str = concat!(
    "SELECT digest, media_type, size, artifact_type, \
     CASE WHEN LENGTH(annotations) <= $4 THEN annotations END FROM manifest WHERE repository_id = ",
    here!(),
    " AND subject = $3 ORDER BY created_ms, digest"
);
pub(crate) const SAID_SIZE: &str =
    concat!("SELECT MAX(size) FROM reference WHERE kind <> 1 AND child = $3 AND repository_id = ", here!());
pub(crate) const IMAGE_SIZE: &str = concat!(
    "SELECT CAST(SUM(size) AS BIGINT) FROM reference WHERE kind = 0 AND parent = $3 AND repository_id = ",
    here!()
);
// The size is asked for because it is in no index, as in `removal::PARENTS`.
pub(crate) const NAMED_BY: &str = concat!(
    "SELECT parent, size FROM reference WHERE child = $3 AND kind IN (0, 1) AND repository_id = ",
    here!(),
    " LIMIT 16"
);
const PUT: &str = "INSERT INTO manifest \
     (repository_id, digest, media_type, size, subject, artifact_type, annotations, created_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
     ON CONFLICT (repository_id, digest) DO UPDATE SET media_type = excluded.media_type";
const SET_TAG: &str = "INSERT INTO tag (repository_id, name, digest, checked_ms, updated_ms) \
     VALUES ($1, $2, $3, $4, $4) ON CONFLICT (repository_id, name) DO UPDATE SET \
     digest = excluded.digest, checked_ms = excluded.checked_ms, \
     updated_ms = CASE WHEN tag.digest = excluded.digest THEN tag.updated_ms ELSE excluded.updated_ms END";
pub(crate) const KEEP_FORMER: &str = "INSERT INTO former_tag (repository_id, name, digest) \
     SELECT repository_id, name, digest FROM tag WHERE repository_id = $1 AND name = $2 AND digest <> $3 \
     ON CONFLICT DO NOTHING";
pub(crate) const MISSING_BLOB: &str = "SELECT r.child FROM reference r \
     WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind = 0 AND \
     (SELECT 1 FROM blob b WHERE b.digest = r.child AND b.repository_id = r.repository_id LIMIT 1) IS NULL \
     ORDER BY r.child LIMIT 1";
pub(crate) const WRONG_SIZE: &str = "SELECT c.child, c.stated, c.actual FROM (SELECT r.child, r.size AS stated, CASE \
     WHEN r.kind = 0 THEN (SELECT b.size FROM blob b WHERE b.digest = r.child AND b.repository_id = r.repository_id) \
     WHEN r.kind = 1 THEN (SELECT m.size FROM manifest m WHERE m.repository_id = r.repository_id AND m.digest = r.child) \
     END AS actual FROM reference r WHERE r.repository_id = $1 AND r.parent = $2) c \
     WHERE c.actual <> c.stated ORDER BY c.child LIMIT 1";
pub(crate) const REMOVE: &str = "DELETE FROM manifest WHERE repository_id = $1 AND digest = $2";

/// The size of a list of referrers, in bytes, from which on annotations are left out.
pub const LISTING_BYTES: usize = 8 << 20;

/// A manifest to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewManifest<'a> {
    /// Its digest.
    pub digest: &'a Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Its content, parsed.
    pub content: &'a Manifest,
    /// The tags to set to it.
    pub tags: &'a [Tag],
    /// Whether its blobs, foreign ones aside, must be linked in its repository, and what it names must have the sizes it
    /// says, as with a push.
    pub require_blobs: bool,
}

impl Catalog {
    /// Whether anything of the repository is held.
    ///
    /// # Errors
    /// The database failed.
    pub async fn repository_known(&self, key: &RepoKey) -> Result<bool, Error> {
        let row = ask::<(i64,)>(FIND_REPOSITORY, key).fetch_optional(&self.reader).await?;
        Ok(row.is_some())
    }

    /// Remembers a manifest, what it names, and its tags. One known already keeps its age and use.
    ///
    /// # Errors
    /// [`Error::MissingBlob`] or [`Error::WrongSize`] where blobs are required and one is not there or something named is
    /// not as long as is said; then nothing is recorded, tags included.
    /// Otherwise the database failed.
    pub async fn put_manifest(
        &self,
        key: &RepoKey,
        manifest: &NewManifest<'_>,
        at: SystemTime,
    ) -> Result<(), Error> {
        retried(|| self.try_put(key, manifest, at)).await
    }

    async fn try_put(&self, key: &RepoKey, manifest: &NewManifest<'_>, at: SystemTime) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let id = make_repository(&mut tx, key).await?;
        put_row(&mut tx, id, manifest, at).await?;
        put_references(&mut tx, id, manifest).await?;
        if manifest.require_blobs {
            require_blobs(&mut tx, id, manifest.digest).await?;
        }
        for tag in manifest.tags {
            if key.origin != Origin::Hosted {
                let query = sqlx::query(KEEP_FORMER).bind(id).bind(tag.as_str());
                query.bind(manifest.digest.to_string()).execute(&mut *tx).await?;
            }
            let query = sqlx::query(SET_TAG).bind(id).bind(tag.as_str()).bind(manifest.digest.to_string());
            query.bind(to_ms(at)).execute(&mut *tx).await?;
        }
        note_change(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// The manifest, if the repository has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn manifest(&self, key: &RepoKey, digest: &Digest) -> Result<Option<ManifestRecord>, Error> {
        let query = ask::<(String, i64)>(MANIFEST, key).bind(digest.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        row.map(|(media_type, size)| {
            Ok(ManifestRecord {
                digest: *digest,
                media_type: sql::media_type(&media_type)?,
                size: count(size),
            })
        })
        .transpose()
    }

    /// Removes the manifest with its tags. Its blobs stay linked, and manifests under it stay. Returns whether it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_manifest(&self, key: &RepoKey, digest: &Digest) -> Result<bool, Error> {
        retried(|| self.try_remove_manifest(key, digest)).await
    }

    async fn try_remove_manifest(&self, key: &RepoKey, digest: &Digest) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let Some(id) = find_repository(&mut tx, key).await? else { return Ok(false) };
        let done = sqlx::query(REMOVE).bind(id).bind(digest.to_string()).execute(&mut *tx).await?;
        drop_if_empty(&mut tx, id).await?;
        note_change(&mut tx, id).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// The manifests of this repository whose subject is `subject`, oldest first, as a referrers answer lists them
    /// ([`Descriptor::listed`]). The subject itself need not be held. Once they take [`LISTING_BYTES`], those that follow
    /// come without annotations.
    ///
    /// # Errors
    /// The database failed.
    pub async fn referrers(&self, key: &RepoKey, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let query = ask::<ReferrerRow>(REFERRERS, key).bind(subject.to_string());
        let mut rows = query.bind(number(MAX_LISTED_ANNOTATIONS as u64)).fetch(&self.reader);
        let (mut found, mut weight) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let mut one = referrer(row)?.listed();
            if weight > LISTING_BYTES {
                one.annotations = None;
            }
            weight += one.weight();
            found.push(one);
        }
        Ok(found)
    }

    /// The size that the repository's manifests give a blob, the largest if they differ; `None` if none names it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn said_size(&self, key: &RepoKey, blob: &Digest) -> Result<Option<u64>, Error> {
        let query = ask::<(Option<i64>,)>(SAID_SIZE, key).bind(blob.to_string());
        Ok(query.fetch_one(&self.reader).await?.0.map(count))
    }

    /// The size that a manifest gives all its blobs together; `None` if it is not held or names none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn image_size(&self, key: &RepoKey, manifest: &Digest) -> Result<Option<u64>, Error> {
        let query = ask::<(Option<i64>,)>(IMAGE_SIZE, key).bind(manifest.to_string());
        Ok(query.fetch_one(&self.reader).await?.0.map(count))
    }

    /// Manifests of the repository that name a blob or manifest; 16 of them if there are more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn named_by(&self, key: &RepoKey, child: &Digest) -> Result<Vec<Digest>, Error> {
        let query = ask::<(String, i64)>(NAMED_BY, key).bind(child.to_string());
        query.fetch_all(&self.reader).await?.iter().map(|(parent, _)| sql::digest(parent)).collect()
    }
}

async fn put_row(
    on: &mut AnyConnection,
    id: i64,
    manifest: &NewManifest<'_>,
    at: SystemTime,
) -> Result<(), Error> {
    let content = manifest.content;
    // Only a referrers answer repeats the annotations, and not all of them.
    let annotations =
        content.subject().and(content.annotations()).and_then(|all| serde_json::to_string(all).ok());
    let annotations = annotations.filter(|json| json.len() <= MAX_LISTED_ANNOTATIONS);
    sqlx::query(PUT)
        .bind(id)
        .bind(manifest.digest.to_string())
        .bind(content.media_type().as_str())
        .bind(number(manifest.size))
        .bind(content.subject().map(|subject| subject.digest.to_string()))
        .bind(content.artifact_type())
        .bind(annotations)
        .bind(to_ms(at))
        .execute(on)
        .await?;
    Ok(())
}

async fn put_references(on: &mut AnyConnection, id: i64, manifest: &NewManifest<'_>) -> Result<(), Error> {
    let blobs = manifest.content.blobs().map(|blob| (blob, if blob.is_foreign() { 2_i64 } else { 0 }));
    let manifests = manifest.content.manifests().iter().map(|child| (child, 1));
    let named: Vec<_> = blobs.chain(manifests).collect();
    for batch in named.chunks(BATCH) {
        let text = sql::insert(
            "INSERT INTO reference (repository_id, parent, child, kind, size) VALUES",
            Rows { count: batch.len(), shared: 2, own: 3 },
            "ON CONFLICT DO NOTHING",
        );
        let mut query = sqlx::query(text).bind(id).bind(manifest.digest.to_string());
        for (child, kind) in batch {
            query = query.bind(child.digest.to_string()).bind(*kind).bind(number(child.size));
        }
        query.execute(&mut *on).await?;
    }
    Ok(())
}

async fn require_blobs(on: &mut AnyConnection, id: i64, parent: &Digest) -> Result<(), Error> {
    let parent = parent.to_string();
    let missing = sqlx::query_as::<_, (String,)>(MISSING_BLOB).bind(id).bind(&parent);
    if let Some((child,)) = missing.fetch_optional(&mut *on).await? {
        return Err(Error::MissingBlob { digest: sql::digest(&child)? });
    }
    let wrong = sqlx::query_as::<_, (String, i64, i64)>(WRONG_SIZE).bind(id).bind(&parent);
    match wrong.fetch_optional(on).await? {
        Some((child, stated, actual)) => Err(Error::WrongSize {
            digest: sql::digest(&child)?,
            stated: count(stated),
            actual: count(actual),
        }),
        None => Ok(()),
    }
}

type ReferrerRow = (String, String, i64, Option<String>, Option<String>);

fn referrer(
    (digest, media_type, size, artifact_type, annotations): ReferrerRow,
) -> Result<Descriptor, Error> {
    let annotations = annotations.map(|json| serde_json::from_str(&json)).transpose();
    Ok(Descriptor {
        media_type,
        digest: sql::digest(&digest)?,
        size: count(size),
        artifact_type,
        annotations: annotations.map_err(|_| Error::Content { what: "set of annotations" })?,
        platform: None,
        urls: Vec::new(),
    })
}
