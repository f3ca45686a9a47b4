//! What refers to an image travels with it.

use entrepot_oci::{Manifest, MediaType, referrers_tag};
use entrepot_sync::CopyJob;
use entrepot_testkit::{TestImage, TestRegistry};
use http::Method;

use crate::support::{Lab, assert_there, done, failed, job, place, run, sent, target, two_platforms};

struct Signed {
    image: TestImage,
    signature: TestImage,
    about_signature: TestImage,
    of_child: TestImage,
}

fn signed() -> Signed {
    let image = two_platforms(1, 1000);
    let signature = TestImage::random(20, 1, 50).artifact("application/x-signature").refer_to(&image);
    let about_signature = TestImage::random(21, 1, 50).artifact("application/x-time").refer_to(&signature);
    let of_child = TestImage::random(22, 1, 50).artifact("application/x-sbom").refer_to(&image.children()[0]);
    Signed { image, signature, about_signature, of_child }
}

impl Signed {
    fn referrers(&self) -> [&TestImage; 3] {
        [&self.signature, &self.about_signature, &self.of_child]
    }

    fn put(&self, registry: &TestRegistry) {
        registry.put_image("a/b", "1", &self.image);
        self.referrers().iter().for_each(|referrer| registry.put_untagged("a/b", referrer));
    }

    fn job(&self, source: &TestRegistry, target_registry: &TestRegistry) -> CopyJob {
        let mut wanted = target(place(target_registry, "c/d"), "1");
        wanted.referrers = true;
        job(place(source, "a/b"), &self.image, "1", vec![wanted])
    }

    async fn assert_there(&self, registry: &TestRegistry) {
        assert_there(registry, "c/d", "1", &self.image).await;
        for referrer in self.referrers() {
            assert_there(registry, "c/d", &referrer.digest().to_string(), referrer).await;
        }
    }
}

fn listed(registry: &TestRegistry, subject: &TestImage) -> Vec<entrepot_oci::Digest> {
    let bytes = registry.manifest("c/d", referrers_tag(subject.digest()).as_str()).unwrap();
    let index = Manifest::parse(&bytes, Some(&MediaType::OCI_INDEX)).unwrap();
    index.manifests().iter().map(|entry| entry.digest).collect()
}

#[tokio::test]
async fn referrers_travel_from_api_to_api() {
    let (source, target_registry, signed) =
        (TestRegistry::start().await, TestRegistry::start().await, signed());
    signed.put(&source);
    run(Lab::default(), vec![signed.job(&source, &target_registry)]).await;
    signed.assert_there(&target_registry).await;
    assert!(target_registry.manifest("c/d", referrers_tag(signed.image.digest()).as_str()).is_none());
    // A second run finds all of it there.
    target_registry.clear_log();
    let mut again = signed.job(&source, &target_registry);
    again.targets[0].before = Some(*signed.image.digest());
    let rows = run(Lab::default(), vec![again]).await;
    assert!(!done(&rows[0]).changed);
    assert_eq!(sent(&target_registry.log()).len(), 0);
}

#[tokio::test]
async fn where_there_is_no_api_the_tag_is_kept_up() {
    let (source, target_registry, signed) =
        (TestRegistry::start().await, TestRegistry::start().await, signed());
    source.capabilities(|capabilities| capabilities.referrers = false);
    target_registry.capabilities(|capabilities| capabilities.referrers = false);
    signed.put(&source);
    let theirs = TestImage::random(30, 1, 10).artifact("application/x-theirs").refer_to(&signed.image);
    target_registry.put_untagged("c/d", &theirs);
    run(Lab::default(), vec![signed.job(&source, &target_registry)]).await;
    signed.assert_there(&target_registry).await;
    assert_eq!(listed(&target_registry, &signed.image), [*theirs.digest(), *signed.signature.digest()]);
    assert_eq!(listed(&target_registry, &signed.signature), [*signed.about_signature.digest()]);
    assert_eq!(listed(&target_registry, &signed.image.children()[0]), [*signed.of_child.digest()]);
    // Copied again, nothing is listed twice, and no list is written anew.
    let puts = || target_registry.log().count(Method::PUT, "manifests/sha256-");
    let before = puts();
    run(Lab::default(), vec![signed.job(&source, &target_registry)]).await;
    assert_eq!((puts(), listed(&target_registry, &signed.image).len()), (before, 2));
}

#[tokio::test]
async fn an_image_in_the_place_of_the_list_is_none() {
    let (source, target_registry, signed) =
        (TestRegistry::start().await, TestRegistry::start().await, signed());
    for registry in [&source, &target_registry] {
        registry.capabilities(|capabilities| capabilities.referrers = false);
    }
    // As GitLab does, which takes the tag for a digest.
    source.put_image("a/b", "1", &signed.image);
    source.put_image("a/b", referrers_tag(signed.image.digest()).as_str(), &signed.image);
    let child = &signed.image.children()[0];
    source.put_image("a/b", referrers_tag(child.digest()).as_str(), child);
    let rows = run(Lab::default(), vec![signed.job(&source, &target_registry)]).await;
    done(&rows[0]);
    assert_there(&target_registry, "c/d", "1", &signed.image).await;
    assert!(target_registry.manifest("c/d", referrers_tag(signed.image.digest()).as_str()).is_none());
}

#[tokio::test]
async fn they_stay_behind_where_they_are_not_wanted() {
    let (source, target_registry, signed) =
        (TestRegistry::start().await, TestRegistry::start().await, signed());
    signed.put(&source);
    let mut plain = signed.job(&source, &target_registry);
    plain.targets[0].referrers = false;
    run(Lab::default(), vec![plain]).await;
    assert!(target_registry.manifest("c/d", &signed.signature.digest().to_string()).is_none());
    assert_eq!(source.log().count(http::Method::GET, "/referrers/"), 0);
}

/// How a copy of an image ends that has referrers of referrers, so many steps of them.
async fn copied_with_chain_of(length: u64) -> entrepot_sync::CopyResult {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let mut last = image.clone();
    for nth in 0..length {
        last = TestImage::random(100 + nth, 1, 10).artifact("application/x-note").refer_to(&last);
        source.put_untagged("a/b", &last);
    }
    let mut wanted = target(place(&target_registry, "c/d"), "1");
    wanted.referrers = true;
    run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", vec![wanted])]).await.remove(0)
}

// A09: what refers to an image may have no end. A copy of the first part of it would look whole.
#[tokio::test]
async fn referrers_that_lead_on_and_on_end_a_copy_with_an_error() {
    assert!(done(&copied_with_chain_of(8).await).changed);
    let row = copied_with_chain_of(9).await;
    let (what, _) = failed(&row);
    assert!(what.ends_with("or they lead more than 8 steps away from it"), "{what}");
}

// An index of indexes of indexes, each of which names the same one many times under other platforms.
#[tokio::test]
async fn an_image_that_multiplies_ends_a_copy_with_an_error() {
    let (source, target_registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "image", &image);
    let (mut below, mut media_type) = (*image.digest(), MediaType::OCI_MANIFEST);
    for _ in 0..7 {
        let entries: Vec<_> = (0..30)
            .map(|nth| {
                format!(
                    r#"{{"mediaType":"{media_type}","digest":"{below}","size":1,"platform":{{"os":"linux","architecture":"a{nth}"}}}}"#
                )
            })
            .collect();
        media_type = MediaType::OCI_INDEX;
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{}]}}"#,
            entries.join(",")
        );
        below = entrepot_oci::Digest::of(index.as_bytes());
        source.put_manifest("a/b", Some("dag"), &media_type, index);
    }
    let mut wanted =
        job(place(&source, "a/b"), &image, "dag", vec![target(place(&target_registry, "c/d"), "1")]);
    wanted.digest = Some(below);
    let rows = run(Lab::default(), vec![wanted]).await;
    let (what, _) = failed(&rows[0]);
    assert!(what.contains("it has more than 2000 manifests or 16 MiB of them"), "{what}");
    assert!(source.log().manifest_gets().len() < 2500, "{}", source.log().manifest_gets().len());
}
