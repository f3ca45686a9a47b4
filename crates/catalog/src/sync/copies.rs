//! The states of copies, and what runs did about them.

use std::{collections::HashMap, time::SystemTime};

use sqlx::{Any, FromRow, Row, Transaction, any::AnyRow};

use super::records::{
    Copy, CopyCounts, CopyOutcome, CopyState, RunCopy, RunId, SettledCopies, SourceTag, digest,
};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{self, BATCH, Rows, count, fetch_page, from_ms, number, to_ms},
};

/// How many copies of one run are recorded. Copies after that are only counted, and their states are kept.
pub const MAX_RUN_COPIES: u64 = 10_000;

pub(crate) const SOURCE_TAGS: &str = "SELECT DISTINCT source, reference FROM sync_copy \
     WHERE rule = $1 AND (source, reference) > ($2, $3) ORDER BY source, reference LIMIT $4";
pub(crate) const COPIES: &str = "SELECT source, reference, target, target_reference, digest, outcome, problem, hint, checked_ms, synced_ms \
     FROM sync_copy WHERE rule = $1 AND (source, reference) > ($2, $3) AND (source, reference) <= ($4, $5) \
     ORDER BY source, reference, target, target_reference";
const COUNTS: &str = "SELECT outcome, COUNT(*) FROM sync_copy WHERE rule = $1 GROUP BY outcome";
const DROP_STALE: &str = "DELETE FROM sync_copy WHERE rule = $1 AND checked_ms < $2";

const ADD_STATE: &str = "INSERT INTO sync_copy (rule, checked_ms, source, reference, target, target_reference, \
     digest, outcome, problem, hint, synced_ms) VALUES";
// One that was equal before and failed now keeps the time it was last known to be equal.
const OR_CHANGE: &str = "ON CONFLICT (rule, source, reference, target, target_reference) DO UPDATE SET \
     checked_ms = excluded.checked_ms, digest = COALESCE(excluded.digest, sync_copy.digest), \
     outcome = excluded.outcome, problem = excluded.problem, hint = excluded.hint, \
     synced_ms = COALESCE(excluded.synced_ms, sync_copy.synced_ms)";
const ADD_ROW: &str = "INSERT INTO sync_run_copy (run_id, number, source, reference, target, target_reference, \
     digest, outcome, problem, hint, written, mounted, present, took_ms) VALUES";

impl Catalog {
    /// Records what a run settled: the state of each copy, and what was done about those that were not equal. Returns the
    /// number for the next one of those.
    ///
    /// # Errors
    /// The database failed; then nothing of it is recorded.
    pub async fn record_copies(&self, settled: &SettledCopies<'_>) -> Result<u64, Error> {
        let SettledCopies { first, copies, .. } = *settled;
        // The last word about a copy counts: one statement may not write a row twice.
        let mut last: HashMap<_, _> = copies.iter().map(|done| (&done.copy, done)).collect();
        let mut states: Vec<_> = last.drain().map(|(_, done)| done).collect();
        states.sort_unstable_by(|a, b| a.copy.cmp(&b.copy));
        let room = usize::try_from((MAX_RUN_COPIES + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let rows: Vec<_> =
            copies.iter().filter(|done| done.outcome != CopyOutcome::Equal).take(room).collect();
        retried(|| self.try_record_copies(settled, &states, &rows)).await?;
        Ok(first + rows.len() as u64)
    }

    async fn try_record_copies(
        &self,
        &SettledCopies { run, rule, first, at, .. }: &SettledCopies<'_>,
        states: &[&RunCopy],
        rows: &[&RunCopy],
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for batch in states.chunks(BATCH) {
            write_states(&mut tx, rule, batch, at).await?;
        }
        for (index, batch) in rows.chunks(BATCH).enumerate() {
            write_rows(&mut tx, run, first + (index * BATCH) as u64, batch).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The states of a rule's copies, in bytewise order of source tags: those of `limit` source tags after `after`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn copies(
        &self,
        rule: &str,
        after: &SourceTag,
        limit: usize,
    ) -> Result<Listing<CopyState>, Error> {
        let query = sqlx::query_as::<_, (String, String)>(SOURCE_TAGS).bind(rule.to_owned());
        let query = query.bind(after.source.clone()).bind(after.reference.clone());
        let (tags, more) = fetch_page(query, &self.reader, limit).await?;
        let Some((source, reference)) = tags.into_iter().next_back() else {
            return Ok(Listing { rows: Vec::new(), more: false });
        };
        let query = sqlx::query_as::<_, RawState>(COPIES).bind(rule.to_owned());
        let query = query.bind(after.source.clone()).bind(after.reference.clone());
        let rows = query.bind(source).bind(reference).fetch_all(&self.reader).await?;
        Ok(Listing { rows: rows.into_iter().map(RawState::read).collect::<Result<_, _>>()?, more })
    }

    /// How many of a rule's copies are in which state. Reads all of them: ask once for each run, not for each request.
    ///
    /// # Errors
    /// The database failed.
    pub async fn copy_counts(&self, rule: &str) -> Result<CopyCounts, Error> {
        let query = sqlx::query_as::<_, (String, i64)>(COUNTS).bind(rule.to_owned());
        let mut counts = CopyCounts::default();
        for (outcome, copies) in query.fetch_all(&self.reader).await? {
            counts.add_many(CopyOutcome::read(&outcome)?, count(copies));
        }
        Ok(counts)
    }

    /// Removes the states of copies of a rule that were not looked at since `before`: the rule no longer wants them.
    /// Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_copies(&self, rule: &str, before: SystemTime) -> Result<u64, Error> {
        let done = retried(|| async {
            let query = sqlx::query(DROP_STALE).bind(rule.to_owned()).bind(to_ms(before));
            Ok(query.execute(&self.writer).await?)
        });
        Ok(done.await?.rows_affected())
    }
}

async fn write_states(
    tx: &mut Transaction<'static, Any>,
    rule: &str,
    batch: &[&RunCopy],
    at: SystemTime,
) -> Result<(), Error> {
    let text = sql::insert(ADD_STATE, Rows { count: batch.len(), shared: 2, own: 9 }, OR_CHANGE);
    let mut query = sqlx::query(text).bind(rule.to_owned()).bind(to_ms(at));
    for RunCopy { copy, digest, outcome, problem, hint, .. } in batch {
        for text in [&copy.source, &copy.reference, &copy.target, &copy.target_reference] {
            query = query.bind(text.clone());
        }
        query = query.bind(digest.map(|digest| digest.to_string())).bind(outcome.as_str());
        query = query.bind(problem.clone()).bind(hint.clone());
        query = query.bind(outcome.is_in_sync().then(|| to_ms(at)));
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn write_rows(
    tx: &mut Transaction<'static, Any>,
    run: RunId,
    first: u64,
    batch: &[&RunCopy],
) -> Result<(), Error> {
    let text = sql::insert(ADD_ROW, Rows { count: batch.len(), shared: 1, own: 13 }, "");
    let mut query = sqlx::query(text).bind(run.0);
    for (at, done) in (first..).zip(batch) {
        let RunCopy { copy, digest, outcome, problem, hint, .. } = done;
        query = query.bind(number(at));
        for text in [&copy.source, &copy.reference, &copy.target, &copy.target_reference] {
            query = query.bind(text.clone());
        }
        query = query.bind(digest.map(|digest| digest.to_string())).bind(outcome.as_str());
        query = query.bind(problem.clone()).bind(hint.clone());
        for bytes in [done.written, done.mounted, done.present] {
            query = query.bind(number(bytes));
        }
        query = query.bind(number(done.took.as_millis()));
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

impl<'r> FromRow<'r, AnyRow> for Copy {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            source: row.try_get("source")?,
            reference: row.try_get("reference")?,
            target: row.try_get("target")?,
            target_reference: row.try_get("target_reference")?,
        })
    }
}

struct RawState {
    copy: Copy,
    outcome: String,
    texts: [Option<String>; 3],
    checked: i64,
    synced: Option<i64>,
}

impl<'r> FromRow<'r, AnyRow> for RawState {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        let copy = Copy::from_row(row)?;
        let texts = [row.try_get("digest")?, row.try_get("problem")?, row.try_get("hint")?];
        let (checked, synced) = (row.try_get("checked_ms")?, row.try_get("synced_ms")?);
        Ok(Self { copy, outcome: row.try_get("outcome")?, texts, checked, synced })
    }
}

impl RawState {
    fn read(self) -> Result<CopyState, Error> {
        let [text, problem, hint] = self.texts;
        Ok(CopyState {
            copy: self.copy,
            digest: digest(text)?,
            outcome: CopyOutcome::read(&self.outcome)?,
            problem,
            hint,
            checked: from_ms(self.checked),
            synced: self.synced.map(from_ms),
        })
    }
}
