//! `entrepot sync`, `check`, `guide` and their files, from the command line to the registries.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;

use entrepot_testkit::{Bearer, TestImage, TestRegistry, client};
use hyper::Method;
use serde_json::Value;
use support::{Lab, Ran};

async fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    let mut command = lab.command(arguments);
    command.env("HOME", lab.path());
    tokio::task::block_in_place(|| support::ran(command))
}

/// A source with three tags of `team/app`, two destinations, and a file of rules for them.
struct Sea {
    source: TestRegistry,
    one: TestRegistry,
    other: TestRegistry,
    images: Vec<TestImage>,
    lab: Lab,
}

const TAGS: [&str; 3] = ["v1-cann", "v2-CANN", "v3"];

impl Sea {
    async fn new() -> Self {
        let sea = Self {
            source: TestRegistry::start().await,
            one: TestRegistry::start().await,
            other: TestRegistry::start().await,
            images: (1..4).map(|seed| TestImage::random(seed, 2, 5_000)).collect(),
            lab: Lab::new(),
        };
        for (image, tag) in sea.images.iter().zip(TAGS) {
            sea.source.put_image("team/app", tag, image);
        }
        sea.rules("");
        sea
    }

    fn rules(&self, more: &str) {
        let Self { source, one, other, .. } = self;
        let text = format!(
            "sync:\n  - name: app\n    title: The App\n    from: {}/team/app\n    tags: {{match: cann, ignore_case: true}}\n    to:\n      - repository: {}/mirror/{{name}}\n{more}      - {}/team/app\n",
            source.host(),
            one.host(),
            other.host()
        );
        self.lab.write("rules.yaml", &text);
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        run(&self.lab, arguments).await
    }

    async fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        let ran = self.run(&arguments).await;
        (ran.code, serde_json::from_str(&ran.stdout).unwrap())
    }

    fn forget(&self) {
        [&self.source, &self.one, &self.other].iter().for_each(|registry| registry.clear_log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_planned_carried_out_and_left_alone() {
    let sea = Sea::new().await;
    let dry = sea.run(&["sync", "rules.yaml", "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(dry.stdout.ends_with("\n4 to copy; 2 images to read\n"), "{}", dry.stdout);
    assert_eq!(sea.one.log().count(Method::PUT, "") + sea.one.log().count(Method::POST, ""), 0);

    let ran = sea.run(&["sync", "rules.yaml"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("\n4 copied; "), "{}", ran.stdout);
    for (image, tag) in sea.images.iter().zip(TAGS).take(2) {
        assert_eq!(client::pull(&sea.one.url(), "mirror/app", tag).await.digest, *image.digest());
        assert_eq!(client::pull(&sea.other.url(), "team/app", tag).await.digest, *image.digest());
    }
    assert!(sea.one.manifest("mirror/app", "v3").is_none());
    let blobs: usize = sea.images[..2].iter().map(|image| image.blobs().len()).sum();
    assert_eq!(sea.source.log().blob_gets().len(), blobs, "each blob is read once");

    sea.forget();
    let (code, again) = sea.json(&["sync", "rules.yaml"]).await;
    assert_eq!((code, &again["totals"]["up_to_date"], &again["verdict"]), (0, &4.into(), &"done".into()));
    assert_eq!(sea.source.log().count(Method::HEAD, ""), 2);
    for registry in [&sea.one, &sea.other] {
        let log = registry.log();
        assert_eq!((log.count(Method::HEAD, ""), log.len()), (2, 2), "{log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_is_1() {
    let sea = Sea::new().await;
    let ran = sea.run(&["check", "rules.yaml", "--badge", "badge.svg"]).await;
    let told = "error: 4 of 4 images are not in sync\nhint: see which: `entrepot sync --dry-run`; copy them: `entrepot sync`\n";
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with(told), "{}", ran.stderr);
    assert!(ran.stdout.contains("0.0 %"), "{}", ran.stdout);
    assert!(fs::read_to_string(sea.lab.path().join("badge.svg")).unwrap().contains(">0/4<"));

    assert_eq!(sea.run(&["sync", "rules.yaml", "--only", "app"]).await.code, 0);
    let (code, json) = sea.json(&["check", "rules.yaml"]).await;
    assert_eq!(
        (code, &json["ok"], &json["in_sync"], &json["rate"]),
        (0, &true.into(), &4.into(), &1.0.into())
    );

    sea.one.delete_tag("mirror/app", TAGS[0]);
    let ran = sea.run(&["check", "rules.yaml"]).await;
    assert!(ran.stderr.contains("error: 1 of 4 images is not in sync\n"), "{}", ran.stderr);
    assert!(ran.stdout.contains("75.0 %"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_down_costs_its_own_rows() {
    let sea = Sea::new().await;
    sea.one.require_basic("somebody", "canary");
    let (code, json) = sea.json(&["sync", "rules.yaml", "--log", "sync.log"]).await;
    assert_eq!(
        (code, &json["totals"]["copied"], &json["totals"]["failed"]),
        (1, &2.into(), &2.into()),
        "{json}"
    );
    let log = fs::read_to_string(sea.lab.path().join("sync.log")).unwrap();
    assert_eq!(log.matches(" SYNCHRONIZED: ").count(), 2, "{log}");
    assert_eq!(log.matches(" ERROR: ").count(), 2, "{log}");
    let ran = sea.run(&["sync", "rules.yaml"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with("error: 2 images could not be copied\n"), "{}", ran.stderr);
    // One reason, told once.
    assert_eq!(ran.stdout.matches("\nhint: ").count(), 1, "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_told() {
    let sea = Sea::new().await;
    sea.one.require_bearer(Bearer::new().user("me", "canary"));
    let registry = |password: &str| {
        format!(
            "registries: {{\"{}\": {{endpoints: [\"{}\"], credentials: [{{username: me, password: {password}}}]}}}}\n",
            sea.one.host(),
            sea.one.url()
        )
    };
    let rules = fs::read_to_string(sea.lab.path().join("rules.yaml")).unwrap();
    for (password, code) in [("canary-wrong", 1), ("canary", 0)] {
        sea.lab.write("rules.yaml", &(registry(password) + &rules));
        for arguments in [&["-vv", "sync", "rules.yaml"][..], &["sync", "rules.yaml", "--output", "json"]] {
            let ran = sea.run(arguments).await;
            assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
            for secret in ["canary", "bWU6Y2FuYXJ5", "Bearer ey"] {
                assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{}", ran.stderr);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_tags_are_listed_and_removed_when_told_so() {
    let sea = Sea::new().await;
    sea.rules("        prune: review\n");
    sea.one.put_image("mirror/app", "old", &sea.images[2]);
    sea.one.capabilities(|can| can.delete = true);
    let ran = sea.run(&["sync", "rules.yaml"]).await;
    assert!(ran.code == 0 && ran.stdout.contains("1 extra"), "{}{}", ran.stdout, ran.stderr);
    assert!(sea.one.manifest("mirror/app", "old").is_some());
    let dry = sea.run(&["sync", "rules.yaml", "--dry-run"]).await;
    assert!(dry.stdout.contains("mirror/app:old  remove with --prune: extra"), "{}", dry.stdout);
    let ran = sea.run(&["sync", "rules.yaml", "--prune"]).await;
    assert!(ran.stdout.contains("1 removed"), "{}", ran.stdout);
    assert!(sea.one.manifest("mirror/app", "old").is_none());
    assert!(sea.one.manifest("mirror/app", TAGS[0]).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tag_is_an_error() {
    let sea = Sea::new().await;
    let text = fs::read_to_string(sea.lab.path().join("rules.yaml")).unwrap();
    sea.lab.write("rules.yaml", &text.replace("match: cann", "match: musa"));
    let ran = sea.run(&["sync", "rules.yaml"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("none of the 3 tags of"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rules_are_2_before_anything_is_asked() {
    let sea = Sea::new().await;
    for (old, new, told) in [
        ("match: cann", "match: '('", "error: rules.yaml:5:19: `sync.0.tags.match`: "),
        (
            "from:",
            "form:",
            "error: rules.yaml:4:5: `sync.0`: unknown key `form`\nhint: did you mean `from`?\n",
        ),
    ] {
        sea.rules("");
        let text = fs::read_to_string(sea.lab.path().join("rules.yaml")).unwrap();
        sea.lab.write("rules.yaml", &text.replace(old, new));
        for command in ["sync", "check", "guide"] {
            let ran = sea.run(&[command, "rules.yaml"]).await;
            assert_eq!(ran.code, 2);
            assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
        }
    }
    sea.rules("");
    let ran = sea.run(&["sync", "rules.yaml", "--only", "nginx"]).await;
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (2, "error: there is no rule `nginx` in `rules.yaml`\nhint: there are app\n")
    );
    let ran = sea.run(&["sync"]).await;
    let told = "error: there are no rules\nhint: name a file that has a list `sync`: `entrepot sync FILE`\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
    assert_eq!(sea.run(&["sync", "rules.yaml", "--config", "rules.yaml"]).await.code, 2);
    assert_eq!(sea.source.log().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_knows_the_last_sync() {
    let sea = Sea::new().await;
    let guide = sea.run(&["guide", "rules.yaml", "--lang", "zh"]).await;
    assert!(guide.code == 0 && guide.stdout.contains("尚未同步"), "{}", guide.stdout);
    assert_eq!(sea.run(&["sync", "rules.yaml"]).await.code, 0);
    let guide = sea.run(&["guide", "rules.yaml", "--lang", "zh", "--out", "GUIDE.md"]).await;
    assert_eq!((guide.code, guide.stdout.as_str()), (0, ""), "{}", guide.stderr);
    let text = fs::read_to_string(sea.lab.path().join("GUIDE.md")).unwrap();
    assert!(text.contains("4/4") && text.contains(&format!("{}/mirror/app:[tag]", sea.one.host())), "{text}");
    let english = sea.run(&["guide", "rules.yaml"]).await.stdout;
    assert!(english.contains("4/4") && !english.contains("同步"), "{english}");
}

#[test]
fn lists_are_put_in_order() {
    let lab = Lab::new();
    lab.write("mirror.txt", "quay.io/b\n\ndocker.io/a\nquay.io/b\n");
    let ran = lab.run(&["list", "fmt", "mirror.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "docker.io/a\nquay.io/b\n"));
    assert_eq!(lab.run(&["list", "fmt", "-i", "mirror.txt"]).stdout, "");
    assert_eq!(fs::read_to_string(lab.path().join("mirror.txt")).unwrap(), "docker.io/a\nquay.io/b\n");
    assert_eq!(lab.run(&["list", "fmt", "-i", "-"]).code, 2);
    assert_eq!(lab.run(&["list", "fmt", "nowhere.txt"]).code, 1);
}

#[test]
fn files_of_other_tools_become_rules() {
    let lab = Lab::new();
    lab.write(
        "image-sync.json",
        r#"[{"src": "docker.io/lmsysorg/sglang", "dest": "quay.io/ascend/sglang", "tag_filter": "cann"}]"#,
    );
    let ran = lab.run(&["sync", "import", "image-sync.json", "--out", "rules.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told = "1 rule from image-sync.json in `rules.yaml`\nlook at it, then: `entrepot sync rules.yaml --dry-run`\n";
    assert_eq!(ran.stdout, told);
    let checked = lab.run(&["config", "check", "rules.yaml"]);
    assert!(
        checked.code == 0 && checked.stdout.ends_with("copies by 1 rule\n"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    let printed = lab.run(&["sync", "import", "image-sync.json"]).stdout;
    assert_eq!(printed, fs::read_to_string(lab.path().join("rules.yaml")).unwrap());

    lab.write("mirror.txt", "docker.io/library/nginx\n");
    let ran = lab.run(&["sync", "import", "mirror.txt"]);
    let told = "error: mirror.txt: a list of images says what to copy, and not where to\nhint: say it: `--to registry.example.com/mirror/{host}/{path}`\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
    let ran = lab.run(&["sync", "import", "mirror.txt", "--to", "lab.test/mirror/{host}/{path}"]);
    assert!(ran.code == 0 && ran.stdout.contains("docker.io/library/nginx"), "{}{}", ran.stdout, ran.stderr);
}
