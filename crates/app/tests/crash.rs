//! The whole binary, killed without a word: what was acknowledged is there, what was half done goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{fs, os::unix::fs::symlink, path::Path};

use entrepot_oci::Digest;
use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, TestRegistry, client, until};
use hyper::Method;
use rustix::process::Signal;
use serde_json::Value;
use support::{Lab, Serving};

const MIB: usize = 1 << 20;

/// How much of the front of a blob is there, by the note in the directory of staged files.
fn noted(staging: &Path) -> Option<u64> {
    let files = fs::read_dir(staging).ok()?.filter_map(Result::ok);
    let notes = files.filter_map(|file| serde_json::from_slice::<Value>(&fs::read(file.path()).ok()?).ok());
    let front = |note: Value| note["written"][0][1].as_u64().filter(|_| note["written"][0][0] == 0);
    notes.filter_map(front).max()
}

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
    let front = || noted(&lab.path().join("data/staging")).filter(|front| *front >= 8 * MIB as u64);
    until("progress to be noted", front).await;
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
async fn a_database_has_one_server_until_that_is_killed() {
    let lab = Lab::new();
    let first = lab.serve(&[]);
    // Another data directory, with the same database in it.
    fs::create_dir(lab.path().join("other")).unwrap();
    symlink(lab.path().join("data/entrepot.db"), lab.path().join("other/entrepot.db")).unwrap();
    let second = ["-q", "serve", "--listen", "127.0.0.1:0", "--data", "other"];
    let refused = tokio::task::block_in_place(|| lab.run(&second));
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let told = format!("error: another server works with this database: process {} on `", first.pid());
    assert!(refused.stderr.starts_with(&told), "{}", refused.stderr);
    let hint = "\nhint: stop that one, or give this one a database of its own\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    kill(first);
    // Whoever goes on with a database needs the key of what is sealed in it.
    fs::copy(lab.path().join("data/secret.key"), lab.path().join("other/secret.key")).unwrap();
    let second = lab.serve(&["--data", "other"]);
    tokio::task::block_in_place(|| second.stop());
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
