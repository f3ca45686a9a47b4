//! The whole binary, killed without a word: what was acknowledged is there, what was half done goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_oci::Digest;
use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, TestRegistry, client};
use hyper::Method;
use rustix::process::Signal;
use support::{Lab, Serving};

const MIB: usize = 1 << 20;

fn kill(mut serving: Serving) {
    serving.signal(Signal::KILL);
    tokio::task::block_in_place(|| serving.wait());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_the_kill_left_it() {
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(5, 1, 12 * MIB);
    upstream.put_image("library/big", "1", &image);
    let (digest, bytes) = &image.blobs()[1];
    let gate = Gate::new();
    upstream
        .fault(Fault::on(Match::blobs().get().digest(digest)).then(Action::GateAfter(9 * MIB as u64, gate)));
    let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
    let serving = lab.serve(&[]);
    let url = format!("{}/v2/big/blobs/{digest}", serving.url);
    let mut pull = client::get_streaming(&url).await;
    assert_eq!(pull.status.as_u16(), 200);
    pull.read(8 * MIB).await;
    // Progress is noted once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    kill(serving);
    let rest = pull.rest().await;
    assert!(rest.truncated, "a pull that was cut must not look whole");

    // Nobody asks for it, and it is brought home all the same.
    let serving = lab.serve(&[]);
    let log = upstream.until(|log| log.of(digest).blob_gets().len() == 2).await;
    let range = log.of(digest).blob_gets()[1].range.clone().unwrap();
    let from: usize = range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap();
    assert!(from >= 8 * MIB, "{range}");
    let url = format!("{}/v2/big/blobs/{digest}", serving.url);
    let whole = client::get(&url).await;
    assert_eq!((whole.status.as_u16(), whole.truncated), (200, false));
    assert!(whole.body == *bytes);
    assert_eq!(upstream.log().of(digest).blob_gets().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_acknowledged_is_there_after_a_kill() {
    let lab = Lab::new();
    let image = TestImage::random(6, 2, 700_000);
    let serving = lab.serve(&[]);
    for (digest, bytes) in image.blobs() {
        let url = format!("{}/v2/local/app/blobs/uploads/?digest={digest}", serving.url);
        assert_eq!(client::request(Method::POST, &url, &[], bytes.clone()).await.status.as_u16(), 201);
    }
    let url = format!("{}/v2/local/app/manifests/1", serving.url);
    let kind = [("content-type", image.media_type().as_str())];
    assert_eq!(client::request(Method::PUT, &url, &kind, image.bytes().clone()).await.status.as_u16(), 201);
    kill(serving);
    let serving = lab.serve(&[]);
    assert_eq!(&client::pull(&serving.url, "local/app", "1").await.digest, image.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_kill() {
    let lab = Lab::new();
    let serving = lab.serve(&[]);
    let opened =
        client::request(Method::POST, &format!("{}/v2/local/app/blobs/uploads/", serving.url), &[], "").await;
    let session = opened.header("location").unwrap().to_owned();
    let (first, second) = (vec![1; 600_000], vec![2; 300_000]);
    let at = |serving: &Serving| format!("{}{session}", serving.url);
    let patched = client::request(Method::PATCH, &at(&serving), &[], first.clone()).await;
    assert_eq!(patched.status.as_u16(), 202);
    kill(serving);
    let serving = lab.serve(&[]);
    let status = client::get(&at(&serving)).await;
    assert_eq!((status.status.as_u16(), status.header("range")), (204, Some("0-599999")));
    let digest = Digest::of(&[first, second.clone()].concat());
    let url = format!("{}?digest={digest}", at(&serving));
    assert_eq!(client::request(Method::PUT, &url, &[], second).await.status.as_u16(), 201);
    let blob = client::get(&format!("{}/v2/local/app/blobs/{digest}", serving.url)).await;
    assert_eq!(Digest::of(&blob.body), digest);
}
