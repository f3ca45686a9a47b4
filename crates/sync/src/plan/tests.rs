//! What is decided over what was seen.

use std::time::{Duration, SystemTime};

use entrepot_oci::Digest;

use super::*;
use crate::{CopyFailure, Format, Place, Shape, survey::TagFinding};

fn rules(json: &str) -> RuleSet {
    let sections: Vec<crate::rules::RuleSection> = serde_json::from_str(json).unwrap();
    RuleSet::check(&sections).unwrap()
}

fn place(text: &str) -> Place {
    let image: entrepot_oci::ImageRef = text.parse().unwrap();
    Place::Registry { host: image.host().clone(), repository: image.repository().clone() }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn at(text: &str) -> TagFinding {
    TagFinding::At(digest(text))
}

// The source `q.io/a` with these tags and what they point at.
fn survey(tags: &[(&str, &str)]) -> Survey {
    // 2026-05-01
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_593_600);
    let source = place("q.io/a");
    let names: Vec<&str> = tags.iter().map(|(tag, _)| *tag).collect();
    let survey = Survey::empty(at).with_listing(&source, Ok(&names));
    tags.iter().fold(survey, |survey, (tag, image)| survey.with(&source, tag, self::at(image)))
}

// What is to be done, a line for each step.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |step: &PlanStep| {
        let tag = step.target_tag.as_ref().map(ToString::to_string).unwrap_or_default();
        let more = match &step.action {
            PlanAction::Failed { what, .. } => format!(": {what}"),
            PlanAction::Update { backup: Some(backup) } => format!(", old one as {backup}"),
            _ => String::new(),
        };
        format!("{}:{tag} {}{more}", step.target, step.action.word())
    };
    plan.steps.iter().map(line).collect()
}

const ONE: &str = r#"[{"name":"r","from":"q.io/a","to":["x.io/a","y.io/a"]}]"#;

#[test]
fn what_is_kept_is_wanted_and_needs_nothing() {
    let json = r#"[{"name":"r","from":"q.io/a","to":[{"repository":"x.io/a","immutable":"*"}]}]"#;
    let survey = survey(&[("1", "new")]).with(&place("x.io/a"), "1", at("old"));
    let counts = PlanCounts { kept: 1, ..PlanCounts::default() };
    assert_eq!(plan(&rules(json), &survey).counts(), counts);
    assert_eq!((counts.wanted(), counts.is_in_sync()), (1, true));
}

#[test]
fn an_image_is_one_job_for_all_that_lack_it() {
    let survey = survey(&[("1", "one"), ("1.0", "one"), ("2", "two")])
        .with(&place("x.io/a"), "1", at("one"))
        .with(&place("x.io/a"), "1.0", TagFinding::Missing)
        .with(&place("x.io/a"), "2", at("old"))
        .with(&place("y.io/a"), "1", TagFinding::Missing)
        .with(&place("y.io/a"), "1.0", TagFinding::Missing)
        .with(&place("y.io/a"), "2", at("two"));
    let plan = plan(&rules(ONE), &survey);
    assert_eq!(
        lines(&plan),
        [
            "x.io/a:1 up to date",
            "x.io/a:1.0 copy",
            "x.io/a:2 update",
            "y.io/a:1 copy",
            "y.io/a:1.0 copy",
            "y.io/a:2 up to date",
        ]
    );
    let jobs: Vec<_> = plan.jobs.iter().map(|job| (job.reference.to_string(), job.targets.len())).collect();
    assert_eq!(jobs, [("1.0".to_owned(), 3), ("2".to_owned(), 1)]);
    assert_eq!(plan.jobs[1].targets[0].before, Some(digest("old")));
    assert_eq!(plan.jobs[0].digest, Some(digest("one")));
    let counts = PlanCounts { in_sync: 2, behind: 4, ..PlanCounts::default() };
    assert_eq!((plan.counts(), counts.wanted(), counts.is_in_sync()), (counts, 6, false));
    assert!((counts.rate() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(plan.counts_by_rule(), [("r".to_owned(), counts)]);
}

#[test]
fn wanted_is_what_is_in_place_or_should_be() {
    let counts = PlanCounts { in_sync: 5, behind: 2, kept: 3, failed: 10, extra: 100 };
    assert_eq!((counts.wanted(), counts.is_in_sync()), (20, false));
    assert!((counts.rate() - 0.25).abs() < 1e-9);
    assert!(
        !PlanCounts { behind: 0, ..counts }.is_in_sync() && !PlanCounts { failed: 0, ..counts }.is_in_sync()
    );
    assert!(PlanCounts { behind: 0, failed: 0, ..counts }.is_in_sync());
    assert!((PlanCounts::default().rate() - 1.0).abs() < 1e-9);
}

#[test]
fn no_tag_is_an_error_unless_the_rule_says_otherwise() {
    let none = |tags: &[(&str, &str)], extra: &str| {
        let json =
            format!(r#"[{{"name":"r","from":"q.io/a","tags":{{"match":"^v"}},"to":["x.io/a"]{extra}}}]"#);
        lines(&plan(&rules(&json), &survey(tags)))
    };
    assert_eq!(none(&[], ""), ["x.io/a: failed: `q.io/a` has no tags"]);
    assert_eq!(none(&[("1", "a")], ""), ["x.io/a: failed: the only tag of `q.io/a` does not match"]);
    assert_eq!(
        none(&[("1", "a"), ("2", "a")], ""),
        ["x.io/a: failed: none of the 2 tags of `q.io/a` matches"]
    );
    assert_eq!(none(&[("1", "a")], r#","allow_empty":true"#), [""; 0]);
}

#[test]
fn what_failed_costs_only_its_own() {
    let failure = |what: &str, at_source| CopyFailure { what: what.to_owned(), hint: None, at_source };
    let down =
        Survey::empty(SystemTime::UNIX_EPOCH).with_listing(&place("q.io/a"), Err(failure("down", true)));
    assert_eq!(lines(&plan(&rules(ONE), &down)), ["x.io/a: failed: down", "y.io/a: failed: down"]);
    let one = survey(&[("1", "one")])
        .with(&place("x.io/a"), "1", TagFinding::Unknown(failure("x is down", false)))
        .with(&place("y.io/a"), "1", TagFinding::Missing);
    let made = plan(&rules(ONE), &one);
    assert_eq!(lines(&made), ["x.io/a:1 failed: x is down", "y.io/a:1 copy"]);
    assert_eq!((made.jobs.len(), made.jobs[0].targets.len()), (1, 1));
}

#[test]
fn names_that_are_gone_are_told() {
    let json = r#"[{"name":"r","from":"q.io/a","tags":["1","9"],"to":["x.io/a"]}]"#;
    let survey = survey(&[("1", "one")]).with(&place("x.io/a"), "1", at("one"));
    assert_eq!(
        lines(&plan(&rules(json), &survey)),
        ["x.io/a:1 up to date", "x.io/a:9 failed: there is no tag `9` at `q.io/a`"]
    );
}

#[test]
fn equality_in_another_form_is_by_record() {
    let json = r#"[{"name":"r","from":"q.io/a","to":[{"repository":"x.io/a","format":"docker"}]}]"#;
    let shape = Shape { format: Format::Docker, ..Shape::default() };
    let over = |there: &str, record: Option<&str>| {
        let survey = survey(&[("1", "one")]).with(&place("x.io/a"), "1", at(there));
        let survey = match record {
            Some(converted) => survey.with_record(digest("one"), shape.clone(), digest(converted)),
            None => survey,
        };
        lines(&plan(&rules(json), &survey)).remove(0)
    };
    assert_eq!(over("converted", Some("converted")), "x.io/a:1 same, converted");
    assert_eq!(over("one", Some("one")), "x.io/a:1 up to date");
    assert_eq!(over("one", Some("converted")), "x.io/a:1 update");
    assert_eq!(over("other", Some("converted")), "x.io/a:1 update");
    // Without a record it is looked at again.
    assert_eq!(over("one", None), "x.io/a:1 update");
}

#[test]
fn terms_of_a_destination_hold() {
    let with = |terms: &str, there: &str| {
        let json = format!(r#"[{{"name":"r","from":"q.io/a","to":[{{"repository":"x.io/a",{terms}}}]}}]"#);
        let survey = survey(&[("1", "one")]).with(&place("x.io/a"), "1", at(there));
        let plan = plan(&rules(&json), &survey);
        (lines(&plan).remove(0), plan.jobs)
    };
    assert_eq!(with(r#""immutable":"1""#, "old").0, "x.io/a:1 kept");
    assert_eq!(with(r#""immutable":"1""#, "one").0, "x.io/a:1 up to date");
    let (line, jobs) = with(r#""backup":"old-{tag}-{date}-{digest}","referrers":false"#, "old");
    let backup = format!("old-1-20260501-{}", &digest("old").hex()[..12]);
    assert_eq!(line, format!("x.io/a:1 update, old one as {backup}"));
    assert_eq!(jobs[0].targets[0].backup.as_ref().unwrap().as_str(), backup);
    assert!(!jobs[0].targets[0].referrers);
    let (line, jobs) = with(r#""referrers":"every-run""#, "one");
    assert_eq!((line.as_str(), jobs.len(), jobs[0].targets[0].referrers), ("x.io/a:1 referrers", 1, true));
    let name = format!(r#""tag":"{{tag}}{}""#, "x".repeat(120));
    let json = format!(r#"[{{"name":"r","from":"q.io/a","to":[{{"repository":"x.io/a",{name}}}]}}]"#);
    let long = survey(&[("1234567890", "one")]);
    assert!(lines(&plan(&rules(&json), &long))[0].contains("cannot have this name at `x.io/a`"));
}

#[test]
fn what_never_changes_is_not_asked_about() {
    let json = r#"[{"name":"r","from":"q.io/a","to":[{"repository":"x.io/a","immutable":"*"}]}]"#;
    let source = place("q.io/a");
    let survey = Survey::empty(SystemTime::UNIX_EPOCH)
        .with_listing(&source, Ok(&["1"]))
        .with_verified(&place("x.io/a"), "1");
    assert_eq!(lines(&plan(&rules(json), &survey)), ["x.io/a:1 verified"]);
}

#[test]
fn two_that_meet_in_one_tag_are_told() {
    let json = r#"[{"name":"a","from":"q.io/a","tags":{"match":"1"},"to":["x.io/a"]},
        {"name":"b","from":"q.io/b","tags":{"match":"2"},"to":["x.io/a"]}]"#;
    let (a, b) = (place("q.io/a"), place("q.io/b"));
    let with = |image: &str| {
        let survey = survey(&[("12", "one")])
            .with_listing(&b, Ok(&["12"]))
            .with(&a, "12", at("one"))
            .with(&b, "12", at(image))
            .with(&place("x.io/a"), "12", TagFinding::Missing);
        plan(&rules(json), &survey)
    };
    let differ = with("two");
    let what =
        "x.io/a:12 failed: two would write this tag: `q.io/a:12` of rule `a` and `q.io/b:12` of rule `b`";
    assert_eq!(lines(&differ), [what, what]);
    assert_eq!(differ.jobs.len(), 0);
    let agree = with("one");
    assert_eq!(lines(&agree), ["x.io/a:12 copy", "x.io/a:12 copy"]);
    assert_eq!((agree.jobs.len(), agree.jobs[0].targets.len()), (1, 1));
}

#[test]
fn what_belongs_to_an_image_follows_it() {
    let (one, two) = (digest("one").hex(), digest("two").hex());
    let (signature, other) = (format!("sha256-{one}.sig"), format!("sha256-{two}.sig"));
    let survey = survey(&[("v1", "one"), ("2", "two"), (&signature, "signature"), (&other, "other")]).with(
        &place("x.io/a"),
        "v1",
        at("one"),
    );
    let with = |tags: &str, terms: &str| {
        let json = format!(
            r#"[{{"name":"r","from":"q.io/a","tags":{tags},"to":[{{"repository":"x.io/a"{terms}}}]}}]"#
        );
        plan(&rules(&json), &survey)
    };
    let filtered = with(r#"{"match":"^v"}"#, "");
    assert_eq!(lines(&filtered), ["x.io/a:v1 up to date".to_owned(), format!("x.io/a:{signature} copy")]);
    assert!(!filtered.jobs[0].targets[0].referrers);
    assert_eq!(with(r#"{"match":"^v"}"#, r#","referrers":false"#).steps.len(), 1);
    // Without a filter there is nothing to follow: all tags are taken, images first.
    let all = with("{}", "");
    assert_eq!((all.steps.len(), all.jobs.len(), all.images), (4, 3, 1));
}

#[test]
fn extra_tags_are_listed_for_review() {
    let with = |terms: &str, survey: &Survey| {
        let json = format!(
            r#"[{{"name":"r","from":"q.io/a","to":[{{"repository":"x.io/a","prune":"review"{terms}}}]}}]"#
        );
        plan(&rules(&json), survey)
    };
    let x = place("x.io/a");
    let signature = format!("sha256-{}.sig", digest("one").hex());
    let seen = survey(&[("1", "one")]).with(&x, "1", at("one"));
    let listed = seen.clone().with_listing(&x, Ok(&["1", "0.9", "old-1", "v0", &signature]));
    assert_eq!(
        lines(&with("", &listed)),
        ["x.io/a:1 up to date", "x.io/a:0.9 extra", "x.io/a:old-1 extra", "x.io/a:v0 extra"]
    );
    assert_eq!(
        lines(&with(r#","backup":"old-{tag}","immutable":"v*""#, &listed)),
        ["x.io/a:1 up to date", "x.io/a:0.9 extra"]
    );
    assert_eq!(with("", &listed).counts().extra, 3);
    // A tag that failed leaves no doubt about the others.
    let failure = CopyFailure { what: "x is down".to_owned(), hint: None, at_source: false };
    let failed = listed.clone().with(&x, "1", TagFinding::Unknown(failure));
    assert_eq!(with("", &failed).counts().extra, 3);
    assert_eq!(with("", &seen).notes, ["extra tags of `x.io/a` are not listed: it was not listed"]);
}

#[test]
fn nothing_is_extra_where_it_is_not_sure() {
    let json = r#"[{"name":"a","from":"q.io/a","tags":{"match":"^a"},"to":[{"repository":"x.io/a","prune":"review"}]},
        {"name":"b","from":"q.io/b","tags":{"match":"^b"},"to":["x.io/a"]}]"#;
    let x = place("x.io/a");
    let rules = rules(json);
    let failure = CopyFailure { what: "down".to_owned(), hint: None, at_source: true };
    let half = survey(&[("a1", "one")]).with(&x, "a1", at("one")).with_listing(&x, Ok(&["a1", "b1", "c"]));
    let down = half.clone().with_listing(&place("q.io/b"), Err(failure));
    let made = plan(&rules, &down);
    assert_eq!(
        made.notes,
        ["extra tags of `x.io/a` are not listed: it is not certain which tags belong there"]
    );
    assert_eq!(made.counts().extra, 0);
    let up = half.clone().with_listing(&place("q.io/b"), Ok(&["b1"])).with(&place("q.io/b"), "b1", at("b"));
    assert_eq!(lines(&plan(&rules, &up)), ["x.io/a:a1 up to date", "x.io/a:c extra", "x.io/a:b1 copy"]);
    let untold =
        "extra tags of `x.io/a` are not listed: a rule that is not part of this run also writes there";
    let alone = plan(&rules.only(&["a".to_owned()]).unwrap(), &half);
    assert_eq!(alone.notes, [untold]);
    let alone = plan(&rules.alone(rules.rules()[0].clone()), &half);
    assert_eq!(alone.notes, [untold]);
}

#[test]
fn nothing_is_extra_beside_a_part_of_a_rule() {
    let json = r#"[{"name":"a","from":"q.io/a","to":[{"repository":"x.io/a","prune":"review"}]}]"#;
    let x = place("x.io/a");
    let (rules, seen) = (rules(json), survey(&[("1", "one"), ("2", "two")]));
    let seen = seen.with(&x, "1", at("one")).with(&x, "2", at("two")).with_listing(&x, Ok(&["1", "2", "3"]));
    let whole = rules.rules()[0].clone();
    assert_eq!(plan(&rules.alone(whole.clone()), &seen).counts().extra, 1);
    let part = crate::rules::SyncRule { tags: whole.tags.only("1".parse().unwrap()).unwrap(), ..whole };
    let made = plan(&rules.alone(part), &seen);
    assert_eq!((made.steps.len(), made.counts().extra, made.notes.len()), (1, 0, 1));
}

#[test]
fn a_plan_is_json() {
    let survey = survey(&[("1", "one")]).with(&place("x.io/a"), "1", at("old"));
    let json = r#"[{"name":"r","from":"q.io/a","to":[{"repository":"x.io/a","backup":"old-{tag}"}]}]"#;
    let value = serde_json::to_value(plan(&rules(json), &survey)).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "steps": [{
                "rule": "r", "source": "q.io/a", "tag": "1", "digest": digest("one"),
                "target": "x.io/a", "target_tag": "1", "before": digest("old"),
                "action": "update", "backup": "old-1",
            }],
            "notes": [],
        })
    );
}

#[test]
fn two_that_want_one_tag_in_different_forms_do_not_agree() {
    let json = r#"[{"name":"a","from":"q.io/a","tags":{"match":"1"},"to":["x.io/a"]},
        {"name":"b","from":"q.io/b","tags":{"match":"2"},"to":[{"repository":"x.io/a","format":"docker"}]}]"#;
    let seen = survey(&[("12", "one")])
        .with_listing(&place("q.io/b"), Ok(&["12"]))
        .with(&place("q.io/b"), "12", at("one"))
        .with(&place("x.io/a"), "12", TagFinding::Missing);
    let made = plan(&rules(json), &seen);
    assert_eq!((made.counts().failed, made.jobs.len()), (2, 0));
    // Nor do two of which nobody knows what they would write.
    let json = json.replace(r#"{"repository":"x.io/a","format":"docker"}"#, r#""x.io/a""#);
    let unknown = CopyFailure { what: "down".to_owned(), hint: None, at_source: true };
    let seen = seen.with(&place("q.io/a"), "12", TagFinding::Unknown(unknown.clone())).with(
        &place("q.io/b"),
        "12",
        TagFinding::Unknown(unknown),
    );
    assert!(lines(&plan(&rules(&json), &seen))[0].contains("two would write this tag"));
}

#[test]
fn what_belongs_to_an_image_has_no_referrers_and_no_backup() {
    let signature = format!("sha256-{}.sig", digest("one").hex());
    let x = place("x.io/a");
    let json = r#"[{"name":"r","from":"q.io/a","tags":{"match":"^v"},
        "to":[{"repository":"x.io/a","referrers":"every-run","backup":"old-{tag}"}]}]"#;
    let with = |there: &str| {
        let seen = survey(&[("v1", "one"), (&signature, "signature")]);
        let seen = seen.with(&x, "v1", at("one")).with(&x, &signature, at(there));
        plan(&rules(json), &seen)
    };
    let equal = with("signature");
    assert_eq!(lines(&equal), ["x.io/a:v1 referrers".to_owned(), format!("x.io/a:{signature} up to date")]);
    let other = with("another");
    assert_eq!(other.steps[1].action, PlanAction::Update { backup: None });
    let targets: Vec<bool> = other.jobs.iter().map(|job| job.targets[0].referrers).collect();
    assert_eq!((targets, other.images), (vec![true, false], 1));
}

#[test]
fn a_job_knows_what_the_tags_of_its_source_are_about() {
    let seen = survey(&[("1", "one")]).with(&place("x.io/a"), "1", TagFinding::Missing);
    assert_eq!(plan(&rules(ONE), &seen).jobs[0].attached, None);
    let listed = seen.with_attached(&place("q.io/a"), &[digest("one")]);
    let jobs = plan(&rules(ONE), &listed).jobs;
    assert_eq!(jobs[0].attached.as_deref(), Some(&[digest("one")].into()));
}

#[test]
fn backups_and_lasting_tags_of_every_rule_are_spared() {
    let json = r#"[{"name":"a","from":"q.io/a","tags":{"match":"^a"},"to":[{"repository":"x.io/a","prune":"review"}]},
        {"name":"b","from":"q.io/b","tags":{"match":"^b"},
         "to":[{"repository":"x.io/a","backup":"old-{tag}","immutable":"v*"}]}]"#;
    let x = place("x.io/a");
    let seen = survey(&[("a1", "one")])
        .with(&x, "a1", at("one"))
        .with_listing(&place("q.io/b"), Ok(&["b1"]))
        .with(&place("q.io/b"), "b1", at("b"))
        .with(&x, "b1", at("b"))
        .with_listing(&x, Ok(&["a1", "b1", "old-b1", "v2", "c"]));
    assert_eq!(
        lines(&plan(&rules(json), &seen)),
        ["x.io/a:a1 up to date", "x.io/a:c extra", "x.io/a:b1 up to date"]
    );
    let failure = CopyFailure { what: "x is down".to_owned(), hint: None, at_source: false };
    let unseen = plan(&rules(json), &seen.with_listing(&x, Err(failure)));
    assert_eq!(unseen.notes, ["extra tags of `x.io/a` are not listed: x is down"]);
}

#[test]
fn only_lasting_tags_that_are_new_here_are_remembered() {
    let json = r#"[{"name":"r","from":"q.io/a","to":[{"repository":"x.io/a","immutable":"v*"}]}]"#;
    let x = place("x.io/a");
    let seen = survey(&[("v1", "one"), ("v2", "two"), ("latest", "two")])
        .with_verified(&x, "v1")
        .with(&x, "v2", at("two"))
        .with(&x, "latest", at("two"));
    let made = plan(&rules(json), &seen);
    assert_eq!(made.lasting, [(x, "v2".parse().unwrap())].into());
}
