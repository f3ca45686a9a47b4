//! Files of every kind, and what becomes of them.

use std::collections::BTreeMap;

use entrepot_sync::rules::{RuleSection, RuleSet};

use crate::{
    import::{ImportError, Input, import},
    imported::{FileKind, Imported},
};

#[derive(serde::Deserialize)]
struct File {
    sync: Vec<RuleSection>,
}

fn input<'a>(text: &'a str, to: Option<&'a str>) -> Input<'a> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    Input { text, exclude: None, to, variables: &NONE }
}

fn read(text: &str, to: Option<&str>) -> Imported {
    import(&input(text, to)).unwrap()
}

// What was written is what was meant, and is valid.
fn yaml(imported: &Imported) -> String {
    let text = imported.to_yaml();
    let file: File = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(format!("{:?}", file.sync), format!("{:?}", imported.sections()), "{text}");
    RuleSet::check(&file.sync).unwrap_or_else(|error| panic!("{error}\n{text}"));
    text
}

#[test]
fn pairs_become_rules_by_source() {
    let imported = read(
        r#"[{"src":"quay.io/ascend/cann","dest":"docker.io/ascendai/cann"},
            {"src":"docker.io/lmsysorg/sglang","dest":"quay.io/ascend/sglang","tag_filter":"cann"},
            {"src":"quay.io/ascend/cann","dest":"swr.cn-southwest-2.myhuaweicloud.com/base/cann/cann"},
            {"src":"quay.io/ascend/cann","dest":"docker.io/ascendai/cann"},
            {"src":"quay.io/other/cann","dest":"docker.io/ascendai/other-cann"}]"#,
        None,
    );
    assert_eq!(imported.kind(), FileKind::ImageSync);
    let expected = r#"# Made of image-sync.json.
# Not carried over: quay.io/ascend/cann to docker.io/ascendai/cann was there twice, and is once here
sync:
  - name: cann
    from: quay.io/ascend/cann
    to:
      - docker.io/ascendai/cann
      - repository: swr.cn-southwest-2.myhuaweicloud.com/base/cann/cann
        format: docker  # this registry refuses OCI indexes
  - name: sglang
    from: docker.io/lmsysorg/sglang
    tags:
      match: cann
      ignore_case: true
    to:
      - quay.io/ascend/sglang
  - name: other-cann
    from: quay.io/other/cann
    to:
      - docker.io/ascendai/other-cann
"#;
    assert_eq!(yaml(&imported), expected);
}

#[test]
fn a_list_becomes_a_rule_for_each_registry() {
    let text = "# images\ndocker.io/nginx\nquay.io/a/b:^v1\\.2 # comment\n\ndocker.io/bitnami/redis\nquay.io/a/c\nquay.io/a/c\n";
    let to = Some("m.example.com/{host}/{path}");
    let imported = import(&Input { exclude: Some(".*alpha.*\n.*beta.*\n"), ..input(text, to) }).unwrap();
    let expected = r#"# Made of a list of images.
# Not carried over: quay.io/a/c was there twice, and is once here
sync:
  - name: docker.io
    from:
      - docker.io/nginx
      - docker.io/bitnami/redis
    tags:
      match: ^([a-z]+-)?[a-z]*[0-9]+(\.[0-9]+){1,2}
      not_match:
        - .*alpha.*
        - .*beta.*
    to:
      - m.example.com/{host}/{path}
  - name: b
    from: quay.io/a/b
    tags:
      match: ^v1\.2
      not_match:
        - .*alpha.*
        - .*beta.*
    to:
      - m.example.com/{host}/{path}
  - name: c
    from: quay.io/a/c
    tags:
      match: ^([a-z]+-)?[a-z]*[0-9]+(\.[0-9]+){1,2}
      not_match:
        - .*alpha.*
        - .*beta.*
    to:
      - m.example.com/{host}/{path}
"#;
    assert_eq!(yaml(&imported), expected);
    let nowhere = import(&input(text, None)).unwrap_err();
    assert_eq!(nowhere.to_string(), "a list of images says what to copy, and not where to");
    assert_eq!(nowhere.hint(), "say it: `--to registry.example.com/mirror/{host}/{path}`");
}

#[test]
fn regsync_keeps_what_it_says() {
    let imported = read(
        r#"
version: 1
creds:
  - {registry: "registry:5000", tls: disabled}
  - {registry: docker.io, user: '{{env "HUB_USER"}}', pass: secret-canary}
defaults: {ratelimit: {min: 100}, interval: 60m, backup: "bkup-{{.Ref.Tag}}"}
sync:
  - {source: busybox:latest, target: "registry:5000/library/busybox:stable", type: image}
  - {source: alpine, target: "registry:5000/library/alpine", type: repository,
     tags: {allow: ["latest", "3", '3.\d+'], deny: [".*-rc.*"]}, platforms: [linux/amd64, linux/arm64]}
  - {source: debian, target: "registry:5000/library/debian", type: repository, interval: 6h, fastCopy: true,
     tags: {semverRange: [">=12.1 <13", "11"]}}
  - {source: reg.example, target: "registry:5000", type: registry}
"#,
        None,
    );
    let expected = r#"# Made of regsync.
# Not carried over: the account at docker.io: put it under `registries`, or `entrepot login docker.io`
# Not carried over: `defaults.ratelimit` has no counterpart
# Not carried over: reg.example to registry:5000: a whole registry has no counterpart; name its repositories
registries:
  registry:5000: {endpoints: ["http://registry:5000"]}
sync:
  - name: busybox
    from: docker.io/busybox
    tags:
      - latest
    to:
      - repository: registry:5000/library/busybox
        tag: stable
        backup: bkup-{tag}
    schedule: "@hourly"
  - name: alpine
    from: docker.io/alpine
    tags:
      match:
        - ^(?:latest)$
        - ^(?:3)$
        - ^(?:3.\d+)$
      not_match: ^(?:.*-rc.*)$
    to:
      - repository: registry:5000/library/alpine
        platforms:
          - linux/amd64
          - linux/arm64
        backup: bkup-{tag}
    schedule: "@hourly"
  # Not carried over: `fastCopy` has no counterpart
  - name: debian
    from: docker.io/debian
    tags:
      semver: ">=12.1 <13 || =11"
    to:
      - repository: registry:5000/library/debian
        backup: bkup-{tag}
    schedule: 0 */6 * * *
"#;
    assert_eq!(yaml(&imported), expected);
    assert!(!imported.to_yaml().contains("canary"));
}

#[test]
fn skopeo_says_what_and_the_call_says_where() {
    let imported = read(
        r#"
registry.example.com:
  images: {busybox: [], redis: ["1.0", "sha256:0000000000000000000000000000000011111111111111111111111111111111"]}
  images-by-tag-regex: {nginx: '^1\.13\.[12]-alpine-perl$'}
  images-by-semver: {alpine: ">= 3.12.0"}
  credentials: {username: john, password: canary}
  tls-verify: false
  cert-dir: /home/john/certs
quay.io:
  images: {coreos/etcd: [latest]}
"#,
        Some("m.example.com/{host}/{path}"),
    );
    let text = yaml(&imported);
    assert_eq!(imported.kind(), FileKind::Skopeo);
    for part in [
        "  registry.example.com: {insecure: true}\n",
        "  - name: alpine\n    from: registry.example.com/alpine\n    tags:\n      semver: \">=3.12.0\"\n",
        "    tags:\n      match: ^1\\.13\\.[12]-alpine-perl$\n",
        "1111: rules copy tags, not digests: `entrepot copy` takes it\n  - name: redis\n",
        "  - name: busybox\n    from: registry.example.com/busybox\n    to:\n",
        "    tags:\n      - \"1.0\"\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("canary"));
}

#[test]
fn image_syncer_has_maps() {
    let imported = read(
        r#"
quay.io/coreos/kube-rbac-proxy: quay.io/ruohe/kube-rbac-proxy
quay.io/coreos/kube-rbac-proxy:v1.0: quay.io/ruohe/proxy:v1.1
quay.io/coreos/alpine:/a+/: [docker.io/ruohe/, "localhost:5000/ruohe/alpine"]
quay.io/coreos/etcd@sha256:abc: quay.io/ruohe/etcd
lmsysorg/sglang:v1,v2: quay.io/ruohe/sglang
"#,
        None,
    );
    let text = yaml(&imported);
    assert_eq!(imported.kind(), FileKind::ImageSyncer);
    for part in [
        "# Not carried over: quay.io/coreos/etcd@sha256:abc: rules copy tags, not digests: `entrepot copy` takes it\n",
        "    from: quay.io/coreos/alpine\n    tags:\n      match: a+\n    to:\n      - docker.io/ruohe/alpine\n      - localhost:5000/ruohe/alpine\n",
        "    tags:\n      - v1.0\n    to:\n      - repository: quay.io/ruohe/proxy\n        tag: v1.1\n",
        "    from: docker.io/lmsysorg/sglang\n    tags:\n      - v1\n      - v2\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let accounts = import(&input("quay.io: {username: me, password: p}", None));
    assert_eq!(accounts.unwrap_err(), ImportError::Accounts);
}

#[test]
fn what_is_unknown_is_refused() {
    for (text, error) in [
        ("", ImportError::Empty),
        ("sync: []", ImportError::Empty),
        ("services: {web: {image: nginx}}", ImportError::Unknown),
        ("[1,2]", ImportError::Unknown),
        ("just some words\nof a text\n", ImportError::Unknown),
    ] {
        let refused = import(&input(text, None)).unwrap_err();
        assert_eq!(refused, error, "{text:?}");
        assert!(!refused.hint().is_empty());
    }
}

#[test]
fn tags_and_expressions_stay_the_text_they_are() {
    let tags = ["3.10", "1.20", "010", "1e3", "1_000", "0x10", "yes"];
    let list: String = tags.iter().map(|tag| format!("      - {tag}\n")).collect();
    let skopeo = format!("r.example.com:\n  images:\n    team/app:\n{list}");
    let imported = read(&skopeo, Some("m.example.com/{path}"));
    assert_eq!(imported.sections()[0].tags.names, tags);
    yaml(&imported);
    let regsync = "sync:\n  - {source: r.example.com/a, target: m.example.com/a, type: repository, tags: {allow: [3.10, 1.20]}}\n";
    assert_eq!(read(regsync, None).sections()[0].tags.matches.items, ["^(?:3.10)$", "^(?:1.20)$"]);
}

#[test]
fn image_syncer_may_leave_the_destination_to_the_call() {
    let text = "docker.io/bats/bats:v1.1.0:\nk8s.gcr.io/pause:3.6:\nk8s.gcr.io/ingress/controller:v0.47.0: reg.example.com/dd/controller:v0.47.0\n";
    assert_eq!(import(&input(text, None)).unwrap_err(), ImportError::PartlyWithout("image-syncer"));
    let imported = read(text, Some("reg.example.com/m/{name}"));
    assert_eq!(imported.kind(), FileKind::ImageSyncer);
    let places: Vec<String> = imported.sections().iter().map(|rule| rule.to[0].repository.clone()).collect();
    assert_eq!(
        places,
        ["reg.example.com/m/{name}", "reg.example.com/m/{name}", "reg.example.com/dd/controller"]
    );
    yaml(&imported);
    // What says where goes there, whatever the call says.
    let said =
        "quay.io/org/proxy: reg.example.com/m/proxy\nquay.io/org/etcd:v3.3: reg.example.com/m/etcd:v3.3\n";
    let said = read(said, Some("reg.example.com/other/{path}"));
    assert_eq!(
        (said.kind(), said.sections()[0].to[0].repository.as_str()),
        (FileKind::ImageSyncer, "reg.example.com/m/proxy")
    );
    let older =
        r#"{"auth": {"quay.io": {"username": "u", "password": "canary"}}, "images": {"quay.io/a/b": ""}}"#;
    let older = read(older, Some("reg.example.com/{path}"));
    assert_eq!((older.sections().len(), older.notes().len()), (1, 1));
    assert!(!older.to_yaml().contains("canary"));
}

#[test]
fn several_tags_with_other_names_are_a_rule_each() {
    let imported =
        read("quay.io/a/b:v1,v2: [\"reg.example.com/a/b:w1,w2\", \"reg.example.com/c/b:w1\"]\n", None);
    let renamed: Vec<_> =
        imported.sections().iter().map(|rule| (rule.tags.names.clone(), rule.to[0].tag.clone())).collect();
    assert_eq!(
        renamed,
        [(vec!["v1".to_owned()], Some("w1".to_owned())), (vec!["v2".to_owned()], Some("w2".to_owned()))]
    );
    assert_eq!(
        imported.notes(),
        ["quay.io/a/b to reg.example.com/c/b:w1: it names other tags than the source does"]
    );
    yaml(&imported);
}

#[test]
fn a_list_of_images_has_platforms_and_comments() {
    let text = "nginx\n#private\nk8s.gcr.io/ksm/ksm:v2.0.0 # new\nxhofe/alist:latest\n--platform=linux/arm64 xiaoyaliu/alist\n--platform linux/arm64 xiaoyaliu/alist:1\nnot an image\n";
    let imported = read(text, Some("reg.example.com/ns/{name}"));
    assert_eq!(imported.kind(), FileKind::Images);
    assert_eq!(
        imported.notes(),
        [
            "line 7: `not an image` is not an image",
            // Both of them would be `ns/alist:latest`.
            "docker.io/xiaoyaliu/alist:latest,1 to reg.example.com/ns/{name}: `reg.example.com/ns/alist` gets the same tags from rule \
             `alist`; leave out one of the two, or separate them with `tags` or `tag`",
        ]
    );
    let text = yaml(&read(text, Some("reg.example.com/ns/{path}")));
    for part in [
        "    from: docker.io/library/nginx\n    tags:\n      - latest\n",
        "    from: k8s.gcr.io/ksm/ksm\n    tags:\n      - v2.0.0\n",
        "    tags:\n      - latest\n      - \"1\"\n    to:\n      - repository: reg.example.com/ns/{path}\n        platforms: linux/arm64\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(read("quay.io/a/b:1\nquay.io/a/c:2\n", Some("r.example.com/{path}")).kind(), FileKind::Images);
    assert_eq!(read("quay.io/a/b\nquay.io/a/c:2\n", Some("r.example.com/{path}")).kind(), FileKind::List);
}

#[test]
fn templates_of_regsync_are_filled_in_or_told() {
    let text = r#"
x-source: &source r.example.com/team/app
x-tags: &tags {tags: {allow: [latest, 'v[0-9]+']}}
creds:
  - {registry: r.example.com, user: '{{env "U"}}', pass: canary, reqConcurrent: 2}
sync:
  - {source: 'debian:{{ env "V" }}', target: '{{ env "REG" }}/debian:{{ env "V" }}', type: image}
  - {source: 'debian:{{ env "NONE" }}', target: m.example.com/debian:1, type: image}
  - source: *source
    target: m.example.com/app
    type: repository
    <<: *tags
"#;
    let variables =
        BTreeMap::from([("V", "12"), ("REG", "m.example.com")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let imported = import(&Input { variables: &variables, ..input(text, None) }).unwrap();
    let rules = imported.sections();
    assert_eq!((rules.len(), rules[0].to[0].repository.as_str()), (2, "m.example.com/debian"));
    assert_eq!(rules[0].tags.names, ["12"]);
    assert_eq!(rules[1].tags.matches.items, ["^(?:latest)$", "^(?:v[0-9]+)$"]);
    let notes = imported.notes().join("\n");
    for part in ["the account at r.example.com", "`creds.reqConcurrent`", "takes `NONE` from the environment"]
    {
        assert!(notes.contains(part), "{part} is not in\n{notes}");
    }
    let text = yaml(&imported);
    assert!(!text.contains("canary") && !text.split("\nsync:").nth(1).unwrap().contains("{{"), "{text}");
    // Nothing is left, and why is said.
    let nothing =
        import(&input("sync: [{source: 'a:{{ env \"V\" }}', target: m.example.com/a}]", None)).unwrap();
    assert!(nothing.is_empty() && nothing.notes()[0].contains("template"), "{:?}", nothing.notes());
    assert!(nothing.to_yaml().ends_with("sync: []\n"));
}

#[test]
fn ranges_of_versions_are_translated_or_told() {
    let text = "ghcr.io:\n  images-by-semver:\n    a/one: \">=v2.40.0\"\n    a/two: \"1.2 - 1.4\"\n    a/three: \"!=1.5\"\n    a/four: \"new\"\n    a/five: \">=1.0.0-0\"\n    a/six: \">=1.2.3.4\"\n";
    let imported = read(text, Some("m.example.com/{path}"));
    let ranges: Vec<Option<String>> = imported.sections().into_iter().map(|rule| rule.tags.semver).collect();
    let expected =
        [">=2.40.0", ">=1.2 <=1.4", "<1.5.0 || >1.5", ">=1.0.0-0"].map(|range| Some(range.to_owned()));
    assert_eq!(ranges, expected);
    let notes = imported.notes();
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(
        notes[0].starts_with("ghcr.io/a/four: the versions `new`: ") && notes[2].contains("pre-releases"),
        "{notes:?}"
    );
    yaml(&imported);
}

#[test]
fn what_sync_would_refuse_is_told_and_left_out() {
    let imported = read(
        r#"[{"src":"quay.io/a/one","dest":"docker.io/x/y/z"}, {"src":"quay.io/a/two:1","dest":["m.example.com/two:2"]},
            {"src":"quay.io/a/three","dest":"m.example.com/three","tag_filter":"("}, {"dest":"m.example.com/four"},
            {"src":"quay.io/a/five","dest":{"a":"b"}}, {"src":"quay.io/a/six","dest":"quay.io/a/six"}]"#,
        None,
    );
    let notes = imported.notes();
    assert_eq!(imported.sections().len(), 1, "{notes:?}");
    for part in [
        "quay.io/a/one to docker.io/x/y/z: ",
        "entry 4: it has no `src`",
        "entry 5: quay.io/a/five has no `dest`",
        "`(` is not a regular expression",
        "is also the source",
    ] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part} is not in {notes:?}");
    }
    yaml(&imported);
    let twice = import(&input("a: 1\na: 2\n", None)).unwrap_err();
    assert!(matches!(&twice, ImportError::Malformed(what) if what.contains('a')), "{twice}");
}
