//! Sync output for machines: the guide in Markdown, the badge, the log.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{CopyCounts, CopyOutcome, CopyState, SourceTag};
use entrepot_guide::{RuleStanding, RuleStandings};
use entrepot_scheduler::{Error, RuleView, RulesView, Scheduler};
use entrepot_sync::{Place, Report, ReportLine, ReportState, RunVerdict, Totals, rules::RuleSet};

use super::words::Language;

/// Source tags of a rule that are read at once.
const BATCH: usize = 1000;
/// Number of log lines after which no more are read.
const MOST: usize = 50_000;

/// The guide in Markdown.
pub(super) fn markdown(rules: &RuleSet, views: &RulesView, language: Language) -> String {
    let rule = |view: &RuleView| {
        let at = view.last.as_ref()?.ended?;
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (in_sync, wanted) = (number(view.copies.in_sync()), number(view.copies.total()));
        Some((view.name.clone(), RuleStanding { at, in_sync, wanted }))
    };
    let standing = RuleStandings { rules: views.rules.iter().filter_map(rule).collect() };
    entrepot_guide::guide(rules, &standing, language.of_guide(), SystemTime::now())
}

/// The share of copies in sync.
pub(super) fn badge(views: &RulesView) -> String {
    let sum = |of: fn(&CopyCounts) -> u64| {
        let all: u64 = views.rules.iter().map(|rule| of(&rule.copies)).sum();
        usize::try_from(all).unwrap_or(usize::MAX)
    };
    entrepot_guide::badge("sync", sum(CopyCounts::in_sync), sum(CopyCounts::total))
}

/// The state of each copy when last checked, in the terms of DaoCloud's log.
pub(super) async fn log(scheduler: &Scheduler, views: &RulesView) -> Result<String, Error> {
    let mut lines = Vec::new();
    for rule in &views.rules {
        let mut after = SourceTag::default();
        while lines.len() < MOST {
            let page = scheduler.copies(&rule.name, &after, BATCH).await?;
            lines.extend(page.copies.iter().filter_map(|copy| line(&rule.name, copy)));
            let Some(last) = page.copies.last().filter(|_| page.more) else { break };
            after = SourceTag { source: last.copy.source.clone(), reference: last.copy.reference.clone() };
        }
    }
    // Groups the lines by repository and target, as in that log.
    lines.sort_by(|a, b| (&a.rule, &a.source, &a.target).cmp(&(&b.rule, &b.source, &b.target)));
    let last = views.rules.iter().filter_map(|rule| rule.last.as_ref()?.ended).max();
    let report = Report {
        verdict: RunVerdict::Done,
        started: last.unwrap_or_else(SystemTime::now),
        took: Duration::ZERO,
        totals: Totals::default(),
        rules: Vec::new(),
        lines,
        notes: Vec::new(),
    };
    Ok(entrepot_guide::log(&report))
}

fn line(rule: &str, standing: &CopyState) -> Option<ReportLine> {
    let state = match standing.outcome {
        CopyOutcome::Copied | CopyOutcome::Equal => ReportState::UpToDate,
        CopyOutcome::Kept => ReportState::Kept,
        CopyOutcome::Postponed => ReportState::Postponed { after_seconds: None },
        CopyOutcome::Cancelled => ReportState::Cancelled,
        CopyOutcome::Failed => ReportState::Failed {
            what: standing.problem.clone().unwrap_or_default(),
            hint: standing.hint.clone(),
            at_source: false,
        },
    };
    let copy = &standing.copy;
    Some(ReportLine {
        rule: rule.to_owned(),
        source: place(&copy.source)?,
        tag: copy.reference.parse().ok(),
        digest: standing.digest,
        target: place(&copy.target)?,
        target_tag: copy.target_reference.parse().ok(),
        state,
        took: Duration::ZERO,
    })
}

fn place(text: &str) -> Option<Place> {
    let (host, repository) = text.split_once('/')?;
    Some(Place::Registry { host: host.parse().ok()?, repository: repository.parse().ok()? })
}
