//! Stored credentials and the key that they are sealed with, on the whole binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entrepot_testkit::{Bearer, TestImage, TestRegistry, client, until};
use rustix::process::Signal;
use serde_json::Value;
use support::{Lab, Ran, Serving, typed};

const PASSWORD: &str = "canary-%&ö:+$ password";

/// A registry that wants a login, and a server that mirrors it and has a rule to copy from it.
struct Yard {
    upstream: TestRegistry,
    target: TestRegistry,
    lab: Lab,
}

impl Yard {
    async fn new() -> Self {
        let (upstream, target) = (TestRegistry::start().await, TestRegistry::start().await);
        upstream.require_bearer(Bearer::new().user("robot", PASSWORD));
        for tag in ["1", "2", "3"] {
            upstream.put_image("acme/app", tag, &TestImage::random(1, 1, 100));
        }
        let lab = Lab::with(&format!(
            "registries: {{\"{0}\": {{mirror: true, endpoints: [\"{1}\"]}}}}\n\
             sync: [{{name: r1, from: \"{0}/acme/app\", to: [\"{2}/acme/app\"]}}]\n",
            host(&upstream),
            upstream.url(),
            host(&target),
        ));
        Self { upstream, target, lab }
    }

    fn host(&self) -> String {
        host(&self.upstream)
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Ran {
        run(&self.lab, arguments, input).await
    }

    /// Runs a command that must succeed.
    async fn done(&self, arguments: &[&str], input: &str) -> String {
        let ran = self.run(arguments, input).await;
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    async fn add(&self, name: &str) {
        let host = self.host();
        let arguments = ["credentials", "add", &host, "-u", "robot", "--name", name, "--password-stdin"];
        assert_eq!(self.done(&arguments, PASSWORD).await, format!("`{name}` is stored and in use\n"));
    }

    async fn pull(&self, serving: &Serving, tag: &str) -> u16 {
        let url = format!("{}/v2/{}/acme/app/manifests/{tag}", serving.url, self.host());
        client::get(&url).await.status.as_u16()
    }
}

fn host(registry: &TestRegistry) -> String {
    registry.url().split_once("://").unwrap().1.to_owned()
}

async fn run(lab: &Lab, arguments: &[&str], input: &str) -> Ran {
    let mut command = lab.command(arguments);
    command.env("HOME", lab.path()).env("PATH", "/usr/bin:/bin");
    tokio::task::block_in_place(|| typed(command, input))
}

fn stop(serving: Serving) -> String {
    tokio::task::block_in_place(|| serving.stop())
}

fn bytes_below(directory: &Path) -> Vec<u8> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_credential_is_used_by_the_mirror_and_by_syncs_without_a_restart() {
    let yard = Yard::new().await;
    let serving = yard.lab.serve(&[]);
    assert_eq!(yard.pull(&serving, "1").await, 403);
    let failed = yard.run(&["sync", "run", "r1", "--wait"], "").await;
    assert_eq!(failed.code, 1, "{}", failed.stdout);

    yard.add("lab").await;
    assert_eq!(yard.pull(&serving, "1").await, 200);
    yard.done(&["sync", "run", "r1", "--wait"], "").await;
    assert!(yard.target.manifest("acme/app", "3").is_some());

    let password = ["credentials", "password", "lab", "--password-stdin"];
    yard.done(&password, "canary-wrong").await;
    assert_eq!(yard.pull(&serving, "2").await, 403);
    let refused = yard.run(&["credentials", "verify", "lab"], "").await;
    assert_eq!(refused.code, 1);
    assert!(refused.stdout.starts_with("`lab`: unauthorized (asked for: login): 401"), "{}", refused.stdout);
    let told = "error: `lab` cannot be used: unauthorized\nhint: look at user name and password;";
    assert!(refused.stderr.starts_with(told), "{}", refused.stderr);

    yard.done(&password, PASSWORD).await;
    assert_eq!(yard.pull(&serving, "2").await, 200);
    let verified = yard.done(&["credentials", "verify", "lab", "--repository", "acme/app"], "").await;
    assert_eq!(verified, "`lab`: accepted (asked for: repository)\n");
    let listed = yard.done(&["credentials", "ls", "--output", "json"], "").await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["credentials"][0]["registry"], yard.host());
    assert_eq!(listed["credentials"][0]["username"], "robot");
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);

    yard.done(&["credentials", "rm", "lab"], "").await;
    assert_eq!(yard.pull(&serving, "3").await, 403);
    assert_eq!(yard.pull(&serving, "2").await, 200, "what is held is served");
    let unknown = yard.run(&["credentials", "verify", "lab"], "").await;
    let told = "error: there is no credential `lab`\nhint: see what there is: `entrepot credentials list`\n";
    assert_eq!((unknown.code, unknown.stderr.as_str()), (1, told));
    stop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_owner_use_stored_credentials_beside_the_server_and_without_it() {
    let yard = Yard::new().await;
    let image = format!("{}/acme/app", yard.host());
    assert_eq!(yard.run(&["tags", &image], "").await.code, 1);
    let serving = yard.lab.serve(&[]);
    yard.add("lab").await;
    assert_eq!(yard.done(&["tags", &image], "").await, "1\n2\n3\n");
    stop(serving);
    assert_eq!(yard.done(&["tags", &image], "").await, "1\n2\n3\n");
    yard.done(&["sync", "entrepot.yaml"], "").await;
    assert!(yard.target.manifest("acme/app", "3").is_some());

    fs::remove_file(yard.lab.path().join("data/secret.key")).unwrap();
    let ran = yard.run(&["tags", &image], "").await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.starts_with("warning: stored credentials are not used: cannot use the key file"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_in_an_answer_the_log_the_audit_or_the_database() {
    let yard = Yard::new().await;
    let mut command = yard.lab.command(&["-vv", "serve", "--listen", "127.0.0.1:0"]);
    command.envs([("ENTREPOT_LOG", "trace"), ("RUST_BACKTRACE", "full")]);
    let log = File::create(yard.lab.path().join("log")).unwrap();
    let serving = tokio::task::block_in_place(|| {
        command.stdout(Stdio::piped()).stderr(log);
        Serving::of(command)
    });
    yard.add("lab").await;
    assert_eq!(yard.pull(&serving, "1").await, 200);
    let mut told = String::new();
    for arguments in [
        &["-vv", "credentials", "list", "--output", "json"][..],
        &["-vv", "credentials", "verify", "lab", "--output", "json"],
        &["-vv", "credentials", "add", "quay.io", "-u", "a:b", "--password-stdin"],
        &["-vv", "credentials", "add", "not a host", "-u", "a", "--password-stdin"],
        &["-vv", "credentials", "password", "lab", "--password-stdin"],
        &["-vv", "credentials", "password", "none", "--password-stdin"],
        &["-vv", "secrets", "rotate"],
        &["-vv", "secrets", "status", "--output", "json"],
        &["-vv", "audit", "--output", "json"],
    ] {
        let ran = yard.run(arguments, PASSWORD).await;
        told += &format!("{}{}", ran.stdout, ran.stderr);
    }
    // A document that is almost right.
    let wrong = format!(r#"{{"registry": "quay.io", "password": "{PASSWORD}", "usernam": "x"}}"#);
    let headers = [("content-type", "application/json")];
    let url = format!("{}/api/v1/credentials", serving.url);
    told += &client::request(hyper::Method::POST, &url, &headers, wrong).await.text();
    assert!(told.contains("credential.create") && told.contains("secrets.rotate"), "{told}");
    stop(serving);
    let log = fs::read_to_string(yard.lab.path().join("log")).unwrap();
    assert!(log.len() > 10_000, "{log}");
    let disk = bytes_below(&yard.lab.path().join("data"));
    assert!(disk.len() > 10_000, "the database is there");
    let basic = BASE64_STANDARD.encode(format!("robot:{PASSWORD}"));
    for planted in [PASSWORD, &basic] {
        assert!(!told.contains(planted), "{told}");
        assert!(!log.contains(planted), "in the log");
        assert!(!disk.windows(planted.len()).any(|window| window == planted.as_bytes()), "on disk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_docker_are_imported() {
    let yard = Yard::new().await;
    let serving = yard.lab.serve(&[]);
    let auth = BASE64_STANDARD.encode(format!("robot:{PASSWORD}"));
    let helper = r#""credHelpers": {"gcr.io": "that-is-not-installed"}"#;
    let text = format!(
        r#"{{"auths": {{"{}": {{"auth": "{auth}"}}, "quay.io/acme": {{"auth": "{auth}"}}}}, {helper}}}"#,
        yard.host()
    );
    let file = yard.lab.write("config.json", &text);
    let import = ["credentials", "import", file.to_str().unwrap()];
    let ran = yard.run(&import, "").await;
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains(&format!("`{}` is stored and in use\n", yard.host())), "{}", ran.stdout);
    assert!(ran.stdout.contains("`quay.io/acme` is stored and in use\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("`gcr.io` is not stored: the credential helper"), "{}", ran.stdout);
    assert!(ran.stderr.ends_with("error: 1 of 3 logins are not stored\n"), "{}", ran.stderr);
    assert_eq!(yard.pull(&serving, "1").await, 200);

    let again: Value =
        serde_json::from_str(&yard.run(&[&import[..], &["--output", "json"]].concat(), "").await.stdout)
            .unwrap();
    let outcomes: Vec<_> =
        again.as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "skipped").count(), 2, "{again}");
    let replaced = yard.run(&[&import[..], &["--replace"]].concat(), "").await;
    assert!(
        replaced.stdout.contains("`quay.io/acme` has the password of the file now\n"),
        "{}",
        replaced.stdout
    );
    let missing = yard.run(&["credentials", "import", "none.json"], "").await;
    assert_eq!((missing.code, missing.stderr.as_str()), (2, "error: there is no file `none.json`\n"));
    stop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_rotated_while_the_server_runs() {
    let yard = Yard::new().await;
    let serving = yard.lab.serve(&[]);
    yard.add("lab").await;
    let key = yard.lab.path().join("data/secret.key");
    let before = fs::read_to_string(&key).unwrap();
    let rotated = yard.done(&["secrets", "rotate"], "").await;
    assert!(rotated.starts_with("everything is sealed with the new key `"), "{rotated}");
    let after = fs::read_to_string(&key).unwrap();
    assert!(before != after && after.lines().count() == 1);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(yard.pull(&serving, "1").await, 200);
    let status: Value =
        serde_json::from_str(&yard.done(&["secrets", "status", "--output", "json"], "").await).unwrap();
    assert_eq!(status["keys"].as_array().unwrap().len(), 1);
    // The credential, and two keys that sign registry tokens.
    assert_eq!((&status["keys"][0]["values"], &status["keys"][0]["current"]), (&3.into(), &true.into()));
    stop(serving);
    let serving = yard.lab.serve(&[]);
    assert_eq!(yard.pull(&serving, "2").await, 200);
    stop(serving);

    fs::write(&key, before).unwrap();
    let refused = yard.run(&["serve", "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .contains("error: cannot open the accounts: the key file does not fit the database: the key `"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.ends_with("put back the key file that this database was used with\n"),
        "{}",
        refused.stderr
    );
}

// A rotation writes the file with both keys first: as soon as it is there, the server is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_half_way_is_finished_at_the_next_start() {
    let yard = Yard::new().await;
    let mut serving = yard.lab.serve(&[]);
    for number in 0..30 {
        yard.add(&format!("c{number}")).await;
    }
    let key = yard.lab.path().join("data/secret.key");
    let before = fs::read_to_string(&key).unwrap();
    let mut command = yard.lab.command(&["secrets", "rotate"]);
    let mut rotating = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the key file to change", || (fs::read_to_string(&key).unwrap() != before).then_some(())).await;
    serving.signal(Signal::KILL);
    tokio::task::block_in_place(|| (serving.wait(), rotating.wait().unwrap()));

    let serving = yard.lab.serve(&[]);
    let after = fs::read_to_string(&key).unwrap();
    assert_eq!((after.lines().count(), after == before), (1, false));
    let status: Value =
        serde_json::from_str(&yard.done(&["secrets", "status", "--output", "json"], "").await).unwrap();
    assert_eq!(status["keys"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(yard.pull(&serving, "1").await, 200);
    stop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_missing_or_open_to_others_refuses_the_start() {
    let lab = Lab::new();
    stop(lab.serve(&[]));
    let key = lab.path().join("data/secret.key");
    let start = async || {
        let ran = run(&lab, &["serve", "--listen", "127.0.0.1:0"], "").await;
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        ran.stderr
            .lines()
            .filter(|line| line.starts_with("error") || line.starts_with("hint"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let told = start().await;
    assert!(told.contains("can be read by other users; run `chmod 600 "), "{told}");
    fs::rename(&key, lab.path().join("elsewhere.key")).unwrap();
    let told = start().await;
    assert!(
        told.contains("does not exist")
            && told.contains("hint: the database holds secrets that were sealed with it: put it back"),
        "{told}"
    );
    let refused = run(&lab, &["secrets", "reset"], "").await;
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    fs::write(&key, "something else\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let told = start().await;
    assert!(told.contains("holds no key") && told.contains("hint: put it back from your copy"), "{told}");
    fs::remove_file(&key).unwrap();

    // Mounted from somewhere else, as orchestrators do: open to others is a warning.
    fs::set_permissions(lab.path().join("elsewhere.key"), fs::Permissions::from_mode(0o644)).unwrap();
    lab.write("entrepot.yaml", "secrets: {key_file: elsewhere.key}\n");
    let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let log = stop(tokio::task::block_in_place(|| Serving::of(command)));
    assert!(log.contains("the key file `elsewhere.key` can be read by other users"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_come_from_the_environment() {
    let lab = Lab::with("secrets: {key: \"env:THE_KEY\"}\n");
    let key = run(&lab, &["secrets", "key"], "").await.stdout;
    assert!(key.starts_with("entrepot-key-1:"), "{key}");
    let serving = tokio::task::block_in_place(|| lab.serve_with(&[], &[("THE_KEY", &key)]));
    assert!(!lab.path().join("data/secret.key").exists());
    let refused = {
        let mut command = lab.command(&["secrets", "rotate"]);
        command.env("THE_KEY", &key);
        tokio::task::block_in_place(|| typed(command, ""))
    };
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("hint: print a new key with `entrepot secrets key`"),
        "{}",
        refused.stderr
    );
    stop(serving);

    // A new key in front of the old one: everything is sealed with it, and then the old one may go.
    let new = run(&lab, &["secrets", "key"], "").await.stdout;
    let both = format!("{new}{key}");
    stop(tokio::task::block_in_place(|| lab.serve_with(&[], &[("THE_KEY", &both)])));
    stop(tokio::task::block_in_place(|| lab.serve_with(&[], &[("THE_KEY", &new)])));
    let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("THE_KEY", &key);
    let refused = tokio::task::block_in_place(|| typed(command, ""));
    assert!(
        refused.stderr.contains("hint: the key in the configuration belongs to another installation"),
        "{}",
        refused.stderr
    );

    let mut command = lab.command(&["config", "show"]);
    command.env("THE_KEY", &key);
    let shown = tokio::task::block_in_place(|| typed(command, "")).stdout;
    assert!(shown.contains("***") && !shown.contains("entrepot-key-1"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_not_the_end() {
    let yard = Yard::new().await;
    let serving = yard.lab.serve(&[]);
    yard.add("lab").await;
    let busy = yard.run(&["secrets", "reset", "--yes"], "").await;
    assert!(busy.code == 1 && busy.stderr.contains("hint: stop the server first"), "{}", busy.stderr);
    stop(serving);
    fs::remove_file(yard.lab.path().join("data/secret.key")).unwrap();
    let told = yard.done(&["secrets", "reset", "--yes"], "").await;
    assert!(
        told.starts_with("removed 1 stored credentials, 1 keys that sign registry tokens, and the certificates of 0 nodes\n"),
        "{told}"
    );
    let serving = yard.lab.serve(&[]);
    assert_eq!(yard.pull(&serving, "1").await, 403);
    yard.add("lab").await;
    assert_eq!(yard.pull(&serving, "1").await, 200);
    stop(serving);
}

/// An entrepot with an account.
async fn with_alice(lab: &Lab) -> Serving {
    let serving = lab.serve(&[]);
    let added = run(lab, &["account", "add", "alice", "--password-stdin"], "correct horse battery").await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    serving
}

async fn tokens(lab: &Lab) -> Vec<Value> {
    let listed = run(lab, &["token", "ls", "--account", "alice", "--output", "json"], "").await;
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    listed["tokens"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_an_entrepot_keeps_an_api_token_and_not_the_password() {
    let lab = Lab::with("access: {local: []}\n");
    let serving = with_alice(&lab).await;
    let host = serving.authority().to_owned();
    let login = ["login", &host, "-u", "alice", "--password-stdin"];
    let ran = run(&lab, &login, "correct horse battery").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let made = tokens(&lab).await;
    assert_eq!(made.len(), 1);
    let (id, name) = (made[0]["id"].as_str().unwrap(), made[0]["name"].as_str().unwrap());
    assert!(name.starts_with("entrepot login on "), "{name}");
    assert!(
        ran.stdout.contains(&format!("an API token (`{id}`), and not the password, is in `")),
        "{}",
        ran.stdout
    );
    let file: Value =
        serde_json::from_slice(&fs::read(lab.path().join(".docker/config.json")).unwrap()).unwrap();
    let auth = BASE64_STANDARD.decode(file["auths"][&host]["auth"].as_str().unwrap()).unwrap();
    assert!(auth.starts_with(format!("alice:ep_{id}").as_bytes()), "as `docker login` writes it");

    // The commands that talk to a server use it.
    let audit = ["token", "ls", "--server", &serving.url, "--output", "json"];
    let listed = run(&lab, &audit, "").await;
    assert_eq!(listed.code, 0, "{}", listed.stderr);

    // Another login replaces it.
    assert_eq!(run(&lab, &login, "correct horse battery").await.code, 0);
    let again = tokens(&lab).await;
    assert_eq!(again.len(), 1);
    assert_ne!(again[0]["id"], made[0]["id"]);

    let out = run(&lab, &["logout", &host], "").await;
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert!(
        out.stdout.contains(&format!("revoked the API token `{}`\n", again[0]["id"].as_str().unwrap())),
        "{}",
        out.stdout
    );
    assert!(tokens(&lab).await.is_empty());
    assert_eq!(run(&lab, &audit, "").await.code, 1);
    stop(serving);
}

// Programs on its machine need no login there, which must not make a wrong password look right.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_an_entrepot_on_this_machine_is_verified() {
    let lab = Lab::new();
    let serving = with_alice(&lab).await;
    let host = serving.authority().to_owned();
    let login = ["login", &host, "-u", "alice", "--password-stdin"];
    let refused = run(&lab, &login, "wrong").await;
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("refuses the user name or the password"), "{}", refused.stderr);
    let kept = [login.as_slice(), &["--keep-password"]].concat();
    assert_eq!(run(&lab, &kept, "wrong").await.code, 1);
    assert!(!lab.path().join(".docker/config.json").exists());
    let ran = run(&lab, &login, "correct horse battery").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("and not the password"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("everybody"), "{}", ran.stdout);
    stop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_others_outlive_a_logout_and_passwords_are_kept_where_that_is_wanted() {
    let lab = Lab::with("access: {local: []}\n");
    let serving = with_alice(&lab).await;
    let host = serving.authority().to_owned();
    let made = run(&lab, &["token", "create", "ci", "--account", "alice", "--scope", "pull:**"], "").await;
    let login = ["login", &host, "-u", "alice", "--password-stdin"];
    let ran = run(&lab, &login, made.stdout.trim()).await;
    assert!(ran.stdout.contains("the password is in `"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(run(&lab, &["logout", &host], "").await.code, 0);
    assert_eq!(tokens(&lab).await.len(), 1);

    let kept = run(&lab, &[&login[..], &["--keep-password"]].concat(), "correct horse battery").await;
    assert!(kept.stdout.contains("the password is in `"), "{}", kept.stdout);
    assert_eq!(tokens(&lab).await.len(), 1);

    // A server that is gone does not keep anybody logged in.
    assert_eq!(run(&lab, &login, "correct horse battery").await.code, 0);
    stop(serving);
    let out = run(&lab, &["logout", &host], "").await;
    assert_eq!(out.code, 0);
    assert!(out.stderr.contains("the API token of the login is not revoked at `"), "{}", out.stderr);
}
