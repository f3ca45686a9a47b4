//! Uploads in one request and in chunks: what is tried again, and what is not.

use entrepot_sync::JobOutcome;
use entrepot_testkit::{Action, Fault, Match, TestImage, TestRegistry};
use http::Method;

use crate::support::{Lab, assert_there, blob_bytes, done, failed, puts, run, to, uploads};

const MIB: u64 = 1 << 20;

/// Two registries; the first has an image with a layer of this many bytes.
async fn pair(size: u64) -> (TestRegistry, TestRegistry, TestImage) {
    let (source, registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, usize::try_from(size).unwrap());
    source.put_image("a/b", "1", &image);
    (source, registry, image)
}

#[tokio::test]
async fn a_body_that_is_too_long_for_one_request_goes_in_chunks() {
    let (source, target_registry, image) = pair(5 * MIB).await;
    let layer = image.blobs()[1].0;
    let refused = uploads(Method::PUT);
    // The config's and the layer's: the config is too small to be cut up.
    target_registry.fault(Fault::on(refused).times(2).then(Action::status(413)));
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    let log = target_registry.log();
    assert!(log.count(Method::PATCH, "/blobs/uploads/") <= 3);
    // What was refused cannot have arrived.
    assert_eq!(log.count(Method::HEAD, "/blobs/"), 0);
    match &rows[0].outcome {
        JobOutcome::Done(_) => assert_eq!(target_registry.blob("c/d", &layer).unwrap().len(), 5 << 20),
        JobOutcome::Failed(failure) => {
            assert!(failure.what.contains("this much in one request"), "{}", failure.what)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reason_that_is_lost_with_the_connection_leads_to_chunks_all_the_same() {
    let (source, registry, image) = pair(5 * MIB).await;
    // 413 while the body is still on its way, and the connection is closed: it may be met as a broken one.
    registry.capabilities(|can| can.largest_upload = Some(2 * MIB));
    done(&run(Lab::default(), vec![to(&source, &image, &[&registry])]).await[0]);
    assert_there(&registry, "c/d", "1", &image).await;
    assert!(registry.log().count(Method::PATCH, "/blobs/uploads/") >= 3);
}

#[tokio::test]
async fn a_blob_that_is_too_small_for_chunks_is_refused_once() {
    let (source, registry, image) = pair(1000).await;
    registry.fault(Fault::on(uploads(Method::PUT)).always().then(Action::status(413)));
    let rows = run(Lab::default(), vec![to(&source, &image, &[&registry])]).await;
    let (what, _) = failed(&rows[0]);
    assert!(what.contains("this much in one request"), "{what}");
    // The config's and the layer's.
    assert!(registry.log().count(Method::PUT, "/blobs/uploads/") <= 2);
}

#[tokio::test]
async fn attempts_without_progress_end() {
    let whole = async {
        let (source, registry, image) = pair(1000).await;
        registry.fault(Fault::on(uploads(Method::PUT)).always().then(Action::status(503)));
        failed(&run(Lab::default(), vec![to(&source, &image, &[&registry])]).await[0]);
        let puts = registry.log().count(Method::PUT, "/blobs/uploads/");
        assert!((5..=10).contains(&puts), "{puts}");
    };
    let in_chunks = async {
        let (source, registry, image) = pair(3 * MIB).await;
        registry.fault(Fault::on(uploads(Method::PATCH)).always().then(Action::Hangup));
        // Nor is there another upload.
        registry.fault(Fault::on(uploads(Method::POST)).skip(2).always().then(Action::status(403)));
        let lab = Lab::default().with(&registry.host(), |registry| registry.chunk = Some(2 * MIB));
        failed(&run(lab, vec![to(&source, &image, &[&registry])]).await[0]);
        assert_eq!(registry.log().count(Method::GET, "/blobs/uploads/"), 4);
    };
    tokio::join!(whole, in_chunks);
}

#[tokio::test]
async fn a_chunk_that_is_refused_is_not_taken_up_again() {
    let (source, registry, image) = pair(3 * MIB).await;
    registry.fault(Fault::on(uploads(Method::PATCH)).always().then(Action::status(403)));
    let lab = Lab::default().with(&registry.host(), |registry| registry.chunk = Some(2 * MIB));
    failed(&run(lab, vec![to(&source, &image, &[&registry])]).await[0]);
    let log = registry.log();
    // The upload is begun anew once, in case the token has died.
    assert_eq!(log.matching(|request| request.method == Method::PATCH).len(), 2);
    assert_eq!(log.count(Method::GET, "/blobs/uploads/"), 0);
}

#[tokio::test]
async fn a_last_chunk_whose_answer_is_lost_is_not_sent_again() {
    let (source, registry, image) = pair(3 * MIB).await;
    registry.fault(Fault::on(uploads(Method::PATCH)).skip(1).then(Action::LoseAnswer));
    let lab = Lab::default().with(&registry.host(), |registry| registry.chunk = Some(2 * MIB));
    let rows = run(lab, vec![to(&source, &image, &[&registry])]).await;
    assert_eq!(done(&rows[0]).written, blob_bytes(&image));
    let chunks = registry.log().matching(|request| request.method == Method::PATCH);
    assert_eq!(chunks.iter().map(|chunk| chunk.received).collect::<Vec<_>>(), [2 * MIB, MIB]);
    assert_there(&registry, "c/d", "1", &image).await;
}

#[tokio::test]
async fn chunks_go_on_where_they_were_cut() {
    let (source, target_registry, image) = pair(5 * MIB).await;
    let cut = Fault::on(uploads(Method::PATCH)).skip(1).times(2).then(Action::HangupAfter(700_000));
    target_registry.fault(cut);
    let lab = Lab::default().with(&target_registry.host(), |registry| registry.chunk = Some(2 << 20));
    let rows = run(lab, vec![to(&source, &image, &[&target_registry])]).await;
    assert_eq!(done(&rows[0]).written, blob_bytes(&image));
    assert_there(&target_registry, "c/d", "1", &image).await;
    let patches = target_registry.log().matching(|request| request.method == Method::PATCH);
    // 2 MiB; 700,000 bytes; as many; the rest.
    let received: u64 = patches.iter().map(|request| request.received).sum();
    assert_eq!(patches.len(), 4);
    assert!(received < (5 << 20) + 2 * (2 << 20), "{received}");
    assert_eq!(target_registry.log().count(Method::GET, "/blobs/uploads/"), 2);
    // Nor is what was sent read again.
    let reads = source.log().blob_gets().of(&image.blobs()[1].0);
    assert_eq!(reads.iter().filter(|read| read.range.is_none()).count(), 1);
}

#[tokio::test]
async fn an_upload_that_breaks_is_tried_again() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 2, 100_000);
    source.put_image("a/b", "1", &image);
    target_registry.fault(Fault::on(uploads(Method::PUT)).then(Action::HangupAfter(10)));
    target_registry.fault(Fault::on(uploads(Method::PUT)).then(Action::LoseAnswer));
    target_registry.fault(Fault::on(uploads(Method::POST)).then(Action::status(503)));
    target_registry.fault(Fault::on(Match::manifests().method(Method::PUT)).then(Action::status_with(
        429,
        &[("retry-after", "1")],
        "",
    )));
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    done(&rows[0]);
    assert_there(&target_registry, "c/d", "1", &image).await;
    // The manifest was put off once, and nothing was missing then.
    assert_eq!(puts(&target_registry.log()), 2);
}
