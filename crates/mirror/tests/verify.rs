//! Bytes and records are kept in step, and put right where they are not: V01 to V03 of `docs/reference/faults.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use entrepot_mirror::{Check, Discrepancy, Finding, Uploader, Verification};
use entrepot_oci::Digest;
use entrepot_testkit::{
    Action, Fault as Misbehaviour, Gate, Match, TestImage,
    s3::{S3Fault, S3Server},
    until_answer,
};
use futures_util::stream;
use support::{Rig, Stores};

const MIB: usize = 1 << 20;

async fn healed(rig: &Rig) -> Verification {
    rig.mirror.heal(Duration::ZERO).await.unwrap()
}

async fn verified(rig: &Rig, check: Check) -> Vec<Finding> {
    rig.mirror.verify(None, check).await.unwrap().findings
}

async fn push(rig: &Rig, name: &str, bytes: &Bytes) -> Digest {
    let digest = Digest::of(bytes);
    rig.mirror.push_blob(&rig.target(name), &digest, stream::iter([Ok(bytes.clone())])).await.unwrap();
    digest
}

/// A file in the store that nothing records.
fn stray(rig: &Rig, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let hex = digest.hex();
    let dir = rig.data.join("blobs/sha256").join(&hex[..2]);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(hex), bytes).unwrap();
    digest
}

// V01
#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_removed_while_another_repository_is_asked_for_it_is_fetched_again() {
    for size in [100, 3 * MIB] {
        let mut rig = Rig::start().await;
        let image = TestImage::random(1, 1, size);
        for name in ["library/a", "library/b"] {
            rig.upstream.put_image(name, "1", &image);
        }
        let (digest, bytes) = image.blobs()[1].clone();
        rig.blob_bytes("a", &digest).await.unwrap();
        rig.until_kept(&digest).await;
        // A download that is still being recorded would be joined instead.
        rig.restart().await;

        let gate = Gate::new();
        rig.upstream.fault(Misbehaviour::on(Match::blobs().head()).then(Action::Gate(gate.clone())));
        let remove = async {
            gate.reached(1).await;
            rig.mirror.remove(&rig.target("a").key, None).await.unwrap();
            assert!(!rig.keeps(&digest));
            gate.open();
        };
        let (served, ()) = tokio::join!(rig.blob_bytes("b", &digest), remove);
        assert_eq!(served.as_ref(), Ok(&bytes));
        rig.until_kept(&digest).await;
        rig.until_nothing_is_staged().await;
        // The record is written right after the bytes.
        let recorded = async || Some(healed(&rig).await).filter(|found| found.records == 1);
        let found = until_answer("the record of the blob", recorded).await;
        assert_eq!((found.stored, found.findings), (1, vec![]));
    }
}

// V01: a lock that is held for a client is not freed by the client's leaving.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_leave_bytes_and_records_in_step() {
    let rig = Rig::start().await;
    for round in 0..60_usize {
        let bytes = Bytes::from(format!("round {}", round / 3));
        let digest = push(&rig, "local/a", &bytes).await;
        let (a, b, mirror) = (rig.target("local/a"), rig.target("local/b"), rig.mirror.clone());
        let mounting = tokio::spawn({
            let (mirror, a, b) = (mirror.clone(), a.clone(), b.clone());
            async move { mirror.mount(&b, &digest, Some(&a), Uploader::Anybody).await.map(drop) }
        });
        let deleting = tokio::spawn({
            let (mirror, a) = (mirror.clone(), a.clone());
            async move { mirror.delete_blob(&a, &digest).await }
        });
        let removing = tokio::spawn(async move { mirror.remove(&b.key, None).await.map(drop) });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        mounting.abort();
        deleting.abort();
        removing.abort();
    }
    // What they began is waited for: it holds the locks.
    assert_eq!(healed(&rig).await.findings, []);
}

// V02
#[tokio::test(flavor = "multi_thread")]
async fn mirrored_content_whose_bytes_are_lost_is_forgotten_and_fetched_again() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(1, 2, 100_000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    let lost = [*image.digest(), image.blobs()[1].0];
    for digest in lost {
        rig.until_kept(&digest).await;
    }
    rig.restart().await;
    lost.iter().for_each(|digest| rig.lose(digest));

    let seen = verified(&rig, Check::default()).await;
    let mut found = healed(&rig).await.findings;
    found.sort_unstable_by_key(|finding| finding.digest);
    let mut expected = lost;
    expected.sort_unstable();
    assert_eq!(found.iter().map(|finding| finding.digest).collect::<Vec<_>>(), expected);
    for finding in seen.iter().chain(&found) {
        assert_eq!(finding.discrepancy, Discrepancy::MissingBytes);
        assert_eq!(finding.repositories, ["docker.io/library/a"]);
        assert_eq!(finding.repaired, found.contains(finding));
    }
    assert_eq!(healed(&rig).await.findings, []);
    rig.pull("a", "1", &image).await;
    for digest in lost {
        rig.until_kept(&digest).await;
    }
    assert_eq!(healed(&rig).await.findings, []);
}

// V02
#[tokio::test(flavor = "multi_thread")]
async fn pushed_content_whose_bytes_are_lost_is_named_until_it_is_pushed_again() {
    let mut rig = Rig::start().await;
    let bytes = Bytes::from_static(b"pushed");
    let digest = push(&rig, "local/app", &bytes).await;
    rig.restart().await;
    rig.lose(&digest);
    for _ in 0..2 {
        let finding = Finding {
            digest,
            size: 6,
            discrepancy: Discrepancy::MissingBytes,
            repositories: vec!["local/app".to_owned()],
            repaired: false,
        };
        assert_eq!(healed(&rig).await.findings, [finding]);
    }
    push(&rig, "local/app", &bytes).await;
    assert_eq!(healed(&rig).await.findings, []);
}

// V03
#[tokio::test(flavor = "multi_thread")]
async fn bytes_without_a_record_are_deleted() {
    let rig = Rig::start().await;
    push(&rig, "local/app", &Bytes::from_static(b"kept")).await;
    let digest = stray(&rig, b"stray");
    // Somebody else may be about to record what is new.
    let patient = Check { repair: true, patience: Duration::from_secs(3600) };
    assert_eq!(verified(&rig, patient).await, []);
    let finding = |repaired| Finding {
        digest,
        size: 5,
        discrepancy: Discrepancy::MissingRecord,
        repositories: vec![],
        repaired,
    };
    assert_eq!(verified(&rig, Check::default()).await, [finding(false)]);
    assert!(rig.keeps(&digest));
    assert_eq!(healed(&rig).await.findings, [finding(true)]);
    assert!(!rig.keeps(&digest) && rig.keeps(&Digest::of(b"kept")));
}

// V03: as with a new database beside an old store.
#[tokio::test(flavor = "multi_thread")]
async fn many_bytes_without_a_record_are_left_to_people() {
    let rig = Rig::start().await;
    let strays: Vec<_> = (0..101).map(|number| stray(&rig, format!("{number}").as_bytes())).collect();
    assert!(healed(&rig).await.findings.iter().all(|finding| !finding.repaired));
    assert!(strays.iter().all(|digest| rig.keeps(digest)));
    assert_eq!(verified(&rig, Check { repair: true, ..Check::default() }).await.len(), 101);
    assert!(strays.iter().all(|digest| !rig.keeps(digest)));
}

// V03: as with a disk that is not mounted, or an empty bucket.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_not_forgotten_because_the_store_is_empty() {
    let mut rig = Rig::start().await;
    let image = TestImage::layers((0..101_u8).map(|number| Bytes::from(vec![number; 10])));
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    for (digest, _) in image.blobs() {
        rig.until_kept(digest).await;
    }
    rig.restart().await;
    let (blobs, aside) = (rig.data.join("blobs"), rig.data.join("aside"));
    std::fs::rename(&blobs, &aside).unwrap();
    std::fs::create_dir(&blobs).unwrap();
    let found = healed(&rig).await.findings;
    assert!(found.len() > 100 && found.iter().all(|finding| !finding.repaired));
    std::fs::remove_dir(&blobs).unwrap();
    std::fs::rename(&aside, &blobs).unwrap();
    assert_eq!(healed(&rig).await.findings, []);
}

// S12: what a list leaves out is not gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_comes_back_short_costs_nothing() {
    let server = S3Server::start().await;
    let (rig, _catalog) = Rig::with_stores(&Stores::on(&server, false)).await;
    let bytes = Bytes::from_static(b"pushed here");
    let digest = push(&rig, "local/a", &bytes).await;
    let image = TestImage::random(1, 1, 1000);
    rig.upstream.put_image("library/b", "1", &image);
    rig.pull("b", "1", &image).await;
    let all = async || {
        let totals = rig.mirror.holdings().await.unwrap();
        (totals.blobs + totals.manifests == 4).then_some(totals)
    };
    let before = until_answer("all to be recorded", all).await;
    let empty = "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>";
    server.misbehave(move |seen| seen.query.contains("list-type").then_some(S3Fault::Document(empty)));
    let found = healed(&rig).await;
    assert_eq!((found.records, found.stored, found.findings), (4, 0, vec![]));
    server.behave();
    assert_eq!(rig.mirror.holdings().await.unwrap(), before);
    let hex = digest.hex();
    assert!(server.object(&format!("sha256/{}/{hex}", &hex[..2])).exists());
    let found = healed(&rig).await;
    assert_eq!((found.records, found.stored, found.findings), (4, 4, vec![]));
}
