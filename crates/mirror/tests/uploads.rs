//! What uploads leave behind, and how many there may be.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{fs, path::Path};

use bytes::Bytes;
use entrepot_mirror::{Error, UploadId, Uploader};
use entrepot_oci::{Algorithm, Digest, Reference};
use entrepot_testkit::{TestImage, until};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use support::Rig;

const MOST_IN_ONE: usize = 256;

fn body(bytes: &'static [u8]) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin {
    stream::iter([Ok(Bytes::from_static(bytes))])
}

fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.file_name().into_string().unwrap()),
        }
    }
    found
}

fn staged(rig: &Rig) -> Vec<String> {
    files(&rig.data.join("staging"))
}

async fn start(rig: &Rig, name: &str) -> Result<UploadId, Error> {
    rig.mirror.start_upload(&rig.target(name), Algorithm::Sha256, Uploader::Anybody).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_has_so_many_uploads_and_an_end_makes_room() {
    let mut rig = Rig::start().await;
    let target = rig.target("local/app");
    let mut ids = Vec::new();
    for _ in 0..MOST_IN_ONE {
        ids.push(start(&rig, "local/app").await.unwrap());
    }
    assert!(matches!(start(&rig, "local/app").await, Err(Error::TooManyUploads)));
    let at_once = rig.mirror.push_blob(&target, &Digest::of(b"x"), body(b"x")).await;
    assert!(matches!(at_once, Err(Error::TooManyUploads)));
    start(&rig, "local/other").await.unwrap();
    rig.mirror.cancel_upload(&target, ids[0]).await.unwrap();
    ids[0] = start(&rig, "local/app").await.unwrap();
    for id in &ids {
        rig.mirror.append(&target, *id, None, body(b"x")).await.unwrap();
    }
    // They take up room after a restart as well.
    rig.restart().await;
    assert!(matches!(start(&rig, "local/app").await, Err(Error::TooManyUploads)));
    rig.mirror.cancel_upload(&rig.target("local/app"), ids[0]).await.unwrap();
    start(&rig, "local/app").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_sessions_that_have_something() {
    let mut rig = Rig::start().await;
    let (empty, begun) = (start(&rig, "local/app").await.unwrap(), start(&rig, "local/app").await.unwrap());
    rig.mirror.append(&rig.target("local/app"), begun, None, body(b"hello")).await.unwrap();
    // A kill between a file and its note leaves the file alone; nobody was told of it.
    let stray = format!("upload-{}", UploadId::new_v4());
    fs::write(rig.data.join("staging").join(stray), b"bytes").unwrap();
    rig.restart().await;
    let mut left = staged(&rig);
    left.sort();
    assert_eq!(left, [format!("upload-{begun}"), format!("upload-{begun}.json")]);
    let target = rig.target("local/app");
    assert!(matches!(rig.mirror.upload_offset(&target, empty).await, Err(Error::UploadUnknown)));
    assert_eq!(rig.mirror.upload_offset(&target, begun).await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_in_one_request_leaves_nothing_when_the_client_does() {
    let rig = Rig::start().await;
    let target = rig.target("local/app");
    let digest = Digest::of(b"hello world");
    let endless = Box::pin(body(b"hello").chain(stream::pending()));
    let mut push = Box::pin(rig.mirror.push_blob(&target, &digest, endless));
    let made = || {
        assert!((&mut push).now_or_never().is_none());
        (!staged(&rig).is_empty()).then_some(())
    };
    until("a file to be staged", made).await;
    // Not even a note: a restart would find nothing to go on with.
    assert!(staged(&rig).iter().all(|name| !name.ends_with(".json")));
    drop(push);
    until("the staged file to go", || staged(&rig).is_empty().then_some(())).await;
    let wrong = rig.mirror.push_blob(&target, &digest, body(b"hello")).await;
    assert!(matches!(wrong, Err(Error::DigestMismatch { .. })));
    assert_eq!(staged(&rig), [""; 0]);
    rig.mirror.push_blob(&target, &digest, body(b"hello world")).await.unwrap();
    assert_eq!(staged(&rig), [""; 0]);
    assert_eq!(rig.blob_bytes("local/app", &digest).await.unwrap(), "hello world");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_its_file_is_made_leaves_no_file() {
    let rig = Rig::start().await;
    let (target, digest) = (rig.target("local/app"), Digest::of(b"x"));
    for polls in 0..300 {
        let mut push = Box::pin(rig.mirror.push_blob(&target, &digest, Box::pin(stream::pending())));
        for _ in 0..polls % 30 {
            assert!((&mut push).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        drop(push);
    }
    until("all staged files to go", || staged(&rig).is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_manifest_leaves_no_bytes() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    let target = rig.target("local/app");
    let put = async |reference: &str| {
        let pushed = (Some(image.media_type()), image.bytes().clone());
        rig.mirror.put_manifest(&target, &reference.parse::<Reference>().unwrap(), &[], pushed).await
    };
    assert!(matches!(put("1").await, Err(Error::ManifestBlobUnknown(_))));
    assert_eq!(files(&rig.data.join("blobs")), [""; 0]);
    for (digest, bytes) in image.blobs() {
        rig.mirror.push_blob(&target, digest, stream::iter([Ok(bytes.clone())])).await.unwrap();
    }
    put("1").await.unwrap();
    // What another tag has is not taken back with it.
    rig.mirror.delete_blob(&target, &image.blobs()[0].0).await.unwrap();
    assert!(matches!(put("2").await, Err(Error::ManifestBlobUnknown(_))));
    rig.manifest("local/app", "1").await.unwrap();
}
