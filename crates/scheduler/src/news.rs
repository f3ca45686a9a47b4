//! What operators want to hear of a run that has ended. Pure.

use entrepot_catalog::{RunOutcome, RunRecord};
use entrepot_events::{Event, SyncRun, SyncRunState};

/// How a rule stands after a run; `None` if the run does not say, because it was stopped or was about a part.
pub(crate) fn state_of(run: &RunRecord) -> Option<SyncRunState> {
    if run.part.is_some() {
        return None;
    }
    match run.outcome {
        RunOutcome::Done => Some(SyncRunState::Done),
        RunOutcome::Failed if run.counts.failed > 0 || run.problem.is_some() => Some(SyncRunState::Failed),
        RunOutcome::Failed => Some(SyncRunState::Behind),
        RunOutcome::Running | RunOutcome::Cancelled | RunOutcome::Interrupted => None,
    }
}

/// What is told of a run, where the rule stood as `before`: a rule that goes on failing is no news.
pub(crate) fn news(before: Option<SyncRunState>, run: &RunRecord) -> Option<Event> {
    let state = state_of(run).filter(|state| before.unwrap_or(SyncRunState::Done) != *state)?;
    let about = SyncRun {
        rule: run.rule.clone(),
        run: run.id.to_string(),
        state,
        failed: run.counts.failed,
        postponed: run.counts.postponed,
        problem: run.problem.clone(),
    };
    Some(match state {
        SyncRunState::Done => Event::SyncRecovered(about),
        SyncRunState::Behind => Event::SyncBehind(about),
        SyncRunState::Failed => Event::SyncFailed(about),
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use entrepot_catalog::{Cause, CopyCounts};

    use super::*;

    fn run(outcome: RunOutcome, failed: u64, postponed: u64) -> RunRecord {
        RunRecord {
            id: "7".parse().unwrap(),
            rule: "base".to_owned(),
            cause: Cause::Hand,
            part: None,
            started: SystemTime::UNIX_EPOCH,
            ended: Some(SystemTime::UNIX_EPOCH),
            outcome,
            problem: None,
            counts: CopyCounts { failed, postponed, ..CopyCounts::default() },
            written: 0,
            read: 0,
        }
    }

    #[test]
    fn only_changes_are_news() {
        let (done, failed) = (run(RunOutcome::Done, 0, 0), run(RunOutcome::Failed, 1, 2));
        let behind = run(RunOutcome::Failed, 0, 2);
        let told = |before: Option<&RunRecord>, now| {
            news(before.and_then(state_of), now).map(|event| event.kind().to_string())
        };
        for (before, now, expected) in [
            (None, &done, None),
            (None, &failed, Some("sync.failed")),
            (Some(&done), &failed, Some("sync.failed")),
            (Some(&failed), &failed, None),
            (Some(&failed), &behind, Some("sync.behind")),
            (Some(&behind), &behind, None),
            (Some(&behind), &failed, Some("sync.failed")),
            (Some(&failed), &done, Some("sync.recovered")),
            (Some(&done), &done, None),
        ] {
            assert_eq!(told(before, now).as_deref(), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn what_was_stopped_says_nothing() {
        for outcome in [RunOutcome::Cancelled, RunOutcome::Interrupted, RunOutcome::Running] {
            assert_eq!(news(None, &run(outcome, 1, 0)), None);
        }
        let part = RunRecord { part: Some("q.io/a".to_owned()), ..run(RunOutcome::Failed, 1, 0) };
        assert_eq!(news(None, &part), None);
        let stopped = RunRecord { problem: Some("no TLS".to_owned()), ..run(RunOutcome::Failed, 0, 0) };
        assert_eq!(state_of(&stopped), Some(SyncRunState::Failed));
    }
}
