//! `entrepot migrate`: a project moves from a registry like Docker Hub to one like GHCR.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{fs, os::unix::fs::symlink};

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, referrers_tag};
use entrepot_testkit::{Action, Bearer, Capabilities, Fault, Match, ResourceKind, TestImage, TestRegistry};
use hyper::Method;
use serde_json::Value;
use support::{Lab, Ran};

/// The origin of AIBrix's images, where they go, and a checkout.
struct Move {
    hub: TestRegistry,
    ghcr: TestRegistry,
    lab: Lab,
}

const NAMES: [&str; 2] = ["controller-manager", "gateway-plugins"];
const SECTION: &str = "  from: docker.io/aibrix\n  to: ghcr.io/aibrix\n";

impl Move {
    /// Two repositories with two tags each, one of two platforms; they share a layer.
    async fn new(remaining: u32) -> Self {
        let (hub, ghcr) = (TestRegistry::start().await, TestRegistry::start().await);
        hub.capabilities(|can| *can = Capabilities::docker_hub(remaining));
        let base = Bytes::from(vec![7; 40_000]);
        for (index, name) in NAMES.into_iter().enumerate() {
            let own = |more: u8| {
                let layers = [base.clone(), Bytes::from(vec![index as u8 * 16 + more; 10_000])];
                TestImage::layers(layers)
            };
            let both = [own(1).with_platform("linux/amd64"), own(2).with_platform("linux/arm64")];
            hub.put_image(&format!("aibrix/{name}"), "v0.7.0", &TestImage::index(both));
            hub.put_image(&format!("aibrix/{name}"), "nightly", &own(3));
        }
        let moving = Self { hub, ghcr, lab: Lab::new() };
        moving.write("migrate.yaml", &format!("{SECTION}  repositories: [{}]\n", NAMES.join(", ")));
        moving
    }

    /// A migration with the registries of this test.
    fn write(&self, file: &str, section: &str) {
        let text = format!(
            "migrate:\n{section}registries:\n  docker.io: {{endpoints: [\"{}\"]}}\n  ghcr.io: {{endpoints: [\"{}\"]}}\n",
            self.hub.url(),
            self.ghcr.url()
        );
        self.lab.write(file, &text);
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.lab.command(arguments);
        command.env("HOME", self.lab.path());
        tokio::task::block_in_place(|| support::ran(command))
    }

    async fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        let ran = self.run(&arguments).await;
        (
            ran.code,
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr)),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_moves_and_what_it_takes() {
    let moving = Move::new(100).await;
    let (code, plan) = moving.json(&["migrate", "plan"]).await;
    assert_eq!(code, 0, "{plan}");
    let totals = &plan["totals"];
    assert_eq!(
        (&totals["repositories"], &totals["tags"], &totals["images"]),
        (&2.into(), &4.into(), &4.into())
    );
    assert_eq!((&totals["read"], &totals["to_copy"]), (&4.into(), &4.into()));
    let (whole, apart) = (totals["bytes"].as_u64().unwrap(), totals["bytes_apart"].as_u64().unwrap());
    assert!(whole > 40_000 + 60_000 && whole < 110_000 && apart > 4 * 50_000, "{whole} {apart}");
    let row = &plan["repositories"][0];
    assert_eq!(row["target"], "ghcr.io/aibrix/controller-manager");
    assert_eq!(row["platforms"], serde_json::json!(["linux/amd64", "linux/arm64"]));
    // Three manifests of the one, one of the other, for both repositories.
    assert_eq!(plan["quota"]["needed"], 8);
    assert_eq!(plan["quota"]["estimated"], false);
    let log = moving.hub.log();
    assert_eq!(log.manifest_gets().len(), 8, "each manifest is read once");
    assert!(moving.ghcr.log().iter().all(|request| request.method == "HEAD"), "{:?}", moving.ghcr.log());

    let ran = moving.run(&["migrate", "plan"]).await;
    println!("{}", ran.stdout);
    assert!(ran.stdout.starts_with("# From docker.io/aibrix to ghcr.io/aibrix\n"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_spares_the_budget() {
    let moving = Move::new(24).await;
    let (code, plan) = moving.json(&["migrate", "plan"]).await;
    assert_eq!(code, 0, "{plan}");
    assert_eq!(plan["totals"]["read"], 2);
    assert_eq!(plan["quota"]["estimated"], true);
    assert!(moving.hub.log().manifest_gets().len() < 8);
    let (_, plan) = moving.json(&["migrate", "plan", "--whole"]).await;
    assert_eq!(plan["totals"]["read"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_found() {
    let moving = Move::new(100).await;
    moving.ghcr.put_image("aibrix/controller-manager", "nightly", &TestImage::random(9, 1, 100));
    let ran = moving.run(&["migrate", "plan"]).await;
    let told = "looking at `docker.io/aibrix` and `ghcr.io/aibrix`\nerror: 1 thing is in the way\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, told));
    assert!(
        ran.stdout.contains(
            "## In the way\n\n- ghcr.io/aibrix/controller-manager:nightly: something else is there under this name\n"
        ),
        "{}",
        ran.stdout
    );
    // What cannot be listed is not called empty.
    moving.hub.fault(Fault::on(Match::tags()).always().then(Action::status(403)));
    let (_, plan) = moving.json(&["migrate", "plan"]).await;
    assert_eq!(plan["problems"].as_array().unwrap().len(), 2, "{plan}");
    moving.hub.clear_faults();
    moving.write("same.yaml", &format!("{SECTION}  repositories: [a, b]\n  names: one\n"));
    let ran = moving.run(&["migrate", "plan", "same.yaml"]).await;
    assert!(
        ran.stdout.contains(
            "- ghcr.io/aibrix/one: `docker.io/aibrix/a` and `docker.io/aibrix/b` would both be `ghcr.io/aibrix/one`\n  \
             hint: give one of them a name of its own under `names`\n"
        ),
        "{}",
        ran.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_wrong_is_told_with_its_place() {
    let moving = Move::new(100).await;
    for (section, told) in [
        (
            "  from: aibrix\n  to: ghcr.io/a\n",
            "migrate.yaml:2:9: `migrate.from`: `aibrix` does not say which registry\nhint: put it in front: `docker.io/aibrix`\n",
        ),
        (
            "  from: docker.io/a\n  too: ghcr.io/a\n",
            "migrate.yaml:3:3: `migrate`: unknown key `too`\nhint: did you mean `to`?\n",
        ),
        (
            "  from: docker.io/a\n  to: ghcr.io/a\n  login: {secret: ghp_canary}\n",
            "migrate.yaml:4:19: `migrate.login.secret`: this is not the name of a secret\nhint: write the name that the secret has in the settings of the repository, never its value\n",
        ),
        (
            "  from: docker.io/a\n  to: docker.io/a\n  repositories: [b]\n",
            "migrate.yaml:4:18: `migrate.repositories.0`: `docker.io/a/b` would move to where it is\nhint: look at `to` and `names`\n",
        ),
        (
            "  from: docker.io/a\n  to: ghcr.io/a\n  names: {b: '{tag}'}\n",
            "migrate.yaml:4:14: `migrate.names.b`: `{tag}` has braces that mean nothing here\nhint: what may stand here: `{name}` and `{flat}`\n",
        ),
    ] {
        moving.write("migrate.yaml", section);
        let ran = moving.run(&["migrate", "plan"]).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (2, format!("error: {told}").as_str()));
    }
    fs::remove_file(moving.lab.path().join("migrate.yaml")).unwrap();
    let ran = moving.run(&["migrate", "plan"]).await;
    let told = "error: there is no migration\nhint: name a file that has a section `migrate`: `entrepot migrate plan FILE`; `from` and `to` are enough\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
}

/// As somebody who may push to `ghcr.io`.
fn with_account(section: &str, moving: &Move, password: &str) -> String {
    format!(
        "migrate:\n{section}registries:\n  docker.io: {{endpoints: [\"{0}\"]}}\n  ghcr.io: {{endpoints: [\"{1}\"], \
         chunk: 5MiB, credentials: [{{username: me, password: {password}, endpoint: \"{1}\"}}]}}\n",
        moving.hub.url(),
        moving.ghcr.url()
    )
}

const REPOSITORIES: &str = "  repositories: [controller-manager, gateway-plugins]\n";

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_proven_before_anything_moves() {
    let moving = Move::new(100).await;
    moving.ghcr.require_bearer(Bearer::new().user("me", "canary"));
    let section = format!("{SECTION}{REPOSITORIES}");

    // Nobody is logged in.
    let ran = moving.run(&["migrate", "check"]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains(
            "hint: log in with a classic token that has `write:packages`: `entrepot login ghcr.io`\n"
        ),
        "{}",
        ran.stdout
    );

    // A token that is not taken.
    moving.lab.write("migrate.yaml", &with_account(&section, &moving, "canary-wrong"));
    let ran = moving.run(&["-vv", "migrate", "check"]).await;
    assert!(ran.code == 1 && ran.stdout.contains("it does not accept the account (401"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"), "{}", ran.stderr);

    // One that the organization does not let in.
    moving.lab.write("migrate.yaml", &with_account(&section, &moving, "canary"));
    let told = r#"{"errors":[{"code":"DENIED","message":"installation not allowed to Create organization package"}]}"#;
    let denied = Action::status_with(403, &[("content-type", "application/json")], told);
    moving.ghcr.fault(Fault::on(Match::uploads().method(Method::POST)).always().then(denied));
    let (code, checks) = moving.json(&["migrate", "check"]).await;
    assert_eq!((code, &checks["ok"]), (1, &false.into()), "{checks}");
    let steps = checks["steps"].as_array().unwrap();
    let of = |step: &str, result: &str| {
        steps.iter().filter(|one| one["step"] == step && one["result"] == result).count()
    };
    assert_eq!((of("access", "passed"), of("pull", "passed"), of("push", "failed")), (4, 2, 2), "{checks}");
    let push = steps.iter().find(|one| one["step"] == "push").unwrap();
    assert!(push["hint"].as_str().unwrap().contains("Manage Actions access"), "{push}");

    // One whose token is worth less than it was asked for.
    moving.ghcr.clear_faults();
    moving.ghcr.require_bearer(Bearer::new().user("me", "canary").at_most(&["pull"]));
    let ran = moving.run(&["migrate", "check"]).await;
    assert!(ran.stdout.contains("it gives a token for pull alone, without saying so"), "{}", ran.stdout);
    assert!(ran.stderr.ends_with("error: 2 things are missing\n"), "{}", ran.stderr);
    assert_eq!(
        moving.ghcr.log().kind(ResourceKind::Upload).matching(|request| request.status == 202).len(),
        0
    );

    // And the right one. To take an upload back, this registry wants the right to delete, which nobody asks for.
    moving.ghcr.require_bearer(Bearer::new().user("me", "canary"));
    moving.ghcr.clear_log();
    let ran = moving.run(&["migrate", "check"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.ends_with("\neverything may be done; 2 uploads are left to expire\n"),
        "{}",
        ran.stdout
    );
    moving.ghcr.require_nothing();
    moving.ghcr.clear_log();
    let ran = moving.run(&["migrate", "check"]).await;
    assert!(ran.stdout.ends_with("\neverything may be done; nothing was left behind\n"), "{}", ran.stdout);
    let log = moving.ghcr.log();
    assert_eq!(
        (log.count(Method::POST, "/uploads/"), log.count(Method::DELETE, "/uploads/")),
        (2, 2),
        "{log:?}"
    );
    assert_eq!(log.manifest_puts().len(), 0);
    assert!(moving.hub.log().manifest_gets().is_empty(), "what may be done is asked for free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_moves_and_nothing_at_its_source_is_touched() {
    let moving = Move::new(100).await;
    let large = TestImage::layers([Bytes::from(vec![1; 12 << 20])]);
    moving.hub.put_image("aibrix/controller-manager", "large", &large);
    let signature =
        TestImage::random(77, 1, 500).artifact("application/vnd.example.signature").refer_to(&large);
    moving.hub.put_untagged("aibrix/controller-manager", &signature);
    moving.ghcr.require_bearer(Bearer::new().user("me", "canary"));
    // No request of an upload is longer than what ten minutes allow.
    moving.ghcr.capabilities(|can| can.largest_upload = Some(5 << 20));
    moving.lab.write("migrate.yaml", &with_account(&format!("{SECTION}{REPOSITORIES}"), &moving, "canary"));

    let ran = moving.run(&["migrate", "status"]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("0 of 5 tags in place\nnext: `entrepot migrate check` proves"),
        "{}",
        ran.stdout
    );
    let ran = moving.run(&["migrate", "verify"]).await;
    assert!(
        ran.code == 1 && ran.stderr.contains("5 of 5 tags not proven equal"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );

    let ran = moving.run(&["migrate", "apply"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(moving.hub.log().iter().all(|request| matches!(request.method, Method::GET | Method::HEAD)));
    let longest = moving.ghcr.log().uploads().iter().map(|request| request.received).max();
    assert_eq!(longest, Some(5 << 20));

    let (code, proof) = moving.json(&["migrate", "verify"]).await;
    assert_eq!((code, &proof["equal"], &proof["counts"]["equal"]), (0, &true.into(), &5.into()), "{proof}");
    assert_eq!(proof["counts"]["referrers"], 1);
    let ran = moving.run(&["migrate", "verify"]).await;
    assert_eq!(ran.stdout, "5 equal by digest; 1 referrer with them\n");

    // Again, and nothing is copied.
    moving.hub.clear_log();
    let (code, again) = moving.json(&["migrate", "apply"]).await;
    assert_eq!((code, &again["totals"]["up_to_date"]), (0, &5.into()));
    assert_eq!(moving.hub.log().manifest_gets().len() + moving.hub.log().blob_gets().len(), 0);
    let ran = moving.run(&["migrate", "status"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.ends_with("5 of 5 tags in place\nnext: nothing; the images at the source can stay as long as somebody pulls them\n"), "{}", ran.stdout);

    // What changes at the source afterwards is told, and copied only when told so.
    moving.hub.put_image("aibrix/gateway-plugins", "nightly", &TestImage::random(5, 1, 100));
    let ran = moving.run(&["migrate", "apply"]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.ends_with(
            "error: 1 tag has something else at the destination, such as `ghcr.io/aibrix/gateway-plugins:nightly`\n\
             hint: look at them: `entrepot migrate plan`; if it is older copies, write over: `--overwrite`; nothing was copied\n"
        ),
        "{}",
        ran.stderr
    );
    let (code, proof) = moving.json(&["migrate", "verify"]).await;
    assert_eq!((code, &proof["tags"][0]["standing"]), (1, &"different".into()), "{proof}");
    assert_eq!(moving.run(&["migrate", "apply", "--overwrite"]).await.code, 0);
    assert_eq!(moving.run(&["migrate", "verify"]).await.code, 0);
}

/// Applied, with a signature of one image.
async fn moved() -> (Move, TestImage) {
    let moving = Move::new(100).await;
    let image = TestImage::random(70, 1, 500);
    moving.hub.put_image("aibrix/controller-manager", "v0.7.1", &image);
    let signature =
        TestImage::random(71, 1, 500).artifact("application/vnd.example.signature").refer_to(&image);
    moving.hub.put_untagged("aibrix/controller-manager", &signature);
    let ran = moving.run(&["migrate", "apply"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    (moving, image)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_did_not_come_along_is_no_proof() {
    let (moving, image) = moved().await;
    let late = TestImage::random(72, 1, 500).artifact("application/vnd.example.sbom").refer_to(&image);
    moving.hub.put_untagged("aibrix/controller-manager", &late);
    let (code, proof) = moving.json(&["migrate", "verify"]).await;
    assert_eq!((code, &proof["equal"], &proof["counts"]["equal"]), (1, &false.into(), &5.into()), "{proof}");
    assert_eq!(proof["counts"]["referrers"], 1);
    assert_eq!(proof["referrers"][0]["referrer"], late.digest().to_string());

    // A side that does not say what refers to an image has not said that nothing does.
    let (moving, _) = moved().await;
    moving.ghcr.fault(Fault::on(Match::referrers()).always().then(Action::status(403)));
    let (code, proof) = moving.json(&["migrate", "verify"]).await;
    assert_eq!((code, &proof["equal"], &proof["referrers"][0]["referrer"]), (1, &false.into(), &Value::Null));
}

// R06
#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_names_although_it_refers_to_nothing_is_not_missing() {
    let (moving, image) = moved().await;
    let junk = TestImage::random(73, 1, 500);
    moving.hub.put_untagged("aibrix/controller-manager", &junk);
    let entry = |digest: &Digest| serde_json::json!({ "mediaType": "a/b", "digest": digest, "size": 1 });
    let entries = [entry(junk.digest()), entry(&Digest::of(b"gone"))];
    let list = serde_json::json!({ "schemaVersion": 2, "manifests": entries }).to_string();
    moving.hub.capabilities(|can| can.referrers = false);
    let tag = referrers_tag(image.digest());
    moving.hub.put_manifest("aibrix/controller-manager", Some(tag.as_str()), &MediaType::OCI_INDEX, list);
    let (_, proof) = moving.json(&["migrate", "verify"]).await;
    assert_eq!(proof["referrers"], serde_json::json!([]), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_which_nobody_can_say_is_not_equal() {
    let (moving, _) = moved().await;
    let nightly = Match::manifests().tag("nightly").path("controller-manager");
    moving.ghcr.fault(Fault::on(nightly).always().then(Action::status(500)));
    let (code, proof) = moving.json(&["migrate", "verify"]).await;
    assert_eq!(
        (code, &proof["equal"], &proof["counts"]["unknown"]),
        (1, &false.into(), &1.into()),
        "{proof}"
    );
    assert_eq!(proof["tags"][0]["standing"], "unknown");
    let ran = moving.run(&["migrate", "verify"]).await;
    assert!(ran.code == 1 && ran.stderr.contains("1 of 5 tags not proven equal"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_converted_is_told_and_counts() {
    let moving = Move::new(100).await;
    moving.ghcr.capabilities(|can| *can = Capabilities { per_second: None, ..Capabilities::swr() });
    let swr = "swr.cn-southwest-2.myhuaweicloud.com";
    let text = format!(
        "migrate:\n  from: docker.io/aibrix\n  to: {swr}/aibrix\n{REPOSITORIES}registries:\n  docker.io: {{endpoints: [\"{}\"]}}\n  {swr}: {{endpoints: [\"{}\"]}}\n",
        moving.hub.url(),
        moving.ghcr.url()
    );
    moving.lab.write("migrate.yaml", &text);
    let (code, plan) = moving.json(&["migrate", "plan"]).await;
    assert_eq!(code, 0, "{plan}");
    let told: Vec<&str> = plan["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["what"].as_str().unwrap())
        .collect();
    let expected = format!(
        "`{swr}` takes Docker's form of documents alone: these images are converted, and get other digests"
    );
    assert_eq!(told, [expected]);
    assert!(plan["problems"][0]["about"].as_str().unwrap().ends_with(" and 1 more"), "{plan}");
    let ran = moving.run(&["migrate", "apply"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let ran = moving.run(&["migrate", "verify"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.ends_with("4 equal in another form, as recorded when they were copied\n"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_plans_stand_beside_each_other() {
    let moving = Move::new(100).await;
    moving.ghcr.put_image("vllm-project/aibrix-gateway-plugins", "nightly", &TestImage::random(9, 1, 100));
    moving.write("own.yaml", &format!("{SECTION}{REPOSITORIES}"));
    moving.write(
        "parent.yaml",
        &format!("  from: docker.io/aibrix\n  to: ghcr.io/vllm-project\n  names: \"aibrix-{{name}}\"\n{REPOSITORIES}"),
    );
    let ran = moving.run(&["migrate", "plan", "own.yaml", "--beside", "parent.yaml"]).await;
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    println!("{}", ran.stdout);
    for line in [
        "# own.yaml beside parent.yaml\n",
        "| controller-manager | ghcr.io/aibrix/controller-manager | ghcr.io/vllm-project/aibrix-controller-manager |\n",
        "| In the way | nothing | ghcr.io/vllm-project/aibrix-gateway-plugins:nightly: something else is there under this name |\n",
        "\n## Only for parent.yaml\n",
    ] {
        assert!(ran.stdout.contains(line), "{line}{}", ran.stdout);
    }
}

const WORKFLOW: &str = "\
name: Push
on: push
jobs:
  push-hub:
    permissions: {packages: write}
    strategy:
      matrix:
        component:
          - name: controller-manager # one
          - name: gateway-plugins
    steps:
      - name: Login
        uses: docker/login-action@v4
        with:
          username: ${{ secrets.HUB_USER }}
          password: ${{ secrets.HUB_TOKEN }}
      - uses: docker/build-push-action@v7
        with:
          push: true
          tags: |
            aibrix/${{ matrix.component.name }}:${{ github.sha }}
            aibrix/${{ matrix.component.name }}:nightly
  test:
    steps:
      - run: docker pull aibrix/controller-manager:nightly
";

const KUSTOMIZATION: &str = "\
images:
- name: busybox
  newTag: stable
- name: aibrix/controller-manager
  newTag: v0.7.0
";

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    spec:
      containers:
        - image: aibrix/controller-manager:nightly # ours
        - image: nginx:1
";

fn checkout(moving: &Move) {
    for directory in [".github/workflows", "config"] {
        fs::create_dir_all(moving.lab.path().join(directory)).unwrap();
    }
    moving.lab.write(".github/workflows/push.yml", WORKFLOW);
    moving.lab.write("config/kustomization.yaml", KUSTOMIZATION);
    moving.lab.write("config/deployment.yaml", DEPLOYMENT);
    let section = "  from: docker.io/aibrix\n  to: ghcr.io/vllm-project\n  names: \"aibrix-{name}\"\n  \
                   documents: [\".github/workflows/*.yml\", \"config/**/*.yaml\"]\n  login: {secret: ORG_PACKAGES}\n";
    moving.write("migrate.yaml", &format!("{section}{REPOSITORIES}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_follow_and_come_back() {
    let moving = Move::new(100).await;
    checkout(&moving);
    let read = |name: &str| fs::read_to_string(moving.lab.path().join(name)).unwrap();
    let shown = moving.run(&["migrate", "rewrite"]).await;
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let workflow = WORKFLOW
        .replace("            aibrix/$", "            ghcr.io/vllm-project/aibrix-$")
        .replace(
            "          username: ${{ secrets.HUB_USER }}\n          password: ${{ secrets.HUB_TOKEN }}",
            "          registry: ghcr.io\n          username: ${{ github.actor }}\n          password: ${{ secrets.ORG_PACKAGES }}",
        );
    assert_eq!(read(".github/workflows/push.yml"), WORKFLOW, "it was only shown");
    assert_eq!(
        shown.stderr,
        "warning: .github/workflows/push.yml:25: `aibrix/controller-manager` is named here, and not as an image\n\
         hint: look whether it is to be changed by hand\n"
    );
    assert!(shown.stdout.contains("+          registry: ghcr.io\n"), "{}", shown.stdout);

    let ran = moving.run(&["migrate", "rewrite", "-i"]).await;
    assert_eq!(
        ran.stdout,
        ".github/workflows/push.yml: 4 images renamed, 1 login adapted\nconfig/deployment.yaml: 1 image renamed\nconfig/kustomization.yaml: 1 image renamed\n"
    );
    assert_eq!(read(".github/workflows/push.yml"), workflow);
    // The resources have the new name, so that is what the kustomization looks for.
    assert_eq!(
        read("config/kustomization.yaml"),
        KUSTOMIZATION.replace("aibrix/controller-manager", "ghcr.io/vllm-project/aibrix-controller-manager")
    );
    let again = moving.run(&["migrate", "rewrite"]).await;
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);

    let back = moving.run(&["migrate", "rewrite", "-i", "--reverse"]).await;
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert_eq!(read("config/deployment.yaml"), DEPLOYMENT.replace("aibrix/", "docker.io/aibrix/"));
    assert!(back.stderr.contains("which secrets it took before is not known here"), "{}", back.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_knows_the_documents() {
    let moving = Move::new(100).await;
    checkout(&moving);
    assert_eq!(moving.run(&["migrate", "apply"]).await.code, 0);
    let ran = moving.run(&["migrate", "status"]).await;
    assert_eq!(
        ran.stdout,
        "from docker.io/aibrix to ghcr.io/vllm-project\n4 of 4 tags in place\n.github/workflows/push.yml names the source 4 times\n\
         config/deployment.yaml names the source once\nconfig/kustomization.yaml names the source once\n\
         next: `entrepot migrate verify` proves the copies, `entrepot migrate rewrite` changes the documents\n"
    );
    assert_eq!(moving.run(&["migrate", "rewrite", "-i"]).await.code, 0);
    assert_eq!(moving.run(&["migrate", "status"]).await.code, 0);
}

// What a stranger's checkout leads to is not the project's.
#[tokio::test(flavor = "multi_thread")]
async fn what_links_of_a_checkout_lead_to_is_left_alone() {
    let moving = Move::new(100).await;
    moving.write(
        "migrate.yaml",
        &format!(
            "{SECTION}  repositories: [{}]\n  documents: [\"**/*.yaml\", \"*.yaml\"]\n",
            NAMES.join(", ")
        ),
    );
    let compose = "services: {a: {image: \"aibrix/gateway-plugins:v0.7.0\"}}\n";
    let at = |name: &str| moving.lab.path().join(name);
    for directory in ["checkout/deep", "checkout/.git", "outside"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    for file in ["outside/compose.yaml", "checkout/.git/compose.yaml", "checkout/deep/compose.yaml"] {
        moving.lab.write(file, compose);
    }
    for (link, target) in [
        ("checkout/away.compose.yaml", "../outside/compose.yaml"),
        ("checkout/absolute.compose.yaml", at("outside/compose.yaml").to_str().unwrap()),
        ("checkout/hidden.compose.yaml", ".git/compose.yaml"),
        ("checkout/near.compose.yaml", "deep/compose.yaml"),
        ("checkout/directory", "../outside"),
    ] {
        symlink(target, at(link)).unwrap();
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, at("checkout/pipe.yaml"), rustix::fs::Mode::RWXU).unwrap();
    let ran = moving.run(&["migrate", "rewrite", "--checkout", "checkout", "-i"]).await;
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "deep/compose.yaml: 1 image renamed\n"),
        "{}",
        ran.stderr
    );
    for link in ["absolute", "away", "hidden"] {
        let told = format!(
            "note: {link}.compose.yaml is a link that leads out of the project's files, and is left\n"
        );
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    }
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert_eq!(
        (read("outside/compose.yaml"), read("checkout/.git/compose.yaml")),
        (compose.to_owned(), compose.to_owned())
    );
    assert!(read("checkout/near.compose.yaml").contains("ghcr.io/aibrix/gateway-plugins:v0.7.0"));
    assert!(fs::symlink_metadata(at("checkout/near.compose.yaml")).unwrap().is_symlink());
}
