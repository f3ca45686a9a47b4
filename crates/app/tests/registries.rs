//! The commands that ask a registry: `tags`, `digest`, `inspect`, `login` and `logout`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use entrepot_testkit::{Bearer, ResourceKind, TestImage, TestRegistry};
use support::{Lab, Ran, typed};

/// Runs the binary in a home of its own.
async fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    run_with(lab, arguments, "").await
}

async fn run_with(lab: &Lab, arguments: &[&str], input: &str) -> Ran {
    let mut command = lab.command(arguments);
    let path = format!("{}:/usr/bin:/bin", lab.path().join("bin").display());
    command.env("HOME", lab.path()).env("PATH", path);
    tokio::task::block_in_place(|| typed(command, input))
}

fn authority(registry: &TestRegistry) -> String {
    registry.url().split_once("://").unwrap().1.to_owned()
}

fn login_needed() -> Bearer {
    Bearer::new().user("me", "canary")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tags_of_a_long_list_are_there() {
    let registry = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 100);
    for number in 0..2500 {
        registry.put_image("team/app", &format!("v{number:05}"), &image);
    }
    let (lab, name) = (Lab::new(), format!("{}/team/app", authority(&registry)));
    let ran = run(&lab, &["tags", &name]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let tags: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!((tags.len(), tags[0], tags[2499]), (2500, "v00000", "v02499"));
    let ran = run(&lab, &["tags", &name, "--match", "^v0000", "--exclude", "*5", "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["tags"].as_array().unwrap().len(), 9);
    let ran = run(&lab, &["tags", &name, "--not-match", "("]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: `--not-match`: "), "{}", ran.stderr);
    let ran = run(&lab, &["tags", &name, "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["repository"], json["tags"].as_array().unwrap().len()), (&name.into(), 2500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_costs_one_head() {
    let registry = TestRegistry::start().await;
    let image = TestImage::random(1, 2, 100);
    registry.put_image("team/app", "1", &image);
    let lab = Lab::new();
    let ran = run(&lab, &["digest", &format!("{}/team/app:1", authority(&registry))]).await;
    assert_eq!((ran.code, ran.stdout, ran.stderr.as_str()), (0, format!("{}\n", image.digest()), ""));
    let log = registry.log();
    assert_eq!(log.len(), 1, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told() {
    let registry = TestRegistry::start().await;
    let (lab, host) = (Lab::new(), authority(&registry));
    let image = format!("{host}/team/app:1");
    let told = format!(
        "error: `{image}` is not there\nhint: look at the spelling; if it is private, log in: `entrepot login {host}`\n"
    );
    for command in ["digest", "inspect"] {
        let ran = run(&lab, &[command, &image]).await;
        assert_eq!((ran.code, ran.stdout.as_str(), &ran.stderr), (1, "", &told));
    }
    assert_eq!(run(&lab, &["tags", &image]).await.code, 2);
    let ran = run(&lab, &["digest", "127.0.0.1:1/a"]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.starts_with(
            "error: `127.0.0.1:1/a:latest`: `127.0.0.1:1`: not reachable: the connection is refused: "
        ),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("\nhint: look at the address and port under `endpoints`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_inspected_without_its_layers() {
    let registry = TestRegistry::start().await;
    let image = TestImage::index(
        ["linux/amd64", "linux/arm64"].map(|platform| TestImage::random(1, 2, 5_000).with_platform(platform)),
    );
    registry.put_image("team/app", "1", &image);
    let (lab, name) = (Lab::new(), format!("{}/team/app:1", authority(&registry)));
    let ran = run(&lab, &["inspect", &name]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert!(ran.stdout.contains(&image.digest().to_string()), "{}", ran.stdout);
    assert!(ran.stdout.contains("linux/amd64") && ran.stdout.contains("linux/arm64"), "{}", ran.stdout);
    let blobs = registry.log().blob_gets().len();
    assert_eq!(blobs, 1, "only a configuration");
    let raw = run(&lab, &["inspect", &name, "--raw"]).await;
    assert_eq!(raw.stdout.as_bytes(), image.bytes());
    let ran = run(&lab, &["inspect", &name, "--platform", "linux/arm64", "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["digest"], image.digest().to_string());
    assert!(json["platforms"].as_array().unwrap().len() >= 2, "{json}");
    let ran = run(&lab, &["inspect", &name, "--platform", "linux/s390x"]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("has nothing for linux/s390x\nhint: it has linux/amd64, linux/arm64"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_checked_kept_used_and_forgotten() {
    let registry = TestRegistry::start().await;
    registry.require_bearer(login_needed());
    registry.put_image("team/app", "1", &TestImage::random(1, 1, 100));
    let (lab, host) = (Lab::new(), authority(&registry));
    let name = format!("{host}/team/app");
    let ran = run(&lab, &["tags", &name]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with(&format!("\nhint: log in: `entrepot login {host}`\n")), "{}", ran.stderr);

    let wrong = run_with(&lab, &["-vv", "login", &host, "-u", "me", "--password-stdin"], "canary2\n").await;
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.stderr.contains(&format!("error: `{host}` does not take this login: ")),
        "{}",
        wrong.stderr
    );
    assert!(!lab.path().join(".docker").exists() && !wrong.stderr.contains("canary"), "{}", wrong.stderr);

    let ran = run_with(&lab, &["-vv", "login", &host, "-u", "me", "--password-stdin"], "canary\n").await;
    let file = lab.path().join(".docker/config.json");
    let told = format!(
        "logged in to `{host}` as `me`\nthe password is in `{}`, for this user to read\n",
        file.display()
    );
    assert_eq!((ran.code, &ran.stdout), (0, &told), "{}", ran.stderr);
    assert!(!ran.stderr.contains("canary") && !ran.stderr.contains("bWU6Y2FuYXJ5"), "{}", ran.stderr);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let ran = run(&lab, &["-vv", "tags", &name]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "1\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("canary") && !ran.stderr.contains("bWU6Y2FuYXJ5"), "{}", ran.stderr);

    let ran = run(&lab, &["logout", &host]).await;
    assert_eq!((ran.code, ran.stdout), (0, format!("removed `{host}` from `{}`\n", file.display())));
    let ran = run(&lab, &["logout", &host]).await;
    let told = format!(
        "error: there is no login for `{host}`\nhint: logins for namespaces are apart: name the namespace too, or say `--all`\n"
    );
    assert_eq!((ran.code, ran.stderr), (1, told));
    assert_eq!(run(&lab, &["tags", &name]).await.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_wins_over_logins() {
    let registry = TestRegistry::start().await;
    registry.require_bearer(login_needed());
    registry.put_image("team/app", "1", &TestImage::random(1, 1, 100));
    let host = authority(&registry);
    let lab = Lab::with(&format!(
        "registries: {{\"{host}\": {{endpoints: [\"{}\"], credentials: [{{username: me, password: canary}}]}}}}\n",
        registry.url()
    ));
    fs::create_dir(lab.path().join(".docker")).unwrap();
    lab.write(".docker/config.json", &format!(r#"{{"auths":{{"{host}":{{"auth":"eW91OndyaW5n"}}}}}}"#));
    let ran = run(&lab, &["tags", &format!("{host}/team/app")]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "1\n"), "{}", ran.stderr);
    assert_eq!(registry.log().kind(ResourceKind::Token).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn helpers_keep_secrets() {
    let registry = TestRegistry::start().await;
    registry.require_bearer(login_needed());
    registry.put_image("team/app", "1", &TestImage::random(1, 1, 100));
    let (lab, host) = (Lab::new(), authority(&registry));
    let name = format!("{host}/team/app");
    fs::create_dir_all(lab.path().join("bin")).unwrap();
    fs::create_dir_all(lab.path().join(".docker")).unwrap();
    lab.write(".docker/config.json", r#"{"credsStore": "lab"}"#);

    let ran = run(&lab, &["tags", &name]).await;
    let told = format!(
        "warning: the credential helper `docker-credential-lab` for `{host}` cannot be run\nhint: install it somewhere on the `PATH`, or take it out of the credentials file\n"
    );
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with(&told), "{}", ran.stderr);

    // One that keeps what it is given in a file.
    let helper = lab.write(
        "bin/docker-credential-lab",
        "#!/bin/sh\nkept=$HOME/kept\ncase $1 in\nstore) cat >$kept ;;\nget) cat >/dev/null; if [ -e $kept ]; then cat $kept; else echo credentials not found in native keychain; exit 1; fi ;;\nerase) cat >/dev/null; rm -f $kept ;;\nesac\n",
    );
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = run_with(&lab, &["login", &host, "-u", "me", "--password-stdin"], "canary").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.ends_with("the password is in `docker-credential-lab`\n"), "{}", ran.stdout);
    let file = fs::read_to_string(lab.path().join(".docker/config.json")).unwrap();
    assert!(file.contains(&host) && !file.contains("auth\""), "{file}");
    let ran = run(&lab, &["-vv", "tags", &name]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "1\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    assert_eq!(run(&lab, &["logout", &host]).await.code, 0);
    assert!(!lab.path().join("kept").exists());

    fs::write(&helper, "#!/bin/sh\necho canary; exit 3\n").unwrap();
    let ran = run(&lab, &["-vv", "tags", &name]).await;
    assert!(
        ran.stderr.contains(&format!(
            "warning: the credential helper `docker-credential-lab` failed for `{host}` with status 3\nhint: "
        )),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
}
