//! Blobs that are longer than they may be, or without end: A07 of `docs/reference/faults.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use entrepot_mirror::{Error, Uploader, UpstreamFault};
use entrepot_oci::{Algorithm, ChunkRange, Digest, MediaType};
use entrepot_testkit::{Action, Fault, Gate, Match, TestRegistry};
use futures_util::stream;
use support::{Rig, read};

const MIB: usize = 1 << 20;
/// What sockets of both sides may hold, and a little of what is read ahead.
const ON_ITS_WAY: u64 = 16 << 20;

/// A rig whose blobs have at most 1 MiB, and the digest of an endless one.
async fn rig() -> (Rig, Digest) {
    let rig = Rig::with_ceiling(MIB as u64).await;
    let digest = rig.upstream.put_blob("library/a", vec![7; 64 << 10]);
    rig.upstream.fault(Fault::on(Match::blobs().get()).always().then(Action::Endless));
    (rig, digest)
}

/// Puts a manifest there that gives the blob so many bytes.
fn name(registry: &TestRegistry, repository: &str, digest: &Digest, size: u64) {
    let blob = format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":{size}}}"#);
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{blob},"layers":[{blob}]}}"#,
        MediaType::OCI_MANIFEST.as_str()
    );
    registry.put_manifest(repository, Some("1"), &MediaType::OCI_MANIFEST, text);
}

fn too_large(error: &Error) -> (u64, bool) {
    match error {
        Error::Upstream { fault: UpstreamFault::TooLarge { limit, named }, .. } => (*limit, *named),
        other => panic!("{other:?}"),
    }
}

// A07
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_blob_ends_at_the_ceiling_or_at_what_its_manifest_says() {
    let (rig, digest) = rig().await;
    let refused = rig.blob("a", &digest).await.err().unwrap();
    assert_eq!(too_large(&refused), (MIB as u64, false));
    name(&rig.upstream, "library/a", &digest, 5);
    rig.manifest("a", "1").await.unwrap();
    let refused = rig.blob("a", &digest).await.err().unwrap();
    assert_eq!(too_large(&refused), (5, true));
    // More than may be is not made possible by saying so.
    name(&rig.upstream, "library/a", &digest, 1 << 40);
    rig.manifest("a", "1").await.unwrap();
    rig.until_nothing_is_staged().await;
    rig.upstream.until(|log| log.open().is_empty()).await;
    assert!(rig.upstream.log().bytes_sent() < 2 * ON_ITS_WAY, "{}", rig.upstream.log().bytes_sent());
}

// A07: also after a restart, when only the catalog knows.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_says_is_remembered() {
    let mut rig = Rig::start().await;
    let digest = rig.upstream.put_blob("library/a", vec![7; 64 << 10]);
    name(&rig.upstream, "library/a", &digest, 5);
    rig.manifest("a", "1").await.unwrap();
    rig.restart().await;
    let refused = rig.blob("a", &digest).await.err().unwrap();
    assert_eq!(too_large(&refused), (5, true));
    assert!(!rig.keeps(&digest));
}

// A07
#[tokio::test(flavor = "multi_thread")]
async fn a_length_beyond_the_ceiling_is_refused_before_a_byte() {
    let (rig, digest) = rig().await;
    rig.upstream.clear_faults();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::WrongLength(1 << 40)));
    let refused = rig.blob("a", &digest).await.err().unwrap();
    assert_eq!(too_large(&refused), (MIB as u64, false));
    rig.until_nothing_is_staged().await;
}

// A07
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_length_ends_when_nobody_waits_for_it() {
    let rig = Rig::start().await;
    let digest = rig.upstream.put_blob("library/a", vec![7; 64 << 10]);
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::Endless));
    let waiting = {
        let (mirror, target) = (rig.mirror.clone(), rig.target("a"));
        tokio::spawn(async move { mirror.blob(&target, &digest).await.map(drop) })
    };
    rig.upstream.until(|log| log.bytes_sent() > MIB as u64).await;
    waiting.abort();
    rig.upstream.until(|log| log.open().is_empty()).await;
    rig.until_nothing_is_staged().await;
    // The next one finds nothing of it in its way.
    let whole = Bytes::from(vec![7; 64 << 10]);
    let had = tokio::time::timeout(Duration::from_secs(60), rig.blob_bytes("a", &digest)).await.unwrap();
    assert_eq!(had, Ok(whole));
}

// A07
#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_through_has_the_same_ceiling() {
    let quay = TestRegistry::start().await;
    let rig = Rig::with_quay(&quay).await;
    let digest = rig.upstream.put_blob("library/a", vec![7; 3 * MIB]);
    quay.put_blob("x/y", vec![7; 3 * MIB]);
    name(&quay, "x/y", &digest, 5);
    rig.manifest("quay.io/x/y", "1").await.unwrap();
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(MIB as u64, gate.clone())));
    let first = rig.blob("a", &digest).await.unwrap();
    let refused = rig.blob("quay.io/x/y", &digest).await.err().unwrap();
    assert_eq!(too_large(&refused), (5, true));
    gate.open();
    assert_eq!(read(first).await.unwrap().len(), 3 * MIB);
}

// A07
#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_the_same_ceiling() {
    let (rig, _) = rig().await;
    let target = rig.target("local/a");
    let pieces = |count: usize| stream::iter((0..count).map(|_| Ok(Bytes::from(vec![1; 256 << 10]))));
    let is_too_large = |error: Error| matches!(error, Error::TooLarge { limit } if limit == MIB as u64);
    let digest = Digest::of(&vec![1; MIB]);
    rig.mirror.push_blob(&target, &digest, pieces(4)).await.unwrap();
    assert!(rig.mirror.push_blob(&target, &digest, pieces(1000)).await.is_err_and(is_too_large));
    rig.until_nothing_is_staged().await;

    let id = rig.mirror.start_upload(&target, Algorithm::Sha256, Uploader::Anybody).await.unwrap();
    assert_eq!(rig.mirror.append(&target, id, None, pieces(3)).await.unwrap(), 768 << 10);
    assert!(rig.mirror.append(&target, id, None, pieces(2)).await.is_err_and(is_too_large));
    let chunk = ChunkRange::parse(&format!("{}-{}", 768 << 10, 1u64 << 40)).unwrap();
    assert!(rig.mirror.append(&target, id, Some(chunk), pieces(0)).await.is_err_and(is_too_large));
    // What fits is kept, and more of it may follow.
    assert_eq!(rig.mirror.upload_offset(&target, id).await.unwrap(), 768 << 10);
    let last = Some((None, pieces(1)));
    rig.mirror.finish_upload(&target, id, &digest, last).await.unwrap();
}
