//! What is known of something is known without asking its upstream.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_mirror::{Familiarity, Origin, Probe, RepoKey};
use entrepot_oci::{Digest, Reference, Tag};
use entrepot_testkit::TestImage;
use support::Rig;

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse::<Tag>().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_or_named_is_known_and_the_rest_is_not() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(1, 2, 10_000);
    rig.upstream.put_image("library/a", "1", &image);
    let key = rig.target("a").key;
    let (layer, strange) = (image.blobs()[1].0, Digest::of(b"nobody has this"));
    let is_known =
        async |rig: &Rig, probe: Probe<'_>| rig.mirror.familiarity(&key, probe).await == Familiarity::Known;
    for probe in
        [Probe::Manifest(&tag("1")), Probe::Blob(&layer), Probe::Repository, Probe::Referrers(&layer)]
    {
        assert!(!is_known(&rig, probe).await, "{probe:?}");
    }
    assert_eq!(rig.upstream.log().iter().count(), 0, "nobody was asked");
    let served = rig.mirror.manifest(&rig.target("a"), &tag("1")).await.unwrap();
    let digest = served.manifest.digest;
    let by_digest = Reference::Digest(digest);
    for probe in [Probe::Manifest(&tag("1")), Probe::Manifest(&by_digest), Probe::Blob(&layer)] {
        assert!(is_known(&rig, probe).await, "{probe:?}");
    }
    rig.mirror.manifest(&rig.target("a"), &tag("missing")).await.unwrap_err();
    assert!(is_known(&rig, Probe::Manifest(&tag("missing"))).await, "its upstream has just said so");
    let strange_one = Reference::Digest(strange);
    for probe in [Probe::Manifest(&tag("2")), Probe::Manifest(&strange_one), Probe::Blob(&strange)] {
        assert!(!is_known(&rig, probe).await, "{probe:?}");
    }
    assert!(!rig.mirror.has_blob(&key, &layer).await);
    rig.blob_bytes("a", &layer).await.unwrap();
    rig.until_kept(&layer).await;
    // Memory is gone, and the catalog knows.
    rig.restart().await;
    assert!(rig.mirror.has_blob(&key, &layer).await);
    let asked = rig.upstream.log().iter().count();
    for probe in [
        Probe::Manifest(&tag("1")),
        Probe::Blob(&image.blobs()[2].0),
        Probe::Referrers(&digest),
        Probe::Repository,
    ] {
        assert!(is_known(&rig, probe).await, "{probe:?}");
    }
    let hosted = RepoKey { origin: Origin::Hosted, repository: "local/x".parse().unwrap() };
    assert_eq!(rig.mirror.familiarity(&hosted, Probe::Manifest(&tag("9"))).await, Familiarity::Known);
    assert_eq!(rig.upstream.log().iter().count(), asked, "nobody was asked");
}
