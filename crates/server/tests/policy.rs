//! What the policy says is obeyed: at the repository that is asked for, and at the one that a mount names.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use entrepot_access::Principal;
use entrepot_oci::{Digest, ErrorCode};
use entrepot_server::{Action, ApiToken, ContentRef, Decision, Permit, Policy, Refusal};
use entrepot_testkit::{TestImage, client};
use http::{HeaderValue, StatusCode, header};
use support::{Rig, Setup, code, noise};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

fn refusal() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, "log in; hint: `docker login`")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"https://m.test/token\""))
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"m.test\""))
        .with(header::RETRY_AFTER, 7_u64)
        .because(std::io::Error::other("the secret cause"))
}

/// Says when it is dropped.
struct Held(mpsc::UnboundedSender<()>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

async fn with(policy: Policy) -> Rig {
    Rig::start_with(Setup { policy, ..Setup::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_done() {
    let rig = with(Policy::new(|_, _, _| Decision::Refuse(refusal()))).await;
    rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 100)]));
    let digest = Digest::of(b"x");
    for (method, path) in [
        ("GET", "/v2/".to_owned()),
        ("GET", "/v2/library/a/manifests/1".to_owned()),
        ("HEAD", "/v2/library/a/manifests/1".to_owned()),
        ("GET", format!("/v2/library/a/blobs/{digest}")),
        ("GET", "/v2/library/a/tags/list".to_owned()),
        ("GET", format!("/v2/library/a/referrers/{digest}")),
        ("PUT", "/v2/local/a/manifests/1".to_owned()),
        ("DELETE", "/v2/local/a/manifests/1".to_owned()),
        ("DELETE", format!("/v2/local/a/blobs/{digest}")),
        ("POST", "/v2/local/a/blobs/uploads/".to_owned()),
        ("POST", format!("/v2/local/a/blobs/uploads/?digest={digest}")),
        ("POST", format!("/v2/local/a/blobs/uploads/?mount={digest}&from=local/b")),
        ("PATCH", "/v2/local/a/blobs/uploads/0195d5a0-7a1b-7000-8000-000000000000".to_owned()),
    ] {
        let answer = rig.send(method, &path, &[], "").await;
        let challenges = answer.headers.get_all("www-authenticate").iter();
        let challenges: Vec<_> = challenges.map(|value| value.to_str().unwrap()).collect();
        let expected = ["Bearer realm=\"https://m.test/token\"", "Basic realm=\"m.test\""];
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!((challenges, answer.header("retry-after")), (expected.to_vec(), Some("7")));
        assert!(!answer.text().contains("secret cause"));
        if method != "HEAD" {
            assert_eq!(code(&answer), "UNAUTHORIZED", "{method} {path}");
        }
    }
    assert_eq!((rig.upstream.log().len(), rig.files("staging")), (0, 0));
    // What is no address, or leads nowhere, is said to everybody.
    assert_eq!(rig.get("/v2/library/a/nothing").await.status, 404);
    assert_eq!(code(&rig.get("/v2/evil.test/a/manifests/1").await), "NAME_UNKNOWN");
    assert_eq!(rig.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_once_for_every_request_and_by_what_a_name_means() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let rig = with(Policy::new(move |_, action, repository| {
        let repository = repository.map(ToString::to_string).unwrap_or_default();
        seen.lock().unwrap().push(format!("{action:?} {repository}"));
        Decision::Allow(Permit::free())
    }))
    .await;
    rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 100)]));
    for path in [
        "/v2/",
        "/v2/a/tags/list",
        "/v2/docker.io/library/a/tags/list",
        "/v2/library/a/tags/list?ns=docker.io",
    ] {
        assert_eq!(rig.get(path).await.status, 200, "{path}");
    }
    let list = "ListTags docker.io/library/a";
    assert_eq!(*asked.lock().unwrap(), ["Ping ", list, list, list]);
}

// Blobs of `local/closed` may be written, and not be read.
fn closed() -> Policy {
    Policy::new(|_, action, repository| {
        let is_closed = repository.is_some_and(|key| key.repository.as_str() == "local/closed");
        match action {
            Action::Pull(ContentRef::Blob(_)) | Action::Mount { .. } if is_closed => {
                Decision::Refuse(refusal())
            }
            _ => Decision::Allow(Permit::free()),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_mounted_from_where_it_may_not_be_read() {
    let rig = with(closed()).await;
    let digest = rig.push_blob("local/closed", "hello").await;
    let mount = |to: &str, from: &str| {
        let (rig, path) = (&rig, format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}"));
        async move { rig.send("POST", &path, &[], "").await }
    };
    let refused = mount("local/a", "local/closed").await;
    let unknown = mount("local/a", "local/nothing").await;
    // It is the same answer as where there is nothing.
    for answer in [refused, unknown] {
        assert_eq!((answer.status.as_u16(), answer.header("range")), (202, Some("0-0")));
        assert!(answer.header("www-authenticate").is_none());
    }
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.status, 404);
    // Where both may be, it is.
    assert_eq!(rig.push_blob("local/open", "hello").await, digest);
    assert_eq!(mount("local/a", "local/open").await.status, 201);
    // Where the target may not be, it is not.
    assert_eq!(mount("local/closed", "local/open").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_is_held_until_the_answer_is_over() {
    let (over, mut seen) = mpsc::unbounded_channel();
    let rig = with(Policy::new(move |_, action, _| {
        Decision::Allow(match action {
            Action::Pull(ContentRef::Blob(_)) => Permit::holding(Held(over.clone())),
            _ => Permit::free(),
        })
    }))
    .await;
    // More than sockets take by themselves.
    let large = noise(2, 32 << 20);
    let digest = rig.push_blob("local/a", large.clone()).await;
    let url = rig.url(&format!("/v2/local/a/blobs/{digest}"));
    let answer = client::get_streaming(&url).await;
    assert_eq!(answer.status, 200);
    assert!(seen.try_recv().is_err(), "it was given back before the client had everything");
    assert!(answer.rest().await.body == large);
    tokio::time::timeout(PATIENCE, seen.recv()).await.unwrap().unwrap();
    // Also by a client that leaves, for no body, and where there is nothing.
    drop(client::get_streaming(&url).await);
    tokio::time::timeout(PATIENCE, seen.recv()).await.unwrap().unwrap();
    rig.head(&format!("/v2/local/a/blobs/{digest}")).await;
    tokio::time::timeout(PATIENCE, seen.recv()).await.unwrap().unwrap();
    assert_eq!(rig.get(&format!("/v2/local/b/blobs/{digest}")).await.status, 404);
    tokio::time::timeout(PATIENCE, seen.recv()).await.unwrap().unwrap();
    assert!(seen.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_who_asks() {
    let principals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&principals);
    let policy = Policy::new(move |sender, _, _| {
        seen.lock().unwrap().push(sender.principal.clone());
        Decision::Allow(Permit::free())
    });
    let token = Some(ApiToken::new("right"));
    let rig = Rig::start_with(Setup { policy, token, ..Setup::default() }).await;
    for headers in [
        [].as_slice(),
        &[("authorization", "Bearer right")],
        &[("authorization", "Bearer wrong")],
        &[("host", "m.test")],
        &[("authorization", "Basic dTpw"), ("x-forwarded-for", "10.0.0.7")],
    ] {
        // Credentials that prove nothing change nothing.
        assert_eq!(rig.get_with("/v2/", headers).await.status, 200);
    }
    let expected = [
        Principal::LOCAL,
        Principal::SYNC_TOKEN,
        Principal::LOCAL,
        Principal::ANONYMOUS,
        Principal::ANONYMOUS,
    ];
    assert_eq!(*principals.lock().unwrap(), expected);
}
