//! Specs: what an instance gets.

use std::time::SystemTime;

use sqlx::FromRow;

use super::sequence::Sequence;
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{SqlQuery, containing, count, fetch_page, from_ms, number, to_ms},
    words::words,
};

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, name, vendor, gpu_model, gpu_count, gpu_memory_mib, memory_split, core_percent, vnpu_template, \
             cpu_milli, memory_mib, system_disk_gib, data_disk_gib, shm_mib, price, start_seconds, on_shelf, remark, \
             created_by, revision, created_ms, changed_ms FROM spec WHERE ",
            $($rest),+
        )
    };
}

pub(crate) const SPEC: &str = columns!("id = $1");
pub(crate) const SPEC_BY_NAME: &str = columns!("name = $1");
pub(crate) const SPECS: &str = columns!(
    "name > $1 AND vendor = COALESCE($2, vendor) AND on_shelf = COALESCE($3, on_shelf) \
     AND memory_split = COALESCE($4, memory_split) AND LOWER(name) LIKE LOWER($5) ESCAPE '!' ORDER BY name LIMIT $6"
);
const ADD: &str = "INSERT INTO spec (id, name, vendor, gpu_model, gpu_count, gpu_memory_mib, memory_split, \
     core_percent, vnpu_template, cpu_milli, memory_mib, system_disk_gib, data_disk_gib, shm_mib, price, \
     start_seconds, on_shelf, remark, created_by, created_ms, changed_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20) \
     ON CONFLICT (name) DO NOTHING";
const CHANGE: &str = "UPDATE spec SET name = $2, vendor = $3, gpu_model = $4, gpu_count = $5, gpu_memory_mib = $6, \
     memory_split = $7, core_percent = $8, vnpu_template = $9, cpu_milli = $10, memory_mib = $11, \
     system_disk_gib = $12, data_disk_gib = $13, shm_mib = $14, price = $15, start_seconds = $16, on_shelf = $17, \
     remark = $18, changed_ms = $19, revision = revision + 1 WHERE id = $1 AND revision = $20";
const NAME_TAKEN: &str = "SELECT id FROM spec WHERE name = $1 AND id <> $2";
pub(crate) const SPEC_USES: &str = "SELECT name FROM instance WHERE spec_id = $1 ORDER BY id LIMIT $2";
pub(crate) const REMOVE: &str = "DELETE FROM spec WHERE id = $1 AND revision = COALESCE($2, revision)";

/// How many instances are named that are in the way of something.
pub(super) const NAMED: usize = 10;

words! {
    /// Whose cards a spec has.
    SpecVendor "vendor of a spec" {
        /// It has none.
        None = "none",
        /// NVIDIA.
        Nvidia = "nvidia",
        /// Huawei Ascend.
        Ascend = "ascend",
    }
}

/// What people say about a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecFields {
    /// Its name, unique.
    pub name: String,
    /// Whose cards.
    pub vendor: SpecVendor,
    /// The model of the cards; any if `None`.
    pub gpu_model: Option<String>,
    /// How many cards.
    pub gpu_count: u32,
    /// The memory of each card; `None` for whole cards.
    pub gpu_memory_mib: Option<u64>,
    /// Whether the cards are shared with others.
    pub memory_split: bool,
    /// The share of each card's cores; `None` for no limit.
    pub core_percent: Option<u32>,
    /// The vendor's name of the part of a card.
    pub vnpu_template: Option<String>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory.
    pub memory_mib: u64,
    /// The container's own disk.
    pub system_disk_gib: Option<u64>,
    /// The volume for data.
    pub data_disk_gib: Option<u64>,
    /// Shared memory.
    pub shm_mib: Option<u64>,
    /// For an hour, in ten-thousandths.
    pub price: u64,
    /// How long it may take to start.
    pub start_seconds: Option<u64>,
    /// Whether it is offered.
    pub on_shelf: bool,
    /// Anything.
    pub remark: String,
}

/// A spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecRecord {
    /// Its id.
    pub id: i64,
    /// What people say about it.
    pub fields: SpecFields,
    /// Who made it.
    pub created_by: String,
    /// Rises with every change.
    pub revision: i64,
    /// When it was created.
    pub created: SystemTime,
    /// When it was changed last.
    pub changed: SystemTime,
}

/// Which specs to list.
#[derive(Clone, Debug, Default)]
pub struct SpecFilter {
    /// Only those of this vendor.
    pub vendor: Option<SpecVendor>,
    /// Only those that are offered, or that are not.
    pub on_shelf: Option<bool>,
    /// Only parts of cards, or only others.
    pub memory_split: Option<bool>,
    /// Only those whose names have this in them, in any case.
    pub search: Option<String>,
    /// The name of the last one of the page before.
    pub after: Option<String>,
}

/// What came of removing a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecRemoval {
    /// It is gone.
    Done,
    /// It is not there, or not as it was seen.
    Stale,
    /// Instances use it: the names of some.
    InUse(Vec<String>),
}

impl Catalog {
    /// The spec with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn spec(&self, id: i64) -> Result<Option<SpecRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(SPEC).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// The spec with this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn spec_by_name(&self, name: &str) -> Result<Option<SpecRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(SPEC_BY_NAME).bind(name.to_owned());
        query.fetch_optional(&self.reader).await?.map(Raw::read).transpose()
    }

    /// The specs that a filter selects, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn specs(&self, filter: &SpecFilter, limit: usize) -> Result<Listing<SpecRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(SPECS).bind(filter.after.clone().unwrap_or_default());
        let query = query.bind(filter.vendor.map(SpecVendor::as_str)).bind(filter.on_shelf.map(i64::from));
        let query = query.bind(filter.memory_split.map(i64::from)).bind(containing(filter.search.as_deref()));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// Adds a spec. Returns its id, or `None` if its name is taken.
    ///
    /// # Errors
    /// The database failed; then there is no spec.
    pub async fn add_spec(
        &self,
        fields: &SpecFields,
        created_by: &str,
        at: SystemTime,
    ) -> Result<Option<i64>, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let id = Sequence::Spec.next(&mut tx).await?;
            let query = bound(sqlx::query(ADD), id, fields).bind(created_by.to_owned()).bind(to_ms(at));
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(None);
            }
            tx.commit().await?;
            Ok(Some(id))
        })
        .await
    }

    /// Changes a spec that is still as `before`. Returns false if it is not, or if the name is taken: [`Self::spec_by_name`]
    /// tells which.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn change_spec(
        &self,
        before: &SpecRecord,
        fields: &SpecFields,
        at: SystemTime,
    ) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let taken = sqlx::query_as::<_, (i64,)>(NAME_TAKEN).bind(fields.name.clone()).bind(before.id);
            if taken.fetch_optional(&mut *tx).await?.is_some() {
                return Ok(false);
            }
            let query = bound(sqlx::query(CHANGE), before.id, fields).bind(to_ms(at)).bind(before.revision);
            let is_done = query.execute(&mut *tx).await?.rows_affected() > 0;
            tx.commit().await?;
            Ok(is_done)
        })
        .await
    }

    /// Removes a spec that no instance uses, if it has this revision, or any if `revision` is `None`.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn remove_spec(&self, id: i64, revision: Option<i64>) -> Result<SpecRemoval, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let uses = sqlx::query_as::<_, (String,)>(SPEC_USES).bind(id).bind(number(NAMED));
            let uses = uses.fetch_all(&mut *tx).await?;
            if !uses.is_empty() {
                return Ok(SpecRemoval::InUse(uses.into_iter().map(|(name,)| name).collect()));
            }
            let done = sqlx::query(REMOVE).bind(id).bind(revision).execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            Ok(if done > 0 { SpecRemoval::Done } else { SpecRemoval::Stale })
        })
        .await
    }
}

fn bound(query: SqlQuery<'static>, id: i64, fields: &SpecFields) -> SqlQuery<'static> {
    let amount = |amount: Option<u64>| amount.map(number);
    let query = query.bind(id).bind(fields.name.clone()).bind(fields.vendor.as_str());
    let query = query.bind(fields.gpu_model.clone()).bind(i64::from(fields.gpu_count));
    let query = query.bind(amount(fields.gpu_memory_mib)).bind(i64::from(fields.memory_split));
    let query = query.bind(fields.core_percent.map(i64::from)).bind(fields.vnpu_template.clone());
    let query = query.bind(number(fields.cpu_milli)).bind(number(fields.memory_mib));
    let query = query.bind(amount(fields.system_disk_gib)).bind(amount(fields.data_disk_gib));
    let query = query.bind(amount(fields.shm_mib)).bind(number(fields.price));
    let query = query.bind(amount(fields.start_seconds)).bind(i64::from(fields.on_shelf));
    query.bind(fields.remark.clone())
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    name: String,
    vendor: String,
    gpu_model: Option<String>,
    gpu_count: i64,
    gpu_memory_mib: Option<i64>,
    memory_split: i64,
    core_percent: Option<i64>,
    vnpu_template: Option<String>,
    cpu_milli: i64,
    memory_mib: i64,
    system_disk_gib: Option<i64>,
    data_disk_gib: Option<i64>,
    shm_mib: Option<i64>,
    price: i64,
    start_seconds: Option<i64>,
    on_shelf: i64,
    remark: String,
    created_by: String,
    revision: i64,
    created_ms: i64,
    changed_ms: i64,
}

impl Raw {
    fn read(self) -> Result<SpecRecord, Error> {
        let small = |number: i64| u32::try_from(number).map_err(|_| Error::Content { what: "spec" });
        let amount = |amount: Option<i64>| amount.map(count);
        let fields = SpecFields {
            name: self.name,
            vendor: SpecVendor::read(&self.vendor)?,
            gpu_model: self.gpu_model,
            gpu_count: small(self.gpu_count)?,
            gpu_memory_mib: amount(self.gpu_memory_mib),
            memory_split: self.memory_split != 0,
            core_percent: self.core_percent.map(small).transpose()?,
            vnpu_template: self.vnpu_template,
            cpu_milli: count(self.cpu_milli),
            memory_mib: count(self.memory_mib),
            system_disk_gib: amount(self.system_disk_gib),
            data_disk_gib: amount(self.data_disk_gib),
            shm_mib: amount(self.shm_mib),
            price: count(self.price),
            start_seconds: amount(self.start_seconds),
            on_shelf: self.on_shelf != 0,
            remark: self.remark,
        };
        Ok(SpecRecord {
            id: self.id,
            fields,
            created_by: self.created_by,
            revision: self.revision,
            created: from_ms(self.created_ms),
            changed: from_ms(self.changed_ms),
        })
    }
}
