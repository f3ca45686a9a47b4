use std::collections::HashMap;

use entrepot_oci::{Host, Repository};

use super::*;
use crate::{
    message::PullSubject,
    rule::{Notice, WrittenRule},
};

fn list(name: &str, kind: ListKind, patterns: &[&str]) -> RuleList {
    let written = |(at, text): (usize, &&str)| WrittenRule {
        pattern: text.parse().unwrap(),
        line: at + 1,
        notice: Notice::default(),
    };
    RuleList { name: name.to_owned(), kind, rules: patterns.iter().enumerate().map(written).collect() }
}

fn rules(allow: &[&str], deny: &[&str]) -> PullRules {
    let mut lists = Vec::new();
    if !allow.is_empty() {
        lists.push(list("allows.txt", ListKind::Allow, allow));
    }
    if !deny.is_empty() {
        lists.push(list("rules.deny", ListKind::Deny, deny));
    }
    PullRules::new(lists, None)
}

struct Owned(Host, Repository);

impl Owned {
    fn name(&self) -> FullName<'_> {
        FullName { host: &self.0, repository: &self.1 }
    }
}

fn name(text: &str) -> Owned {
    let (host, repository) = text.split_once('/').unwrap();
    Owned(host.parse().unwrap(), repository.parse().unwrap())
}

fn ruled(ruling: Ruling<'_>) -> String {
    match ruling {
        Ruling::Allowed(by) => format!("allowed {}", by.map_or("", |rule| rule.pattern().as_str())),
        Ruling::Refused(why) => {
            format!("{} {}", why.reason(), why.rule().map_or("", |rule| rule.pattern().as_str()))
        }
        Ruling::ByImage => "by image".to_owned(),
    }
}

fn decided(decision: Decision<'_>) -> String {
    match decision {
        Decision::Allowed(by) => ruled(Ruling::Allowed(by)),
        Decision::Refused(why) => ruled(Ruling::Refused(why)),
    }
}

#[test]
fn deny_beats_allow_and_no_list_allows_all() {
    let (allow, deny): (&[&str], &[&str]) = (
        &["docker.io/library/*", "quay.io/acme/**", "ghcr.io/x/y:1.*"],
        &["docker.io/library/evil", "quay.io/acme/a/**"],
    );
    for (allow, deny, repository, expected) in [
        (allow, deny, "docker.io/library/nginx", "allowed docker.io/library/*"),
        (allow, deny, "docker.io/library/evil", "denied docker.io/library/evil"),
        (allow, deny, "docker.io/acme/web", "not_listed "),
        (allow, deny, "quay.io/acme/a", "allowed quay.io/acme/**"),
        (allow, deny, "quay.io/acme/a/b", "denied quay.io/acme/a/**"),
        (allow, deny, "ghcr.io/x/y", "by image"),
        (&[], deny, "docker.io/acme/web", "allowed "),
        (&[], deny, "docker.io/library/evil", "denied docker.io/library/evil"),
        (&[], &[], "docker.io/library/evil", "allowed "),
        (&[], &["docker.io/a/b:old"], "docker.io/a/b", "by image"),
        (&["**"], &[], "x.test/a", "allowed **"),
        (&["*.gcr.io/**"], &[], "us.gcr.io/a/b", "allowed *.gcr.io/**"),
        (&["docker.io/a/tool-*"], &[], "docker.io/a/tool-x", "allowed docker.io/a/tool-*"),
        (&["docker.io/*/nginx"], &[], "docker.io/a/nginx", "allowed docker.io/*/nginx"),
    ] {
        assert_eq!(ruled(rules(allow, deny).ruling(name(repository).name())), expected, "{repository}");
    }
}

#[test]
fn the_most_exact_rule_decides() {
    let all = rules(&["quay.io/**", "quay.io/a/*", "quay.io/a/**", "quay.io/a/b", "**"], &[]);
    for (repository, expected) in [
        ("quay.io/a/b", "quay.io/a/b"),
        ("quay.io/a/c", "quay.io/a/*"),
        ("quay.io/a/c/d", "quay.io/a/**"),
        ("quay.io/b", "quay.io/**"),
        ("ghcr.io/b", "**"),
    ] {
        assert_eq!(ruled(all.ruling(name(repository).name())), format!("allowed {expected}"));
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// An index that a tag leads to, with a child that has a blob; another child is denied where that is asked.
fn lineage() -> Lineage {
    let known = |tags: &[&str], parents: &[&str]| ManifestLineage {
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        parents: parents.iter().map(|text| digest(text)).collect(),
    };
    Lineage {
        manifests: HashMap::from([
            (digest("index"), known(&["1.27"], &[])),
            (digest("child"), known(&[], &["index"])),
            (digest("other"), known(&["dev"], &[])),
        ]),
    }
}

fn parts(rules: &PullRules, name: &str) -> Vec<String> {
    let (owned, lineage) = (self::name(name), lineage());
    let of = rules.of(owned.name());
    let of_child = [digest("child")];
    let (shared, unknown) = ([digest("other"), digest("child")], [digest("new")]);
    let asked = [
        ImagePart::Manifest(&digest("index")),
        ImagePart::Manifest(&digest("child")),
        ImagePart::Blob(&digest("layer"), &of_child),
        ImagePart::Blob(&digest("base"), &shared),
        ImagePart::Manifest(&digest("other")),
        ImagePart::Manifest(&unknown[0]),
        ImagePart::Blob(&digest("nowhere"), &[]),
    ];
    asked.into_iter().map(|part| decided(of.part(part, &lineage))).collect()
}

// operate.md row 2
#[test]
fn what_an_allowed_tag_leads_to_is_allowed_with_its_parts() {
    let by_tag = "allowed docker.io/library/nginx:1.*";
    let first = "tag_first docker.io/library/nginx:1.*";
    let of_tag = rules(&["docker.io/library/nginx:1.*"], &[]);
    assert_eq!(
        parts(&of_tag, "docker.io/library/nginx"),
        [by_tag, by_tag, by_tag, by_tag, first, first, first]
    );
    let whole = rules(&["docker.io/library/nginx"], &[]);
    assert!(
        parts(&whole, "docker.io/library/nginx").iter().all(|part| part == "allowed docker.io/library/nginx")
    );
}

#[test]
fn an_image_that_is_allowed_by_its_digest_has_its_parts() {
    let rule = format!("docker.io/library/nginx@{}", digest("index"));
    let of_digest = rules(&[&rule], &[]);
    let (by, first) = (format!("allowed {rule}"), format!("tag_first {rule}"));
    let expected = [&by, &by, &by, &by, &first, &first, &first];
    assert_eq!(parts(&of_digest, "docker.io/library/nginx").iter().collect::<Vec<_>>(), expected);
    let owned = name("docker.io/library/nginx");
    let tag = "1.27".parse().unwrap();
    assert_eq!(decided(of_digest.of(owned.name()).tag(&tag)), format!("other_image {rule}"));
}

// operate.md row 1
#[test]
fn what_only_a_denied_tag_leads_to_is_denied_with_its_parts() {
    let denied = "denied docker.io/library/nginx:1.27";
    let of_tag = rules(&[], &["docker.io/library/nginx:1.27"]);
    let free = "allowed ";
    assert_eq!(
        parts(&of_tag, "docker.io/library/nginx"),
        [denied, denied, denied, free, free, free, free],
        "what another tag leads to as well is free"
    );
    let rule = format!("docker.io/library/nginx@{}", digest("index"));
    let of_digest = rules(&["docker.io/library/nginx"], &[&rule]);
    let (denied, free) = (format!("denied {rule}"), "allowed docker.io/library/nginx".to_owned());
    let expected = [&denied, &denied, &denied, &free, &free, &free, &free];
    assert_eq!(parts(&of_digest, "docker.io/library/nginx").iter().collect::<Vec<_>>(), expected);
    let layer = format!("docker.io/library/nginx@{}", digest("layer"));
    let of_layer = rules(&[], &[&layer]);
    assert_eq!(parts(&of_layer, "docker.io/library/nginx")[2], format!("denied {layer}"));
    let whole = rules(&["**"], &["docker.io/library/nginx"]);
    assert!(
        parts(&whole, "docker.io/library/nginx").iter().all(|part| part == "denied docker.io/library/nginx")
    );
}

#[test]
fn whoever_is_refused_learns_one_reason_the_rule_and_where_to_ask() {
    let mut denied = list("rules.deny", ListKind::Deny, &["docker.io/acme/**"]);
    denied.rules[0].notice =
        Notice { reason: Some("malware".into()), notice: Some("https://cve.test/1".into()), is_legal: true };
    let lists =
        vec![list("allows.txt", ListKind::Allow, &["docker.io/library/nginx", "quay.io/a/b:1.*"]), denied];
    let rules = PullRules::new(lists, Some("https://ask.test/?image={image}".parse().unwrap()));
    let told = |text: &str, reference: Option<&str>| {
        let owned = name(text);
        let reference = reference.map(|text| text.parse::<Reference>().unwrap());
        let wanted = PullSubject { name: owned.name(), reference: reference.as_ref() };
        let of = rules.of(owned.name());
        let refused = match (of.ruling(), &reference) {
            (Ruling::Refused(refused), _) => refused,
            (Ruling::ByImage, Some(reference)) => match of.named(reference) {
                Decision::Refused(refused) => refused,
                Decision::Allowed(_) => panic!("{text} is allowed"),
            },
            (ruling, _) => panic!("{ruling:?}"),
        };
        (refused.is_legal(), rules.message(&refused, wanted))
    };
    assert_eq!(
        told("docker.io/library/ngnix", Some("latest")),
        (
            false,
            "`docker.io/library/ngnix:latest` is not in the allow list (`allows.txt`); hint: the nearest rule is \
             `docker.io/library/nginx`, line 1; ask here: https://ask.test/?image=docker%2Eio%2Flibrary%2Fngnix%3Alatest"
                .to_owned()
        )
    );
    assert_eq!(
        told("docker.io/acme/web", None),
        (
            true,
            "`docker.io/acme/web` is denied by `docker.io/acme/**` of `rules.deny`: malware (https://cve.test/1); \
             hint: ask here: https://ask.test/?image=docker%2Eio%2Facme%2Fweb"
                .to_owned()
        )
    );
    let by_tag = told("quay.io/a/b", Some("2")).1;
    assert!(by_tag.starts_with(
        "`quay.io/a/b:2` is not in the allow list; of its repository `allows.txt` allows `quay.io/a/b:1.*`"
    ));
    let by_digest = told("quay.io/a/b", Some(&digest("x").to_string())).1;
    assert!(by_digest.contains("hint: pull it by its tag first; ask here: "), "{by_digest}");
}

#[test]
fn lists_are_counted() {
    let all = rules(&["docker.io/a/b", "docker.io/a/c"], &["docker.io/x"]);
    let lists: Vec<_> = all.lists().iter().map(|list| (list.name.as_str(), list.rules)).collect();
    assert_eq!(lists, [("allows.txt", 2), ("rules.deny", 1)]);
    assert!(!all.is_empty() && rules(&[], &[]).is_empty());
}

#[test]
fn another_list_comes_beside_those_that_are_there() {
    let lists = vec![
        RuleList::read("allows.txt", ListKind::Allow, "docker.io/a/*\nquay.io/b").unwrap(),
        RuleList::read("denies.txt", ListKind::Deny, "docker.io/a/x").unwrap(),
    ];
    let rules = PullRules::new(lists, None);
    assert!(rules.with(None).are_those_of(&rules));
    let more = RuleList::read("more", ListKind::Deny, "quay.io/b").unwrap();
    let more = rules.with(Some(more));
    assert_eq!(more.lists().iter().map(|list| list.rules).collect::<Vec<_>>(), [2, 1, 1]);
    let (host, repository) = ("quay.io".parse().unwrap(), "b".parse().unwrap());
    let name = FullName { host: &host, repository: &repository };
    assert!(matches!(rules.ruling(name), Ruling::Allowed(Some(_))));
    assert!(matches!(more.ruling(name), Ruling::Refused(RuleRefusal::Denied(_))));
}
