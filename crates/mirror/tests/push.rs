//! Pushes to hosted names.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use entrepot_mirror::{Error, Mounted, Uploader};
use entrepot_oci::{Algorithm, ChunkRange, Digest, MediaType, Reference};
use entrepot_testkit::{TestImage, TestRegistry};
use futures_util::stream;
use support::Rig;

fn body(bytes: &'static [u8]) -> impl futures_util::Stream<Item = Result<Bytes, Error>> + Send + Unpin {
    stream::iter([Ok(Bytes::from_static(bytes))])
}

type Last<B> = Option<(Option<ChunkRange>, B)>;

const NOTHING: Last<stream::Empty<Result<Bytes, Error>>> = None;

async fn push_blob(rig: &Rig, name: &str, bytes: &Bytes) -> Digest {
    let (target, digest) = (rig.target(name), Digest::of(bytes));
    let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    rig.mirror.append(&target, id, None, stream::iter([Ok(bytes.clone())])).await.unwrap();
    rig.mirror.finish_upload(&target, id, &digest, NOTHING).await.unwrap();
    digest
}

async fn push(rig: &Rig, name: &str, tag: &str, image: &TestImage) {
    for (_, bytes) in image.blobs() {
        push_blob(rig, name, bytes).await;
    }
    let target = rig.target(name);
    for manifest in image.manifests() {
        let reference = Reference::Digest(manifest.digest);
        let pushed = (Some(&manifest.media_type), manifest.bytes.clone());
        rig.mirror.put_manifest(&target, &reference, &[], pushed).await.unwrap();
    }
    let pushed = (Some(image.media_type()), image.bytes().clone());
    rig.mirror.put_manifest(&target, &tag.parse().unwrap(), &[], pushed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_can_be_pulled_also_after_a_restart() {
    let mut rig = Rig::start().await;
    let image = TestImage::index([TestImage::random(1, 2, 100_000), TestImage::random(2, 1, 10).docker()]);
    push(&rig, "local/app", "1", &image).await;
    rig.pull("local/app", "1", &image).await;
    rig.restart().await;
    rig.pull("local/app", "1", &image).await;
    assert_eq!(rig.upstream.log().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_tag_that_another_process_moves_or_removes_is_seen() {
    let rig = Rig::start().await;
    let other = Rig::start_at(rig.data.clone(), vec![TestRegistry::start().await]).await;
    let (first, second) = (TestImage::random(1, 1, 100), TestImage::random(2, 1, 100));
    push(&rig, "local/app", "1", &first).await;
    let seen = async || other.manifest("local/app", "1").await.map(|served| served.manifest.digest).ok();
    assert_eq!(seen().await, Some(*first.digest()));
    push(&rig, "local/app", "1", &second).await;
    other.clock.advance(Duration::from_secs(6));
    assert_eq!(seen().await, Some(*second.digest()));
    let tag = "1".parse().unwrap();
    rig.mirror.delete_manifest(&rig.target("local/app"), &tag).await.unwrap();
    other.clock.advance(Duration::from_secs(6));
    assert_eq!(seen().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_hosted_names_take_pushes() {
    let rig = Rig::start().await;
    let refused =
        rig.mirror.start_upload(&rig.target("library/nginx"), Algorithm::Sha256, Uploader::Anybody).await;
    let Err(error @ Error::ReadOnly { .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(
        error.to_string(),
        "`docker.io/library/nginx` mirrors an upstream and takes no pushes; push to a name that starts with `local/`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_go_on_after_a_restart() {
    let mut rig = Rig::start().await;
    let target = rig.target("local/app");
    let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    let first = ChunkRange { first: 0, last: 4 };
    assert_eq!(rig.mirror.append(&target, id, Some(first), body(b"hello")).await.unwrap(), 5);
    rig.restart().await;
    let target = rig.target("local/app");
    assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 5);
    let again = rig.mirror.append(&target, id, Some(first), body(b"hello")).await;
    assert!(matches!(again, Err(Error::ChunkOutOfOrder { offset: 5 })));
    let long = ChunkRange { first: 5, last: 6 };
    for wrong in [b"123".as_slice(), b"1".as_slice()] {
        let refused =
            rig.mirror.append(&target, id, Some(long), stream::iter([Ok(Bytes::from_static(wrong))])).await;
        assert!(matches!(refused, Err(Error::SizeInvalid)));
        assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 5);
    }
    rig.mirror.append(&target, id, None, body(b" world")).await.unwrap();
    let digest = Digest::of(b"hello world");
    let wrong = Digest::of(b"other");
    let refused = rig.mirror.finish_upload(&target, id, &wrong, NOTHING).await;
    assert!(matches!(refused, Err(Error::DigestMismatch { actual, .. }) if actual == digest));
    rig.mirror.finish_upload(&target, id, &digest, NOTHING).await.unwrap();
    assert_eq!(rig.blob_bytes("local/app", &digest).await.unwrap(), "hello world");
    assert!(matches!(rig.mirror.upload_offset(&target, id).await, Err(Error::UploadUnknown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_chunk_under_the_wrong_digest_can_be_sent_again() {
    let rig = Rig::start().await;
    let target = rig.target("local/app");
    let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    rig.mirror.append(&target, id, None, body(b"hello")).await.unwrap();
    let wrong = rig.mirror.finish_upload(&target, id, &Digest::of(b"x"), Some((None, body(b" world")))).await;
    assert!(matches!(wrong, Err(Error::DigestMismatch { .. })));
    assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 5);
    let digest = Digest::of(b"hello world");
    rig.mirror.finish_upload(&target, id, &digest, Some((None, body(b" world")))).await.unwrap();
    assert_eq!(rig.blob_bytes("local/app", &digest).await.unwrap(), "hello world");
}

// H13: who has not come back with the right digest within a minute does not come.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_under_a_wrong_digest_are_freed_within_a_minute() {
    let rig = Rig::start().await;
    let target = rig.target("local/app");
    let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    rig.mirror.append(&target, id, None, body(b"hello")).await.unwrap();
    let wrong = rig.mirror.finish_upload(&target, id, &Digest::of(b"x"), NOTHING).await;
    assert!(matches!(wrong, Err(Error::DigestMismatch { .. })));
    rig.mirror.tidy().await;
    assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 5);
    // The mirror tidies up every thirty seconds by itself.
    rig.clock.advance(std::time::Duration::from_secs(29));
    rig.mirror.tidy().await;
    assert_eq!(rig.staged(), 0);
    assert!(matches!(rig.mirror.upload_offset(&target, id).await, Err(Error::UploadUnknown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_keeps_what_came() {
    let rig = Rig::start().await;
    let target = rig.target("local/app");
    let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    let broken = stream::iter([Ok(Bytes::from_static(b"abc")), Err(Error::BodyBroken)]);
    assert!(matches!(rig.mirror.append(&target, id, None, broken).await, Err(Error::BodyBroken)));
    assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_belong_to_their_repository() {
    let rig = Rig::start().await;
    let id =
        rig.mirror.start_upload(&rig.target("local/a"), Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    let other = rig.target("local/b");
    assert!(matches!(rig.mirror.upload_offset(&other, id).await, Err(Error::UploadUnknown)));
    assert!(matches!(rig.mirror.cancel_upload(&other, id).await, Err(Error::UploadUnknown)));
    rig.mirror.cancel_upload(&rig.target("local/a"), id).await.unwrap();
    assert!(matches!(rig.mirror.upload_offset(&rig.target("local/a"), id).await, Err(Error::UploadUnknown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sha512_is_as_good() {
    let rig = Rig::start().await;
    let target = rig.target("local/app");
    let digest = Digest::with(Algorithm::Sha512, b"content");
    for begun_as in [Algorithm::Sha256, Algorithm::Sha512] {
        let id = rig.mirror.start_upload(&target, begun_as, Uploader::Anybody).await.unwrap();
        rig.mirror.append(&target, id, None, body(b"content")).await.unwrap();
        rig.mirror.finish_upload(&target, id, &digest, NOTHING).await.unwrap();
    }
    assert_eq!(rig.blob_bytes("local/app", &digest).await.unwrap(), "content");
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_need_a_repository_that_has_the_blob() {
    let rig = Rig::start().await;
    let digest = push_blob(&rig, "local/a", &Bytes::from_static(b"shared")).await;
    let (a, b) = (rig.target("local/a"), rig.target("local/b"));
    assert!(matches!(rig.mirror.mount(&b, &digest, None, Uploader::Anybody).await, Ok(Mounted::No(_))));
    assert!(matches!(
        rig.mirror.mount(&b, &digest, Some(&rig.target("local/c")), Uploader::Anybody).await,
        Ok(Mounted::No(_))
    ));
    assert!(rig.blob("local/b", &digest).await.is_err());
    assert!(matches!(rig.mirror.mount(&b, &digest, Some(&a), Uploader::Anybody).await, Ok(Mounted::Yes)));
    assert_eq!(rig.blob_bytes("local/b", &digest).await.unwrap(), "shared");
    rig.mirror.delete_blob(&a, &digest).await.unwrap();
    assert!(matches!(rig.blob("local/a", &digest).await, Err(Error::BlobUnknown { .. })));
    assert_eq!(rig.blob_bytes("local/b", &digest).await.unwrap(), "shared");
    rig.mirror.delete_blob(&b, &digest).await.unwrap();
    assert!(rig.blob("local/b", &digest).await.is_err());
    assert!(matches!(rig.mirror.delete_blob(&b, &digest).await, Err(Error::BlobUnknown { .. })));
}

// A record without bytes is no blob: `201` would end the push of an image that nobody can pull.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_of_a_blob_whose_bytes_are_lost_opens_an_upload() {
    for size in [10, 100_000] {
        let mut rig = Rig::start().await;
        let bytes = Bytes::from(vec![7; size]);
        let digest = push_blob(&rig, "local/a", &bytes).await;
        rig.lose(&digest);
        rig.restart().await;
        let (a, b) = (rig.target("local/a"), rig.target("local/b"));
        let mounted = rig.mirror.mount(&b, &digest, Some(&a), Uploader::Anybody).await.unwrap();
        let Mounted::No(session) = mounted else { panic!("mounted without bytes") };
        assert!(matches!(rig.mirror.blob_head(&b, &digest).await, Err(Error::BlobUnknown { .. })));
        // The bytes that are pushed instead are there for both.
        let last = Some((None, stream::iter([Ok(bytes.clone())])));
        rig.mirror.finish_upload(&b, session, &digest, last).await.unwrap();
        for name in ["local/a", "local/b"] {
            assert_eq!(rig.blob_bytes(name, &digest).await.as_ref(), Ok(&bytes));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_checked_before_they_are_taken() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    let target = rig.target("local/app");
    let put = async |reference: &str, media_type: &MediaType, bytes: Bytes| {
        rig.mirror.put_manifest(&target, &reference.parse().unwrap(), &[], (Some(media_type), bytes)).await
    };
    let missing = put("1", image.media_type(), image.bytes().clone()).await;
    assert!(matches!(missing, Err(Error::ManifestBlobUnknown(_))), "{missing:?}");
    assert!(rig.manifest("local/app", "1").await.is_err());
    let wrong = put(&Digest::of(b"x").to_string(), image.media_type(), image.bytes().clone()).await;
    assert!(matches!(wrong, Err(Error::DigestMismatch { .. })));
    let nonsense = put("1", &MediaType::OCI_MANIFEST, Bytes::from_static(b"<html>")).await;
    assert!(matches!(nonsense, Err(Error::ManifestInvalid(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_tag_keeps_the_manifest_and_deleting_that_takes_its_tags() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    push(&rig, "local/app", "1", &image).await;
    push(&rig, "local/app", "2", &image).await;
    let target = rig.target("local/app");
    let digest = image.digest().to_string();
    rig.mirror.delete_manifest(&target, &"1".parse().unwrap()).await.unwrap();
    assert!(rig.manifest("local/app", "1").await.is_err());
    rig.manifest("local/app", &digest).await.unwrap();
    rig.mirror.delete_manifest(&target, &digest.parse().unwrap()).await.unwrap();
    assert!(rig.manifest("local/app", "2").await.is_err());
    assert!(rig.manifest("local/app", &digest).await.is_err());
    let again = rig.mirror.delete_manifest(&target, &digest.parse().unwrap()).await;
    assert!(matches!(again, Err(Error::ManifestUnknown { .. })));
    // Pushed again, it does not bring its old tags back.
    let pushed = (Some(image.media_type()), image.bytes().clone());
    rig.mirror.put_manifest(&target, &digest.parse().unwrap(), &[], pushed).await.unwrap();
    assert!(rig.manifest("local/app", "2").await.is_err());
}
