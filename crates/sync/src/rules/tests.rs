//! What is refused, with its exact words, and what rules become.

use super::*;
use crate::{Format, Place};

fn sections(json: &str) -> Vec<RuleSection> {
    serde_json::from_str(json).unwrap()
}

fn rules(json: &str) -> RuleSet {
    RuleSet::check(&sections(json)).unwrap()
}

fn refused(json: &str) -> (String, String) {
    let error = RuleSet::check(&sections(json)).unwrap_err();
    (error.to_string(), error.hint().to_owned())
}

fn rule(rest: &str) -> String {
    format!(r#"[{{"name":"r",{rest}}}]"#)
}

fn place(text: &str) -> Place {
    let image: entrepot_oci::ImageRef = text.parse().unwrap();
    Place::Registry { host: image.host().clone(), repository: image.repository().clone() }
}

#[test]
fn a_rule_is_what_it_says() {
    let set = rules(&rule(
        r#""title":"Base","from":"quay.io/ascend/{cann,python}","tags":{"match":"^v"},"schedule":"@hourly",
        "notes":"n","to":["docker.io/ascendai/{name}",
        {"repository":"swr.cn-southwest-2.myhuaweicloud.com/base/{name}/{name}","format":"docker","note":"SWR",
         "platforms":["linux/arm64"],"referrers":false,"attestations":false,"immutable":"v*","backup":"old-{tag}",
         "prune":"review","tags":["v1"],"tag":"{tag}-x"}]"#,
    ));
    let rule = &set.rules()[0];
    assert_eq!((rule.name.as_str(), rule.title.as_deref(), rule.notes.len()), ("r", Some("Base"), 1));
    let sources: Vec<_> = rule.sources.iter().map(|source| source.place.to_string()).collect();
    assert_eq!(sources, ["quay.io/ascend/cann", "quay.io/ascend/python"]);
    let [first, second] = &rule.sources[1].destinations[..] else { panic!() };
    assert_eq!(first.place, place("docker.io/ascendai/python"));
    assert_eq!(first.terms.shape(Format::Keep), crate::Shape::default());
    assert_eq!(second.place, place("swr.cn-southwest-2.myhuaweicloud.com/base/python/python"));
    let terms = &second.terms;
    let shape = terms.shape(Format::Keep);
    assert_eq!((shape.format, shape.platforms.len(), shape.without_attestations), (Format::Docker, 1, true));
    assert_eq!((terms.referrers, terms.prune), (Referrers::Leave, Prune::Review));
    let tag = "v1".parse().unwrap();
    assert!(terms.is_immutable(&tag));
    assert_eq!(terms.name_of(&tag).unwrap().as_str(), "v1-x");
}

#[test]
fn rules_are_chosen_by_name() {
    let set = rules(
        r#"[{"name":"a","from":"quay.io/a/a","to":["quay.io/b/a"]},
            {"name":"b","from":"quay.io/a/b","to":["quay.io/b/b"]}]"#,
    );
    assert_eq!(set.only(&[]).unwrap().rules().len(), 2);
    assert_eq!(set.only(&["b".into()]).unwrap().rules()[0].name, "b");
    let unknown = set.only(&["c".into()]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no rule `c`");
    assert_eq!(unknown.known, ["a", "b"]);
}

#[test]
fn one_tag_can_be_chosen_if_it_is_meant() {
    let set = rules(&rule(r#""from":"q.io/a","to":["q.io/b"],"tags":{"match":"cann","latest":1}"#));
    let tag = |text: &str| text.parse::<entrepot_oci::Tag>().unwrap();
    let only = set.rules()[0].tags.only(tag("1-cann")).unwrap();
    assert_eq!(only.select(&[tag("1-cann"), tag("2-cann")]), [tag("1-cann")]);
    assert!(set.rules()[0].tags.only(tag("1")).is_none());
    assert_eq!(set.alone(set.rules()[0].clone()).rules().len(), 1);
}

#[test]
fn one_rule_alone_can_be_wrong() {
    let to = r#""to":["quay.io/b/x"]"#;
    for (rest, what) in [
        (format!(r#""from":[],{to}"#), "`sync[0].from`: the rule copies from nowhere"),
        (r#""from":"quay.io/a/x","to":[]"#.into(), "`sync[0].to`: the rule copies nowhere"),
        (format!(r#""from":"quay.io/a/X",{to}"#), "`sync[0].from`: `quay.io/a/X` is not a repository"),
        (
            format!(r#""from":["quay.io/a/y","nginx:1.27"],{to}"#),
            "`sync[0].from[1]`: `nginx:1.27` is an image, and a rule copies from repositories",
        ),
        (format!(r#""from":"q.io/{{a",{to}"#), "`sync[0].from`: `q.io/{a`: the braces do not match"),
        (format!(r#""from":"q.io/{{a,a}}",{to}"#), "`sync[0].from`: `q.io/a` is there twice"),
        (r#""from":"q.io/a","to":["me/x"]"#.into(), "`sync[0].to[0]`: `me/x` does not say which registry"),
        (
            r#""from":"q.io/a","to":[{"repository":"q.io/{tag}"}]"#.into(),
            "`sync[0].to[0].repository`: `{tag}` means nothing here",
        ),
        (
            r#""from":"q.io/a","to":[{"note":"x"}]"#.into(),
            "`sync[0].to[0].repository`: the repository is missing",
        ),
        (r#""from":"q.io/a","to":["q.io/B/{name}"]"#.into(), "`sync[0].to[0]`: `B/a` is not a repository"),
        (
            r#""from":"q.io/a/b/c","to":["docker.io/{path}"]"#.into(),
            "`sync[0].to[0]`: `a/b/c` has 3 parts, and Docker Hub holds names of exactly 2",
        ),
        (r#""from":"q.io/a","to":["q.io/{path}"]"#.into(), "`sync[0].to[0]`: `q.io/a` is also the source"),
        (
            r#""from":"q.io/a","to":[{"repository":"q.io/b","platforms":["linux"]}]"#.into(),
            "`sync[0].to[0].platforms[0]`: `linux` is not a platform",
        ),
        (
            r#""from":"q.io/a","to":[{"repository":"q.io/b","backup":"old"}]"#.into(),
            "`sync[0].to[0].backup`: `old` would be the backup of more than one tag, or the tag itself",
        ),
        (
            r#""from":"q.io/a","to":[{"repository":"q.io/b","tag":"{tag}:"}]"#.into(),
            "`sync[0].to[0].tag`: `{tag}:` is not a tag",
        ),
        (
            r#""from":"q.io/a","to":[{"repository":"q.io/b","tags":{"match":"["}}]"#.into(),
            "`sync[0].to[0].tags.match`: `[` is not a regular expression",
        ),
        (
            format!(r#""from":"q.io/a","timezone":"UTC",{to}"#),
            "`sync[0].timezone`: a time zone without a schedule",
        ),
        (
            format!(r#""from":"q.io/a","schedule":"soon",{to}"#),
            "`sync[0].schedule`: `soon` is not a schedule",
        ),
        (
            format!(r#""from":"q.io/a","tags":{{"latest":0}},{to}"#),
            "`sync[0].tags.latest`: this must be 1 or more",
        ),
    ] {
        let (said, hint) = refused(&rule(&rest));
        assert_eq!(said, what);
        assert!(!hint.is_empty(), "{what}");
    }
}

#[test]
fn hints_are_ways_out() {
    for (rest, hint) in [
        (
            r#""from":"nginx:1.27","to":["q.io/a"]"#,
            r#"write `from: docker.io/library/nginx` and `tags: ["1.27"]`"#,
        ),
        (r#""from":"nginx","to":["me/x"]"#, "put it in front: `docker.io/me/x`"),
        (
            r#""from":"nginx","to":["q.io/{repo}"]"#,
            "what may stand here: `{host}`, `{path}`, `{namespace}`, `{name}`",
        ),
    ] {
        assert_eq!(refused(&rule(rest)).1, hint);
    }
}

#[test]
fn names_are_names() {
    for (name, what) in [
        ("", "`sync[0].name`: the rule has no name"),
        ("a b", "`sync[0].name`: `a b` cannot be the name of a rule"),
        ("-a", "`sync[0].name`: `-a` cannot be the name of a rule"),
    ] {
        let json = format!(r#"[{{"name":"{name}","from":"q.io/a","to":["q.io/b"]}}]"#);
        assert_eq!(refused(&json).0, what);
    }
    let twice =
        r#"[{"name":"a","from":"q.io/a","to":["q.io/b"]},{"name":"a","from":"q.io/c","to":["q.io/d"]}]"#;
    assert_eq!(refused(twice).0, "`sync[1].name`: `a` is already the name of another rule");
}

#[test]
fn circles_are_refused() {
    let edge = |name: &str, from: &str, to: &str| {
        format!(r#"{{"name":"{name}","from":"q.io/{from}","to":["q.io/{to}"]}}"#)
    };
    let two = format!("[{},{}]", edge("ab", "a", "b"), edge("ba", "b", "a"));
    assert_eq!(
        refused(&two),
        (
            "`sync[1].to[0]`: this copies in a circle: q.io/a → q.io/b → q.io/a".to_owned(),
            "every repository has one source: leave out one of these steps".to_owned()
        )
    );
    let three = format!(
        "[{},{},{},{}]",
        edge("x", "x", "a"),
        edge("ab", "a", "b"),
        edge("bc", "b", "c"),
        edge("ca", "c", "a")
    );
    assert!(refused(&three).0.ends_with("this copies in a circle: q.io/a → q.io/b → q.io/c → q.io/a"));
    // A chain and a diamond are none.
    rules(&format!("[{},{}]", edge("ab", "a", "b"), edge("bc", "b", "c")));
    let diamond = r#"[{"name":"a","from":"q.io/a","to":["q.io/b","q.io/c"]},
        {"name":"b","from":"q.io/b","tags":["1"],"to":["q.io/d"]},{"name":"c","from":"q.io/c","tags":["2"],"to":["q.io/d"]}]"#;
    rules(diamond);
}

#[test]
fn two_that_write_one_tag_are_refused() {
    let two = |a: &str, b: &str| {
        format!(
            r#"[{{"name":"a","from":"q.io/a","tags":{a},"to":["q.io/x"]}},{{"name":"b","from":"q.io/b","tags":{b},"to":["q.io/x"]}}]"#
        )
    };
    let what = "`sync[1].to[0]`: `q.io/x` gets the same tags from rule `a`";
    assert_eq!(refused(&two("{}", r#"{"match":"1"}"#)).0, what);
    assert_eq!(refused(&two(r#"["1","2"]"#, r#"["2"]"#)).0, what);
    rules(&two(r#"{"match":"1"}"#, r#"{"match":"2"}"#));
    rules(&two(r#"["1"]"#, r#"["2"]"#));
    assert_eq!(
        refused(&rule(r#""from":["q.io/a","q.io/b"],"to":["q.io/x"]"#)).0,
        "`sync[0].to[0]`: `q.io/x` gets the same tags from `q.io/a` and `q.io/b`"
    );
    assert_eq!(
        refused(&rule(r#""from":"q.io/a","to":["q.io/x","q.io/x"]"#)).0,
        "`sync[0].to[1]`: `q.io/x` is there twice"
    );
    rules(&rule(
        r#""from":"q.io/a","to":["q.io/x",{"repository":"q.io/x","tag":"{tag}-arm64","platforms":"linux/arm64"}]"#,
    ));
}

#[test]
fn unknown_keys_are_errors() {
    for (json, what) in [
        (r#"[{"name":"a","form":"x","to":[]}]"#, "unknown field `form`"),
        (r#"[{"name":"a","from":"x","to":[{"repo":"x"}]}]"#, "unknown field `repo`"),
        (r#"[{"name":"a","from":"x","tags":{"regex":"x"},"to":[]}]"#, "unknown field `regex`"),
        (r#"[{"name":"a","from":"x","to":[{"repository":"x","prune":"yes"}]}]"#, "unknown variant `yes`"),
        (r#"[{"name":"a","from":"x","to":[{"repository":"x","referrers":"all"}]}]"#, "unknown variant `all`"),
        (r#"[{"from":"x","to":[]}]"#, "missing field `name`"),
        (r#"[{"name":"a","from":3,"to":[]}]"#, "expected a text or a list of texts"),
        (
            r#"[{"name":"a","from":"x","tags":"v1","to":[]}]"#,
            "expected a list of tags, or keys such as `match` and `latest`",
        ),
    ] {
        let error = serde_json::from_str::<Vec<RuleSection>>(json).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}
