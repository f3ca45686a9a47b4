//! The history of runs.

use std::time::{Duration, SystemTime};

use sqlx::{FromRow, Row, any::AnyRow};

use super::records::{
    Cause, Copy, CopyCounts, CopyOutcome, NewRun, Orphans, RunCopy, RunEnd, RunId, RunOutcome, RunRecord,
    digest,
};
use crate::{
    database::{Catalog, retried},
    error::Error,
    instance::InstanceId,
    records::Listing,
    sql::{self, count, fetch_page, from_ms, number, to_ms},
};

/// How many runs of each rule are kept.
pub const KEPT_RUNS: usize = 50;

const BEGIN: &str = "INSERT INTO sync_run (id, rule, cause, part, owner, started_ms, heartbeat_ms, outcome) \
     VALUES ($1, $2, $3, $4, $5, $6, $6, 'running')";
const END: &str = "UPDATE sync_run SET ended_ms = $2, outcome = $3, problem = $4, copied = $5, equal = $6, \
     kept = $7, failed = $8, postponed = $9, cancelled = $10, written = $11, bytes_read = $12 WHERE id = $1";
pub(crate) const TRIM: &str = "DELETE FROM sync_run WHERE rule = $1 AND outcome <> 'running' AND id <= \
     (SELECT id FROM sync_run WHERE rule = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
pub(crate) const HEARTBEAT: &str =
    "UPDATE sync_run SET heartbeat_ms = $1 WHERE outcome = 'running' AND owner = $2";
pub(crate) const INTERRUPT: &str = "UPDATE sync_run SET outcome = 'interrupted', ended_ms = $1 \
     WHERE outcome = 'running' AND (owner IS NULL OR owner <> $2 AND (owner = $3 OR heartbeat_ms < $4))";

macro_rules! runs_where {
    ($($condition:literal)*) => {
        concat!(
            "SELECT id, rule, cause, part, started_ms, ended_ms, outcome, problem, copied, equal, kept, failed, postponed, \
             cancelled, written, bytes_read FROM sync_run WHERE ",
            $($condition)*
        )
    };
}
pub(crate) const LAST_WHOLE: &str = "SELECT started_ms FROM sync_run WHERE rule = $1 AND part IS NULL AND \
     outcome NOT IN ('running', 'interrupted') ORDER BY id DESC LIMIT 1";
pub(crate) const RUN: &str = runs_where!("id = $1");
pub(crate) const RUNS: &str = runs_where!("id < $1 ORDER BY id DESC LIMIT $2");
pub(crate) const RUNS_OF: &str = runs_where!("rule = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
pub(crate) const RUN_COPIES: &str = "SELECT number, source, reference, target, target_reference, digest, outcome, problem, hint, written, \
     mounted, present, took_ms FROM sync_run_copy WHERE run_id = $1 AND number > $2 ORDER BY number LIMIT $3";

impl Catalog {
    /// Records that a run has begun. Its owner has to send a [`Catalog::heartbeat`] from time to time until it ends.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin_run(&self, run: &NewRun<'_>) -> Result<RunId, Error> {
        retried(|| async {
            let id = sql::new_id();
            let query = sqlx::query(BEGIN).bind(id).bind(run.rule.to_owned()).bind(run.cause.as_str());
            let query = query.bind(run.part.map(str::to_owned)).bind(run.owner.0).bind(to_ms(run.at));
            query.execute(&self.writer).await?;
            Ok(RunId(id))
        })
        .await
    }

    /// Records how a run ended, and removes the oldest runs of its rule beyond [`KEPT_RUNS`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_run(&self, id: RunId, rule: &str, end: &RunEnd) -> Result<(), Error> {
        retried(|| self.try_end(id, rule, end)).await
    }

    async fn try_end(&self, id: RunId, rule: &str, end: &RunEnd) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let query = sqlx::query(END).bind(id.0).bind(to_ms(end.at)).bind(end.outcome.as_str());
        let query = query.bind(end.problem.clone());
        let CopyCounts { copied, equal, kept, failed, postponed, cancelled } = end.counts;
        let numbers = [copied, equal, kept, failed, postponed, cancelled, end.written, end.read];
        let query = numbers.into_iter().fold(query, |query, counted| query.bind(number(counted)));
        query.execute(&mut *tx).await?;
        let query = sqlx::query(TRIM).bind(rule.to_owned()).bind(number(KEPT_RUNS));
        query.execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Records that `owner` is at work on all of its runs that have not ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn heartbeat(&self, owner: InstanceId, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(HEARTBEAT).bind(to_ms(at)).bind(owner.0).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Records that the runs that nobody carries out any more were interrupted at `at`, and returns how many those are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn interrupt_runs(&self, orphans: &Orphans, at: SystemTime) -> Result<u64, Error> {
        // No instance has the id 0.
        let predecessor = orphans.predecessor.map_or(0, |instance| instance.0);
        let done = retried(|| async {
            let query = sqlx::query(INTERRUPT).bind(to_ms(at)).bind(orphans.not_of.0).bind(predecessor);
            Ok(query.bind(to_ms(orphans.silent_since)).execute(&self.writer).await?)
        });
        Ok(done.await?.rows_affected())
    }

    /// When the last run of `rule` as a whole began that was not interrupted; runs of a part do not count.
    ///
    /// # Errors
    /// The database failed.
    pub async fn last_whole_run(&self, rule: &str) -> Result<Option<SystemTime>, Error> {
        let query = sqlx::query_as::<_, (i64,)>(LAST_WHOLE).bind(rule.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.map(|(at,)| from_ms(at)))
    }

    /// A run; `None` if there is none with this id, or it was removed because of its age.
    ///
    /// # Errors
    /// The database failed.
    pub async fn run(&self, id: RunId) -> Result<Option<RunRecord>, Error> {
        let row = sqlx::query_as::<_, RawRun>(RUN).bind(id.0).fetch_optional(&self.reader).await?;
        row.map(RawRun::read).transpose()
    }

    /// At most `limit` runs, of one rule if it is named, the latest first: those before the run `before`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn runs(
        &self,
        rule: Option<&str>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Listing<RunRecord>, Error> {
        let before = before.map_or(i64::MAX, |id| id.0);
        let query = match rule {
            Some(rule) => sqlx::query_as(RUNS_OF).bind(rule.to_owned()),
            None => sqlx::query_as(RUNS),
        };
        let (rows, more) = fetch_page::<RawRun>(query.bind(before), &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(RawRun::read).collect::<Result<_, _>>()?, more })
    }

    /// What a run did about its copies, with their numbers, which begin with 1: at most `limit` after number `after`.
    /// Copies that were found equal are not among them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn run_copies(
        &self,
        id: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Listing<(u64, RunCopy)>, Error> {
        let query = sqlx::query_as(RUN_COPIES).bind(id.0).bind(number(after));
        let (rows, more) = fetch_page::<RawCopy>(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(RawCopy::read).collect::<Result<_, _>>()?, more })
    }
}

/// A row as it comes; more columns than a tuple may have.
struct RawRun {
    texts: (String, String, String),
    problem: Option<String>,
    part: Option<String>,
    ended: Option<i64>,
    numbers: [i64; 10],
}

impl<'r> FromRow<'r, AnyRow> for RawRun {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        let mut numbers = [0; 10];
        let columns = [
            "id",
            "started_ms",
            "copied",
            "equal",
            "kept",
            "failed",
            "postponed",
            "cancelled",
            "written",
            "bytes_read",
        ];
        for (number, column) in numbers.iter_mut().zip(columns) {
            *number = row.try_get(column)?;
        }
        let texts = (row.try_get("rule")?, row.try_get("cause")?, row.try_get("outcome")?);
        let (problem, part) = (row.try_get("problem")?, row.try_get("part")?);
        Ok(Self { texts, problem, part, ended: row.try_get("ended_ms")?, numbers })
    }
}

impl RawRun {
    fn read(self) -> Result<RunRecord, Error> {
        let (rule, cause, outcome) = self.texts;
        let [id, started, copied, equal, kept, failed, postponed, cancelled, written, read] = self.numbers;
        Ok(RunRecord {
            id: RunId(id),
            rule,
            cause: Cause::read(&cause)?,
            part: self.part,
            started: from_ms(started),
            ended: self.ended.map(from_ms),
            outcome: RunOutcome::read(&outcome)?,
            problem: self.problem,
            counts: CopyCounts {
                copied: count(copied),
                equal: count(equal),
                kept: count(kept),
                failed: count(failed),
                postponed: count(postponed),
                cancelled: count(cancelled),
            },
            written: count(written),
            read: count(read),
        })
    }
}

struct RawCopy {
    copy: Copy,
    outcome: String,
    texts: [Option<String>; 3],
    numbers: [i64; 5],
}

impl<'r> FromRow<'r, AnyRow> for RawCopy {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        let mut numbers = [0; 5];
        for (number, column) in numbers.iter_mut().zip(["number", "written", "mounted", "present", "took_ms"])
        {
            *number = row.try_get(column)?;
        }
        let copy = Copy::from_row(row)?;
        let texts = [row.try_get("digest")?, row.try_get("problem")?, row.try_get("hint")?];
        Ok(Self { copy, outcome: row.try_get("outcome")?, texts, numbers })
    }
}

impl RawCopy {
    fn read(self) -> Result<(u64, RunCopy), Error> {
        let [number, written, mounted, present, took] = self.numbers.map(count);
        let [text, problem, hint] = self.texts;
        let copy = RunCopy {
            copy: self.copy,
            digest: digest(text)?,
            outcome: CopyOutcome::read(&self.outcome)?,
            problem,
            hint,
            written,
            mounted,
            present,
            took: Duration::from_millis(took),
        };
        Ok((number, copy))
    }
}
