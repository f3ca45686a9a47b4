//! Finds what blocks the copies, and what to know in advance. Pure.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_sync::{Format, Place, PlanAction, PlanStep, Provider};

use crate::{
    facts::{Facts, images},
    problem::{Problem, Severity},
    quota::Quota,
    row::PlanRow,
    size::size,
};

/// The largest layer that GHCR, SWR and others accept, in bytes.
const LARGEST_LAYER: u64 = 10_000_000_000;

/// GHCR's time limit for one request of an upload, in seconds.
const GHCR_PATIENCE: u64 = 600;

/// The most images listed for one reason.
const NAMED: usize = 3;

pub(crate) fn blockers(facts: &Facts<'_>, rows: &[PlanRow], quota: Option<&Quota>) -> Vec<Problem> {
    let mut problems = standing(&facts.copies.steps);
    // Nothing is known about repositories that could not be listed.
    let failed = |row: &PlanRow| {
        let mut own = facts.copies.steps.iter().filter(|step| step.source.to_string() == row.source);
        own.any(|step| matches!(step.action, PlanAction::Failed { .. }))
    };
    problems.extend(rows.iter().filter(|row| row.tags == 0 && !failed(row)).map(empty));
    problems.extend(large(facts, rows));
    problems.extend(long(facts, rows));
    problems.extend(converted(facts));
    problems.extend(quota.filter(|quota| !quota.is_enough()).map(|quota| scarce(facts, quota)));
    problems.extend(unread(facts));
    problems
}

// Problems in the engine's plan: each reason once, with the affected images.
fn standing(steps: &[PlanStep]) -> Vec<Problem> {
    let mut reasons: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    for step in steps {
        let image = match (&step.tag, &step.target_tag) {
            (Some(_), Some(tag)) => format!("{}:{tag}", step.target),
            _ => step.source.to_string(),
        };
        let (what, hint) = match &step.action {
            PlanAction::Update { .. } => (
                "something else is there under this name".to_owned(),
                Some(
                    "look at both with `entrepot inspect`; if it is an older copy, `entrepot migrate apply --overwrite`"
                        .to_owned(),
                ),
            ),
            PlanAction::Failed { what, hint, .. } => (what.clone(), hint.clone()),
            _ => continue,
        };
        reasons.entry((what, hint)).or_default().push(image);
    }
    let problem = |((what, hint), images): ((String, Option<String>), Vec<String>)| Problem {
        severity: Severity::Stops,
        about: several(&images),
        what,
        hint,
    };
    reasons.into_iter().map(problem).collect()
}

fn several(images: &[String]) -> String {
    let more = images.len().saturating_sub(NAMED);
    let named = images[..images.len().min(NAMED)].join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

fn empty(row: &PlanRow) -> Problem {
    let hint = "look at its name and at `tags`, or leave it out";
    Problem::new(Severity::Warns, &row.source, "it has no tags that move", hint)
}

fn large(facts: &Facts<'_>, rows: &[PlanRow]) -> Vec<Problem> {
    let provider = Provider::of(facts.migration.to.host());
    if !matches!(provider, Provider::Ghcr | Provider::Swr) {
        return Vec::new();
    }
    let problem = |row: &PlanRow| {
        let what = format!(
            "its largest layer has {}, and {} takes 10 GB at most",
            size(row.largest),
            provider.name()
        );
        Problem::new(Severity::Stops, &row.source, what, "build it with smaller layers, or leave it out")
    };
    rows.iter().filter(|row| row.largest > LARGEST_LAYER).map(problem).collect()
}

// The effect of the ten-minute limit, on our uploads in chunks and on uploads in one request.
fn long(facts: &Facts<'_>, rows: &[PlanRow]) -> Option<Problem> {
    let largest = rows.iter().map(|row| row.largest).max().filter(|largest| *largest > 0)?;
    if Provider::of(facts.migration.to.host()) != Provider::Ghcr {
        return None;
    }
    let whole = largest.div_ceil(GHCR_PATIENCE);
    let chunk = facts.chunk.unwrap_or(largest).min(largest);
    let piece = chunk.div_ceil(GHCR_PATIENCE);
    let what = format!(
        "GHCR ends every request of an upload after 10 minutes: the largest layer ({}) in one request needs {}/s",
        size(largest),
        size(whole)
    );
    let hint =
        format!("nothing to do: layers go in pieces of {}, for which {}/s will do", size(chunk), size(piece));
    (chunk < largest).then(|| Problem::new(Severity::Notes, facts.migration.to.host(), what, hint))
}

// Digests change if only Docker's format is accepted.
fn converted(facts: &Facts<'_>) -> Option<Problem> {
    let host = facts.migration.to.host();
    if facts.format != Format::Docker {
        return None;
    }
    let mut changed = BTreeSet::new();
    for moved in &facts.moves.moves {
        for step in images(facts.copies, &moved.source) {
            let summary =
                step.digest.and_then(|digest| facts.inspection.images.get(&(moved.source.clone(), digest)));
            if let (Some(true), Some(tag)) = (summary.map(|summary| summary.is_oci), &step.tag) {
                changed.insert(format!("{}:{tag}", step.source));
            }
        }
    }
    let changed: Vec<String> = changed.into_iter().collect();
    (!changed.is_empty()).then(|| {
        let what = format!(
            "`{host}` takes Docker's form of documents alone: these images are converted, and get other digests"
        );
        let hint = "signatures of them are not valid there; where documents name a digest, take the one that \
                    `entrepot migrate verify` tells";
        Problem::new(Severity::Warns, several(&changed), what, hint)
    })
}

fn scarce(facts: &Facts<'_>, quota: &Quota) -> Problem {
    let about = if quota.estimated { "about " } else { "" };
    let what = format!(
        "the copies take {about}{} manifests of a budget of which {} are left, {} of them for others",
        quota.needed, quota.left, quota.reserve
    );
    let hint = format!(
        "`entrepot migrate apply` stops when it is used up, and goes on when run again: {} windows in all; an account \
         with a higher limit needs fewer",
        quota.windows()
    );
    Problem::new(Severity::Warns, facts.migration.from.host(), what, hint)
}

fn unread(facts: &Facts<'_>) -> Vec<Problem> {
    let mut places: BTreeMap<&Place, &String> = BTreeMap::new();
    facts.inspection.failures.iter().for_each(|(place, why)| {
        places.entry(place).or_insert(why);
    });
    let problem = |(place, why): (&Place, &String)| {
        let what = format!("not every image could be looked into: {why}");
        Problem::new(Severity::Warns, place, what, "sizes and platforms lack them; the copies show more")
    };
    places.into_iter().map(problem).collect()
}
