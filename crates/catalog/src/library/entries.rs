//! Entries of the image library: added, found, changed, checked, and removed unless an instance uses them.

use std::time::SystemTime;

use sqlx::{AnyConnection, FromRow};

use super::{
    entry_records::{
        Accelerator, CheckStatus, EntryCheck, EntryCursor, EntryFields, EntryFilter, EntryOrder, EntryRecord,
        EntryRemoval, EntrySave, EntryUse, SplitCheck,
    },
    sequence::Sequence,
};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{Ask, SqlQuery, containing, count, digest, fetch_page, from_ms, number, to_ms},
};

/// How many of the instances that use an entry are named.
const NAMED_USES: i64 = 10;

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, name, address, host, repository, tag, digest, credential, description, source, remark, \
             on_shelf, memory_split, split_check, accelerator, contents, check_status, check_error, checked_ms, \
             resolved_digest, previous_digest, platforms, compressed_size, built_ms, quota, created_by, revision, \
             created_ms, changed_ms FROM image_entry WHERE ",
            $($rest),+
        )
    };
}

macro_rules! filtered {
    ($($rest:literal),+) => {
        concat!(
            "(lower(name) LIKE lower($1) ESCAPE '!' OR lower(address) LIKE lower($1) ESCAPE '!') \
             AND lower(name) LIKE lower($2) ESCAPE '!' AND lower(address) LIKE lower($3) ESCAPE '!' \
             AND lower(source) LIKE lower($4) ESCAPE '!' AND on_shelf = COALESCE($5, on_shelf) \
             AND memory_split = COALESCE($6, memory_split) AND check_status = COALESCE($7, check_status) \
             AND accelerator = COALESCE($8, accelerator) AND created_ms >= $9 AND created_ms <= $10 AND ",
            $($rest),+
        )
    };
}

macro_rules! listed {
    ($($rest:literal),+) => {
        concat!(columns!(""), filtered!($($rest),+))
    };
}

pub(crate) const ENTRY: &str = columns!("id = $1");
pub(crate) const NAMED: &str = columns!("name = $1 ORDER BY id LIMIT $2");
pub(crate) const OF_IMAGE: &str = columns!("host = $1 AND repository = $2 ORDER BY id LIMIT $3");
pub(crate) const LIST_BY_AGE: &str = listed!("id > $11 ORDER BY id LIMIT $12");
pub(crate) const LIST_BY_AGE_BACK: &str = listed!("id < $11 ORDER BY id DESC LIMIT $12");
pub(crate) const LIST_BY_NAME: &str = listed!("(name, id) > ($11, $12) ORDER BY name, id LIMIT $13");
pub(crate) const LIST_BY_NAME_BACK: &str =
    listed!("(name, id) < ($11, $12) ORDER BY name DESC, id DESC LIMIT $13");
pub(crate) const PAGE: &str = listed!("id > 0 ORDER BY id DESC LIMIT $11 OFFSET $12");
pub(crate) const COUNT: &str = concat!("SELECT COUNT(*) FROM image_entry WHERE ", filtered!("id > 0"));
pub(crate) const WITH_CREDENTIAL: &str = "SELECT id FROM image_entry WHERE credential = $1 LIMIT 1";
pub(crate) const USES: &str = "SELECT id, name, owner FROM instance WHERE entry_id = $1 ORDER BY id LIMIT $2";
const ADD: &str = "INSERT INTO image_entry (id, name, address, host, repository, tag, digest, credential, \
     description, source, remark, on_shelf, memory_split, created_by, created_ms, changed_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)";
const SAVE: &str = "UPDATE image_entry SET name = $3, address = $4, host = $5, repository = $6, tag = $7, digest = $8, \
     credential = $9, description = $10, source = $11, remark = $12, on_shelf = $13, memory_split = $14, \
     changed_ms = $15, previous_digest = NULL, revision = revision + 1 WHERE id = $1 AND revision = $2";
const FORGET_CHECK: &str = "UPDATE image_entry SET split_check = 'unknown', accelerator = 'unknown', contents = NULL, \
     check_status = 'unknown', check_error = NULL, checked_ms = NULL, resolved_digest = NULL, platforms = '[]', \
     compressed_size = NULL, built_ms = NULL, quota = NULL WHERE id = $1";
const CHECKED: &str = "UPDATE image_entry SET split_check = $3, accelerator = $4, contents = $5, check_status = $6, \
     check_error = $7, checked_ms = $8, \
     previous_digest = CASE WHEN resolved_digest <> $9 THEN resolved_digest ELSE previous_digest END, \
     resolved_digest = $9, platforms = $10, compressed_size = $11, built_ms = $12, quota = $13 \
     WHERE id = $1 AND address = $2";
const REMOVE: &str = "DELETE FROM image_entry WHERE id = $1";

impl Catalog {
    /// The entry with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entry(&self, id: i64) -> Result<Option<EntryRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(ENTRY).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// Entries of this name, the oldest first: names need not be unique.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entries_named(&self, name: &str, limit: usize) -> Result<Listing<EntryRecord>, Error> {
        read(fetch_page(sqlx::query_as(NAMED).bind(name.to_owned()), &self.reader, limit).await?)
    }

    /// Entries of one repository, the oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entries_of_image(
        &self,
        host: &str,
        repository: &str,
        limit: usize,
    ) -> Result<Listing<EntryRecord>, Error> {
        let query = sqlx::query_as(OF_IMAGE).bind(host.to_owned()).bind(repository.to_owned());
        read(fetch_page(query, &self.reader, limit).await?)
    }

    /// The entries that a filter selects, in an order, behind `after`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_entries(
        &self,
        filter: &EntryFilter,
        order: EntryOrder,
        after: Option<&EntryCursor>,
        limit: usize,
    ) -> Result<Listing<EntryRecord>, Error> {
        let id = |first: i64| after.map_or(first, |after| after.id);
        let query = match (order, after) {
            (EntryOrder::Oldest, _) => select(LIST_BY_AGE, filter).bind(id(0)),
            (EntryOrder::Newest, _) => select(LIST_BY_AGE_BACK, filter).bind(id(i64::MAX)),
            (EntryOrder::Name, after) => {
                let name = after.map_or_else(String::new, |after| after.name.clone());
                select(LIST_BY_NAME, filter).bind(name).bind(id(0))
            }
            (EntryOrder::NameBack, Some(after)) => {
                select(LIST_BY_NAME_BACK, filter).bind(after.name.clone()).bind(after.id)
            }
            // Behind every name: no text has a character above this one.
            (EntryOrder::NameBack, None) => {
                select(LIST_BY_NAME_BACK, filter).bind(char::MAX.to_string()).bind(i64::MAX)
            }
        };
        read(fetch_page(query, &self.reader, limit).await?)
    }

    /// So many of the entries that a filter selects, the newest first, behind the first `skipped`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entry_page(
        &self,
        filter: &EntryFilter,
        limit: usize,
        skipped: u64,
    ) -> Result<Vec<EntryRecord>, Error> {
        let query = select(PAGE, filter).bind(number(limit)).bind(number(skipped));
        query.fetch_all(&self.reader).await?.into_iter().map(Raw::read).collect()
    }

    /// How many entries a filter selects.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_entries(&self, filter: &EntryFilter) -> Result<u64, Error> {
        let query = bind_filter(sqlx::query_as::<_, (i64,)>(COUNT), filter);
        Ok(count(query.fetch_one(&self.reader).await?.0))
    }

    /// Whether an entry stands on a stored credential.
    ///
    /// # Errors
    /// The database failed.
    pub async fn has_entry_with_credential(&self, credential: &str) -> Result<bool, Error> {
        let query = sqlx::query_as::<_, (i64,)>(WITH_CREDENTIAL).bind(credential.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.is_some())
    }

    /// Stores entries, all of them or none: new ones, and such as replace what was seen. What was found of an image is
    /// forgotten when its address becomes another. Returns the ids in the same order, or the first that is not as it was seen.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn save_entries(
        &self,
        all: &[EntrySave],
        by: &str,
        at: SystemTime,
    ) -> Result<Result<Vec<i64>, i64>, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let mut ids = Vec::with_capacity(all.len());
            for save in all {
                let id = match &save.of {
                    None => add(&mut tx, &save.fields, by, at).await?,
                    Some(seen) if replace(&mut tx, seen, &save.fields, at).await? => seen.id,
                    Some(seen) => return Ok(Err(seen.id)),
                };
                ids.push(id);
            }
            tx.commit().await?;
            Ok(Ok(ids))
        })
        .await
    }

    /// Records what a check found, unless the entry got another address meanwhile. Returns whether it did.
    ///
    /// # Errors
    /// The database failed.
    pub async fn record_check(&self, id: i64, address: &str, found: &EntryCheck) -> Result<bool, Error> {
        let text = |value: serde_json::Result<String>| value.unwrap_or_default();
        retried(|| async {
            let query = sqlx::query(CHECKED).bind(id).bind(address.to_owned());
            let query = query.bind(found.split.as_str()).bind(found.accelerator.as_str());
            // What these are made of always serializes.
            let query = query.bind(found.contents.as_ref().map(|all| text(serde_json::to_string(all))));
            let query = query.bind(found.status.as_str()).bind(found.error.clone());
            let query =
                query.bind(found.checked.map(to_ms)).bind(found.digest.map(|digest| digest.to_string()));
            let query = query.bind(text(serde_json::to_string(&found.platforms)));
            let query = query.bind(found.compressed_size.map(number)).bind(found.built.map(to_ms));
            let query = query.bind(found.quota.as_ref().map(|quota| text(serde_json::to_string(quota))));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Removes entries, all of them or none: none that an instance uses, or that has not this revision if one is given.
    /// Those that are not there are passed over.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn remove_entries(&self, ids: &[i64], revision: Option<i64>) -> Result<EntryRemoval, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let mut removed = Vec::with_capacity(ids.len());
            for id in ids {
                let row = sqlx::query_as::<_, Raw>(ENTRY).bind(*id).fetch_optional(&mut *tx).await?;
                let Some(record) = row.map(Raw::read).transpose()? else { continue };
                if revision.is_some_and(|revision| revision != record.revision) {
                    return Ok(EntryRemoval::Stale);
                }
                let by = uses(&mut tx, *id).await?;
                if !by.is_empty() {
                    return Ok(EntryRemoval::InUse { entry: *id, by });
                }
                sqlx::query(REMOVE).bind(*id).execute(&mut *tx).await?;
                removed.push(record);
            }
            tx.commit().await?;
            Ok(EntryRemoval::Removed(removed))
        })
        .await
    }

    /// Some of the instances that use an entry.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entry_uses(&self, id: i64) -> Result<Vec<EntryUse>, Error> {
        uses(&mut *self.reader.acquire().await?, id).await
    }
}

async fn add(on: &mut AnyConnection, fields: &EntryFields, by: &str, at: SystemTime) -> Result<i64, Error> {
    let id = Sequence::Entry.next(on).await?;
    let query = bind_fields(sqlx::query(ADD).bind(id), fields);
    query.bind(by.to_owned()).bind(to_ms(at)).execute(on).await?;
    Ok(id)
}

async fn replace(
    on: &mut AnyConnection,
    seen: &EntryRecord,
    fields: &EntryFields,
    at: SystemTime,
) -> Result<bool, Error> {
    let query = bind_fields(sqlx::query(SAVE).bind(seen.id).bind(seen.revision), fields);
    let is_done = query.bind(to_ms(at)).execute(&mut *on).await?.rows_affected() > 0;
    if is_done && !seen.fields.is_same_image(fields) {
        sqlx::query(FORGET_CHECK).bind(seen.id).execute(on).await?;
    }
    Ok(is_done)
}

async fn uses(on: &mut AnyConnection, id: i64) -> Result<Vec<EntryUse>, Error> {
    let query = sqlx::query_as::<_, (i64, String, String)>(USES).bind(id).bind(NAMED_USES);
    let rows = query.fetch_all(on).await?;
    Ok(rows.into_iter().map(|(id, name, owner)| EntryUse { id, name, owner }).collect())
}

impl EntryFields {
    fn is_same_image(&self, other: &Self) -> bool {
        let image = |fields: &Self| {
            let Self { host, repository, tag, digest, .. } = fields.clone();
            (host, repository, tag, digest)
        };
        image(self) == image(other)
    }
}

fn bind_fields<'q>(query: SqlQuery<'q>, fields: &EntryFields) -> SqlQuery<'q> {
    let EntryFields {
        name,
        address,
        host,
        repository,
        tag,
        digest,
        credential,
        description,
        source,
        remark,
        is_on_shelf,
        memory_split,
    } = fields.clone();
    let query = query.bind(name).bind(address).bind(host).bind(repository).bind(tag).bind(digest);
    let query = query.bind(credential).bind(description).bind(source).bind(remark);
    query.bind(i64::from(is_on_shelf)).bind(i64::from(memory_split))
}

fn select(sql: &'static str, filter: &EntryFilter) -> Ask<'static, Raw> {
    bind_filter(sqlx::query_as(sql), filter)
}

fn bind_filter<'q, T>(query: Ask<'q, T>, filter: &EntryFilter) -> Ask<'q, T> {
    let query = query.bind(containing(filter.search.as_deref())).bind(containing(filter.name.as_deref()));
    let query = query.bind(containing(filter.address.as_deref())).bind(containing(filter.source.as_deref()));
    let query = query.bind(filter.is_on_shelf.map(i64::from)).bind(filter.memory_split.map(i64::from));
    let query = query.bind(filter.status.map(CheckStatus::as_str));
    let query = query.bind(filter.accelerator.map(Accelerator::as_str));
    query.bind(filter.created_from.map_or(0, to_ms)).bind(filter.created_to.map_or(i64::MAX, to_ms))
}

fn read((rows, more): (Vec<Raw>, bool)) -> Result<Listing<EntryRecord>, Error> {
    Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    name: String,
    address: String,
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
    credential: Option<String>,
    description: String,
    source: String,
    remark: String,
    on_shelf: i64,
    memory_split: i64,
    split_check: String,
    accelerator: String,
    contents: Option<String>,
    check_status: String,
    check_error: Option<String>,
    checked_ms: Option<i64>,
    resolved_digest: Option<String>,
    previous_digest: Option<String>,
    platforms: String,
    compressed_size: Option<i64>,
    built_ms: Option<i64>,
    quota: Option<String>,
    created_by: String,
    revision: i64,
    created_ms: i64,
    changed_ms: i64,
}

impl Raw {
    fn read(self) -> Result<EntryRecord, Error> {
        let check = EntryCheck {
            status: CheckStatus::read(&self.check_status)?,
            error: self.check_error,
            checked: self.checked_ms.map(from_ms),
            digest: self.resolved_digest.as_deref().map(digest).transpose()?,
            platforms: document(&self.platforms)?,
            compressed_size: self.compressed_size.map(count),
            built: self.built_ms.map(from_ms),
            quota: self.quota.as_deref().map(document).transpose()?,
            split: SplitCheck::read(&self.split_check)?,
            accelerator: Accelerator::read(&self.accelerator)?,
            contents: self.contents.as_deref().map(document).transpose()?,
        };
        let fields = EntryFields {
            name: self.name,
            address: self.address,
            host: self.host,
            repository: self.repository,
            tag: self.tag,
            digest: self.digest,
            credential: self.credential,
            description: self.description,
            source: self.source,
            remark: self.remark,
            is_on_shelf: self.on_shelf != 0,
            memory_split: self.memory_split != 0,
        };
        Ok(EntryRecord {
            id: self.id,
            fields,
            check,
            previous_digest: self.previous_digest.as_deref().map(digest).transpose()?,
            created_by: self.created_by,
            revision: self.revision,
            created: from_ms(self.created_ms),
            changed: from_ms(self.changed_ms),
        })
    }
}

fn document<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Content { what: "document of an entry" })
}
