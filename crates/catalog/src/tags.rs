//! Tags: where they point and when that was last checked.
//!
//! A tag is set together with its manifest, in `manifests`; a tag without its manifest cannot exist.

use std::time::SystemTime;

use entrepot_oci::{Page, Tag};

use crate::{
    counts::note_change,
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    records::{TagList, TagRecord},
    sql::{ask, digest, fetch_page, from_ms, here, tell, to_ms},
};

pub(crate) const TAG: &str = concat!(
    "SELECT digest, checked_ms, updated_ms FROM tag WHERE repository_id = ",
    here!(),
    " AND name = $3"
);
pub(crate) const TAGS: &str =
    concat!("SELECT name FROM tag WHERE repository_id = ", here!(), " AND name > $3 ORDER BY name LIMIT $4");
pub(crate) const CHECKED: &str =
    concat!("UPDATE tag SET checked_ms = $4 WHERE repository_id = ", here!(), " AND name = $3");
pub(crate) const REMOVE: &str =
    concat!("DELETE FROM tag WHERE repository_id = ", here!(), " AND name = $3 RETURNING repository_id");

impl Catalog {
    /// Where the tag points, if the repository has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tag(&self, key: &RepoKey, tag: &Tag) -> Result<Option<TagRecord>, Error> {
        let row = ask::<(String, i64, i64)>(TAG, key).bind(tag.as_str()).fetch_optional(&self.reader).await?;
        row.map(|(text, checked, updated)| {
            Ok(TagRecord { digest: digest(&text)?, checked: from_ms(checked), updated: from_ms(updated) })
        })
        .transpose()
    }

    /// Records that at this time the upstream's tag pointed to the same manifest as ours. Does nothing if there is no such
    /// tag here.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tag_checked(&self, key: &RepoKey, tag: &Tag, at: SystemTime) -> Result<(), Error> {
        tell(CHECKED, key).bind(tag.as_str()).bind(to_ms(at)).execute(&self.writer).await?;
        Ok(())
    }

    /// The repository's tags after the page's mark, in bytewise order, at most the page's limit.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tags(&self, key: &RepoKey, page: &Page) -> Result<TagList, Error> {
        let query = ask::<(String,)>(TAGS, key).bind(page.after().unwrap_or_default());
        let (rows, more) = fetch_page(query, &self.reader, page.limit()).await?;
        let tags = rows.iter().map(|(name,)| read(name)).collect::<Result<_, _>>()?;
        Ok(TagList { tags, more })
    }

    /// Removes the tag; its manifest stays. Returns whether the tag was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_tag(&self, key: &RepoKey, tag: &Tag) -> Result<bool, Error> {
        retried(|| self.try_remove_tag(key, tag)).await
    }

    async fn try_remove_tag(&self, key: &RepoKey, tag: &Tag) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        // All rows: a statement that is left halfway may not be done.
        let removed = ask::<(i64,)>(REMOVE, key).bind(tag.as_str()).fetch_all(&mut *tx).await?;
        for (id,) in &removed {
            note_change(&mut tx, *id).await?;
        }
        tx.commit().await?;
        Ok(!removed.is_empty())
    }
}

pub(crate) fn read(name: &str) -> Result<Tag, Error> {
    name.parse().map_err(|_| Error::Content { what: "tag" })
}
