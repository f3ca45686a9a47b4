//! Stores that are away, refuse, or have lost something: what fails is not told as missing, and what an upstream has goes
//! through.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "test code")]

mod support;

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use entrepot_catalog::Location;
use entrepot_mirror::{Error, Opened, Temperature, Uploader};
use entrepot_oci::{Algorithm, Digest, Page, Reference};
use entrepot_testkit::{
    TestImage,
    s3::{S3Fault, S3Server},
    until, until_answer,
};
use futures_util::stream;
use http::StatusCode;
use support::{Rig, Stores};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const LARGE: usize = 300_000;

/// An image of an upstream.
fn offer(rig: &Rig) -> TestImage {
    let image = TestImage::random(1, 1, LARGE);
    rig.upstream.put_image("library/a", "1", &image);
    image
}

async fn push(rig: &Rig, image: &TestImage) {
    let target = rig.target("local/app");
    for (digest, bytes) in image.blobs() {
        rig.mirror.push_blob(&target, digest, stream::iter([Ok(bytes.clone())])).await.unwrap();
    }
    let pushed = (Some(image.media_type()), image.bytes().clone());
    rig.mirror.put_manifest(&target, &"1".parse().unwrap(), &[], pushed).await.unwrap();
}

/// The layer of an image of one.
fn layer(image: &TestImage) -> &(Digest, Bytes) {
    image.blobs().iter().find(|(_, bytes)| bytes.len() == LARGE).unwrap()
}

fn key(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{}/{}/{hex}", digest.algorithm().name(), &hex[..2])
}

fn is_of_store<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Store | Error::StoreDown))
}

async fn until_stored(server: &S3Server, digest: &Digest) {
    until("the object to be there", || server.object(&key(digest)).exists().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_fails_does_not_say_that_something_hosted_is_missing() {
    let stores = Stores::default();
    let (mut rig, _) = Rig::with_stores(&stores).await;
    let image = TestImage::random(1, 1, LARGE);
    push(&rig, &image).await;
    let catalog = rig.restart_with_stores(&stores).await;
    catalog.close().await;
    let (target, (digest, _)) = (rig.target("local/app"), layer(&image));
    for reference in ["1".parse().unwrap(), Reference::Digest(*image.digest())] {
        assert!(is_of_store(rig.mirror.manifest(&target, &reference).await), "{reference}");
        assert!(is_of_store(rig.mirror.manifest_head(&target, &reference).await), "{reference}");
        assert!(is_of_store(rig.mirror.delete_manifest(&target, &reference).await), "{reference}");
    }
    assert!(is_of_store(rig.blob("local/app", digest).await));
    assert!(is_of_store(rig.mirror.blob_head(&target, digest).await));
    assert!(is_of_store(rig.mirror.delete_blob(&target, digest).await));
    assert!(is_of_store(rig.mirror.tags(&target, &Page::default()).await));
    assert!(is_of_store(rig.mirror.referrers(&target, image.digest()).await));
    assert!(is_of_store(rig.mirror.ready().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_catalog_mirrored_pulls_go_through_and_held_blobs_are_served() {
    let stores = Stores::default();
    let (mut rig, _) = Rig::with_stores(&stores).await;
    let image = offer(&rig);
    rig.pull("a", "1", &image).await;
    rig.until_kept(&layer(&image).0).await;
    let catalog = rig.restart_with_stores(&stores).await;
    catalog.close().await;
    rig.upstream.clear_log();
    rig.pull("a", "1", &image).await;
    // The registry showed that it has the layer, by a part of it; its bytes came from the disk.
    let asked = rig.upstream.log().of(&layer(&image).0).blob_gets();
    assert!(asked.len() == 1 && asked.bytes_sent() < LARGE as u64, "{asked:?}");
    let other = TestImage::random(9, 1, LARGE);
    rig.upstream.put_image("library/b", "1", &other);
    rig.pull("b", "1", &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_not_mounted_has_not_lost_what_is_on_it() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(1, 1, LARGE);
    push(&rig, &image).await;
    rig.restart().await;
    let (blobs, away) = (rig.data.join("blobs"), rig.data.join("away"));
    std::fs::rename(&blobs, &away).unwrap();
    let (target, (digest, bytes)) = (rig.target("local/app"), layer(&image));
    assert!(is_of_store(rig.blob("local/app", digest).await));
    assert!(is_of_store(rig.mirror.blob_head(&target, digest).await));
    assert!(is_of_store(rig.manifest("local/app", "1").await));
    std::fs::rename(&away, &blobs).unwrap();
    assert_eq!(rig.blob_in_the_end("local/app", digest).await, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_is_fetched_again_before_anything_is_promised() {
    for redirect in [false, true] {
        let server = S3Server::start().await;
        let (rig, _) = Rig::with_stores(&Stores::on(&server, redirect)).await;
        let image = offer(&rig);
        let (digest, bytes) = layer(&image);
        assert_eq!(rig.blob_in_the_end("a", digest).await, bytes);
        until_stored(&server, digest).await;
        let target = rig.target("a");
        let is_hot = async || {
            let blob = rig.mirror.blob(&target, digest).await.unwrap();
            (blob.temperature() == Temperature::Hot).then_some(())
        };
        until_answer("the download to be over", is_hot).await;
        // It is remembered that the object is there.
        let again = rig.blob("a", digest).await.unwrap();
        assert_eq!(matches!(again, Opened::Redirect(_)), redirect);
        std::fs::remove_file(server.object(&key(digest))).unwrap();
        rig.upstream.clear_log();
        assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
        assert_eq!(rig.upstream.log().of(digest).blob_gets().len(), 1);
        until_stored(&server, digest).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_object_that_is_gone_is_missing_and_a_bucket_that_is_gone_is_not() {
    let server = S3Server::start().await;
    let (rig, _) = Rig::with_stores(&Stores::on(&server, false)).await;
    let image = TestImage::random(1, 1, LARGE);
    push(&rig, &image).await;
    let (digest, bytes) = layer(&image);
    assert_eq!(rig.blob_bytes("local/app", digest).await.as_ref(), Ok(bytes));
    let object = server.object(&key(digest));
    std::fs::remove_file(&object).unwrap();
    assert!(matches!(rig.blob("local/app", digest).await, Err(Error::BlobUnknown { .. })));
    std::fs::write(&object, bytes).unwrap();
    assert_eq!(rig.blob_bytes("local/app", digest).await.as_ref(), Ok(bytes));
    std::fs::remove_dir_all(server.object("")).unwrap();
    assert!(is_of_store(rig.blob("local/app", digest).await));
    assert!(is_of_store(rig.mirror.ready().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_object_store_refuses_is_passed_through() {
    let server = S3Server::start().await;
    let (rig, _) = Rig::with_stores(&Stores::on(&server, false)).await;
    let (image, hosted) = (offer(&rig), TestImage::random(2, 1, LARGE));
    push(&rig, &hosted).await;
    rig.pull("a", "1", &image).await;
    until_stored(&server, &layer(&image).0).await;
    server.misbehave(|seen| {
        (seen.method == "GET" && seen.path.contains("/sha256/"))
            .then_some(S3Fault::Instead(StatusCode::FORBIDDEN))
    });
    let (digest, bytes) = layer(&image);
    for _ in 0..2 {
        assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
    }
    assert!(is_of_store(rig.blob("local/app", &layer(&hosted).0).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_object_store_is_away_pulls_go_through_and_are_kept_once_it_is_back() {
    let server = S3Server::start().await;
    let stores = Stores::on(&server, false);
    let (mut rig, _) = Rig::with_stores(&stores).await;
    let (image, hosted) = (offer(&rig), TestImage::random(2, 1, LARGE));
    push(&rig, &hosted).await;
    rig.pull("a", "1", &image).await;
    until_stored(&server, &layer(&image).0).await;
    rig.restart_with_stores(&stores).await;
    server.misbehave(|_| Some(S3Fault::Close));
    // Held, and new.
    rig.pull("a", "1", &image).await;
    let new = TestImage::random(3, 1, LARGE);
    rig.upstream.put_image("library/new", "1", &new);
    rig.pull("new", "1", &new).await;
    assert!(is_of_store(rig.blob("local/app", &layer(&hosted).0).await));
    assert!(is_of_store(rig.mirror.ready().await));
    server.behave();
    until_answer("the store to be back", async || rig.mirror.ready().await.ok()).await;
    assert_eq!(rig.blob_bytes("local/app", &layer(&hosted).0).await.as_ref(), Ok(&layer(&hosted).1));
    // What was downloaded meanwhile is stored without being asked for again.
    rig.upstream.clear_log();
    rig.restart_with_stores(&stores).await;
    until_stored(&server, &layer(&new).0).await;
    assert_eq!(rig.upstream.log().of(&layer(&new).0).len(), 0);
}

/// A download that has all its bytes: its file and its note, as a kill during the commit leaves them.
fn leave_complete(rig: &Rig, repository: &str, blob: &(Digest, Bytes)) {
    let (digest, bytes) = blob;
    let file = rig.data.join("staging").join(format!("fill-sha256-{}", digest.hex()));
    let note = format!(
        r#"{{"upstream":"docker.io","repository":"{repository}","size":{0},"written":[[0,{0}]]}}"#,
        bytes.len()
    );
    std::fs::write(&file, bytes).unwrap();
    std::fs::write(file.with_extension("json"), note).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_had_all_its_bytes_is_committed_without_a_request() {
    let mut rig = Rig::start().await;
    let image = offer(&rig);
    let (digest, bytes) = layer(&image);
    leave_complete(&rig, "library/a", layer(&image));
    rig.restart().await;
    rig.until_kept(digest).await;
    rig.until_nothing_is_staged().await;
    assert_eq!(rig.upstream.log().len(), 0);
    assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
    assert_eq!(rig.upstream.log().len(), 0);
    // Another repository still has to have it.
    assert!(matches!(rig.blob("b", digest).await, Err(Error::BlobUnknown { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_another_repository_left_are_given_to_those_that_have_the_blob_upstream() {
    let rig = Rig::start().await;
    let image = offer(&rig);
    rig.upstream.put_image("library/c", "1", &image);
    let (digest, bytes) = layer(&image);
    leave_complete(&rig, "library/a", layer(&image));
    assert!(matches!(rig.blob("b", digest).await, Err(Error::BlobUnknown { .. })));
    assert_eq!(rig.blob_bytes("c", digest).await.as_ref(), Ok(bytes));
    assert_eq!(rig.upstream.log().blob_gets().iter().filter(|get| get.status == 200).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_whose_bytes_a_power_cut_has_spoilt_is_fetched_anew() {
    let mut rig = Rig::start().await;
    let image = offer(&rig);
    let (digest, bytes) = layer(&image);
    leave_complete(&rig, "library/a", &(*digest, Bytes::from(vec![0; LARGE])));
    rig.restart().await;
    rig.until_nothing_is_staged().await;
    assert_eq!(rig.blob_in_the_end("a", digest).await, bytes);
    rig.until_kept(digest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_the_store_did_not_take_can_be_finished_and_is_freed_within_a_minute() {
    let server = S3Server::start().await;
    let (rig, _) = Rig::with_stores(&Stores::on(&server, false)).await;
    let (target, bytes) = (rig.target("local/app"), Bytes::from(vec![7; LARGE]));
    let digest = Digest::of(&bytes);
    let body = || Some((None, stream::iter([Ok(bytes.clone())])));
    let first = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    let second = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    server.misbehave(|_| Some(S3Fault::Instead(StatusCode::FORBIDDEN)));
    for id in [first, second] {
        assert!(is_of_store(rig.mirror.finish_upload(&target, id, &digest, body()).await));
    }
    server.behave();
    rig.mirror.finish_upload(&target, first, &digest, body()).await.unwrap();
    assert_eq!(rig.blob_bytes("local/app", &digest).await.as_ref(), Ok(&bytes));
    assert!(rig.staged() > 0);
    rig.clock.advance(Duration::from_secs(26));
    rig.mirror.tidy().await;
    assert_eq!(rig.staged(), 0);
}

/// Descriptors of this process that lead to partial files.
#[cfg(target_os = "linux")]
fn descriptors(rig: &Rig) -> usize {
    let staging = rig.data.join("staging");
    let links = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    links
        .filter_map(|link| std::fs::read_link(link.path()).ok())
        .filter(|to| to.starts_with(&staging))
        .count()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_rest_hold_no_descriptor_and_go_on() {
    let rig = Rig::start().await;
    let target = rig.target("local/app");
    let mut ids = Vec::new();
    for _ in 0..20 {
        let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
        rig.mirror
            .append(&target, id, None, stream::iter([Ok(Bytes::from_static(b"hello, "))]))
            .await
            .unwrap();
        ids.push(id);
    }
    assert_eq!(descriptors(&rig), 20);
    rig.clock.advance(Duration::from_secs(61));
    rig.mirror.tidy().await;
    assert_eq!(descriptors(&rig), 0);
    for id in ids {
        assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 7);
        let last = Some((None, stream::iter([Ok(Bytes::from_static(b"world"))])));
        let digest = Digest::of(b"hello, world");
        rig.mirror.finish_upload(&target, id, &digest, last).await.unwrap();
    }
    assert_eq!(descriptors(&rig), 0);
}

/// Connections to a database, which can be cut and refused.
struct Line {
    address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Line {
    async fn to(database: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut line = Self { address: listener.local_addr().unwrap(), serving: None };
        line.serving = Some(tokio::spawn(relay(listener, database)));
        line
    }

    /// Ends every connection and refuses new ones.
    async fn cut(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        let _ = serving.await;
    }

    async fn mend(&mut self, database: String) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = Some(tokio::spawn(relay(listener, database)));
    }
}

async fn relay(listener: TcpListener, database: String) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(&database).await.unwrap();
        connections.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop) });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_fails_what_needs_it_and_nothing_else_until_it_is_back() {
    let Ok(url) = std::env::var("ENTREPOT_TEST_POSTGRES") else {
        println!("skipped: set ENTREPOT_TEST_POSTGRES");
        return;
    };
    let database = url.split('@').next_back().unwrap().split('/').next().unwrap().to_owned();
    let mut line = Line::to(database.clone()).await;
    let through = url.replace(&database, &line.address.to_string());
    // Nothing of this repository's is in it, whatever other tests left there.
    let name = format!("local/outage{}", std::process::id());
    let stores = Stores { s3: None, database: Some(Location::Postgres(through.into())) };
    let (rig, _) = Rig::with_stores(&stores).await;
    let image = offer(&rig);
    line.cut().await;
    rig.pull("a", "1", &image).await;
    let hosted = rig.manifest(&name, "1").await;
    assert!(matches!(hosted, Err(Error::StoreDown)), "{hosted:?}");
    assert!(matches!(rig.mirror.ready().await, Err(Error::StoreDown)));
    line.mend(database).await;
    until_answer("the database to be back", async || rig.mirror.ready().await.ok()).await;
    assert!(matches!(rig.manifest(&name, "1").await, Err(Error::ManifestUnknown { .. })));
    rig.pull("a", "1", &image).await;
    line.cut().await;
}
