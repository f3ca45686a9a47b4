//! Tags at destinations that no rule writes: listed for review, and removed only if a run is told to.
//!
//! No tag is called extra if it is uncertain what the rules write: a source could not be listed, a rule was left out of
//! this run, or there is no image at all.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::Tag;

use super::{decide::DecidedStep, step::PlanAction, step::PlanStep};
use crate::{
    Place,
    rules::{Destination, Prune, RuleSet, RuleSource, SyncRule},
    survey::{Survey, attached},
};

/// The input for all repositories.
struct ExtrasInput<'a> {
    rules: &'a RuleSet,
    survey: &'a Survey,
}

/// The rules that write to one repository.
struct Writers<'a> {
    /// The rule and source that extra tags are listed under.
    first: (&'a SyncRule, &'a RuleSource),
    all: Vec<&'a Destination>,
}

/// The extra tags as steps, and notes about repositories that could not be checked.
pub(super) fn extras(
    rules: &RuleSet,
    survey: &Survey,
    decided: &[DecidedStep<'_>],
) -> (Vec<PlanStep>, Vec<String>) {
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    let pruned: BTreeSet<&Place> = edges(rules)
        .filter(|(_, _, to)| to.terms.prune == Prune::Review)
        .map(|(_, _, to)| &to.place)
        .collect();
    let mut writers: BTreeMap<&Place, Writers<'_>> = BTreeMap::new();
    for (rule, source, to) in edges(rules).filter(|(_, _, to)| pruned.contains(&to.place)) {
        let writers =
            writers.entry(&to.place).or_insert_with(|| Writers { first: (rule, source), all: Vec::new() });
        writers.all.push(to);
    }
    let mut written: BTreeMap<&Place, WrittenTags> = BTreeMap::new();
    for one in decided.iter().filter(|one| pruned.contains(&one.step.target)) {
        written.entry(&one.step.target).or_default().add(one);
    }
    let known = ExtrasInput { rules, survey };
    for (place, writers) in writers {
        match of_place(place, &writers, written.get(place), &known) {
            Ok(found) => steps.extend(found),
            Err(note) => notes.push(note),
        }
    }
    (steps, notes)
}

fn edges(rules: &RuleSet) -> impl Iterator<Item = (&SyncRule, &RuleSource, &Destination)> {
    rules.rules().iter().flat_map(|rule| {
        let sources = rule.sources.iter();
        sources.flat_map(move |source| source.destinations.iter().map(move |to| (rule, source, to)))
    })
}

#[derive(Default)]
struct WrittenTags {
    tags: BTreeSet<Tag>,
    is_uncertain: bool,
}

impl WrittenTags {
    fn add(&mut self, decided: &DecidedStep<'_>) {
        let step = &decided.step;
        self.tags.extend(step.target_tag.iter().cloned());
        // The whole repository failed, not just a tag.
        self.is_uncertain |= step.tag.is_none() && matches!(step.action, PlanAction::Failed { .. });
    }
}

fn of_place(
    place: &Place,
    writers: &Writers<'_>,
    written: Option<&WrittenTags>,
    input: &ExtrasInput<'_>,
) -> Result<Vec<PlanStep>, String> {
    let unlisted = |why: &str| Err(format!("extra tags of `{place}` are not listed: {why}"));
    if input.rules.is_written_elsewhere(place) {
        return unlisted("a rule that is not part of this run also writes there");
    }
    let Some(written) = written.filter(|written| !written.is_uncertain && !written.tags.is_empty()) else {
        return unlisted("it is not certain which tags belong there");
    };
    let listing = match input.survey.listing(place) {
        Some(Ok(listing)) => listing,
        Some(Err(failure)) => return unlisted(&failure.what),
        None => return unlisted("it was not listed"),
    };
    let spared = |tag: &Tag| {
        written.tags.contains(tag)
            || attached::subject(tag).is_some()
            || writers.all.iter().any(|to| {
                let backup = to.terms.backup.as_ref();
                to.terms.is_immutable(tag) || backup.is_some_and(|backup| backup.could_be(tag))
            })
    };
    let (rule, source) = writers.first;
    let extra = |tag: &Tag| PlanStep {
        rule: rule.name.clone(),
        source: source.place.clone(),
        tag: None,
        digest: None,
        target: place.clone(),
        target_tag: Some(tag.clone()),
        before: None,
        action: PlanAction::Extra,
    };
    Ok(listing.iter().filter(|tag| !spared(tag)).map(extra).collect())
}
