//! Filling under fire: clients that come late, leave early or ask for parts; upstreams that break, lie or crawl.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::sync::Arc;

use entrepot_mirror::{Error, Opened, Temperature, UpstreamFault};
use entrepot_oci::Digest;
use entrepot_testkit::{Action, BytePosition, Fault, Gate, Match, TestImage, TestRegistry};
use futures_util::StreamExt;
use support::{Rig, drain, read, streaming};

const MIB: usize = 1 << 20;

async fn rig_with(size: usize) -> (Rig, Digest, bytes::Bytes) {
    let rig = Rig::start().await;
    let image = TestImage::random(3, 1, size);
    rig.upstream.put_image("library/a", "1", &image);
    let (digest, bytes) = image.blobs()[1].clone();
    (rig, digest, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_has_its_first_byte_while_the_fill_runs() {
    let (rig, digest, bytes) = rig_with(4 * MIB).await;
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(2 * MIB as u64, gate.clone())));
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = streaming(rig.blob("a", &digest).await.unwrap());
        let first = stream.frames.next().await.unwrap().unwrap();
        assert_eq!(first, bytes.slice(..first.len()));
        streams.push((first.len(), stream));
    }
    gate.open();
    for (had, stream) in streams {
        assert_eq!(drain(stream).await.unwrap(), bytes.slice(had..));
    }
    assert_eq!(rig.upstream.log().blob_gets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_work_in_the_middle_of_a_download() {
    let (rig, digest, bytes) = rig_with(4 * MIB).await;
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(2 * MIB as u64, gate.clone())));
    let target = rig.target("a");
    let open =
        async |range| rig.mirror.blob(&target, &digest).await.unwrap().open(Some(range)).await.unwrap();
    let early = read(open(1000..2 * MIB as u64).await).await.unwrap();
    assert_eq!(early, bytes.slice(1000..2 * MIB));
    let late = open(5 * MIB as u64 / 2..4 * MIB as u64).await;
    gate.open();
    assert_eq!(read(late).await.unwrap(), bytes.slice(5 * MIB / 2..));
    assert_eq!(rig.upstream.log().blob_gets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_outlives_its_clients() {
    let (rig, digest, bytes) = rig_with(2 * MIB).await;
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(MIB as u64, gate.clone())));
    let mut stream = streaming(rig.blob("a", &digest).await.unwrap());
    stream.frames.next().await.unwrap().unwrap();
    drop(stream);
    gate.open();
    rig.until_kept(&digest).await;
    rig.upstream.stop().await;
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_taken_up_where_it_broke() {
    for cut in [1, MIB as u64, 2 * MIB as u64 - 1] {
        let (rig, digest, bytes) = rig_with(2 * MIB).await;
        rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::CutAfter(cut)));
        assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes, "cut after {cut}");
        let gets = rig.upstream.log().blob_gets();
        assert_eq!(gets.len(), 2);
        assert!(
            gets[1].range.as_deref().is_some_and(|range| range.starts_with("bytes=")),
            "{:?}",
            gets[1].range
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_again_and_again_ends_whole_as_long_as_bytes_come() {
    let (rig, digest, bytes) = rig_with(2 * MIB).await;
    let cut = Action::CutAfter(MIB as u64 / 4);
    rig.upstream.fault(Fault::on(Match::blobs().get()).times(7).then(cut));
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_blob_leaves_nothing_behind() {
    let (rig, _, _) = rig_with(10).await;
    let absent = Digest::of(b"absent");
    assert!(matches!(rig.blob("a", &absent).await, Err(Error::BlobUnknown { .. })));
    rig.upstream.fault(Fault::on(Match::blobs()).always().then(Action::status(500)));
    assert!(matches!(rig.blob("a", &Digest::of(b"other")).await, Err(Error::Upstream { .. })));
    assert_eq!(std::fs::read_dir(rig.data.join("staging")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_gets_no_part_in_the_download_of_another_and_reads_its_own() {
    let quay = TestRegistry::start().await;
    let rig = Rig::with_quay(&quay).await;
    let image = TestImage::random(3, 1, 4 * MIB);
    rig.upstream.put_image("library/a", "1", &image);
    quay.put_image("x/y", "1", &image);
    quay.put_image("x/z", "1", &TestImage::random(4, 1, 10));
    let (digest, bytes) = image.blobs()[1].clone();
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(2 * MIB as u64, gate.clone())));
    let first = rig.blob("a", &digest).await.unwrap();
    let second = rig.blob("quay.io/x/y", &digest).await.unwrap();
    assert!(matches!(rig.blob("quay.io/x/z", &digest).await, Err(Error::BlobUnknown { .. })));
    gate.open();
    assert_eq!(read(first).await.unwrap(), bytes);
    assert_eq!(read(second).await.unwrap(), bytes);
    let given = quay.log().blob_gets().matching(|get| get.status == 200);
    assert_eq!((rig.upstream.log().blob_gets().len(), given.len()), (1, 1));
    quay.clear_log();
    // Once it is here, the other one shows a part of it, and then has it.
    rig.until_kept(&digest).await;
    for (ranges, wholes) in [(1, 0), (1, 0)] {
        assert_eq!(rig.blob_bytes("quay.io/x/y", &digest).await.as_ref(), Ok(&bytes));
        let gets = quay.log().blob_gets();
        assert_eq!(gets.iter().filter(|get| get.range.is_some()).count(), ranges);
        assert_eq!(gets.iter().filter(|get| get.range.is_none()).count(), wholes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_without_ranges_starts_over_and_nothing_is_wrong() {
    let (rig, digest, bytes) = rig_with(2 * MIB).await;
    rig.upstream.capabilities(|can| can.ranges = false);
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::CutAfter(MIB as u64)));
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_endpoint_goes_on_where_the_first_died() {
    let (first, second) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(3, 1, 2 * MIB);
    first.put_image("library/a", "1", &image);
    second.put_image("library/a", "1", &image);
    first.fault(Fault::on(Match::blobs().get()).always().then(Action::CutAfter(MIB as u64)));
    let rig = Rig::with_endpoints(vec![first, second]).await;
    let (digest, bytes) = &image.blobs()[1];
    assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_gives_up_ends_the_answer_short_and_the_next_attempt_goes_on() {
    let (rig, digest, bytes) = rig_with(2 * MIB).await;
    rig.upstream.fault(Fault::on(Match::blobs().get().unranged()).then(Action::CutAfter(MIB as u64)));
    rig.upstream.fault(Fault::on(Match::blobs().get().ranged()).times(4).then(Action::status(404)));
    let had = rig.blob_bytes("a", &digest).await.unwrap_err();
    assert!(had < bytes.len());
    rig.upstream.clear_faults();
    rig.upstream.clear_log();
    assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes);
    let gets = rig.upstream.log().blob_gets();
    assert!(gets.iter().all(|get| get.range.is_some()), "the second attempt starts where the first ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_the_middle_of_a_download_is_believed_at_once() {
    for status in [404, 403] {
        let (rig, digest, bytes) = rig_with(2 * MIB).await;
        rig.upstream.fault(Fault::on(Match::blobs().get().unranged()).then(Action::CutAfter(MIB as u64)));
        rig.upstream.fault(Fault::on(Match::blobs().get().ranged()).then(Action::status(status)));
        assert!(rig.blob_bytes("a", &digest).await.unwrap_err() < bytes.len(), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_share_a_download_all_have_the_blob_afterwards() {
    let (mut rig, digest, bytes) = rig_with(4 * MIB).await;
    rig.upstream.put_image("library/b", "1", &TestImage::random(3, 1, 4 * MIB));
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(2 * MIB as u64, gate.clone())));
    let mut first = streaming(rig.blob("a", &digest).await.unwrap());
    first.frames.next().await.unwrap().unwrap();
    let second = rig.blob("b", &digest).await.unwrap();
    gate.open();
    assert_eq!(read(second).await.unwrap(), bytes);
    drain(first).await.unwrap();
    // What is recorded is there after a restart as well.
    rig.until_kept(&digest).await;
    rig.restart().await;
    rig.upstream.clear_log();
    for name in ["a", "b"] {
        assert_eq!(rig.blob_bytes(name, &digest).await.unwrap(), bytes, "{name}");
    }
    assert_eq!(rig.upstream.log().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_never_make_a_whole_answer() {
    for place in [BytePosition::Start, BytePosition::End] {
        for size in [10, 20_000, 3 * MIB] {
            let (rig, digest, bytes) = rig_with(size).await;
            rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::WrongBytes(place)));
            let had = rig.blob_bytes("a", &digest).await.expect_err("short");
            assert!(had + (32 << 10) <= size.max(32 << 10), "{had} of {size}");
            assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_goes_on_by_range() {
    let (mut rig, digest, bytes) = rig_with(8 * MIB).await;
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(5 * MIB as u64, gate.clone())));
    let mut stream = streaming(rig.blob("a", &digest).await.unwrap());
    let mut had = 0;
    while had < 4 * MIB {
        had += stream.frames.next().await.unwrap().unwrap().len();
    }
    rig.until_noted(4 * MIB as u64).await;
    drop(stream);
    rig.restart().await;
    // Nobody asks for it, and it is finished all the same.
    rig.until_kept(&digest).await;
    gate.open();
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    let gets = rig.upstream.log().blob_gets();
    let range = gets[1].range.clone().unwrap();
    let from: usize = range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap();
    assert!(from >= 4 * MIB, "{range}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_length_and_wrong_lengths() {
    for action in [Action::NoLength, Action::UntilClose] {
        let (rig, digest, bytes) = rig_with(MIB).await;
        rig.upstream.fault(Fault::on(Match::blobs().get()).then(action));
        assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    }
    let (rig, digest, bytes) = rig_with(MIB).await;
    rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::WrongLength(-5)));
    assert!(rig.blob_bytes("a", &digest).await.is_err());
    assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captive_portal_is_not_an_image() {
    let (rig, digest, _) = rig_with(MIB).await;
    rig.upstream.fault(Fault::on(Match::any()).always().then(Action::Html));
    let refused = rig.manifest("a", "1").await;
    assert!(matches!(refused, Err(Error::Upstream { fault: UpstreamFault::Invalid(_), .. })), "{refused:?}");
    match rig.blob("a", &digest).await {
        Ok(opened) => assert!(read(opened).await.is_err()),
        Err(error) => assert!(matches!(error, Error::Upstream { .. })),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_connection_gets_company() {
    // So slow that a busy machine keeps up with it, and paced to the end: what is sent beyond a cut stays little.
    let (rig, digest, bytes) = rig_with(12 * MIB).await;
    rig.upstream.pace(Some(MIB as u64));
    let read = tokio::spawn({
        let opened = rig.blob("a", &digest).await.unwrap();
        async move { read(opened).await }
    });
    rig.upstream.until(|log| log.blob_gets().len() > 4).await;
    assert_eq!(read.await.unwrap().unwrap(), bytes);
    let log = rig.upstream.log();
    assert!(log.blob_gets().len() <= 16);
    // Cutting the first connection short wastes no more than what was on its way, in the sockets' buffers.
    assert!(log.bytes_sent() < 14 * MIB as u64, "{}", log.bytes_sent());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_passes_blobs_through() {
    let directory = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(directory.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: mounting a small file system needs root");
        return;
    }
    let unmount = Unmount(directory.path().to_owned());
    let rig = Rig::start_at(directory.path().to_owned(), vec![TestRegistry::start().await]).await;
    let image = TestImage::random(3, 1, 8 * MIB);
    rig.upstream.put_image("library/a", "1", &image);
    let rig = Arc::new(rig);
    let (digest, bytes) = image.blobs()[1].clone();
    for _ in 0..3 {
        assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    }
    rig.upstream.fault(Fault::on(Match::blobs().get()).skip(1).then(Action::CutAfter(MIB as u64)));
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    rig.upstream.fault(Fault::on(Match::blobs().get()).always().then(Action::WrongBytes(BytePosition::End)));
    assert!(rig.blob_bytes("a", &digest).await.is_err());
    rig.upstream.clear_faults();
    let blob = rig.mirror.blob(&rig.target("a"), &digest).await.unwrap();
    assert_eq!(blob.temperature(), Temperature::Cold);
    let opened = blob.open(Some(10..20)).await.unwrap();
    assert!(matches!(opened, Opened::Stream(_)));
    assert_eq!(read(opened).await.unwrap(), bytes.slice(10..20));
    rig.mirror.shutdown().await;
    drop(unmount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
