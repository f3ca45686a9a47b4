//! Converts scheduler data to API types. Pure.

use entrepot_api::{
    Cause, CopyCounts, CopyList, CopyOutcome, CopyStatus, Event, ImageProgress, Phase, Progress,
    RefusedConfig, Rule, RuleList, Run, RunCopy, RunDetail, RunId, RunList, RunOutcome, Running,
    SettledCopies, Source, Timestamp,
};
use entrepot_catalog as catalog;
use entrepot_scheduler as scheduler;

pub(super) fn rule_list(rules: scheduler::RulesView) -> RuleList {
    let refused = rules.refused.map(|scheduler::RefusedReload { at, problem, hint }| RefusedConfig {
        at: at.into(),
        problem,
        hint,
    });
    RuleList { rules: rules.rules.into_iter().map(rule).collect(), refused }
}

fn rule(rule: scheduler::RuleView) -> Rule {
    let source = |source: scheduler::SourceView| Source {
        from: source.from.to_string(),
        to: source.to.iter().map(ToString::to_string).collect(),
    };
    Rule {
        name: rule.name,
        title: rule.title,
        category: rule.category,
        schedule: rule.schedule,
        time_zone: rule.time_zone,
        next: rule.next.map(Timestamp::from),
        sources: rule.sources.into_iter().map(source).collect(),
        copies: counts(rule.copies),
        last: rule.last.map(run),
        running: rule.running.map(progress),
    }
}

pub(super) fn run_list(runs: scheduler::RunsView) -> RunList {
    RunList { runs: runs.runs.into_iter().map(run).collect(), more: runs.more }
}

pub(super) fn run_detail(detail: scheduler::RunDetail) -> RunDetail {
    RunDetail {
        run: run(detail.run),
        progress: detail.progress.map(progress),
        changes: detail.changes.iter().map(|(number, copy)| run_copy(*number, copy)).collect(),
        more: detail.more,
    }
}

pub(super) fn copy_list(state: scheduler::StateView) -> CopyList {
    CopyList { copies: state.copies.into_iter().map(copy_status).collect(), more: state.more }
}

/// Converts an event to its API type.
pub(super) fn event(event: &scheduler::RunEvent) -> Event {
    match event.clone() {
        scheduler::RunEvent::Running(runs) => {
            Event::Running(Running { runs: runs.into_iter().map(progress).collect() })
        }
        scheduler::RunEvent::Began(began) => Event::Began(progress(began)),
        scheduler::RunEvent::Progress(how_far) => Event::Progress(progress(how_far)),
        scheduler::RunEvent::Copies(settled) => Event::Copies(SettledCopies {
            run: run_id(settled.run),
            rule: settled.rule,
            changes: settled.changes.iter().map(|copy| run_copy(0, copy)).collect(),
            more: settled.more as u64,
        }),
        scheduler::RunEvent::Ended(ended) => Event::Ended(run(ended)),
        scheduler::RunEvent::Rules => Event::Rules {},
    }
}

fn run(run: catalog::RunRecord) -> Run {
    Run {
        id: run_id(run.id),
        rule: run.rule,
        cause: cause(run.cause),
        part: run.part,
        started: run.started.into(),
        ended: run.ended.map(Timestamp::from),
        outcome: run_outcome(run.outcome),
        problem: run.problem,
        copies: counts(run.counts),
        written: run.written,
        read: run.read,
    }
}

fn progress(progress: scheduler::ProgressView) -> Progress {
    let image = |scheduler::ImageView { image, bytes, done }| ImageProgress { image, bytes, done };
    Progress {
        run: run_id(progress.run),
        rule: progress.rule,
        cause: cause(progress.cause),
        part: progress.part,
        started: progress.started.into(),
        phase: phase(progress.phase),
        wanted: progress.wanted,
        copies: counts(progress.copies),
        bytes: progress.bytes,
        done: progress.done,
        read: progress.read,
        images: progress.images.into_iter().map(image).collect(),
    }
}

fn run_copy(number: u64, done: &catalog::RunCopy) -> RunCopy {
    let catalog::Copy { source, reference, target, target_reference } = done.copy.clone();
    RunCopy {
        number,
        source,
        reference,
        target,
        target_reference,
        digest: done.digest,
        outcome: copy_outcome(done.outcome),
        problem: done.problem.clone(),
        hint: done.hint.clone(),
        written: done.written,
        mounted: done.mounted,
        present: done.present,
        milliseconds: u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
    }
}

fn copy_status(state: catalog::CopyState) -> CopyStatus {
    let catalog::Copy { source, reference, target, target_reference } = state.copy;
    CopyStatus {
        source,
        reference,
        target,
        target_reference,
        digest: state.digest,
        outcome: copy_outcome(state.outcome),
        problem: state.problem,
        hint: state.hint,
        checked: state.checked.into(),
        synced: state.synced.map(Timestamp::from),
    }
}

fn counts(counts: catalog::CopyCounts) -> CopyCounts {
    CopyCounts {
        total: counts.total(),
        in_sync: counts.in_sync(),
        copied: counts.copied,
        equal: counts.equal,
        kept: counts.kept,
        failed: counts.failed,
        postponed: counts.postponed,
        cancelled: counts.cancelled,
    }
}

fn run_id(id: catalog::RunId) -> RunId {
    RunId::new(id.to_string())
}

fn cause(cause: catalog::Cause) -> Cause {
    match cause {
        catalog::Cause::Schedule => Cause::Schedule,
        catalog::Cause::CatchUp => Cause::CatchUp,
        catalog::Cause::Hand => Cause::Hand,
    }
}

fn phase(phase: scheduler::Phase) -> Phase {
    match phase {
        scheduler::Phase::Waiting => Phase::Waiting,
        scheduler::Phase::Looking => Phase::Looking,
        scheduler::Phase::Copying => Phase::Copying,
    }
}

fn run_outcome(outcome: catalog::RunOutcome) -> RunOutcome {
    match outcome {
        catalog::RunOutcome::Running => RunOutcome::Running,
        catalog::RunOutcome::Done => RunOutcome::Done,
        catalog::RunOutcome::Failed => RunOutcome::Failed,
        catalog::RunOutcome::Cancelled => RunOutcome::Cancelled,
        catalog::RunOutcome::Interrupted => RunOutcome::Interrupted,
    }
}

fn copy_outcome(outcome: catalog::CopyOutcome) -> CopyOutcome {
    match outcome {
        catalog::CopyOutcome::Copied => CopyOutcome::Copied,
        catalog::CopyOutcome::Equal => CopyOutcome::Equal,
        catalog::CopyOutcome::Kept => CopyOutcome::Kept,
        catalog::CopyOutcome::Failed => CopyOutcome::Failed,
        catalog::CopyOutcome::Postponed => CopyOutcome::Postponed,
        catalog::CopyOutcome::Cancelled => CopyOutcome::Cancelled,
    }
}
