//! What a client is told of an upstream: that it is gone, that it refuses, that it has had enough of us.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_testkit::{Action, Fault, Match, TestImage};
use support::{Rig, code};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_says_so() {
    let rig = Rig::start().await;
    let image = TestImage::random(2, 1, 100);
    rig.upstream.put_image("library/a", "1", &image);
    let path = "/v2/library/a/manifests/1";
    assert_eq!(rig.get(path).await.header("warning"), None);
    rig.upstream.stop().await;
    rig.clock.advance(Duration::from_secs(2 * 60 * 60));
    for response in [rig.get(path).await, rig.head(path).await] {
        assert_eq!(response.status, 200);
        assert_eq!(response.header("warning"), Some("110 - \"Response is Stale\""));
        assert_eq!(response.header("docker-content-digest").unwrap(), image.digest().to_string());
    }
    // A digest is never stale.
    let by_digest = rig.get(&format!("/v2/library/a/manifests/{}", image.digest())).await;
    assert_eq!((by_digest.status.as_u16(), by_digest.header("warning")), (200, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn its_refusals_stay_apart() {
    let rig = Rig::start().await;
    let body = r#"{"errors":[{"code":"DENIED","message":"not for you"}]}"#;
    for (tag, upstream, status, wanted, text) in [
        ("missing", 404, 404, "MANIFEST_UNKNOWN", "is not known"),
        ("denied", 403, 403, "DENIED", "not for you"),
        ("failing", 500, 502, "UNKNOWN", "fails with status 500"),
        // Last, since behind it nothing is asked for a while.
        ("limited", 429, 429, "TOOMANYREQUESTS", "hint: try again in"),
    ] {
        let answer = Action::status_with(upstream, &[("retry-after", "7")], body);
        rig.upstream.fault(Fault::on(Match::manifests().tag(tag)).always().then(answer));
        let response = rig.get(&format!("/v2/library/a/manifests/{tag}")).await;
        assert_eq!(
            (response.status.as_u16(), code(&response).as_str()),
            (status, wanted),
            "{}",
            response.text()
        );
        assert!(response.text().contains(text), "{}", response.text());
        assert_eq!(response.header("retry-after").is_some(), status == 429, "{tag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_are_told_as_such_and_nothing_of_them_is_kept() {
    let image = TestImage::random(4, 1, 100);
    let other = TestImage::random(5, 1, 100);
    // U02: another manifest, one spoiled bit, a header that lies. U06: a login page, an error that says 200.
    let json = [("content-type", "application/json")];
    let portal = r#"{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}"#;
    for (what, action) in [
        (
            "another",
            Action::status_with(200, &[("content-type", image.media_type().as_str())], other.bytes().clone()),
        ),
        ("a bit", Action::WrongBytes(entrepot_testkit::BytePosition::End)),
        ("a header", Action::lie_digest(other.digest())),
        ("a page", Action::Html),
        ("an error", Action::status_with(200, &json, portal)),
    ] {
        let rig = Rig::start().await;
        rig.upstream.put_image("library/a", "1", &image);
        rig.upstream.fault(Fault::on(Match::manifests().get()).always().then(action));
        let by_digest = format!("/v2/library/a/manifests/{}", image.digest());
        for path in ["/v2/library/a/manifests/1", &by_digest] {
            let response = rig.get(path).await;
            assert_eq!(
                (response.status.as_u16(), code(&response).as_str()),
                (502, "UNKNOWN"),
                "{what} {path}"
            );
            assert!(response.text().contains("gave an answer that cannot be used"), "{}", response.text());
        }
        let held = rig.mirror.holdings().await.unwrap();
        assert_eq!((held.manifests, held.tags), (0, 0), "{what}");
        // And once it is itself again, so are we.
        rig.upstream.clear_faults();
        assert_eq!(rig.get(&by_digest).await.body, image.bytes(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_turns_out_wrong_ends_short() {
    let rig = Rig::start().await;
    let image = TestImage::random(3, 1, 3 << 20);
    rig.upstream.put_image("library/a", "1", &image);
    let (digest, _) = &image.blobs().iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let wrong = Action::WrongBytes(entrepot_testkit::BytePosition::End);
    rig.upstream.fault(Fault::on(Match::blobs().digest(digest)).always().then(wrong));
    let response = rig.get(&format!("/v2/library/a/blobs/{digest}")).await;
    assert!(response.truncated || !response.status.is_success(), "{}", response.status);
}
