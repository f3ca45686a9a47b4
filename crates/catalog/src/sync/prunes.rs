//! Lists of tags that no rule writes, and what somebody decided about them.

use std::time::SystemTime;

use entrepot_oci::Digest;
use sqlx::{Any, FromRow, Transaction};

use super::records::RunId;
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{self, BATCH, Rows, count, fetch_page, from_ms, number, to_ms},
    words::words,
};

/// How many lists of each rule are kept.
pub const KEPT_PRUNES: usize = 20;

words! {
    /// How a list stands.
    PruneStatus "status of a list of tags" {
        /// Nobody has decided yet.
        Waiting = "waiting",
        /// Somebody approved it, and its tags are being removed.
        Approved = "approved",
        /// It was approved, and is dealt with.
        Done = "done",
        /// Somebody rejected it.
        Rejected = "rejected",
        /// A later run found something else.
        Replaced = "replaced",
        /// It was approved, and the server ended before it was dealt with.
        Interrupted = "interrupted",
    }
}

words! {
    /// What became of a tag of a list.
    PruneOutcome "outcome for a tag" {
        /// Nothing so far.
        Listed = "listed",
        /// It is removed.
        Removed = "removed",
        /// It is left alone: it is not what it was when it was listed.
        Kept = "kept",
        /// It could not be removed.
        Failed = "failed",
    }
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneRecord {
    /// Its id, which rises with time.
    pub id: i64,
    /// The rule.
    pub rule: String,
    /// The run that found the tags.
    pub run: RunId,
    /// The digest of the list.
    pub digest: Digest,
    /// How many tags it has.
    pub tags: u64,
    /// When it was made.
    pub created: SystemTime,
    /// When it can no longer be approved.
    pub expires: SystemTime,
    /// How it stands.
    pub status: PruneStatus,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided: Option<SystemTime>,
}

/// A tag of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneTag {
    /// The repository, with its registry.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What it led to when it was listed.
    pub digest: Digest,
    /// What became of it.
    pub outcome: PruneOutcome,
    /// Why it could not be removed.
    pub problem: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
}

/// A list to record.
#[derive(Clone, Debug)]
pub struct NewPrune<'a> {
    /// The rule.
    pub rule: &'a str,
    /// The run that found the tags.
    pub run: RunId,
    /// The digest of the list.
    pub digest: Digest,
    /// The tags: repository, tag, and what it leads to.
    pub tags: &'a [(String, String, Digest)],
    /// When it is made.
    pub at: SystemTime,
    /// When it can no longer be approved.
    pub expires: SystemTime,
}

/// What somebody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneDecision<'a> {
    /// How the list stands then: approved or rejected.
    pub status: PruneStatus,
    /// Who decides.
    pub by: &'a str,
    /// When.
    pub at: SystemTime,
}

macro_rules! prunes_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, rule, run_id, digest, tags, created_ms, expires_ms, status, decided_by, decided_ms \
             FROM sync_prune WHERE ",
            $condition
        )
    };
}
pub(crate) const PRUNE: &str = prunes_where!("id = $1");
pub(crate) const LATEST: &str = prunes_where!("rule = $1 ORDER BY id DESC LIMIT 1");
pub(crate) const PRUNES: &str = prunes_where!("id < $1 ORDER BY id DESC LIMIT $2");
pub(crate) const PRUNES_OF: &str = prunes_where!("rule = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
pub(crate) const PRUNE_TAGS: &str = "SELECT number, repository, tag, digest, outcome, problem, hint \
     FROM sync_prune_tag WHERE prune_id = $1 AND number > $2 ORDER BY number LIMIT $3";
pub(crate) const REPLACE: &str =
    "UPDATE sync_prune SET status = 'replaced' WHERE rule = $1 AND status = 'waiting'";
pub(crate) const TRIM_PRUNES: &str = "DELETE FROM sync_prune WHERE rule = $1 AND status <> 'approved' AND id <= \
     (SELECT id FROM sync_prune WHERE rule = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
const DECIDE: &str = "UPDATE sync_prune SET status = $2, decided_by = $3, decided_ms = $4 \
     WHERE id = $1 AND status = 'waiting'";
const SETTLE: &str = "UPDATE sync_prune_tag SET outcome = $3, problem = $4, hint = $5 \
     WHERE prune_id = $1 AND number = $2";
const END: &str = "UPDATE sync_prune SET status = 'done' WHERE id = $1 AND status = 'approved'";
const INTERRUPT: &str = "UPDATE sync_prune SET status = 'interrupted' WHERE status = 'approved'";
const ADD: &str = "INSERT INTO sync_prune (id, rule, run_id, digest, tags, created_ms, expires_ms, status) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting')";
const ADD_TAGS: &str = "INSERT INTO sync_prune_tag (prune_id, number, repository, tag, digest) VALUES";

impl Catalog {
    /// Records a list in place of one of the same rule that waits, and removes the oldest ones beyond [`KEPT_PRUNES`].
    ///
    /// # Errors
    /// The database failed; then nothing is changed.
    pub async fn add_prune(&self, new: &NewPrune<'_>) -> Result<i64, Error> {
        retried(|| self.try_add_prune(new)).await
    }

    async fn try_add_prune(&self, new: &NewPrune<'_>) -> Result<i64, Error> {
        let mut tx = self.begin().await?;
        sqlx::query(REPLACE).bind(new.rule.to_owned()).execute(&mut *tx).await?;
        let id = sql::new_id();
        let query = sqlx::query(ADD).bind(id).bind(new.rule.to_owned()).bind(new.run.0);
        let query = query.bind(new.digest.to_string()).bind(number(new.tags.len()));
        query.bind(to_ms(new.at)).bind(to_ms(new.expires)).execute(&mut *tx).await?;
        for (batch, tags) in new.tags.chunks(BATCH).enumerate() {
            add_tags(&mut tx, id, batch * BATCH, tags).await?;
        }
        let query = sqlx::query(TRIM_PRUNES).bind(new.rule.to_owned()).bind(number(KEPT_PRUNES));
        query.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// A list of this rule that waits is of no use any more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn replace_prune(&self, rule: &str) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(REPLACE).bind(rule.to_owned()).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// A list; `None` if there is none with this id, or it was removed because of its age.
    ///
    /// # Errors
    /// The database failed.
    pub async fn prune(&self, id: i64) -> Result<Option<PruneRecord>, Error> {
        let row = sqlx::query_as::<_, RawPrune>(PRUNE).bind(id).fetch_optional(&self.reader).await?;
        row.map(RawPrune::read).transpose()
    }

    /// The latest list of a rule.
    ///
    /// # Errors
    /// The database failed.
    pub async fn latest_prune(&self, rule: &str) -> Result<Option<PruneRecord>, Error> {
        let query = sqlx::query_as::<_, RawPrune>(LATEST).bind(rule.to_owned());
        query.fetch_optional(&self.reader).await?.map(RawPrune::read).transpose()
    }

    /// Lists, the latest first: those before `before`, of one rule if it is named.
    ///
    /// # Errors
    /// The database failed.
    pub async fn prunes(
        &self,
        rule: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listing<PruneRecord>, Error> {
        let query = match rule {
            Some(rule) => sqlx::query_as::<_, RawPrune>(PRUNES_OF).bind(rule.to_owned()),
            None => sqlx::query_as(PRUNES),
        };
        let query = query.bind(before.unwrap_or(i64::MAX));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(RawPrune::read).collect::<Result<_, _>>()?, more })
    }

    /// The tags of a list with their numbers, which begin with 1: at most `limit` after number `after`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn prune_tags(
        &self,
        id: i64,
        after: u64,
        limit: usize,
    ) -> Result<Listing<(u64, PruneTag)>, Error> {
        let query = sqlx::query_as::<_, RawTag>(PRUNE_TAGS).bind(id).bind(number(after));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(RawTag::read).collect::<Result<_, _>>()?, more })
    }

    /// Records what somebody decided. Returns false if the list does not wait any more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn decide_prune(&self, id: i64, decision: &PruneDecision<'_>) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(DECIDE).bind(id).bind(decision.status.as_str());
            let query = query.bind(decision.by.to_owned()).bind(to_ms(decision.at));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Records what became of the tags of a list, by their numbers; it is dealt with then.
    ///
    /// # Errors
    /// The database failed; then nothing is recorded.
    pub async fn end_prune(&self, id: i64, tags: &[(u64, PruneTag)]) -> Result<(), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            for (nth, tag) in tags {
                let query = sqlx::query(SETTLE).bind(id).bind(number(*nth)).bind(tag.outcome.as_str());
                let query = query.bind(tag.problem.clone()).bind(tag.hint.clone());
                query.execute(&mut *tx).await?;
            }
            sqlx::query(END).bind(id).execute(&mut *tx).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Records that nobody deals any more with the lists that were approved.
    ///
    /// # Errors
    /// The database failed.
    pub async fn interrupt_prunes(&self) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(INTERRUPT).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}

async fn add_tags(
    tx: &mut Transaction<'static, Any>,
    id: i64,
    first: usize,
    tags: &[(String, String, Digest)],
) -> Result<(), Error> {
    let rows = Rows { count: tags.len(), shared: 1, own: 4 };
    let mut query = sqlx::query(sql::insert(ADD_TAGS, rows, "")).bind(id);
    for (index, (repository, tag, digest)) in tags.iter().enumerate() {
        query = query.bind(number(first + index + 1)).bind(repository.clone()).bind(tag.clone());
        query = query.bind(digest.to_string());
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

#[derive(FromRow)]
struct RawPrune {
    id: i64,
    rule: String,
    run_id: i64,
    digest: String,
    tags: i64,
    created_ms: i64,
    expires_ms: i64,
    status: String,
    decided_by: Option<String>,
    decided_ms: Option<i64>,
}

impl RawPrune {
    fn read(self) -> Result<PruneRecord, Error> {
        Ok(PruneRecord {
            id: self.id,
            rule: self.rule,
            run: RunId(self.run_id),
            digest: sql::digest(&self.digest)?,
            tags: count(self.tags),
            created: from_ms(self.created_ms),
            expires: from_ms(self.expires_ms),
            status: PruneStatus::read(&self.status)?,
            decided_by: self.decided_by,
            decided: self.decided_ms.map(from_ms),
        })
    }
}

#[derive(FromRow)]
struct RawTag {
    number: i64,
    repository: String,
    tag: String,
    digest: String,
    outcome: String,
    problem: Option<String>,
    hint: Option<String>,
}

impl RawTag {
    fn read(self) -> Result<(u64, PruneTag), Error> {
        let tag = PruneTag {
            repository: self.repository,
            tag: self.tag,
            digest: sql::digest(&self.digest)?,
            outcome: PruneOutcome::read(&self.outcome)?,
            problem: self.problem,
            hint: self.hint,
        };
        Ok((count(self.number), tag))
    }
}
