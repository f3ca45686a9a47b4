//! Lists of what may be pulled: checked on the command line, and changed while a server runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::{Duration, Instant};

use entrepot_testkit::{TestImage, TestRegistry, client};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::{Lab, Serving};

/// A test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_list_is_checked_and_says_which_line_decides() {
    let lab = Lab::new();
    lab.write("allows.txt", "# ours\ndocker.io/library/nginx\nquay.io/acme/**\nghcr.io/a/b:1.*\n");
    let whole = lab.run(&["rules", "check", "allows.txt"]);
    assert_eq!((whole.code, whole.stdout.as_str()), (0, "allows.txt: 3 rules, all of them good\n"));
    let ran = lab.run(&["rules", "check", "allows.txt", "nginx:1.27", "quay.io/acme/web"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (
            0,
            "`docker.io/library/nginx:1.27` is allowed by `docker.io/library/nginx`, line 2 of `allows.txt`\n\
             `quay.io/acme/web` is allowed by `quay.io/acme/**`, line 3 of `allows.txt`\n"
        )
    );
    let ran =
        lab.run(&["rules", "check", "allows.txt", "ngnix", "ghcr.io/a/b:2", "nginx", "--output", "json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "error: 2 images may not be pulled\n"));
    let images: Vec<_> = told["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["allowed"], &one["reason"], &one["line"]))
        .collect();
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(
        images,
        [
            (&no, &json!("not-listed"), &Value::Null),
            (&no, &json!("other-image"), &json!(4)),
            (&yes, &json!("allowed"), &json!(2)),
        ]
    );
    let wrong = lab.run(&["rules", "check", "allows.txt", "UPPER"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}

#[test]
fn a_list_with_mistakes_is_refused_with_their_lines() {
    let lab = Lab::new();
    lab.write("allows.txt", "docker.io/library/nginx\nnginx\nquay.io/a/b\nlibrary/*\n");
    lab.write("c.yaml", "rules: {files: [allows.txt]}\n");
    for arguments in [
        &["rules", "check", "allows.txt"][..],
        &["config", "check", "c.yaml"],
        &["serve", "--config", "c.yaml"],
    ] {
        let ran = lab.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?} {}", ran.stderr);
        assert!(
            ran.stderr
                .starts_with("error: allows.txt:2:1: `nginx` is not a rule: a rule begins with a registry"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("(and 1 more, line 4)"), "{}", ran.stderr);
    }
    lab.write("empty.txt", "# nothing yet\n");
    let empty = lab.run(&["rules", "check", "empty.txt"]);
    assert_eq!(
        (empty.code, empty.stderr.as_str()),
        (
            2,
            "error: empty.txt: the list has no rule, and would refuse every pull\n\
             hint: leave the file out to allow everything, or deny `**`\n"
        )
    );
}

#[test]
fn the_rules_of_a_configuration_are_checked_as_a_server_would_take_them() {
    let lab = Lab::with(
        "rules:\n  allow: [\"docker.io/**\"]\n  deny: [docker.io/acme/*, {image: docker.io/jail/x, reason: DMCA, status: 451}]\n  \
         deny_files: [denies.txt]\n  contact: \"ask@example.com about {image}\"\n",
    );
    lab.write("denies.txt", "docker.io/old/**\n");
    for (image, code, part) in [
        ("docker.io/library/nginx", 0, "is allowed by `docker.io/**`, line 1 of `rules.allow`"),
        (
            "acme/web",
            1,
            "is denied by `docker.io/acme/*` of `rules.deny`; ask here: ask@example.com about docker.io/acme/web",
        ),
        ("jail/x", 1, "of `rules.deny`: DMCA; ask here"),
        ("old/x/y", 1, "is denied by `docker.io/old/**` of `denies.txt`"),
        ("quay.io/a/b", 1, "is not in the allow list (`rules.allow`)"),
    ] {
        let ran = lab.run(&["rules", "check", "entrepot.yaml", image]);
        assert_eq!(ran.code, code, "{image}: {}", ran.stderr);
        assert!(ran.stdout.contains(part), "{image}: {}", ran.stdout);
    }
    let shown = lab.run(&["config", "show"]);
    assert!(shown.stdout.contains("  deny_files:\n    - denies.txt\n"), "{}", shown.stdout);
    let checked = lab.run(&["config", "check", "entrepot.yaml"]);
    assert!(checked.stdout.contains("pulls are subject to 4 rules\n"), "{}", checked.stdout);
}

async fn status(serving: &Serving) -> u16 {
    client::get(&format!("{}/v2/upstream.test/a/b/manifests/1", serving.url)).await.status.as_u16()
}

async fn until(serving: &Serving, wanted: u16) {
    let begun = Instant::now();
    while status(serving).await != wanted {
        assert!(begun.elapsed() < PATIENCE, "still not {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_list_counts_and_a_bad_one_does_not() {
    let upstream = TestRegistry::start().await;
    upstream.put_image("a/b", "1", &TestImage::random(1, 1, 100));
    let lab = Lab::with(&format!(
        "access: {{metrics: [127.0.0.1]}}\nrules: {{files: [allows.txt]}}\n\
         registries: {{upstream.test: {{endpoints: [\"{}\"], mirror: true}}}}\n",
        upstream.url()
    ));
    lab.write("allows.txt", "upstream.test/a/*\n");
    let serving = lab.serve(&[]);
    assert_eq!(status(&serving).await, 200);
    // By the file alone.
    lab.write("allows.txt", "upstream.test/a/c\nupstream.test/other/**\n");
    until(&serving, 403).await;
    // By signal.
    lab.write("allows.txt", "upstream.test/a/b\n");
    serving.signal(Signal::HUP);
    until(&serving, 200).await;
    // By API; what is a mistake changes nothing.
    lab.write("allows.txt", "upstream.test/a/c\nnothing\n");
    let ran = tokio::task::block_in_place(|| lab.run(&["rules", "reload"]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("allows.txt:2:1: `nothing` is not a rule"), "{}", ran.stderr);
    assert_eq!(status(&serving).await, 200, "those that were in force stay");
    let metrics = client::get(&format!("{}/metrics", serving.url)).await.text();
    assert!(metrics.contains("entrepot_rules_stale 1"), "{metrics}");
    let listed = tokio::task::block_in_place(|| lab.run(&["rules", "ls"]));
    assert_eq!(listed.code, 1, "{}", listed.stdout);
    assert!(listed.stdout.contains("allows.txt") && listed.stderr.contains("`nothing` is not a rule"));
    lab.write("allows.txt", "upstream.test/a/c\n");
    let ran = tokio::task::block_in_place(|| lab.run(&["rules", "reload", "--output", "json"]));
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &told["lists"][0]["rules"], &told["refused"]), (0, &json!(1), &Value::Null));
    assert_eq!(status(&serving).await, 403);
    let explained = tokio::task::block_in_place(|| lab.run(&["rules", "explain", "upstream.test/a/b:1"]));
    assert_eq!(
        (explained.code, explained.stderr.as_str()),
        (
            1,
            "error: `upstream.test/a/b:1` is not in the allow list (`allows.txt`)\n\
             hint: the nearest rule is `upstream.test/a/c`, line 1\n"
        )
    );
    let log = tokio::task::block_in_place(|| serving.stop());
    assert!(log.contains("`nothing` is not a rule"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mode_and_notice_count_without_a_restart() {
    let lab = Lab::with("notice: as usual\n");
    let serving = lab.serve(&[]);
    let told = async || -> Value { client::get(&format!("{}/api/v1/status", serving.url)).await.json() };
    let before = told().await;
    assert_eq!((&before["mode"], &before["notice"]), (&json!("normal"), &json!("as usual")));
    lab.write("entrepot.yaml", "notice: we move on Sunday\nmodes: {mode: cached-only}\n");
    serving.signal(Signal::HUP);
    let begun = Instant::now();
    while told().await["mode"] != "cached-only" {
        assert!(begun.elapsed() < PATIENCE, "still as before");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told().await["notice"], "we move on Sunday");
    // What is not a configuration changes nothing.
    lab.write("entrepot.yaml", "modes: {mode: open}\n");
    let ran = tokio::task::block_in_place(|| lab.run(&["rules", "reload"]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(told().await["mode"], "cached-only");
    // By the API, for what is beside the rules as well.
    lab.write("entrepot.yaml", "modes: {mode: cached-only}\nrules: {pulled_by: 1d}\n");
    let pulled_by =
        || tokio::task::block_in_place(|| lab.run(&["rules", "pulled-by", "docker.io/a/b"])).stdout;
    assert!(pulled_by().contains("who pulls what is not recorded"), "{}", pulled_by());
    let ran = tokio::task::block_in_place(|| lab.run(&["rules", "reload"]));
    assert_eq!((ran.code, pulled_by().as_str()), (0, "nobody pulled `docker.io/a/b`\n"), "{}", ran.stderr);
    let audit = tokio::task::block_in_place(|| lab.run(&["audit", "--action", "mode.changed"]));
    assert!(audit.stdout.contains("normal → cached-only"), "{}{}", audit.stdout, audit.stderr);
}
