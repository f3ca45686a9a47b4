//! From registry to registries.

use std::{sync::Arc, time::Duration};

use entrepot_oci::{Digest, Reference};
use entrepot_sync::{CopyEvent, JobOutcome};
use entrepot_testkit::{Action, Fault, Match, ResourceKind, TestImage, TestRegistry};
use http::Method;

use crate::support::{
    Lab, assert_there, blob_bytes, done, job, mounted, place, puts, run, run_with, sent, target,
    two_platforms,
};

#[tokio::test]
async fn one_read_serves_three_targets() {
    let (source, image) = (TestRegistry::start().await, two_platforms(1, 300_000));
    source.put_image("a/b", "1", &image);
    let targets = [TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await];
    let wanted = targets.iter().map(|registry| target(place(registry, "c/d"), "1")).collect();
    let (rows, events) =
        run_with(Arc::default(), vec![job(place(&source, "a/b"), &image, "1", wanted)]).await;
    for (registry, row) in targets.iter().zip(&rows) {
        assert_there(registry, "c/d", "1", &image).await;
        let done = done(row);
        assert_eq!((done.digest, done.written, done.changed), (*image.digest(), blob_bytes(&image), true));
    }
    let log = source.log();
    assert_eq!(log.blob_gets().len(), image.blobs().len());
    assert_eq!(log.blob_gets().bytes_sent(), blob_bytes(&image));
    assert_eq!((log.manifest_gets().len(), log.heads().len()), (3, 0));
    let (mut dealt, mut read, mut sized) = (0, 0, 0);
    for event in &events {
        match event {
            CopyEvent::Progress { bytes, read: more, .. } => (dealt, read) = (dealt + bytes, read + more),
            CopyEvent::Sized { bytes, .. } => sized += bytes,
            CopyEvent::Started { .. } | CopyEvent::Settled { .. } => {}
        }
    }
    assert_eq!((dealt, read, sized), (blob_bytes(&image), blob_bytes(&image), blob_bytes(&image)));
    assert_eq!(events.iter().filter(|event| matches!(event, CopyEvent::Settled { .. })).count(), 3);
}

#[tokio::test]
async fn what_two_images_share_is_read_once_whichever_comes_first_at_a_target() {
    let (source, one, two) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    let layer = TestImage::random(1, 1, 300_000).blobs()[1].1.clone();
    let images = [2, 3].map(|seed| {
        TestImage::layers([layer.clone(), TestImage::random(seed, 1, 1000).blobs()[1].1.clone()])
    });
    let jobs = images.iter().zip(["x", "y"]).map(|(image, name)| {
        let repository = format!("a/{name}");
        source.put_image(&repository, "1", image);
        let targets = [&one, &two].map(|registry| target(place(registry, &format!("c/{name}")), "1"));
        job(place(&source, &repository), image, "1", targets.to_vec())
    });
    // One target is quicker with the first image, the other with the second.
    for (registry, path) in [(&one, "/c/y/"), (&two, "/c/x/")] {
        registry.fault(Fault::on(Match::any().path(path)).then(Action::Delay(Duration::from_secs(1))));
    }
    let rows = run(Lab::default(), jobs.collect()).await;
    rows.iter().for_each(|row| assert!(done(row).changed));
    assert_eq!(source.log().blob_gets().of(&Digest::of(&layer)).len(), 1);
}

#[tokio::test]
async fn what_a_killed_run_has_left_behind_is_not_sent_again() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    let (left, bytes) = &image.blobs()[1];
    target_registry.put_blob("c/d", bytes.clone());
    // So says docker-registry of a repository without tags, whatever else is in it.
    target_registry.fault(Fault::on(Match::tags()).always().then(Action::status(404)));
    let wanted = vec![target(place(&target_registry, "c/d"), "1")];
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", wanted)]).await;
    assert_eq!(done(&rows[0]).present, bytes.len() as u64);
    assert_eq!(done(&rows[0]).written, blob_bytes(&image) - bytes.len() as u64);
    let log = target_registry.log();
    assert!(!sent(&log).iter().any(|put| put.query.contains(&left.to_string())));
    assert_eq!((log.heads().len(), log.kind(ResourceKind::Upload).len()), (0, 2 * image.blobs().len() - 1));
    assert_there(&target_registry, "c/d", "1", &image).await;
}

#[tokio::test]
async fn a_new_repository_is_asked_for_nothing_that_cannot_be_there() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    let wanted =
        vec![target(place(&target_registry, "c/d"), "1"), target(place(&target_registry, "c/d"), "latest")];
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", wanted)]).await;
    let log = target_registry.log();
    let blobs = image.blobs().len();
    assert_eq!((log.heads().len(), log.kind(ResourceKind::Tags).len()), (0, 1));
    assert_eq!((sent(&log).len(), log.kind(ResourceKind::Upload).len(), puts(&log)), (blobs, 2 * blobs, 4));
    assert_eq!(log.len(), 1 + 2 * blobs + 4);
    assert_eq!(done(&rows[0]).written, blob_bytes(&image));
    assert_eq!((done(&rows[1]).written, done(&rows[1]).present), (0, blob_bytes(&image)));
    assert_there(&target_registry, "c/d", "latest", &image).await;
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    target_registry.put_image("c/d", "old", &image);
    let mut same = target(place(&target_registry, "c/d"), "old");
    same.before = Some(*image.digest());
    let other = target(place(&target_registry, "c/d"), "new");
    let up_to_date = vec![job(place(&source, "a/b"), &image, "1", vec![same])];
    let rows = run(Lab::default(), up_to_date).await;
    assert!(!done(&rows[0]).changed);
    assert_eq!((done(&rows[0]).present, done(&rows[0]).written), (blob_bytes(&image), 0));
    assert_eq!(target_registry.log().len(), 0);
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", vec![other])]).await;
    let log = target_registry.log();
    assert_eq!((sent(&log).len(), log.heads().len(), puts(&log)), (0, 3, 1));
    assert_eq!((done(&rows[0]).present, done(&rows[0]).written), (blob_bytes(&image), 0));
    assert_eq!(source.log().blob_gets().len(), 0);
}

#[tokio::test]
async fn progress_is_told_from_the_start_to_the_end() {
    let (source, registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 1 << 20);
    source.put_image("a/b", "1", &image);
    let wanted = vec![target(place(&registry, "c/d"), "1")];
    let jobs = vec![job(place(&source, "a/b"), &image, "1", wanted)];
    let (_, events) = run_with(Arc::new(Lab::default()), jobs).await;
    let size = blob_bytes(&image);
    assert!(matches!(events[0], CopyEvent::Started { job: 0 }), "{:?}", events[0]);
    assert!(events.iter().any(|event| matches!(event, CopyEvent::Sized { job: 0, bytes } if *bytes == size)));
    let progress = events.iter().map(|event| match event {
        CopyEvent::Progress { bytes, read, .. } => (*bytes, *read),
        _ => (0, 0),
    });
    assert_eq!(progress.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1)), (size, size));
    assert!(matches!(events.last(), Some(CopyEvent::Settled { job: 0, target: 0, .. })));
}

#[tokio::test]
async fn only_what_is_missing_is_sent() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let old = TestImage::random(1, 3, 1000);
    let layers = old.blobs()[1..].iter().map(|(_, bytes)| bytes.clone());
    let new = TestImage::layers(layers.chain([TestImage::random(9, 1, 5000).blobs()[1].1.clone()]));
    source.put_image("a/b", "1", &new);
    target_registry.put_image("c/d", "1", &old);
    let mut wanted = target(place(&target_registry, "c/d"), "1");
    wanted.before = Some(*old.digest());
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &new, "1", vec![wanted])]).await;
    // The new layer and the config.
    assert_eq!(sent(&target_registry.log()).len(), 2);
    assert_eq!(done(&rows[0]).present, 3000);
    assert_there(&target_registry, "c/d", "1", &new).await;
}

#[tokio::test]
async fn blobs_are_mounted_across_repositories() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let base = TestImage::random(1, 1, 400_000).blobs()[1].1.clone();
    let image =
        |seed| TestImage::layers([base.clone(), TestImage::random(seed, 1, 1000).blobs()[1].1.clone()]);
    let jobs = (0..10).map(|seed| {
        let (image, repository) = (image(seed + 10), format!("a/b{seed}"));
        source.put_image(&repository, "1", &image);
        let wanted = vec![target(place(&target_registry, &format!("c/{seed}")), "1")];
        job(place(&source, &repository), &image, "1", wanted)
    });
    let rows = run(Lab::default(), jobs.collect()).await;
    let log = target_registry.log();
    assert_eq!(mounted(&log).len(), 9);
    assert_eq!(rows.iter().map(|row| done(row).mounted).sum::<u64>(), 9 * 400_000);
    assert_eq!(source.log().blob_gets().matching(|request| request.sent == 400_000).len(), 1);
    assert_there(&target_registry, "c/3", "1", &image(13)).await;
}

#[tokio::test]
async fn a_registry_that_does_not_mount_is_sent_everything() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    target_registry.capabilities(|capabilities| capabilities.mount = false);
    let image = TestImage::random(1, 1, 1000);
    source.put_image("a/b", "1", &image);
    let jobs = (0..8).map(|number| {
        let wanted = vec![target(place(&target_registry, &format!("c/{number}")), "1")];
        job(place(&source, "a/b"), &image, "1", wanted)
    });
    let rows = run(Lab::default(), jobs.collect()).await;
    assert_eq!(rows.iter().map(|row| done(row).written).sum::<u64>(), 8 * blob_bytes(&image));
    assert_there(&target_registry, "c/7", "1", &image).await;
}

#[tokio::test]
async fn within_one_registry_nothing_is_read() {
    let registry = TestRegistry::start().await;
    let image = two_platforms(1, 100_000);
    registry.put_image("a/b", "1", &image);
    let wanted = vec![target(place(&registry, "c/d"), "1")];
    let rows = run(Lab::default(), vec![job(place(&registry, "a/b"), &image, "1", wanted)]).await;
    assert_eq!(done(&rows[0]).mounted, blob_bytes(&image));
    assert_eq!(registry.log().blob_gets().len(), 0);
    assert_there(&registry, "c/d", "1", &image).await;
}

#[tokio::test]
async fn jobs_for_one_image_send_it_once() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 200_000);
    source.put_image("a/b", "1", &image);
    let jobs = ["1", "1.2", "1.2.3", "latest"].map(|tag| {
        job(place(&source, "a/b"), &image, "1", vec![target(place(&target_registry, "c/d"), tag)])
    });
    run(Lab::default(), jobs.to_vec()).await;
    assert_eq!(sent(&target_registry.log()).len(), image.blobs().len());
    assert_eq!(source.log().blob_gets().bytes_sent(), blob_bytes(&image));
    for tag in ["1", "1.2", "1.2.3", "latest"] {
        assert_there(&target_registry, "c/d", tag, &image).await;
    }
}

#[tokio::test]
async fn an_index_in_an_index_comes_whole() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::index([two_platforms(1, 1000), TestImage::random(7, 1, 10)]);
    source.put_image("a/b", "1", &image);
    let wanted = vec![target(place(&target_registry, "c/d"), "1")];
    run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", wanted)]).await;
    assert_there(&target_registry, "c/d", "1", &image).await;
    assert_eq!(puts(&target_registry.log()), 5);
}

#[tokio::test]
async fn a_tag_without_a_digest_is_looked_up() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let mut by_tag =
        job(place(&source, "a/b"), &image, "1", vec![target(place(&target_registry, "c/d"), "2")]);
    by_tag.digest = None;
    let rows = run(Lab::default(), vec![by_tag]).await;
    assert_eq!(rows[0].digest, Some(*image.digest()));
    assert_there(&target_registry, "c/d", "2", &image).await;
    let mut gone = job(place(&source, "a/b"), &image, "2", vec![target(place(&target_registry, "c/d"), "3")]);
    gone.digest = None;
    let rows = run(Lab::default(), vec![gone]).await;
    assert!(matches!(&rows[0].outcome, JobOutcome::Failed(failure) if failure.at_source));
}

#[tokio::test]
async fn what_is_overwritten_is_kept_under_its_backup_tag() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let (old, new) = (two_platforms(1, 1000), two_platforms(2, 1000));
    source.put_image("a/b", "1", &new);
    target_registry.put_image("c/d", "1", &old);
    let mut wanted = target(place(&target_registry, "c/d"), "1");
    (wanted.before, wanted.backup) = (Some(*old.digest()), Some("1-before".parse().unwrap()));
    run(Lab::default(), vec![job(place(&source, "a/b"), &new, "1", vec![wanted])]).await;
    assert_there(&target_registry, "c/d", "1", &new).await;
    assert_there(&target_registry, "c/d", "1-before", &old).await;
}

#[tokio::test]
async fn a_tag_stays_where_its_backup_cannot_be_kept() {
    for (method, path) in [(Method::GET, "manifests/sha256:"), (Method::PUT, "manifests/1-before")] {
        let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
        let (old, new) = (two_platforms(1, 1000), two_platforms(2, 1000));
        source.put_image("a/b", "1", &new);
        target_registry.put_image("c/d", "1", &old);
        let denied = Match::manifests().method(method.clone()).path(path);
        target_registry.fault(Fault::on(denied).always().then(Action::status(403)));
        let mut wanted = target(place(&target_registry, "c/d"), "1");
        (wanted.before, wanted.backup) = (Some(*old.digest()), Some("1-before".parse().unwrap()));
        let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &new, "1", vec![wanted])]).await;
        assert!(matches!(&rows[0].outcome, JobOutcome::Failed(failure) if !failure.at_source), "{method}");
        target_registry.clear_faults();
        assert_there(&target_registry, "c/d", "1", &old).await;
        assert!(target_registry.manifest("c/d", "1-before").is_none(), "{method}");
    }
}

#[tokio::test]
async fn a_tag_whose_image_is_gone_needs_no_backup() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let (gone, new) = (two_platforms(1, 1000), two_platforms(2, 1000));
    source.put_image("a/b", "1", &new);
    let mut wanted = target(place(&target_registry, "c/d"), "1");
    (wanted.before, wanted.backup) = (Some(*gone.digest()), Some("1-before".parse().unwrap()));
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &new, "1", vec![wanted])]).await;
    assert!(done(&rows[0]).changed);
    assert_there(&target_registry, "c/d", "1", &new).await;
    assert!(target_registry.manifest("c/d", "1-before").is_none());
}

#[tokio::test]
async fn bytes_count_for_the_first_of_two_names() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    let names = ["1", "latest"].map(|tag| target(place(&target_registry, "c/d"), tag));
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", names.to_vec())]).await;
    let counts: Vec<_> = rows.iter().map(done).map(|done| (done.written, done.present)).collect();
    assert_eq!(counts, [(blob_bytes(&image), 0), (0, blob_bytes(&image))]);
    assert!(rows.iter().all(|row| done(row).changed));
}

#[tokio::test]
async fn an_image_goes_by_its_digest_where_it_has_no_tag() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    source.put_untagged("a/b", &image);
    let mut wanted = target(place(&target_registry, "c/d"), "x");
    wanted.reference = Reference::Digest(*image.digest());
    run(Lab::default(), vec![job(place(&source, "a/b"), &image, "x", vec![wanted])]).await;
    assert!(target_registry.manifest("c/d", &image.digest().to_string()).is_some());
    assert_eq!(target_registry.log().count(Method::PUT, "manifests/sha256:"), 1);
}
