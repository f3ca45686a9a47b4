//! Tags at destinations that no rule writes: a run lists them, somebody approves or rejects the list, and exactly what was
//! listed is removed then. What is not as it was listed is left alone.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use entrepot_catalog::{
    Listing, NewPrune, PruneDecision, PruneOutcome, PruneRecord, PruneStatus, PruneTag, RunId,
};
use entrepot_events::{Event, PruneWaiting};
use entrepot_oci::{Digest, Tag};
use entrepot_sync::{ExtraTag, Place, PruneResult, rules::SyncRule};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    part::RunScope,
    runner::Runner,
    scheduler::Scheduler,
    task::{Task, Update},
};

/// How long a list can be approved: what was listed longer ago may mean something else by now.
const LASTS: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How many tags an event names.
const NAMED: usize = 3;
/// How many tags are read from the catalog at a time.
const PAGE: usize = 1000;

/// A list, and a page of its tags with their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneDetail {
    /// The list.
    pub prune: PruneRecord,
    /// The tags.
    pub tags: Vec<(u64, PruneTag)>,
    /// Whether more follow.
    pub more: bool,
}

/// What is to be done with what a run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PruneChange {
    /// Nothing: it is known, or there is nothing.
    Nothing,
    /// The list that waits is of no use any more.
    Obsolete,
    /// A new list has to be made.
    New,
}

/// What somebody decides about a list.
#[derive(Clone, Copy, Debug)]
pub struct Decider<'a> {
    /// The digest of the list that they have seen.
    pub seen: &'a Digest,
    /// Who they are.
    pub by: &'a str,
}

// What was rejected stays so until something else is found.
fn judge(latest: Option<&PruneRecord>, digest: &Digest, is_empty: bool, now: SystemTime) -> PruneChange {
    let waits = latest.is_some_and(|latest| latest.status == PruneStatus::Waiting);
    let is_known = latest.is_some_and(|latest| {
        latest.digest == *digest
            && match latest.status {
                PruneStatus::Waiting => now < latest.expires,
                PruneStatus::Approved | PruneStatus::Rejected => true,
                PruneStatus::Done | PruneStatus::Replaced | PruneStatus::Interrupted => false,
            }
    });
    match (is_empty, waits) {
        (true, true) => PruneChange::Obsolete,
        (true, false) => PruneChange::Nothing,
        (false, _) if is_known => PruneChange::Nothing,
        (false, _) => PruneChange::New,
    }
}

// Of the list in a form that everybody can make: a line for each tag.
fn digest_of(tags: &[ExtraTag]) -> Digest {
    let mut text = String::new();
    for ExtraTag { place, tag, digest } in tags {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{place}:{tag} {digest}");
    }
    Digest::of(text.as_bytes())
}

impl Runner {
    /// Records the tags that a run found, and tells operators if somebody has to decide.
    pub(crate) async fn list_extras(&self, rule: &str, run: RunId, tags: &[ExtraTag]) {
        if let Err(error) = self.try_list_extras(rule, run, tags).await {
            tracing::warn!(%error, rule, "the tags that no rule writes cannot be recorded");
        }
    }

    async fn try_list_extras(&self, rule: &str, run: RunId, tags: &[ExtraTag]) -> Result<(), Error> {
        let (now, digest) = ((self.clock)(), digest_of(tags));
        let latest = self.catalog.latest_prune(rule).await?;
        match judge(latest.as_ref(), &digest, tags.is_empty(), now) {
            PruneChange::Nothing => return Ok(()),
            PruneChange::Obsolete => return Ok(self.catalog.replace_prune(rule).await?),
            PruneChange::New => {}
        }
        let row = |one: &ExtraTag| (one.place.to_string(), one.tag.to_string(), one.digest);
        let rows: Vec<_> = tags.iter().map(row).collect();
        let new = NewPrune { rule, run, digest, tags: &rows, at: now, expires: now + LASTS };
        let id = self.catalog.add_prune(&new).await?;
        tracing::info!(rule, prune = id, tags = tags.len(), "tags that no rule writes wait for a decision");
        self.operators.raise(Event::PruneWaiting(PruneWaiting {
            id: id.to_string(),
            rule: rule.to_owned(),
            tags: tags.len() as u64,
            some: rows.iter().take(NAMED).map(|(place, tag, _)| format!("{place}:{tag}")).collect(),
        }));
        Ok(())
    }
}

impl Scheduler {
    /// Lists of tags that no rule writes, the latest first: those before `before`, of one rule if it is named.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn prunes(
        &self,
        rule: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listing<PruneRecord>, Error> {
        Ok(self.catalog().prunes(rule, before, limit).await?)
    }

    /// A list, and a page of its tags: those after number `after`.
    ///
    /// # Errors
    /// There is no such list, or the catalog failed.
    pub async fn prune(&self, id: i64, after: u64, limit: usize) -> Result<PruneDetail, Error> {
        let prune = self.catalog().prune(id).await?.ok_or(Error::UnknownPrune(id))?;
        let Listing { rows, more } = self.catalog().prune_tags(id, after, limit).await?;
        Ok(PruneDetail { prune, tags: rows, more })
    }

    /// Approves a list: its tags are removed in the background, as far as they are what they were when it was made.
    ///
    /// # Errors
    /// There is no such list, it is not the one that was seen, it does not wait any more, its rule is gone or running, or
    /// nothing can begin now.
    pub async fn approve_prune(&self, id: i64, decider: Decider<'_>) -> Result<PruneRecord, Error> {
        let prune = self.undecided(id, decider.seen).await?;
        let rule = self.idle_rule(&prune.rule)?;
        let listed = self.listed(id).await?;
        let prune = self.decide(id, decider, PruneStatus::Approved).await?;
        let scheduler = self.clone();
        self.spawn(async move { scheduler.remove_listed(id, rule, listed).await });
        Ok(prune)
    }

    /// Rejects a list: nothing of it is removed, and it is not shown again as long as nothing else is found.
    ///
    /// # Errors
    /// There is no such list, it is not the one that was seen, it does not wait any more, or the catalog failed.
    pub async fn reject_prune(&self, id: i64, decider: Decider<'_>) -> Result<PruneRecord, Error> {
        self.undecided(id, decider.seen).await?;
        self.decide(id, decider, PruneStatus::Rejected).await
    }

    async fn undecided(&self, id: i64, seen: &Digest) -> Result<PruneRecord, Error> {
        let prune = self.catalog().prune(id).await?.ok_or(Error::UnknownPrune(id))?;
        if prune.status != PruneStatus::Waiting {
            return Err(Error::PruneDecided { id, status: prune.status });
        }
        if self.now() >= prune.expires {
            return Err(Error::PruneExpired(id));
        }
        if prune.digest == *seen { Ok(prune) } else { Err(Error::PruneChanged(id)) }
    }

    async fn decide(&self, id: i64, decider: Decider<'_>, status: PruneStatus) -> Result<PruneRecord, Error> {
        let decision = PruneDecision { status, by: decider.by, at: self.now() };
        let is_first = self.catalog().decide_prune(id, &decision).await?;
        let prune = self.catalog().prune(id).await?.ok_or(Error::UnknownPrune(id))?;
        if is_first { Ok(prune) } else { Err(Error::PruneDecided { id, status: prune.status }) }
    }

    async fn listed(&self, id: i64) -> Result<NumberedTags, Error> {
        let (mut all, mut after) = (NumberedTags::new(), 0);
        loop {
            let page = self.catalog().prune_tags(id, after, PAGE).await?;
            for (number, tag) in page.rows {
                after = number;
                all.insert((tag.repository.clone(), tag.tag.clone()), (number, tag));
            }
            if !page.more {
                return Ok(all);
            }
        }
    }

    async fn remove_listed(&self, id: i64, rule: SyncRule, listed: NumberedTags) {
        let (name, tags) = (rule.name.clone(), listed.values().filter_map(|(_, tag)| extra_tag(&rule, tag)));
        let (updates, mut received) = mpsc::unbounded_channel();
        let (prune, cancel) = (Some(tags.collect()), CancellationToken::new());
        let executor = self.executor();
        let task = Task {
            set: self.rule_set().alone(rule.clone()),
            rule,
            part: RunScope::default(),
            prune,
            updates,
            cancel,
        };
        let follow = async {
            let mut ended = Vec::new();
            while let Some(update) = received.recv().await {
                if let Update::Pruned(tags) = update {
                    ended.extend(tags);
                }
            }
            ended
        };
        let (executed, ended) = tokio::join!(executor(task), follow);
        let settled = settle(listed, ended, executed.err().as_deref());
        if let Err(error) = self.catalog().end_prune(id, &settled).await {
            tracing::error!(%error, rule = name, "what became of the tags that no rule writes cannot be recorded");
        }
        let removed = settled.iter().filter(|(_, tag)| tag.outcome == PruneOutcome::Removed).count();
        tracing::info!(
            rule = name,
            prune = id,
            removed,
            of = settled.len(),
            "tags that no rule writes are removed"
        );
    }
}

/// The tags of a list with their numbers, by repository and tag.
type NumberedTags = BTreeMap<(String, String), (u64, PruneTag)>;

// A tag of the list, if it is at one of the rule's destinations.
fn extra_tag(rule: &SyncRule, listed: &PruneTag) -> Option<ExtraTag> {
    let destinations = rule.sources.iter().flat_map(|source| &source.destinations);
    let place: Place =
        destinations.map(|to| &to.place).find(|place| place.to_string() == listed.repository)?.clone();
    Some(ExtraTag { place, tag: listed.tag.parse::<Tag>().ok()?, digest: listed.digest })
}

// What became of each tag. One that nobody speaks of is left alone, because of `problem` if there was one.
fn settle(
    mut listed: NumberedTags,
    ended: Vec<(ExtraTag, PruneResult)>,
    problem: Option<&str>,
) -> Vec<(u64, PruneTag)> {
    for (_, tag) in listed.values_mut() {
        let outcome = if problem.is_some() { PruneOutcome::Failed } else { PruneOutcome::Kept };
        (tag.outcome, tag.problem) = (outcome, problem.map(str::to_owned));
    }
    for (one, pruned) in ended {
        let Some((_, tag)) = listed.get_mut(&(one.place.to_string(), one.tag.to_string())) else { continue };
        (tag.outcome, tag.problem, tag.hint) = match pruned {
            PruneResult::Removed => (PruneOutcome::Removed, None, None),
            PruneResult::Kept => (PruneOutcome::Kept, None, None),
            PruneResult::Failed(failure) => (PruneOutcome::Failed, Some(failure.what), failure.hint),
        };
    }
    listed.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(status: PruneStatus, list: &str) -> PruneRecord {
        PruneRecord {
            id: 1,
            rule: "base".to_owned(),
            run: "7".parse().unwrap(),
            digest: Digest::of(list.as_bytes()),
            tags: 1,
            created: SystemTime::UNIX_EPOCH,
            expires: SystemTime::UNIX_EPOCH + LASTS,
            status,
            decided_by: None,
            decided: None,
        }
    }

    #[test]
    fn nobody_is_asked_twice_about_the_same() {
        use PruneStatus::{Approved, Done, Interrupted, Rejected, Replaced, Waiting};
        let (list, soon) = (Digest::of(b"a"), SystemTime::UNIX_EPOCH);
        let of = |latest: Option<PruneRecord>, is_empty, now| judge(latest.as_ref(), &list, is_empty, now);
        assert_eq!(of(None, true, soon), PruneChange::Nothing);
        assert_eq!(of(None, false, soon), PruneChange::New);
        for (status, same, other) in [
            (Waiting, PruneChange::Nothing, PruneChange::New),
            (Approved, PruneChange::Nothing, PruneChange::New),
            (Rejected, PruneChange::Nothing, PruneChange::New),
            (Done, PruneChange::New, PruneChange::New),
            (Replaced, PruneChange::New, PruneChange::New),
            (Interrupted, PruneChange::New, PruneChange::New),
        ] {
            assert_eq!(of(Some(record(status, "a")), false, soon), same, "{status:?}");
            assert_eq!(of(Some(record(status, "b")), false, soon), other, "{status:?}");
        }
        assert_eq!(of(Some(record(Waiting, "a")), false, soon + LASTS), PruneChange::New, "it has expired");
        assert_eq!(of(Some(record(Waiting, "a")), true, soon), PruneChange::Obsolete);
        assert_eq!(of(Some(record(Rejected, "a")), true, soon), PruneChange::Nothing);
    }

    fn extra(tag: &str) -> ExtraTag {
        let place = Place::Registry { host: "q.io".parse().unwrap(), repository: "a".parse().unwrap() };
        ExtraTag { place, tag: tag.parse().unwrap(), digest: Digest::of(b"x") }
    }

    #[test]
    fn the_digest_is_that_of_the_lines() {
        let digest = Digest::of(b"x");
        let text = format!("q.io/a:1 {digest}\nq.io/a:2 {digest}\n");
        assert_eq!(digest_of(&[extra("1"), extra("2")]), Digest::of(text.as_bytes()));
        assert_ne!(digest_of(&[extra("1")]), digest_of(&[]));
    }

    #[test]
    fn what_nobody_speaks_of_is_left_alone() {
        let row = |tag: &str| PruneTag {
            repository: "q.io/a".to_owned(),
            tag: tag.to_owned(),
            digest: Digest::of(b"x"),
            outcome: PruneOutcome::Listed,
            problem: None,
            hint: None,
        };
        let listed: NumberedTags = ["1", "2", "3"]
            .iter()
            .zip(1..)
            .map(|(tag, number)| (("q.io/a".to_owned(), (*tag).to_owned()), (number, row(tag))))
            .collect();
        let ended = vec![
            (extra("1"), PruneResult::Removed),
            (extra("2"), PruneResult::Kept),
            (extra("9"), PruneResult::Removed),
        ];
        let outcomes = |settled: Vec<(u64, PruneTag)>| {
            settled.into_iter().map(|(number, tag)| (number, tag.outcome)).collect::<Vec<_>>()
        };
        assert_eq!(
            outcomes(settle(listed.clone(), ended, None)),
            [(1, PruneOutcome::Removed), (2, PruneOutcome::Kept), (3, PruneOutcome::Kept)]
        );
        let failed = settle(listed, Vec::new(), Some("no TLS"));
        assert!(failed.iter().all(|(_, tag)| tag.problem.as_deref() == Some("no TLS")));
        assert!(failed.iter().all(|(_, tag)| tag.outcome == PruneOutcome::Failed));
    }
}
