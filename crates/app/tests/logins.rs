//! The first password, logins with a browser, and the commands about them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use entrepot_testkit::client::{self, Response};
use hyper::Method;
use support::{Lab, Ran, Serving};

const VARIABLE: &str = "ENTREPOT_ADMIN_PASSWORD";

async fn log_in(serving: &Serving, password: &str) -> Response {
    let body = format!(r#"{{"name": "admin", "password": "{password}"}}"#);
    client::request(
        Method::POST,
        &format!("{}/api/v1/session", serving.url),
        &[("user-agent", "test/1")],
        body,
    )
    .await
}

async fn who(serving: &Serving, cookie: &str) -> serde_json::Value {
    client::get_with(&format!("{}/api/v1/me", serving.url), &[("cookie", cookie)]).await.json()["account"]
        .clone()
}

async fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    tokio::task::block_in_place(|| lab.run(arguments))
}

async fn stop(serving: Serving) -> String {
    tokio::task::block_in_place(|| serving.stop())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_password_comes_from_a_file_and_sessions_are_ended_by_command() {
    let lab = Lab::new();
    let file = lab.write("password", "correct horse battery\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let reference = format!("file:{}", file.display());
    let serving = lab.serve_with(&[], &[(VARIABLE, &reference)]);
    let answer = log_in(&serving, "correct horse battery").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(who(&serving, &cookie).await, "admin");

    let listed = run(&lab, &["session", "ls"]).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert!(listed.stdout.contains(&id) && listed.stdout.contains("test/1"), "{}", listed.stdout);
    assert!(!listed.stdout.contains(cookie.split_once('=').unwrap().1), "{}", listed.stdout);
    let json = run(&lab, &["session", "ls", "--account", "admin", "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["sessions"][0]["id"], id.as_str());
    let ended = run(&lab, &["session", "end", &id]).await;
    assert_eq!((ended.code, ended.stdout), (0, format!("`{id}` has ended\n")));
    assert_eq!(who(&serving, &cookie).await, serde_json::Value::Null);
    let again = run(&lab, &["session", "end", &id]).await;
    let told = format!("error: there is no session `{id}`\nhint: see what there is: `entrepot session ls`\n");
    assert_eq!((again.code, again.stderr), (1, told));
    assert_eq!(run(&lab, &["session", "ls"]).await.stdout, "nobody is logged in with a browser\n");
    for _ in 0..2 {
        assert_eq!(log_in(&serving, "correct horse battery").await.status, 201);
    }
    let ended = run(&lab, &["session", "end", "--account", "admin"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "2 sessions have ended\n"));
    for wrong in [["session", "end"].as_slice(), &["session", "end", "x", "--account", "admin"]] {
        assert_eq!(run(&lab, wrong).await.code, 2, "{wrong:?}");
    }
    let log = stop(serving).await;
    assert!(!log.contains("correct horse"), "{log}");

    // A password that was set stays, whatever the variable says later.
    let serving = lab.serve_with(&[], &[(VARIABLE, "another password")]);
    assert_eq!(log_in(&serving, "another password").await.status, 401);
    assert_eq!(log_in(&serving, "correct horse battery").await.status, 201);
    stop(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_password_that_is_none_stops_the_start() {
    for (value, told) in [
        (
            "short",
            "cannot set the password in `ENTREPOT_ADMIN_PASSWORD`: a password has at least 8 characters",
        ),
        ("file:nowhere", "secret file `nowhere` does not exist"),
    ] {
        let lab = Lab::new();
        let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env(VARIABLE, value);
        let ran = tokio::task::block_in_place(|| support::ran(command));
        assert!(ran.code != 0 && ran.stderr.contains(told), "{value}: {} {}", ran.code, ran.stderr);
    }
}
