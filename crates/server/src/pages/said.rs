//! What machines read of syncs: the guide in Markdown, the badge, the log.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{CopyCounts, CopyOutcome, CopyState, SourceTag};
use entrepot_scheduler::{Error, RuleView, RulesView, Scheduler};
use entrepot_sync::{Line, Place, Report, RuleStanding, Standing, State, Totals, Verdict, rules::RuleSet};

use super::words::Language;

/// How many source tags of a rule are asked for at once.
const BATCH: usize = 1000;
/// How many lines the log is made of, at most.
const MOST: usize = 50_000;

/// The guide in Markdown.
pub(super) fn markdown(rules: &RuleSet, views: &RulesView, language: Language) -> String {
    let rule = |view: &RuleView| {
        let at = view.last.as_ref()?.ended?;
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (in_sync, wanted) = (number(view.copies.in_sync()), number(view.copies.total()));
        Some((view.name.clone(), RuleStanding { at, in_sync, wanted }))
    };
    let standing = Standing { rules: views.rules.iter().filter_map(rule).collect() };
    entrepot_sync::guide(rules, &standing, language.of_guide(), SystemTime::now())
}

/// How much is in sync.
pub(super) fn badge(views: &RulesView) -> String {
    let sum = |of: fn(&CopyCounts) -> u64| {
        let all: u64 = views.rules.iter().map(|rule| of(&rule.copies)).sum();
        usize::try_from(all).unwrap_or(usize::MAX)
    };
    entrepot_sync::badge("sync", sum(CopyCounts::in_sync), sum(CopyCounts::total))
}

/// How every copy stood when it was last looked at, in the states of DaoCloud's log.
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
    // One repository beside its copy, as the log has it.
    lines.sort_by(|a, b| (&a.rule, &a.source, &a.target).cmp(&(&b.rule, &b.source, &b.target)));
    let last = views.rules.iter().filter_map(|rule| rule.last.as_ref()?.ended).max();
    let report = Report {
        verdict: Verdict::Done,
        started: last.unwrap_or_else(SystemTime::now),
        took: Duration::ZERO,
        totals: Totals::default(),
        rules: Vec::new(),
        lines,
        notes: Vec::new(),
    };
    Ok(entrepot_sync::log(&report))
}

fn line(rule: &str, standing: &CopyState) -> Option<Line> {
    let state = match standing.outcome {
        CopyOutcome::Copied | CopyOutcome::Equal => State::UpToDate,
        CopyOutcome::Kept => State::Kept,
        CopyOutcome::Postponed => State::Postponed { after_seconds: None },
        CopyOutcome::Cancelled => State::Cancelled,
        CopyOutcome::Failed => State::Failed {
            what: standing.problem.clone().unwrap_or_default(),
            hint: standing.hint.clone(),
            at_source: false,
        },
    };
    let copy = &standing.copy;
    Some(Line {
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
