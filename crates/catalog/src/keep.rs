//! Keep lists: how their images stand, and their runs.

use std::time::SystemTime;

use entrepot_oci::Digest;
use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{count, digest, fetch_page, from_ms, new_id, number, to_ms},
    words::words,
};

const NOTE: &str = "INSERT INTO keep_image (list, image, state, digest, problem, checked_ms, run_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (list, image) DO UPDATE SET state = excluded.state, \
     digest = COALESCE(excluded.digest, keep_image.digest), problem = excluded.problem, \
     checked_ms = excluded.checked_ms, run_id = excluded.run_id";
pub(crate) const IMAGES: &str = "SELECT list, image, state, digest, problem, checked_ms FROM keep_image \
     WHERE list = $1 AND image > $2 AND state = COALESCE($3, state) ORDER BY image LIMIT $4";
pub(crate) const COUNTS: &str = "SELECT state, COUNT(*) FROM keep_image WHERE list = $1 GROUP BY state";
pub(crate) const FORGET: &str = "DELETE FROM keep_image WHERE list = $1 AND run_id <> $2";
const BEGIN: &str = "INSERT INTO keep_run (id, list, started_ms, outcome) VALUES ($1, $2, $3, 'running')";
const END: &str = "UPDATE keep_run SET finished_ms = $2, outcome = $3, kept = $4, failed = $5, postponed = $6, \
     bytes = $7 WHERE id = $1 AND finished_ms IS NULL";
pub(crate) const LAST: &str = "SELECT id, list, started_ms, finished_ms, outcome, kept, failed, postponed, bytes \
     FROM keep_run WHERE list = $1 ORDER BY id DESC LIMIT 1";
pub(crate) const TRIM: &str = "DELETE FROM keep_run WHERE list = $1 AND id < $2 AND finished_ms IS NOT NULL";
const INTERRUPT: &str =
    "UPDATE keep_run SET outcome = 'interrupted', finished_ms = $1 WHERE finished_ms IS NULL";

words! {
    /// How an image of a keep list stands.
    KeepState "state of a kept image" {
        /// All of it is here, as its registry had it then.
        Kept = "kept",
        /// It could not be fetched.
        Failed = "failed",
        /// Its turn did not come: what its registry allows is for clients.
        Postponed = "postponed",
    }
}

words! {
    /// What became of a run.
    KeepOutcome "outcome of a run of a keep list" {
        /// It goes on.
        Running = "running",
        /// All images are kept.
        Done = "done",
        /// Some are not.
        Failed = "failed",
        /// Somebody stopped it.
        Canceled = "canceled",
        /// The server stopped meanwhile.
        Interrupted = "interrupted",
    }
}

/// An image of a keep list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepImageRecord {
    /// The list.
    pub list: String,
    /// The image in full.
    pub image: String,
    /// How it stands.
    pub state: KeepState,
    /// What is kept of it, also if it failed since.
    pub digest: Option<Digest>,
    /// Why it is not kept as it is now.
    pub problem: Option<String>,
    /// When it was looked at.
    pub checked: SystemTime,
}

/// How many images of a list stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepCounts {
    /// Those that are kept.
    pub kept: u64,
    /// Those that could not be fetched.
    pub failed: u64,
    /// Those whose turn did not come.
    pub postponed: u64,
}

/// A run of a keep list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepRunRecord {
    /// Its id; later runs have greater ids.
    pub id: i64,
    /// The list.
    pub list: String,
    /// When it began.
    pub started: SystemTime,
    /// When it ended.
    pub finished: Option<SystemTime>,
    /// What became of it.
    pub outcome: KeepOutcome,
    /// How the images stood.
    pub counts: KeepCounts,
    /// Bytes that came.
    pub bytes: u64,
}

impl KeepCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.kept + self.failed + self.postponed
    }

    /// Counts one more.
    pub fn add(&mut self, state: KeepState) {
        match state {
            KeepState::Kept => self.kept += 1,
            KeepState::Failed => self.failed += 1,
            KeepState::Postponed => self.postponed += 1,
        }
    }
}

impl Catalog {
    /// Records how an image stands after it was looked at by a run. What was kept of it before is remembered.
    ///
    /// # Errors
    /// The database failed.
    pub async fn note_keep_image(&self, run: i64, record: &KeepImageRecord) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(NOTE).bind(record.list.clone()).bind(record.image.clone());
            let query =
                query.bind(record.state.as_str()).bind(record.digest.map(|digest| digest.to_string()));
            let query = query.bind(record.problem.clone()).bind(to_ms(record.checked)).bind(run);
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// A page of the images of a list, in order of their names.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep_images(
        &self,
        (list, after): (&str, &str),
        state: Option<KeepState>,
        limit: usize,
    ) -> Result<Listing<KeepImageRecord>, Error> {
        let query = sqlx::query_as::<_, RawImage>(IMAGES).bind(list.to_owned()).bind(after.to_owned());
        let query = query.bind(state.map(KeepState::as_str));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(RawImage::read).collect::<Result<_, _>>()?, more })
    }

    /// How many images of a list stand how.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep_counts(&self, list: &str) -> Result<KeepCounts, Error> {
        let query = sqlx::query_as::<_, (String, i64)>(COUNTS).bind(list.to_owned());
        let mut counts = KeepCounts::default();
        for (state, number) in query.fetch_all(&self.reader).await? {
            match KeepState::read(&state)? {
                KeepState::Kept => counts.kept = count(number),
                KeepState::Failed => counts.failed = count(number),
                KeepState::Postponed => counts.postponed = count(number),
            }
        }
        Ok(counts)
    }

    /// Begins a run of a list.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin_keep_run(&self, list: &str, at: SystemTime) -> Result<i64, Error> {
        retried(|| async {
            let id = new_id();
            let query = sqlx::query(BEGIN).bind(id).bind(list.to_owned()).bind(to_ms(at));
            query.execute(&self.writer).await?;
            Ok(id)
        })
        .await
    }

    /// Ends a run, and forgets older ones. With `is_whole`, images that the run did not look at are of the list no more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_keep_run(&self, run: &KeepRunRecord, is_whole: bool) -> Result<(), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let query =
                sqlx::query(END).bind(run.id).bind(run.finished.map(to_ms)).bind(run.outcome.as_str());
            let query = query.bind(number(run.counts.kept)).bind(number(run.counts.failed));
            let query = query.bind(number(run.counts.postponed)).bind(number(run.bytes));
            query.execute(&mut *tx).await?;
            if is_whole {
                sqlx::query(FORGET).bind(run.list.clone()).bind(run.id).execute(&mut *tx).await?;
            }
            sqlx::query(TRIM).bind(run.list.clone()).bind(run.id).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// The last run of a list.
    ///
    /// # Errors
    /// The database failed.
    pub async fn last_keep_run(&self, list: &str) -> Result<Option<KeepRunRecord>, Error> {
        let row =
            sqlx::query_as::<_, RawRun>(LAST).bind(list.to_owned()).fetch_optional(&self.reader).await?;
        row.map(RawRun::read).transpose()
    }

    /// Ends the runs that a server that was stopped has left.
    ///
    /// # Errors
    /// The database failed.
    pub async fn interrupt_keep_runs(&self, at: SystemTime) -> Result<u64, Error> {
        retried(|| async {
            Ok(sqlx::query(INTERRUPT).bind(to_ms(at)).execute(&self.writer).await?.rows_affected())
        })
        .await
    }
}

#[derive(FromRow)]
struct RawImage {
    list: String,
    image: String,
    state: String,
    digest: Option<String>,
    problem: Option<String>,
    checked_ms: i64,
}

impl RawImage {
    fn read(self) -> Result<KeepImageRecord, Error> {
        Ok(KeepImageRecord {
            list: self.list,
            image: self.image,
            state: KeepState::read(&self.state)?,
            digest: self.digest.as_deref().map(digest).transpose()?,
            problem: self.problem,
            checked: from_ms(self.checked_ms),
        })
    }
}

#[derive(FromRow)]
struct RawRun {
    id: i64,
    list: String,
    started_ms: i64,
    finished_ms: Option<i64>,
    outcome: String,
    kept: i64,
    failed: i64,
    postponed: i64,
    bytes: i64,
}

impl RawRun {
    fn read(self) -> Result<KeepRunRecord, Error> {
        Ok(KeepRunRecord {
            id: self.id,
            list: self.list,
            started: from_ms(self.started_ms),
            finished: self.finished_ms.map(from_ms),
            outcome: KeepOutcome::read(&self.outcome)?,
            counts: KeepCounts {
                kept: count(self.kept),
                failed: count(self.failed),
                postponed: count(self.postponed),
            },
            bytes: count(self.bytes),
        })
    }
}
