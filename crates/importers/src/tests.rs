//! Files of every kind, and what becomes of them.

use entrepot_sync::rules::{RuleSection, RuleSet};

use crate::{
    import::{ImportError, Input, import},
    imported::{Imported, Kind},
};

#[derive(serde::Deserialize)]
struct File {
    sync: Vec<RuleSection>,
}

fn read(text: &str, to: Option<&str>) -> Imported {
    import(&Input { text, exclude: None, to }).unwrap()
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
    assert_eq!(imported.kind(), Kind::ImageSync);
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
    let input =
        Input { text, exclude: Some(".*alpha.*\n.*beta.*\n"), to: Some("m.example.com/{host}/{path}") };
    let imported = import(&input).unwrap();
    let expected = r#"# Made of a list of images.
# Not carried over: quay.io/a/c was there twice, and is once here
sync:
  - name: docker.io
    from:
      - docker.io/nginx
      - docker.io/bitnami/redis
    tags:
      match: "^([a-z]+-)?[a-z]*[0-9]+(\\.[0-9]+){1,2}"
      not_match:
        - ".*alpha.*"
        - ".*beta.*"
    to:
      - "m.example.com/{host}/{path}"
  - name: b
    from: quay.io/a/b
    tags:
      match: "^v1\\.2"
      not_match:
        - ".*alpha.*"
        - ".*beta.*"
    to:
      - "m.example.com/{host}/{path}"
  - name: c
    from: quay.io/a/c
    tags:
      match: "^([a-z]+-)?[a-z]*[0-9]+(\\.[0-9]+){1,2}"
      not_match:
        - ".*alpha.*"
        - ".*beta.*"
    to:
      - "m.example.com/{host}/{path}"
"#;
    assert_eq!(yaml(&imported), expected);
    let nowhere = import(&Input { text, exclude: None, to: None }).unwrap_err();
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
        backup: "bkup-{tag}"
    schedule: "@hourly"
  - name: alpine
    from: docker.io/alpine
    tags:
      match:
        - "^(?:latest)$"
        - "^(?:3)$"
        - "^(?:3.\\d+)$"
      not_match: "^(?:.*-rc.*)$"
    to:
      - repository: registry:5000/library/alpine
        platforms:
          - linux/amd64
          - linux/arm64
        backup: "bkup-{tag}"
    schedule: "@hourly"
  # Not carried over: `fastCopy` has no counterpart
  - name: debian
    from: docker.io/debian
    tags:
      semver: ">=12.1 <13 || =11"
    to:
      - repository: registry:5000/library/debian
        backup: "bkup-{tag}"
    schedule: "0 */6 * * *"
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
    assert_eq!(imported.kind(), Kind::Skopeo);
    for part in [
        "  registry.example.com: {insecure: true}\n",
        "  - name: alpine\n    from: registry.example.com/alpine\n    tags:\n      semver: \">= 3.12.0\"\n",
        "    tags:\n      match: \"^1\\\\.13\\\\.[12]-alpine-perl$\"\n",
        "# Not carried over: rules copy tags: the digests are left out\n  - name: redis\n",
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
    assert_eq!(imported.kind(), Kind::ImageSyncer);
    for part in [
        "# Not carried over: quay.io/coreos/etcd@sha256:abc: rules copy tags, not digests\n",
        "    from: quay.io/coreos/alpine\n    tags:\n      match: \"a+\"\n    to:\n      - docker.io/ruohe/alpine\n      - localhost:5000/ruohe/alpine\n",
        "    tags:\n      - v1.0\n    to:\n      - repository: quay.io/ruohe/proxy\n        tag: v1.1\n",
        "    from: docker.io/lmsysorg/sglang\n    tags:\n      - v1\n      - v2\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let accounts = import(&Input { text: "quay.io: {username: me, password: p}", exclude: None, to: None });
    assert_eq!(accounts.unwrap_err(), ImportError::Accounts);
}

#[test]
fn what_is_unknown_is_refused() {
    for (text, error) in [
        ("", ImportError::Empty),
        ("sync: []", ImportError::Empty),
        ("services: {web: {image: nginx}}", ImportError::Unknown),
        ("[1,2]", ImportError::Unknown),
        ("a: [", ImportError::Unknown),
    ] {
        let refused = import(&Input { text, exclude: None, to: None }).unwrap_err();
        assert_eq!(refused, error, "{text:?}");
        assert!(!refused.hint().is_empty());
    }
}
