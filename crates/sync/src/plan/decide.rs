//! Compares every wanted image with every destination.

use std::collections::HashMap;

use entrepot_oci::{Digest, Tag};

use super::{step::PlanAction, step::PlanStep};
use crate::{
    CopyFailure, Place, Shape,
    rules::{Referrers, RuleSet, RuleSource, SyncRule},
    survey::{
        Survey, TagFinding,
        wants::{self, WantedTag, WantedTags},
    },
};

/// A step, with the data needed for a job.
#[derive(Clone, Debug)]
pub(super) struct DecidedStep<'a> {
    pub(super) step: PlanStep,
    /// The wanted image; `None` for steps without one.
    pub(super) want: Option<WantedTag<'a>>,
    pub(super) shape: Shape,
}

/// Decides about everything the rules want.
pub(super) fn decide<'a>(rules: &'a RuleSet, survey: &Survey) -> Vec<DecidedStep<'a>> {
    let pairs = rules.rules().iter().flat_map(|rule| rule.sources.iter().map(move |source| (rule, source)));
    pairs.flat_map(|(rule, source)| of_source(rule, source, survey)).collect()
}

fn of_source<'a>(rule: &'a SyncRule, source: &'a RuleSource, survey: &Survey) -> Vec<DecidedStep<'a>> {
    let listing = match survey.listing(&source.place) {
        Some(Ok(listing)) => listing,
        Some(Err(failure)) => return everywhere(rule, source, failure),
        None => return Vec::new(),
    };
    let wanted = wants::of_listing(rule, source, listing);
    wanted.iter().flat_map(|wanted| of_destination(wanted, listing, survey)).collect()
}

fn everywhere<'a>(rule: &SyncRule, source: &RuleSource, failure: &CopyFailure) -> Vec<DecidedStep<'a>> {
    let failed = |to: &crate::rules::Destination| whole(rule, source, &to.place, failure.clone().into());
    source.destinations.iter().map(failed).collect()
}

// A step about a repository rather than a tag.
fn whole<'a>(rule: &SyncRule, source: &RuleSource, target: &Place, action: PlanAction) -> DecidedStep<'a> {
    let step = PlanStep {
        rule: rule.name.clone(),
        source: source.place.clone(),
        tag: None,
        digest: None,
        target: target.clone(),
        target_tag: None,
        before: None,
        action,
    };
    DecidedStep { step, want: None, shape: Shape::default() }
}

fn of_destination<'a>(wanted: &WantedTags<'a>, listing: &[Tag], survey: &Survey) -> Vec<DecidedStep<'a>> {
    let source = &wanted.source.place;
    let following = wants::following(wanted, listing, |tag| survey.digest(source, tag));
    let all = wanted.wants.iter().cloned().chain(following);
    let mut decided: Vec<DecidedStep<'a>> = all.map(|want| of_want(want, survey)).collect();
    decided.extend(wanted.missing.iter().map(|tag| missing(wanted, tag)));
    if decided.is_empty() && !wanted.rule.allow_empty {
        decided.push(whole(
            wanted.rule,
            wanted.source,
            &wanted.destination.place,
            nothing(source, listing).into(),
        ));
    }
    decided
}

fn nothing(source: &Place, listing: &[Tag]) -> CopyFailure {
    let (what, hint) = match listing.len() {
        0 => (format!("`{source}` has no tags"), "look at its name, or write `allow_empty: true`"),
        1 => (
            format!("the only tag of `{source}` does not match"),
            "look at `tags`, or write `allow_empty: true`",
        ),
        count => (
            format!("none of the {count} tags of `{source}` matches"),
            "look at `tags`, or write `allow_empty: true`",
        ),
    };
    CopyFailure { what, hint: Some(hint.to_owned()), at_source: true }
}

fn missing<'a>(wanted: &WantedTags<'a>, tag: &Tag) -> DecidedStep<'a> {
    let (rule, source) = (wanted.rule, wanted.source);
    let mut decided = whole(rule, source, &wanted.destination.place, gone(&source.place, tag).into());
    decided.step.tag = Some(tag.clone());
    decided.step.target_tag = wanted.destination.terms.name_of(tag).ok();
    decided
}

fn gone(source: &Place, tag: &Tag) -> CopyFailure {
    CopyFailure {
        what: format!("there is no tag `{tag}` at `{source}`"),
        hint: Some("remove it from `tags`, or push it there".to_owned()),
        at_source: true,
    }
}

fn of_want<'a>(want: WantedTag<'a>, survey: &Survey) -> DecidedStep<'a> {
    let place = &want.destination.place;
    let shape = want.destination.terms.shape(survey.usual(place));
    let step = PlanStep {
        rule: want.rule.name.clone(),
        source: want.source.place.clone(),
        tag: Some(want.tag.clone()),
        digest: survey.digest(&want.source.place, &want.tag),
        target: place.clone(),
        target_tag: Some(want.name.clone()),
        before: survey.digest(place, &want.name),
        action: action(&want, &shape, survey),
    };
    DecidedStep { step, want: Some(want), shape }
}

fn action(want: &WantedTag<'_>, shape: &Shape, survey: &Survey) -> PlanAction {
    let (source, target) = (&want.source.place, &want.destination.place);
    if let Some(fault) = &want.fault {
        let what = format!("`{}` cannot have this name at `{target}`: {fault}", want.tag);
        let hint = Some("look at `tag` of the destination".to_owned());
        return PlanAction::Failed { what, hint, at_source: false };
    }
    if survey.is_verified(target, &want.name) {
        return PlanAction::Verified;
    }
    let digest = match survey.seen(source, &want.tag) {
        Some(TagFinding::At(digest)) => digest,
        Some(TagFinding::Unknown(failure)) => return failure.clone().into(),
        Some(TagFinding::Missing) | None => return gone(source, &want.tag).into(),
    };
    match survey.seen(target, &want.name) {
        Some(TagFinding::At(there)) => compare(want, shape, Digests { here: digest, there }, survey),
        Some(TagFinding::Unknown(failure)) => failure.clone().into(),
        Some(TagFinding::Missing) | None => PlanAction::Copy,
    }
}

// The digests of a tag at the source and at the destination.
struct Digests<'a> {
    here: &'a Digest,
    there: &'a Digest,
}

// Equality has three states: the same digest, the same by record, different. If conversion is wanted, the same digest
// proves nothing: the image may have been copied before the rule asked for it.
fn compare(want: &WantedTag<'_>, shape: &Shape, digests: Digests<'_>, survey: &Survey) -> PlanAction {
    let Digests { here, there } = digests;
    let terms = &want.destination.terms;
    let equal = match survey.record(here, shape) {
        _ if *shape == Shape::default() => (here == there).then_some(PlanAction::UpToDate),
        Some(converted) if converted == there && here == there => Some(PlanAction::UpToDate),
        Some(converted) => (converted == there).then_some(PlanAction::SameByRecord),
        None => None,
    };
    match equal {
        Some(_) if terms.referrers == Referrers::EveryRun && !want.attached => PlanAction::Referrers,
        Some(equal) => equal,
        None if terms.is_immutable(&want.name) => PlanAction::Kept,
        None => update(want, there, survey),
    }
}

fn update(want: &WantedTag<'_>, there: &Digest, survey: &Survey) -> PlanAction {
    let Some(template) = want.destination.terms.backup.as_ref().filter(|_| !want.attached) else {
        return PlanAction::Update { backup: None };
    };
    match template.fill(&want.name, &date(survey.at()), &there.hex()) {
        Ok(backup) => PlanAction::Update { backup: Some(backup) },
        Err(error) => PlanAction::Failed {
            what: format!("`{}` would be overwritten, and its backup cannot be named: {error}", want.name),
            hint: Some("look at `backup` of the destination".to_owned()),
            at_source: false,
        },
    }
}

fn date(at: std::time::SystemTime) -> String {
    let Ok(at) = jiff::Timestamp::try_from(at) else { return "19700101".to_owned() };
    at.strftime("%Y%m%d").to_string()
}

/// Finds tags that two rules would write, which the rules alone do not show. If both would write the same image, one of
/// them does; otherwise neither does.
pub(super) fn part(decided: &mut [DecidedStep<'_>]) {
    let mut writers: HashMap<(Place, Tag), Vec<usize>> = HashMap::new();
    for (index, one) in decided.iter().enumerate() {
        if let (Some(want), Some(name)) = (&one.want, &one.step.target_tag)
            && want.fault.is_none()
        {
            writers.entry((one.step.target.clone(), name.clone())).or_default().push(index);
        }
    }
    for indexes in writers.into_values().filter(|indexes| indexes.len() > 1) {
        let agree = indexes.windows(2).all(|pair| is_same(&decided[pair[0]], &decided[pair[1]]));
        if agree {
            continue;
        }
        let names: Vec<String> = indexes.iter().map(|index| writer(&decided[*index].step)).collect();
        for index in indexes {
            let what = format!("two would write this tag: {}", names.join(" and "));
            let hint = Some("separate them with `tags`, or give one of them another `tag`".to_owned());
            decided[index].step.action = PlanAction::Failed { what, hint, at_source: false };
        }
    }
}

fn is_same(a: &DecidedStep<'_>, b: &DecidedStep<'_>) -> bool {
    a.step.digest.is_some() && a.step.digest == b.step.digest && a.shape == b.shape
}

fn writer(step: &PlanStep) -> String {
    let tag = step.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("`{}:{tag}` of rule `{}`", step.source, step.rule)
}
