//! Upstreams that lie, confuse or lead astray: U01 to U24 of `docs/reference/faults.md`, those that need no clock.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use entrepot_mirror::{Error, Uploader, UpstreamFault};
use entrepot_oci::{Digest, MediaType};
use entrepot_remote::Patience;
use entrepot_testkit::{Action, Bearer, BytePosition, Fault, Match, TestImage, TestRegistry};
use futures_util::future::join_all;
use support::Rig;

const MIB: usize = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);

fn blobs() -> Match {
    Match::blobs().get()
}

fn is_invalid(error: &Error) -> bool {
    matches!(error, Error::Upstream { fault: UpstreamFault::Invalid(_), .. })
}

// U01
#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_leave_nothing_and_their_sender_is_asked_last() {
    let (first, second) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(3, 2, 3 * MIB);
    first.put_image("library/a", "1", &image);
    second.put_image("library/a", "1", &image);
    first.fault(Fault::on(blobs()).always().then(Action::WrongBytes(BytePosition::Start)));
    let rig = Rig::with_endpoints(vec![first, second]).await;
    let [_, (digest, bytes), (other, more)] = image.blobs() else { panic!("a config and two layers") };
    let had = rig.blob_bytes("a", digest).await.expect_err("short");
    assert!(had + (32 << 10) <= bytes.len(), "{had}");
    rig.until_nothing_is_staged().await;
    assert!(!rig.keeps(digest));
    // The next download goes to the other one, and so does that of another blob.
    assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
    assert_eq!(rig.blob_bytes("a", other).await.as_ref(), Ok(more));
    assert_eq!((rig.endpoint(0).log().blob_gets().len(), rig.endpoint(1).log().blob_gets().len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_went_on_with_wrong_bytes_is_distrusted_as_well() {
    let (first, second) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(3, 1, 2 * MIB);
    first.put_image("library/a", "1", &image);
    second.put_image("library/a", "1", &image);
    first.fault(Fault::on(blobs()).then(Action::CutAfter(MIB as u64)));
    second.fault(Fault::on(blobs()).always().then(Action::WrongBytes(BytePosition::End)));
    let rig = Rig::with_endpoints(vec![first, second]).await;
    let (digest, bytes) = &image.blobs()[1];
    rig.blob_bytes("a", digest).await.expect_err("short");
    rig.until_nothing_is_staged().await;
    // Either may have lied. The first one did not.
    assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
    assert_eq!(rig.endpoint(1).log().blob_gets().len(), 1);
}

// U12 and U22: whatever a client does here, registries are only read, and always told who reads.
#[tokio::test(flavor = "multi_thread")]
async fn upstreams_are_read_under_our_name_and_never_written_to() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 100_000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.upstream.require_bearer(Bearer::default());
    rig.pull("a", "1", &image).await;
    let (target, page) = (rig.target("a"), entrepot_oci::Page::default());
    rig.mirror.tags(&target, &page).await.unwrap();
    rig.mirror.referrers(&target, image.digest()).await.unwrap();
    rig.mirror.blob_head(&rig.target("b"), &image.blobs()[1].0).await.unwrap_err();
    rig.mirror.start_upload(&target, entrepot_oci::Algorithm::Sha256, Uploader::Anybody).await.unwrap_err();
    rig.mirror.delete_blob(&target, &image.blobs()[1].0).await.unwrap_err();
    rig.mirror.delete_manifest(&target, &"1".parse().unwrap()).await.unwrap_err();
    let log = rig.upstream.log();
    let methods: BTreeSet<_> = log.iter().map(|request| request.method.to_string()).collect();
    assert_eq!(methods, BTreeSet::from(["GET".to_owned(), "HEAD".to_owned()]));
    let kinds: BTreeSet<_> = log.iter().map(|request| format!("{:?}", request.kind)).collect();
    assert_eq!(kinds.len(), 5, "manifests, blobs, tags, referrers and tokens: {kinds:?}");
    for request in log.iter() {
        assert!(
            request.user_agent.as_deref().is_some_and(|agent| agent.starts_with("entrepot/")),
            "{request:?}"
        );
    }
}

// U14
#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_are_none_cost_one_answer_and_not_the_blob() {
    for by in [-5, 5, 100_000] {
        let rig = Rig::start().await;
        let bytes = Bytes::from(vec![9; MIB]);
        let digest = rig.upstream.put_blob("library/a", bytes.clone());
        rig.upstream.fault(Fault::on(blobs().unranged()).then(Action::WrongLength(by)));
        assert!(rig.blob_bytes("a", &digest).await.is_err(), "{by}");
        assert!(!rig.keeps(&digest), "{by}");
        assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes, "{by}");
    }
}

// U15
#[tokio::test(flavor = "multi_thread")]
async fn encoded_answers_are_refused_unread() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 8 * MIB);
    rig.upstream.put_image("library/a", "1", &image);
    let (digest, bytes) = &image.blobs()[1];
    rig.upstream.fault(Fault::on(Match::any()).always().then(Action::encoding("gzip")));
    assert!(rig.manifest("a", "1").await.is_err_and(|error| is_invalid(&error)));
    assert!(rig.blob("a", digest).await.is_err_and(|error| is_invalid(&error)));
    rig.until_nothing_is_staged().await;
    rig.upstream.until(|log| log.open().is_empty()).await;
    // What the sockets hold is all that was sent of it.
    assert!(rig.upstream.log().bytes_sent() < bytes.len() as u64, "{}", rig.upstream.log().bytes_sent());
    rig.upstream.clear_faults();
    rig.pull("a", "1", &image).await;
}

// U16
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_flips_is_one_image_at_a_time() {
    for has_digests in [true, false] {
        let rig = Rig::start().await;
        let images = [TestImage::random(1, 1, 50_000), TestImage::random(2, 1, 50_000)];
        images.iter().for_each(|image| rig.upstream.put_image("library/a", "any", image));
        rig.upstream.flip_tag("library/a", "1", &[*images[0].digest(), *images[1].digest()]);
        rig.upstream.capabilities(|can| can.digest_header = has_digests);
        for _ in 0..6 {
            let served = rig.manifest("a", "1").await.unwrap().manifest;
            let image = images.iter().find(|image| *image.digest() == served.digest).unwrap();
            assert_eq!(served.bytes, *image.bytes());
            rig.upstream.clear_log();
            // Until its time is up it stays what it is, and nobody is asked again.
            for _ in 0..20 {
                let head = rig.mirror.manifest_head(&rig.target("a"), &"1".parse().unwrap()).await.unwrap();
                assert_eq!(head.digest, served.digest);
                assert_eq!(rig.manifest("a", "1").await.unwrap().manifest.digest, served.digest);
            }
            assert_eq!(rig.upstream.log().len(), 0);
            rig.pull("a", "1", image).await;
            rig.clock.advance(HOUR);
        }
    }
}

// U16: what HEAD says is not there, and GET has something.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_knows_another_digest_does_not_hide_the_tag() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    rig.upstream.put_image("library/a", "1", &image);
    let lie = Action::lie_digest(&Digest::of(b"gone"));
    rig.upstream.fault(Fault::on(Match::manifests().head()).always().then(lie));
    rig.pull("a", "1", &image).await;
}

fn index_of(children: impl Iterator<Item = Digest>) -> Bytes {
    let children: Vec<_> = children
        .map(|digest| {
            format!(r#"{{"mediaType":"{}","digest":"{digest}","size":1}}"#, MediaType::OCI_MANIFEST)
        })
        .collect();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
        MediaType::OCI_INDEX,
        children.join(",")
    );
    index.into()
}

// U18
#[tokio::test(flavor = "multi_thread")]
async fn of_an_index_only_what_is_asked_for_is_fetched() {
    let rig = Rig::start().await;
    let real = TestImage::random(1, 1, 10);
    rig.upstream.put_image("library/a", "one", &real);
    let children = |count: u32| (0..count).map(|nth| Digest::of(&nth.to_be_bytes())).chain([*real.digest()]);
    let (many, too_many) = (index_of(children(20_000)), index_of(children(100_000)));
    assert!(many.len() < 4 * MIB && too_many.len() > 4 * MIB);
    for (tag, bytes) in [("many", &many), ("too-many", &too_many)] {
        rig.upstream.put_manifest("library/a", Some(tag), &MediaType::OCI_INDEX, bytes.clone());
    }
    let served = rig.manifest("a", "many").await.unwrap();
    assert_eq!(served.manifest.bytes, many);
    rig.manifest("a", &real.digest().to_string()).await.unwrap();
    let missing = rig.manifest("a", &Digest::of(&7u32.to_be_bytes()).to_string()).await;
    assert!(matches!(missing, Err(Error::ManifestUnknown { .. })), "{missing:?}");
    // The index, the child that is there and the one that is not.
    assert_eq!(rig.upstream.log().manifest_gets().len(), 3);
    assert!(rig.manifest("a", "too-many").await.is_err_and(|error| is_invalid(&error)));
    // An index within itself cannot be made, but one that says so of a tag can: it is bytes like any other.
    let nested = TestImage::index([TestImage::index([TestImage::index([real.clone()])])]);
    rig.upstream.put_image("library/a", "nested", &nested);
    rig.pull("a", "nested", &nested).await;
}

// U19: every offset of a small blob, and the offsets at which something changes in larger ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_at_any_byte_spoils_nothing() {
    let rig = Arc::new(Rig::start().await);
    let edges = |size: u64| {
        let near = [0, 1, 16 << 10, size.saturating_sub(32 << 10), 64 << 10, 128 << 10, size];
        let around = near.into_iter().flat_map(|at| [at.saturating_sub(1), at, at + 1]);
        around.filter(move |at| *at < size).map(move |at| (size, at))
    };
    let sweep = (0..128).map(|at| (128, at)).chain(edges(40_000)).chain(edges(300_000));
    let cases: Vec<_> = sweep.collect();
    let pulls = cases.iter().enumerate().map(|(nth, (size, at))| {
        let bytes = TestImage::random(nth as u64, 1, usize::try_from(*size).unwrap()).blobs()[1].1.clone();
        let digest = rig.upstream.put_blob("library/a", bytes.clone());
        rig.upstream.fault(Fault::on(blobs().digest(&digest)).then(Action::ResetAfter(*at)));
        let (rig, at) = (Arc::clone(&rig), *at);
        tokio::spawn(async move {
            assert_eq!(
                rig.blob_bytes("a", &digest).await.unwrap(),
                bytes,
                "reset after {at} of {}",
                bytes.len()
            );
            rig.until_kept(&digest).await;
        })
    });
    for pulled in join_all(pulls.collect::<Vec<_>>()).await {
        pulled.unwrap();
    }
    assert_eq!(rig.upstream.log().blob_gets().len(), 2 * cases.len());
    rig.until_nothing_is_staged().await;
}

// U23
#[tokio::test(flavor = "multi_thread")]
async fn addresses_within_a_manifest_are_never_followed() {
    let rig = Rig::start().await;
    let elsewhere = TestRegistry::start().await;
    let digest = elsewhere.put_blob("library/a", "foreign");
    let config = rig.upstream.put_blob("library/a", "{}");
    let urls =
        format!(r#"["{}/v2/library/a/blobs/{digest}","http://169.254.169.254/latest"]"#, elsewhere.url());
    for layer in
        ["application/vnd.oci.image.layer.nondistributable.v1.tar", "application/vnd.oci.image.layer.v1.tar"]
    {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{config}","size":2}},"layers":[{{"mediaType":"{layer}","digest":"{digest}","size":7,"urls":{urls}}}]}}"#,
            MediaType::OCI_MANIFEST,
            "application/vnd.oci.image.config.v1+json",
        );
        rig.upstream.put_manifest("library/a", Some("1"), &MediaType::OCI_MANIFEST, manifest.clone());
        rig.clock.advance(HOUR);
        assert_eq!(rig.manifest("a", "1").await.unwrap().manifest.bytes, manifest);
        assert!(matches!(rig.blob("a", &digest).await, Err(Error::BlobUnknown { .. })));
    }
    assert_eq!(elsewhere.log().len(), 0);
}

// C05: whoever brings the blob dies, before it is asked for, before the first byte or in the middle; those who wait are told, and the next
// one brings it.
#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_dies_wakes_everybody_and_is_begun_anew() {
    for dies_at in [1, 2, 3] {
        let upstream = TestRegistry::start().await;
        let bytes = Bytes::from(vec![3; MIB]);
        let digest = upstream.put_blob("library/a", bytes.clone());
        upstream.fault(Fault::on(blobs().unranged()).then(Action::CutAfter(MIB as u64 / 2)));
        // It is called within the download's own task.
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let observer = move |_: &entrepot_oci::Host, _: entrepot_remote::RequestOutcome| {
            let nth = 1 + seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            assert_ne!(nth, dies_at, "on purpose");
        };
        let rig = Rig::watched(vec![upstream], Patience::default(), Arc::new(observer)).await;
        let rig = Arc::new(rig);
        let followers = (0..20).map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                match rig.blob("a", &digest).await {
                    Ok(opened) => support::read(opened).await.map_err(drop),
                    Err(Error::Store) => Err(()),
                    Err(error) => panic!("{error}"),
                }
            })
        });
        let mut failed = 0;
        for follower in followers.collect::<Vec<_>>() {
            // Late ones may have begun the next download already.
            match follower.await.unwrap() {
                Ok(whole) => assert_eq!(whole, bytes),
                Err(()) => failed += 1,
            }
        }
        assert!(failed > 0);
        assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes);
        rig.until_kept(&digest).await;
    }
}
