//! Ranges far ahead in a blob that is not here yet, as the lazy snapshotters stargz, nydus and SOCI ask for them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::ops::Range;

use bytes::Bytes;
use entrepot_oci::Digest;
use entrepot_testkit::{Action, BytePosition, Fault, Gate, Match, TestImage, TestRegistry};
use futures_util::future::join_all;
use support::{Rig, read};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const SIZE: u64 = 4 * MIB;

/// A mirror with a cold blob, whose whole download stops after 64 KiB until the gate opens.
async fn held_up() -> (Rig, Digest, Bytes, Gate) {
    let rig = Rig::start().await;
    let image = TestImage::random(3, 1, SIZE as usize);
    rig.upstream.put_image("library/a", "1", &image);
    let (digest, bytes) = image.blobs()[1].clone();
    let gate = Gate::new();
    let whole = Match::blobs().get().unranged();
    rig.upstream.fault(Fault::on(whole).always().then(Action::GateAfter(64 * KIB, gate.clone())));
    (rig, digest, bytes, gate)
}

async fn part(rig: &Rig, digest: &Digest, range: Range<u64>) -> Result<Bytes, usize> {
    let served = rig.mirror.blob(&rig.target("a"), digest).await.unwrap();
    read(served.open(Some(range)).await.unwrap()).await
}

fn slice(bytes: &Bytes, range: Range<u64>) -> Bytes {
    bytes.slice(range.start as usize..range.end as usize)
}

/// What was asked of the upstream by range, in order.
fn ranges(upstream: &TestRegistry) -> Vec<Range<u64>> {
    let asked = upstream.log().blob_gets();
    let mut ranges: Vec<_> = asked
        .iter()
        .filter_map(|request| {
            let (from, to) = request.range.as_deref()?.strip_prefix("bytes=")?.split_once('-')?;
            Some(from.parse().unwrap()..to.parse::<u64>().map_or(SIZE, |last| last + 1))
        })
        .collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_cold_blob_does_not_wait_for_its_beginning() {
    let (rig, digest, bytes, gate) = held_up().await;
    let tail = SIZE - 10_000..SIZE;
    assert_eq!(part(&rig, &digest, tail.clone()).await.unwrap(), slice(&bytes, tail));
    // stargz: the footer first, then the table of contents before it.
    let toc = SIZE - 300 * KIB..SIZE - 20_000;
    assert_eq!(part(&rig, &digest, toc.clone()).await.unwrap(), slice(&bytes, toc));
    assert!(!rig.keeps(&digest));
    gate.open();
    rig.until_kept(&digest).await;
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    // Each byte once: the whole one was let go at the first of these.
    let block = 64 * KIB;
    assert_eq!(ranges(&rig.upstream), [SIZE - 5 * block..SIZE - block, SIZE - block..SIZE]);
    assert_eq!(rig.upstream.log().blob_gets().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_from_everywhere_are_fetched_once_each() {
    let (rig, digest, bytes, gate) = held_up().await;
    let wanted: Vec<_> = (3..8).rev().map(|at| at * MIB / 2 + 5..at * MIB / 2 + 300_000).collect();
    let parts = join_all(wanted.iter().map(|range| part(&rig, &digest, range.clone()))).await;
    for (range, part) in wanted.iter().zip(parts) {
        assert_eq!(part.unwrap(), slice(&bytes, range.clone()), "{range:?}");
    }
    gate.open();
    rig.until_kept(&digest).await;
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    let asked = ranges(&rig.upstream);
    assert!(asked.windows(2).all(|pair| pair[0].end <= pair[1].start), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_near_is_waited_for() {
    let (rig, digest, bytes, gate) = held_up().await;
    let near = 64 * KIB + 5..SIZE;
    let served = rig.mirror.blob(&rig.target("a"), &digest).await.unwrap();
    let opened = served.open(Some(near.clone())).await.unwrap();
    gate.open();
    assert_eq!(read(opened).await.unwrap(), slice(&bytes, near));
    assert_eq!(rig.upstream.log().blob_gets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_without_ranges_is_waited_for() {
    let (rig, digest, bytes, gate) = held_up().await;
    rig.upstream.capabilities(|can| can.ranges = false);
    let tail = SIZE - 10_000..SIZE;
    let served = rig.mirror.blob(&rig.target("a"), &digest).await.unwrap();
    let opened = served.open(Some(tail.clone())).await.unwrap();
    gate.open();
    assert_eq!(read(opened).await.unwrap(), slice(&bytes, tail));
    assert_eq!(rig.upstream.log().blob_gets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_part_spoils_the_blob() {
    let (rig, digest, bytes, gate) = held_up().await;
    rig.upstream.fault(Fault::on(Match::blobs().get().ranged()).then(Action::WrongBytes(BytePosition::End)));
    let whole = rig.blob("a", &digest).await.unwrap();
    let tail = SIZE - 10_000..SIZE;
    assert_ne!(part(&rig, &digest, tail.clone()).await.unwrap(), slice(&bytes, tail));
    gate.open();
    assert!(read(whole).await.unwrap_err() < bytes.len());
    rig.until_nothing_is_staged().await;
    assert!(!rig.keeps(&digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_between_the_parts() {
    let (mut rig, digest, bytes, gate) = held_up().await;
    let middle = 2 * MIB..3 * MIB;
    assert_eq!(part(&rig, &digest, middle.clone()).await.unwrap(), slice(&bytes, middle.clone()));
    rig.until_noted(64 * KIB).await;
    rig.restart().await;
    gate.open();
    rig.until_kept(&digest).await;
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    let covering = ranges(&rig.upstream).into_iter().filter(|range| range.contains(&middle.start));
    assert!(covering.count() <= 2);
}
