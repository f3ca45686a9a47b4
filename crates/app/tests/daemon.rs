//! `serve` with rules: run from afar, shown to readers, changed while it runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_testkit::{TestImage, TestRegistry, client};
use serde_json::Value;
use support::{Lab, Ran, Serving};

/// A test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

struct World {
    source: TestRegistry,
    target: TestRegistry,
    lab: Lab,
}

impl World {
    async fn new() -> Self {
        let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
        for (seed, tag) in [(1, "v1"), (2, "v2-cann"), (3, "v3-cann")] {
            source.put_image("me/app", tag, &TestImage::random(seed, 2, 20_000));
        }
        let world = Self { lab: Lab::new(), source, target };
        world.write("app", "back/app");
        world
    }

    /// The configuration: one rule, whose password must never be seen.
    fn write(&self, rule: &str, to: &str) {
        self.lab.write(
            "entrepot.yaml",
            &format!(
                "api_token: env:TOKEN\naccess: {{metrics: [127.0.0.1]}}\nregistries:\n  \
                 source.test: {{endpoints: [\"{0}\"], credentials: [{{username: u, password: s3cret-password, endpoint: \"{0}\"}}]}}\n  \
                 target.test: {{endpoints: [\"{1}\"]}}\nsync:\n  - {{name: {rule}, title: The app, \
                 from: source.test/me/app, tags: {{match: cann}}, to: [target.test/{to}]}}\n",
                self.source.url(),
                self.target.url()
            ),
        );
    }

    fn serve(&self) -> Serving {
        self.lab.serve_with(&[], &[("TOKEN", "t0ken-of-the-api")])
    }

    /// By the socket in the data directory.
    async fn run(&self, arguments: &[&str]) -> Ran {
        tokio::task::block_in_place(|| self.lab.run(arguments))
    }

    /// Over the network.
    async fn run_at(&self, serving: &Serving, arguments: &[&str], token: Option<&str>) -> Ran {
        let mut command = self.lab.command(arguments);
        command.args(["--server", &serving.url]).envs(token.map(|token| ("ENTREPOT_API_TOKEN", token)));
        tokio::task::block_in_place(|| support::ran(command))
    }
}

async fn rules(serving: &Serving) -> Value {
    client::get(&format!("{}/api/v1/sync/rules", serving.url)).await.json()
}

async fn until(serving: &Serving, what: impl Fn(&Value) -> bool) -> Value {
    let started = std::time::Instant::now();
    loop {
        let rules = rules(serving).await;
        if what(&rules) {
            return rules;
        }
        assert!(started.elapsed() < PATIENCE, "{rules}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn stop(serving: Serving) -> String {
    tokio::task::block_in_place(|| serving.stop())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_run_from_afar_and_shown() {
    let world = World::new().await;
    let serving = world.serve();
    let ran = world.run(&["sync", "run", "app", "--wait"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("app: started run "), "{}", ran.stdout);
    for tag in ["v2-cann", "v3-cann"] {
        let line = format!("copied source.test/me/app:{tag} → target.test/back/app:{tag} (");
        assert!(ran.stdout.contains(&line), "{}", ran.stdout);
        assert_eq!(world.target.manifest("back/app", tag), world.source.manifest("me/app", tag));
    }
    assert!(ran.stdout.contains("app: done; 2 copied, 0 equal, 0 failed, "), "{}", ran.stdout);
    assert_eq!(world.target.manifest("back/app", "v1"), None);

    // Nothing to do: one look at every tag on each side.
    world.target.clear_log();
    let ran = world.run(&["sync", "run", "app", "--wait"]).await;
    assert!(ran.stdout.contains("app: done; 0 copied, 2 equal, 0 failed, 0 B written"), "{}", ran.stdout);
    let one = ["sync", "run", "app", "--image", "source.test/me/app:v3-cann", "--wait"];
    let ran = world.run(&one).await;
    assert!(ran.stdout.contains("0 copied, 1 equal"), "{}", ran.stdout);

    let listed = world.run(&["sync", "runs", "--rule", "app"]).await;
    assert_eq!(listed.stdout.lines().count(), 4, "{}", listed.stdout);
    let unknown = world.run(&["sync", "run", "none"]).await;
    let told = "error: there is no rule `none`\nhint: all rules: `/api/v1/sync/rules`\n";
    assert_eq!((unknown.code, unknown.stderr.as_str()), (1, told));

    for (path, part) in [
        ("/guide?lang=en", "docker pull target.test/back/app"),
        ("/guide.md?lang=zh", "target.test/back/app:[tag]"),
        ("/sync", "v3-cann"),
        ("/badge/sync.svg", "2/2"),
        (
            "/logs/sync.log",
            "SYNCHRONIZED: source.test/me/app:v2-cann and target.test/back/app:v2-cann are in synchronized",
        ),
        ("/metrics", "entrepot_sync_copies_total{outcome=\"copied\"} 2"),
        ("/api/v1/sync/state?rule=app", "\"outcome\":\"equal\""),
        ("/api/v1/sync/runs", "\"outcome\":\"done\""),
    ] {
        let text = client::get(&format!("{}{path}", serving.url)).await.text();
        assert!(text.contains(part), "{path}: {text}");
        assert!(!text.contains("s3cret-password") && !text.contains("t0ken-of-the-api"), "{path}");
    }
    let said = stop(serving).await;
    assert!(!said.contains("s3cret-password") && !said.contains("t0ken-of-the-api"), "{said}");
}

// A04: where there is a token, being on this machine is no proof; the socket is.
#[tokio::test(flavor = "multi_thread")]
async fn runs_are_begun_and_stopped_by_the_socket_or_the_token() {
    let world = World::new().await;
    world.source.pace(Some(2_000));
    let serving = world.serve();
    let refused = world.run_at(&serving, &["sync", "run", "app"], None).await;
    let told = "error: this needs a token\nhint: put the server's `api_token`, or an API token of an account, into `ENTREPOT_API_TOKEN`\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (1, told));
    let begun = world.run_at(&serving, &["sync", "run", "app"], Some("t0ken-of-the-api")).await;
    let id =
        begun.stdout.trim().strip_prefix("app: started run ").unwrap_or_else(|| panic!("{}", begun.stderr));
    let joined = world.run(&["sync", "run", "app", "--data", "data"]).await;
    assert_eq!(joined.stdout, format!("app: joined run {id}\n"), "{}", joined.stderr);
    let stopped = world.run(&["sync", "cancel", id]).await;
    assert_eq!(stopped.stdout, format!("cancelling run {id}\n"), "{}", stopped.stderr);
    until(&serving, |rules| rules["rules"][0]["last"]["outcome"] == "cancelled").await;
    stop(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_and_costs_the_exit_code() {
    let world = World::new().await;
    let serving = world.serve();
    world.target.stop().await;
    let ran = world.run(&["sync", "run", "app", "--wait"]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("failed source.test/me/app:v2-cann → target.test/back/app:v2-cann: "),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("of rule `app` ended as failed\nhint: what it did: `curl --unix-socket "),
        "{}",
        ran.stderr
    );
    stop(serving).await;
    let nobody = world.lab.run(&["sync", "runs", "--server", "http://127.0.0.1:9"]);
    assert_eq!(nobody.code, 1);
    assert!(
        nobody.stderr.starts_with("error: cannot reach the server at `http://127.0.0.1:9`: "),
        "{}",
        nobody.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_changed_while_it_runs_or_refused() {
    let world = World::new().await;
    let serving = world.serve();
    assert_eq!(rules(&serving).await["rules"][0]["name"], "app");
    world.write("app", "Not/A/Name");
    let refused = until(&serving, |rules| !rules["refused"].is_null()).await;
    let problem = refused["refused"]["problem"].as_str().unwrap();
    assert!(
        problem.contains("entrepot.yaml:") && problem.contains("`Not/A/Name` is not a repository"),
        "{problem}"
    );
    assert_eq!(refused["rules"][0]["sources"][0]["to"][0], "target.test/back/app");
    world.write("other", "back/other");
    let taken = until(&serving, |rules| rules["rules"][0]["name"] == "other").await;
    assert_eq!(taken["refused"], Value::Null);
    let ran = world.run(&["sync", "run", "other", "--wait"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(world.target.manifest("back/other", "v2-cann").is_some());
    stop(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_stops_runs_and_the_next_start_catches_up() {
    let world = World::new().await;
    world.source.pace(Some(2_000));
    let serving = world.serve();
    let begun = world.run(&["sync", "run", "app"]).await;
    assert_eq!(begun.code, 0, "{}", begun.stderr);
    until(&serving, |rules| rules["rules"][0]["running"]["phase"] == "copying").await;
    stop(serving).await;
    world.source.pace(None);
    let serving = world.serve();
    let runs = client::get(&format!("{}/api/v1/sync/runs", serving.url)).await.json();
    assert_eq!(runs["runs"][0]["outcome"], "interrupted", "{runs}");
    let ran = world.run(&["sync", "run", "app", "--wait"]).await;
    assert!(ran.stdout.contains("app: done; 2 copied"), "{}", ran.stdout);
    stop(serving).await;
}
