//! Which referrers a comparison of both sides finds, and which it misses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{collections::BTreeMap, sync::Arc};

use entrepot_migrate::{Proof, verify};
use entrepot_oci::{Digest, MediaType, referrers_tag};
use entrepot_sync::{ConfiguredRegistries, FileCache, Place, Plan, PlanAction, PlanStep, Registries};
use entrepot_testkit::{Action as Reaction, Fault, Match, TestImage, TestRegistry};

/// Two registries that have the same two images.
struct Sides {
    source: TestRegistry,
    target: TestRegistry,
    images: [TestImage; 2],
}

impl Sides {
    async fn start() -> Self {
        let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
        let images = [TestImage::random(1, 1, 100), TestImage::random(2, 1, 100)];
        for (image, tag) in images.iter().zip(["1", "2"]) {
            source.put_image("a/b", tag, image);
            target.put_image("a/b", tag, image);
        }
        Self { source, target, images }
    }

    fn signature(&self, seed: u64, image: &TestImage) -> TestImage {
        TestImage::random(seed, 1, 10).artifact("application/x-signature").refer_to(image)
    }

    /// A list under the fallback tag of the first image; the source has no other.
    fn list_at_source(&self, referrers: &[Digest]) {
        let entry = |digest| serde_json::json!({ "mediaType": "a/b", "digest": digest, "size": 1 });
        let entries: Vec<_> = referrers.iter().map(entry).collect();
        let list = serde_json::json!({ "schemaVersion": 2, "manifests": entries }).to_string();
        self.source.capabilities(|can| can.referrers = false);
        let tag = referrers_tag(self.images[0].digest());
        self.source.put_manifest("a/b", Some(tag.as_str()), &MediaType::OCI_INDEX, list);
    }

    async fn proof(&self) -> Proof {
        let place = |registry: &TestRegistry| Place::Registry {
            host: registry.host(),
            repository: "a/b".parse().unwrap(),
        };
        let step = |image: &TestImage, tag: &str, action| PlanStep {
            rule: "b".to_owned(),
            source: place(&self.source),
            tag: Some(tag.parse().unwrap()),
            digest: Some(*image.digest()),
            target: place(&self.target),
            target_tag: Some(tag.parse().unwrap()),
            before: Some(*image.digest()),
            action,
        };
        let [one, two] = &self.images;
        let mut copies = Plan::default();
        copies.steps = vec![step(one, "1", PlanAction::UpToDate), step(two, "2", PlanAction::Verified)];
        let no_logins = Box::new(|_: &_| Vec::new());
        let cache = Arc::new(FileCache::open(None));
        let registries: Arc<dyn Registries> =
            Arc::new(ConfiguredRegistries::new(BTreeMap::new(), no_logins, cache));
        verify(&registries, &copies).await
    }
}

fn missing(proof: &Proof) -> Vec<Option<Digest>> {
    proof.referrers.iter().map(|missing| missing.referrer).collect()
}

#[tokio::test]
async fn what_refers_to_an_image_must_be_on_both_sides() {
    let sides = Sides::start().await;
    for (seed, image) in [(10, &sides.images[0]), (11, &sides.images[0]), (12, &sides.images[1])] {
        let signature = sides.signature(seed, image);
        sides.source.put_untagged("a/b", &signature);
        sides.target.put_untagged("a/b", &signature);
    }
    let proof = sides.proof().await;
    assert!(proof.equal, "{:?}", proof.referrers);
    assert_eq!((proof.counts.equal, proof.counts.referrers), (2, 3));

    let late = sides.signature(13, &sides.images[1]);
    sides.source.put_untagged("a/b", &late);
    let proof = sides.proof().await;
    assert_eq!((proof.equal, missing(&proof)), (false, vec![Some(*late.digest())]));
    assert_eq!(proof.counts.referrers, 3);
}

#[tokio::test]
async fn what_a_list_names_without_reason_is_not_missing() {
    let sides = Sides::start().await;
    let (plain, elsewhere) = (TestImage::random(20, 1, 10), sides.signature(21, &sides.images[1]));
    sides.source.put_untagged("a/b", &plain);
    sides.source.put_untagged("a/b", &elsewhere);
    sides.target.put_untagged("a/b", &elsewhere);
    sides.list_at_source(&[*plain.digest(), *elsewhere.digest(), Digest::of(b"gone")]);
    let proof = sides.proof().await;
    assert_eq!((proof.equal, missing(&proof)), (true, vec![]));
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_missing() {
    let sides = Sides::start().await;
    let signature = sides.signature(30, &sides.images[0]);
    sides.source.put_untagged("a/b", &signature);
    sides.list_at_source(&[*signature.digest()]);
    sides.source.fault(
        Fault::on(Match::manifests().path(&signature.digest().to_string()))
            .always()
            .then(Reaction::status(500)),
    );
    let proof = sides.proof().await;
    assert_eq!((proof.equal, missing(&proof)), (false, vec![Some(*signature.digest())]));
}

#[tokio::test]
async fn a_side_without_an_answer_proves_nothing() {
    for source in [true, false] {
        let sides = Sides::start().await;
        let silent = if source { &sides.source } else { &sides.target };
        silent.fault(Fault::on(Match::referrers()).always().then(Reaction::status(403)));
        let proof = sides.proof().await;
        assert_eq!((proof.equal, missing(&proof)), (false, vec![None, None]));
    }
}
