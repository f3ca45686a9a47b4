//! Docker's schema 1: passed on as it is, never taken for an image whose layers are known.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use entrepot_mirror::Error;
use entrepot_oci::{Digest, Manifest, ManifestError, MediaType};
use entrepot_testkit::{schema1, signed_schema1};
use support::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn schema_1_is_passed_on_with_its_own_digest() {
    let rig = Rig::start().await;
    let layer = rig.upstream.put_blob("library/old", b"layer".as_slice());
    let (plain, signed) = (schema1(&[layer]), signed_schema1(&[layer]));
    rig.upstream.put_manifest("library/old", Some("plain"), &MediaType::DOCKER_SCHEMA1, plain.clone());
    let media_type = MediaType::DOCKER_SCHEMA1_SIGNED;
    let digest = rig.upstream.put_manifest("library/old", Some("signed"), &media_type, signed.clone());
    assert_eq!(digest, Digest::of(&plain));
    for reference in ["signed".to_owned(), digest.to_string()] {
        let served = rig.manifest("old", &reference).await.unwrap();
        assert_eq!((&served.manifest.bytes, served.manifest.digest), (&signed, digest), "{reference}");
        assert_eq!(served.manifest.media_type, media_type);
    }
    assert_eq!(rig.blob_bytes("old", &layer).await.unwrap(), "layer");
    rig.upstream.put_manifest("library/other", Some("plain"), &MediaType::DOCKER_SCHEMA1, plain.clone());
    assert_eq!(rig.manifest("other", "plain").await.unwrap().manifest.bytes, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_1_is_not_pushed() {
    let rig = Rig::start().await;
    let layer = Digest::of(b"layer");
    let (target, reference) = (rig.target("local/old"), "1".parse().unwrap());
    for (media_type, bytes) in [
        (MediaType::DOCKER_SCHEMA1, schema1(&[layer])),
        (MediaType::DOCKER_SCHEMA1_SIGNED, signed_schema1(&[layer])),
        (MediaType::parse("application/vnd.x+json").unwrap(), r#"{"files":[]}"#.into()),
    ] {
        assert!(Manifest::parse(&bytes, Some(&media_type)).is_ok());
        let pushed = rig.mirror.put_manifest(&target, &reference, &[], (Some(&media_type), bytes)).await;
        let Err(Error::ManifestInvalid(why)) = pushed else { panic!("{media_type} was taken") };
        let is_unknown = matches!(&*why, ManifestError::UnknownContent(of) if *of == media_type);
        assert!(is_unknown || media_type.is_schema1() && matches!(*why, ManifestError::Schema1), "{why}");
    }
}
