//! Compares every wanted image with every destination.

use std::collections::HashMap;

use entrepot_oci::{Digest, Tag};

use super::{step::Action, step::Step};
use crate::{
    Failure, Place, Shape,
    rules::{Referrers, Rule, RuleSet, Source},
    survey::{
        Seen, Survey,
        wants::{self, Want, Wanted},
    },
};

/// A step, with the data needed for a job.
#[derive(Clone, Debug)]
pub(super) struct Decided<'a> {
    pub(super) step: Step,
    /// The wanted image; `None` for steps without one.
    pub(super) want: Option<Want<'a>>,
    pub(super) shape: Shape,
}

/// Decides about everything the rules want.
pub(super) fn decide<'a>(rules: &'a RuleSet, survey: &Survey) -> Vec<Decided<'a>> {
    let pairs = rules.rules().iter().flat_map(|rule| rule.sources.iter().map(move |source| (rule, source)));
    pairs.flat_map(|(rule, source)| of_source(rule, source, survey)).collect()
}

fn of_source<'a>(rule: &'a Rule, source: &'a Source, survey: &Survey) -> Vec<Decided<'a>> {
    let listing = match survey.listing(&source.place) {
        Some(Ok(listing)) => listing,
        Some(Err(failure)) => return everywhere(rule, source, failure),
        None => return Vec::new(),
    };
    let wanted = wants::of_listing(rule, source, listing);
    wanted.iter().flat_map(|wanted| of_destination(wanted, listing, survey)).collect()
}

fn everywhere<'a>(rule: &Rule, source: &Source, failure: &Failure) -> Vec<Decided<'a>> {
    let failed = |to: &crate::rules::Destination| whole(rule, source, &to.place, failure.clone().into());
    source.destinations.iter().map(failed).collect()
}

// A step about a repository rather than a tag.
fn whole<'a>(rule: &Rule, source: &Source, target: &Place, action: Action) -> Decided<'a> {
    let step = Step {
        rule: rule.name.clone(),
        source: source.place.clone(),
        tag: None,
        digest: None,
        target: target.clone(),
        target_tag: None,
        before: None,
        action,
    };
    Decided { step, want: None, shape: Shape::default() }
}

fn of_destination<'a>(wanted: &Wanted<'a>, listing: &[Tag], survey: &Survey) -> Vec<Decided<'a>> {
    let source = &wanted.source.place;
    let following = wants::following(wanted, listing, |tag| survey.digest(source, tag));
    let all = wanted.wants.iter().cloned().chain(following);
    let mut decided: Vec<Decided<'a>> = all.map(|want| of_want(want, survey)).collect();
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

fn nothing(source: &Place, listing: &[Tag]) -> Failure {
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
    Failure { what, hint: Some(hint.to_owned()), at_source: true }
}

fn missing<'a>(wanted: &Wanted<'a>, tag: &Tag) -> Decided<'a> {
    let (rule, source) = (wanted.rule, wanted.source);
    let mut decided = whole(rule, source, &wanted.destination.place, gone(&source.place, tag).into());
    decided.step.tag = Some(tag.clone());
    decided.step.target_tag = wanted.destination.terms.name_of(tag).ok();
    decided
}

fn gone(source: &Place, tag: &Tag) -> Failure {
    Failure {
        what: format!("there is no tag `{tag}` at `{source}`"),
        hint: Some("remove it from `tags`, or push it there".to_owned()),
        at_source: true,
    }
}

fn of_want<'a>(want: Want<'a>, survey: &Survey) -> Decided<'a> {
    let place = &want.destination.place;
    let shape = want.destination.terms.shape(survey.usual(place));
    let step = Step {
        rule: want.rule.name.clone(),
        source: want.source.place.clone(),
        tag: Some(want.tag.clone()),
        digest: survey.digest(&want.source.place, &want.tag),
        target: place.clone(),
        target_tag: Some(want.name.clone()),
        before: survey.digest(place, &want.name),
        action: action(&want, &shape, survey),
    };
    Decided { step, want: Some(want), shape }
}

fn action(want: &Want<'_>, shape: &Shape, survey: &Survey) -> Action {
    let (source, target) = (&want.source.place, &want.destination.place);
    if let Some(fault) = &want.fault {
        let what = format!("`{}` cannot have this name at `{target}`: {fault}", want.tag);
        let hint = Some("look at `tag` of the destination".to_owned());
        return Action::Failed { what, hint, at_source: false };
    }
    if survey.is_verified(target, &want.name) {
        return Action::Verified;
    }
    let digest = match survey.seen(source, &want.tag) {
        Some(Seen::At(digest)) => digest,
        Some(Seen::Unknown(failure)) => return failure.clone().into(),
        Some(Seen::Missing) | None => return gone(source, &want.tag).into(),
    };
    match survey.seen(target, &want.name) {
        Some(Seen::At(there)) => compare(want, shape, Digests { here: digest, there }, survey),
        Some(Seen::Unknown(failure)) => failure.clone().into(),
        Some(Seen::Missing) | None => Action::Copy,
    }
}

// The digests of a tag at the source and at the destination.
struct Digests<'a> {
    here: &'a Digest,
    there: &'a Digest,
}

// Equality has three states: the same digest, the same by record, different. If conversion is wanted, the same digest
// proves nothing: the image may have been copied before the rule asked for it.
fn compare(want: &Want<'_>, shape: &Shape, digests: Digests<'_>, survey: &Survey) -> Action {
    let Digests { here, there } = digests;
    let terms = &want.destination.terms;
    let equal = match survey.record(here, shape) {
        _ if *shape == Shape::default() => (here == there).then_some(Action::UpToDate),
        Some(converted) if converted == there && here == there => Some(Action::UpToDate),
        Some(converted) => (converted == there).then_some(Action::SameByRecord),
        None => None,
    };
    match equal {
        Some(_) if terms.referrers == Referrers::EveryRun && !want.attached => Action::Referrers,
        Some(equal) => equal,
        None if terms.is_immutable(&want.name) => Action::Kept,
        None => update(want, there, survey),
    }
}

fn update(want: &Want<'_>, there: &Digest, survey: &Survey) -> Action {
    let Some(template) = want.destination.terms.backup.as_ref().filter(|_| !want.attached) else {
        return Action::Update { backup: None };
    };
    match template.fill(&want.name, &date(survey.at()), &there.hex()) {
        Ok(backup) => Action::Update { backup: Some(backup) },
        Err(error) => Action::Failed {
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
pub(super) fn part(decided: &mut [Decided<'_>]) {
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
            decided[index].step.action = Action::Failed { what, hint, at_source: false };
        }
    }
}

fn is_same(a: &Decided<'_>, b: &Decided<'_>) -> bool {
    a.step.digest.is_some() && a.step.digest == b.step.digest && a.shape == b.shape
}

fn writer(step: &Step) -> String {
    let tag = step.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("`{}:{tag}` of rule `{}`", step.source, step.rule)
}
