//! Pulls of images by nodes: one at a time for each node and image.

use std::time::SystemTime;

use sqlx::FromRow;

use super::sequence::Sequence;
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{count, fetch_page, from_ms, number, to_ms},
    words::words,
};

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, node_id, reference, entry_id, status, layers_total, layers_done, bytes_total, bytes_done, \
             attempt, error, error_detail, created_by, created_ms, started_ms, finished_ms FROM pull_job WHERE ",
            $($rest),+
        )
    };
}

pub(crate) const PULL: &str = columns!("id = $1");
pub(crate) const ACTIVE: &str = columns!("node_id = $1 AND reference = $2 AND finished_ms IS NULL");
pub(crate) const UNFINISHED: &str =
    columns!("finished_ms IS NULL AND node_id > 0 ORDER BY node_id, reference");
pub(crate) const PULLS: &str =
    columns!("id < $1 AND status = COALESCE($2, status) ORDER BY id DESC LIMIT $3");
pub(crate) const PULLS_OF: &str =
    columns!("node_id = $1 AND id < $2 AND status = COALESCE($3, status) ORDER BY id DESC LIMIT $4");
const ADD: &str = "INSERT INTO pull_job (id, node_id, reference, entry_id, status, created_by, created_ms) \
     VALUES ($1, $2, $3, $4, 'queued', $5, $6) ON CONFLICT DO NOTHING";
const STEP: &str = "UPDATE pull_job SET status = $2, layers_total = $3, layers_done = $4, bytes_total = $5, \
     bytes_done = $6, attempt = $7, started_ms = COALESCE(started_ms, $8) WHERE id = $1 AND finished_ms IS NULL";
const END: &str = "UPDATE pull_job SET status = $2, error = $3, error_detail = $4, finished_ms = $5 \
     WHERE id = $1 AND finished_ms IS NULL";
pub(crate) const TRIM: &str = "DELETE FROM pull_job WHERE id < $1 AND finished_ms IS NOT NULL";

words! {
    /// How far a pull is.
    PullStatus "status of a pull" {
        /// It waits for its turn.
        Queued = "queued",
        /// It is looked up what there is to pull.
        Resolving = "resolving",
        /// The node downloads.
        Downloading = "downloading",
        /// The node has everything, and unpacks.
        Extracting = "extracting",
        /// The node has the image.
        Succeeded = "succeeded",
        /// It failed.
        Failed = "failed",
        /// Somebody stopped it.
        Canceled = "canceled",
    }
}

/// A pull that is to be made.
#[derive(Clone, Debug)]
pub struct NewPull {
    /// The node.
    pub node: i64,
    /// The image, as the library names it.
    pub reference: String,
    /// The entry that it is of.
    pub entry: Option<i64>,
    /// Who asked for it.
    pub created_by: String,
}

/// How far a pull is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullStep {
    /// What it does.
    pub status: PullStatus,
    /// How many layers there are, if that is known.
    pub layers_total: Option<u64>,
    /// How many of them are done.
    pub layers_done: u64,
    /// How many bytes there are, if that is known.
    pub bytes_total: Option<u64>,
    /// How many of them are there.
    pub bytes_done: u64,
    /// Which attempt it is, from 1 on.
    pub attempt: u32,
}

/// How a pull ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullEnd {
    /// [`PullStatus::Succeeded`], `Failed` or `Canceled`.
    pub status: PullStatus,
    /// Why it failed, as a code.
    pub error: Option<String>,
    /// The same in words of the engine or the registry.
    pub detail: Option<String>,
}

/// A pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRecord {
    /// Its id.
    pub id: i64,
    /// The node.
    pub node: i64,
    /// The image, as the library names it.
    pub reference: String,
    /// The entry that it is of.
    pub entry: Option<i64>,
    /// How far it is.
    pub step: PullStep,
    /// Why it failed, as a code.
    pub error: Option<String>,
    /// The same in words of the engine or the registry.
    pub detail: Option<String>,
    /// Who asked for it.
    pub created_by: String,
    /// When it was asked for.
    pub created: SystemTime,
    /// When it began.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub finished: Option<SystemTime>,
}

/// Which pulls to list.
#[derive(Clone, Debug, Default)]
pub struct PullFilter {
    /// Only those of this node.
    pub node: Option<i64>,
    /// Only those of this status.
    pub status: Option<PullStatus>,
    /// The id of the last one of the page before.
    pub before: Option<i64>,
}

impl Catalog {
    /// The pull with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pull(&self, id: i64) -> Result<Option<PullRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(PULL).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// The pulls that a filter selects, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pulls(&self, filter: &PullFilter, limit: usize) -> Result<Listing<PullRecord>, Error> {
        let before = filter.before.unwrap_or(i64::MAX);
        let query = match filter.node {
            Some(node) => sqlx::query_as::<_, Raw>(PULLS_OF).bind(node),
            None => sqlx::query_as::<_, Raw>(PULLS),
        };
        let query = query.bind(before).bind(filter.status.map(PullStatus::as_str));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// The pulls that have not ended, by node.
    ///
    /// # Errors
    /// The database failed.
    pub async fn unfinished_pulls(&self) -> Result<Vec<PullRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(UNFINISHED).fetch_all(&self.reader).await?;
        rows.into_iter().map(Raw::read).collect()
    }

    /// Records a pull that is to be made, unless the node pulls this image already. Returns the pull that is there now,
    /// and whether it is the new one.
    ///
    /// # Errors
    /// The database failed; then there is no new pull.
    pub async fn add_pull(&self, new: &NewPull, at: SystemTime) -> Result<(PullRecord, bool), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let id = Sequence::Pull.next(&mut tx).await?;
            let query = sqlx::query(ADD).bind(id).bind(new.node).bind(new.reference.clone());
            let query = query.bind(new.entry).bind(new.created_by.clone()).bind(to_ms(at));
            let is_new = query.execute(&mut *tx).await?.rows_affected() > 0;
            let query = sqlx::query_as::<_, Raw>(ACTIVE).bind(new.node).bind(new.reference.clone());
            let record = query.fetch_one(&mut *tx).await?.read()?;
            // The id that was taken for nothing goes back.
            if is_new {
                tx.commit().await?;
            }
            Ok((record, is_new))
        })
        .await
    }

    /// Records how far a pull is. One that has ended stays as it is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pull_step(&self, id: i64, step: &PullStep, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(STEP).bind(id).bind(step.status.as_str());
            let query = query.bind(step.layers_total.map(number)).bind(number(step.layers_done));
            let query = query.bind(step.bytes_total.map(number)).bind(number(step.bytes_done));
            query.bind(i64::from(step.attempt)).bind(to_ms(at)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Records the end of a pull. Returns false if it had ended before.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pull_ended(&self, id: i64, end: &PullEnd, at: SystemTime) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(END).bind(id).bind(end.status.as_str()).bind(end.error.clone());
            let query = query.bind(end.detail.clone()).bind(to_ms(at));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Forgets pulls that have ended and whose ids are smaller than `before`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_pulls(&self, before: i64) -> Result<u64, Error> {
        retried(|| async { Ok(sqlx::query(TRIM).bind(before).execute(&self.writer).await?.rows_affected()) })
            .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    node_id: i64,
    reference: String,
    entry_id: Option<i64>,
    status: String,
    layers_total: Option<i64>,
    layers_done: i64,
    bytes_total: Option<i64>,
    bytes_done: i64,
    attempt: i64,
    error: Option<String>,
    error_detail: Option<String>,
    created_by: String,
    created_ms: i64,
    started_ms: Option<i64>,
    finished_ms: Option<i64>,
}

impl Raw {
    fn read(self) -> Result<PullRecord, Error> {
        let step = PullStep {
            status: PullStatus::read(&self.status)?,
            layers_total: self.layers_total.map(count),
            layers_done: count(self.layers_done),
            bytes_total: self.bytes_total.map(count),
            bytes_done: count(self.bytes_done),
            attempt: u32::try_from(self.attempt).map_err(|_| Error::Content { what: "attempt of a pull" })?,
        };
        Ok(PullRecord {
            id: self.id,
            node: self.node_id,
            reference: self.reference,
            entry: self.entry_id,
            step,
            error: self.error,
            detail: self.error_detail,
            created_by: self.created_by,
            created: from_ms(self.created_ms),
            started: self.started_ms.map(from_ms),
            finished: self.finished_ms.map(from_ms),
        })
    }
}
