//! Images in another form at the target: some platforms, Docker's media types.

use std::sync::Arc;

use entrepot_oci::{Digest, Manifest, MediaType, Platform};
use entrepot_sync::{CopyJob, Format, JobTarget, Shape};
use entrepot_testkit::{TestImage, TestRegistry};

use crate::support::{Lab, done, failed, job, place, puts, run, run_with, sent, target, two_platforms};

fn platform(text: &str) -> Platform {
    let (os, architecture) = text.split_once('/').unwrap();
    Platform { os: os.to_owned(), architecture: architecture.to_owned(), variant: None, os_version: None }
}

fn only(text: &str) -> Shape {
    Shape { platforms: vec![platform(text)], ..Shape::default() }
}

fn docker() -> Shape {
    Shape { format: Format::Docker, ..Shape::default() }
}

fn shaped(source: &TestRegistry, target_registry: &TestRegistry, image: &TestImage, shape: Shape) -> CopyJob {
    let mut wanted = target(place(target_registry, "c/d"), "1");
    wanted.shape = shape;
    job(place(source, "a/b"), image, "1", vec![wanted])
}

fn held(registry: &TestRegistry, tag: &str) -> Manifest {
    Manifest::parse(&registry.manifest("c/d", tag).unwrap(), None).unwrap()
}

#[tokio::test]
async fn a_subset_of_platforms_is_a_filtered_index() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    let lab = Arc::new(Lab::default());
    let shape = only("linux/arm64");
    let jobs = vec![shaped(&source, &target_registry, &image, shape.clone())];
    let (rows, _) = run_with(Arc::clone(&lab), jobs).await;
    let index = held(&target_registry, "1");
    assert_eq!(index.media_type(), &MediaType::OCI_INDEX);
    let entries: Vec<Digest> = index.manifests().iter().map(|entry| entry.digest).collect();
    assert_eq!(entries, [*image.children()[1].digest()]);
    // The other platform was neither asked for nor sent.
    assert_eq!((source.log().manifest_gets().len(), sent(&target_registry.log()).len()), (2, 3));
    let known = lab.cache.0.lock().unwrap().clone();
    assert_eq!(known.get(&(*image.digest(), shape)), Some(&done(&rows[0]).digest));
    assert_eq!(Digest::of(&target_registry.manifest("c/d", "1").unwrap()), done(&rows[0]).digest);
}

#[tokio::test]
async fn a_platform_that_is_not_there_names_those_that_are() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let (index, single) = (two_platforms(1, 10), TestImage::random(5, 1, 10).with_platform("linux/arm64"));
    source.put_image("a/b", "1", &index);
    source.put_image("a/b", "2", &single);
    let jobs = vec![
        shaped(&source, &target_registry, &index, only("linux/s390x")),
        shaped(&source, &target_registry, &single, only("linux/s390x")),
        shaped(&source, &target_registry, &single, only("linux/arm64")),
    ];
    let rows = run(Lab::default(), jobs).await;
    let hint = Some("copy only platforms that it has: `--platform`, or `platforms` of the destination");
    assert_eq!(failed(&rows[0]), ("the image is not for linux/s390x but for linux/amd64, linux/arm64", hint));
    assert_eq!(failed(&rows[1]), ("the image is not for linux/s390x but for linux/arm64", hint));
    assert_eq!(done(&rows[2]).digest, *single.digest());
}

#[tokio::test]
async fn a_registry_that_wants_dockers_form_gets_it_and_others_do_not() {
    let (source, plain, other) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    let mut both = shaped(&source, &other, &image, docker());
    both.targets.push(target(place(&plain, "c/d"), "1"));
    let rows = run(Lab::default(), vec![both]).await;
    assert_eq!(held(&plain, "1").media_type(), &MediaType::OCI_INDEX);
    let list = held(&other, "1");
    assert_eq!(list.media_type(), &MediaType::DOCKER_LIST);
    for entry in list.manifests() {
        let child = held(&other, &entry.digest.to_string());
        assert_eq!(child.media_type(), &MediaType::DOCKER_MANIFEST);
        assert!(child.blobs().all(|blob| blob.media_type.starts_with("application/vnd.docker.")));
    }
    assert_ne!(done(&rows[0]).digest, done(&rows[1]).digest);
    assert_eq!(source.log().blob_gets().len(), image.blobs().len());
}

#[tokio::test]
async fn the_same_form_twice_is_the_same_image() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    let first = run(Lab::default(), vec![shaped(&source, &target_registry, &image, docker())]).await;
    target_registry.clear_log();
    let mut again = shaped(&source, &target_registry, &image, docker());
    again.targets[0].before = Some(done(&first[0]).digest);
    let second = run(Lab::default(), vec![again]).await;
    assert!(!done(&second[0]).changed);
    assert_eq!((sent(&target_registry.log()).len(), puts(&target_registry.log())), (0, 0));
}

#[tokio::test]
async fn zstd_has_no_name_in_dockers_form() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10).zstd();
    source.put_image("a/b", "1", &image);
    let rows = run(Lab::default(), vec![shaped(&source, &target_registry, &image, docker())]).await;
    let (what, hint) = failed(&rows[0]);
    assert!(what.contains("is compressed with zstd"), "{what}");
    assert_eq!(hint, Some("build it with gzip, or leave `format` at `keep`"));
    assert_eq!(target_registry.log().count(http::Method::PUT, ""), 0);
}

#[tokio::test]
async fn each_form_of_an_image_has_its_own_tag_in_one_repository() {
    let (source, registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 1000);
    source.put_image("a/b", "1", &image);
    let as_is = target(place(&registry, "c/d"), "1");
    let converted = JobTarget { shape: docker(), ..target(place(&registry, "c/d"), "docker") };
    let both = job(place(&source, "a/b"), &image, "1", vec![as_is, converted]);
    let rows = run(Lab::default(), vec![both]).await;
    let digests: Vec<_> = rows.iter().map(|row| done(row).digest).collect();
    assert_eq!(digests[0], *image.digest());
    assert_ne!(digests[1], digests[0]);
}
