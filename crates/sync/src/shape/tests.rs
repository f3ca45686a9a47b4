use bytes::Bytes;
use entrepot_oci::{Digest, Platform};
use entrepot_testkit::TestImage;

use super::*;

fn node(image: &TestImage) -> Arc<ManifestNode> {
    let mut node = ManifestNode::parse(*image.digest(), image.media_type(), image.bytes().clone()).unwrap();
    node.children = image.children().iter().map(|child| Some(self::node(child))).collect();
    Arc::new(node)
}

fn platform(text: &str) -> Platform {
    let mut parts = text.split('/').map(str::to_owned);
    let (os, architecture) = (parts.next().unwrap(), parts.next().unwrap());
    Platform { os, architecture, variant: parts.next(), os_version: None }
}

fn of(platforms: &[&str]) -> Shape {
    Shape { platforms: platforms.iter().map(|text| platform(text)).collect(), ..Shape::default() }
}

fn docker() -> Shape {
    Shape { format: Format::Docker, ..Shape::default() }
}

fn three() -> TestImage {
    TestImage::index([
        TestImage::random(1, 2, 100),
        TestImage::random(2, 2, 100).with_platform("linux/arm64"),
        TestImage::random(3, 2, 100).with_platform("linux/arm/v7"),
    ])
}

// An index as BuildKit writes it: an image and its attestation.
fn attested() -> Arc<ManifestNode> {
    let image = TestImage::random(1, 1, 10);
    let attestation = TestImage::random(9, 1, 10).with_layer_type("application/vnd.in-toto+json");
    let mut second = attestation.descriptor();
    second.platform = Some(platform("unknown/unknown"));
    second.annotations = Some(
        [
            ("vnd.docker.reference.type".to_owned(), "attestation-manifest".to_owned()),
            ("vnd.docker.reference.digest".to_owned(), image.digest().to_string()),
        ]
        .into(),
    );
    let bytes = serde_json::to_vec(&serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX.as_str(),
        "manifests": [image.descriptor(), second],
    }));
    let bytes = Bytes::from(bytes.unwrap());
    let mut made = ManifestNode::parse(Digest::of(&bytes), &MediaType::OCI_INDEX, bytes).unwrap();
    made.children = vec![Some(node(&image)), Some(node(&attestation))];
    Arc::new(made)
}

#[test]
fn what_is_wanted_whole_keeps_its_bytes() {
    let root = node(&three());
    assert_eq!(apply(&root, &Shape::default()).unwrap().digest, root.digest);
    let all = of(&["linux/amd64", "linux/arm64", "linux/arm"]);
    assert_eq!(apply(&root, &all).unwrap().digest, root.digest);
    let docker_image = node(&TestImage::random(1, 2, 10).docker());
    assert_eq!(apply(&docker_image, &docker()).unwrap().digest, docker_image.digest);
}

#[test]
fn a_subset_is_a_smaller_index_with_the_same_children() {
    let image = three();
    let made = apply(&node(&image), &of(&["linux/arm64/v8"])).unwrap();
    assert_eq!(made.media_type(), &MediaType::OCI_INDEX);
    let left: Vec<_> = made.manifest.manifests().iter().map(|entry| entry.digest).collect();
    assert_eq!(left, [*image.children()[1].digest()]);
    assert!(made.digest.matches(&made.bytes));
    assert_eq!(made.bytes, apply(&node(&image), &of(&["linux/arm64"])).unwrap().bytes);
}

#[test]
fn an_index_in_an_index_is_looked_into() {
    let outer = TestImage::index([three(), TestImage::random(5, 1, 10).with_platform("linux/s390x")]);
    let made = apply(&node(&outer), &of(&["linux/arm/v7"])).unwrap();
    assert_eq!(made.documents().len(), 3);
    let inner = made.children[0].clone().unwrap();
    assert_eq!(made.manifest.manifests()[0].digest, inner.digest);
    assert_eq!(made.manifest.manifests()[0].size, inner.bytes.len() as u64);
    assert_eq!(inner.manifest.manifests()[0].platform, Some(platform("linux/arm/v7")));
}

#[test]
fn no_platform_left_names_those_there_are() {
    let refused = apply(&node(&three()), &of(&["linux/s390x", "windows/amd64"])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the image is not for linux/s390x, windows/amd64 but for linux/amd64, linux/arm64, linux/arm/v7"
    );
}

#[test]
fn attestations_follow_their_image_or_stay_behind() {
    let root = attested();
    assert_eq!(apply(&root, &of(&["linux/amd64"])).unwrap().digest, root.digest);
    assert!(apply(&root, &of(&["linux/arm64"])).is_err());
    let without = Shape { without_attestations: true, ..Shape::default() };
    for shape in [without, docker()] {
        assert_eq!(apply(&root, &shape).unwrap().manifest.manifests().len(), 1);
    }
}

#[test]
fn dockers_form_of_an_image_is_these_bytes() {
    let image = TestImage::layers([Bytes::from_static(b"a layer")]).annotate("a", "b");
    let made = apply(&node(&image), &docker()).unwrap();
    let (config, layer) = (&image.blobs()[0], &image.blobs()[1]);
    let text = format!(
        r#"{{"config":{{"digest":"{}","mediaType":"application/vnd.docker.container.image.v1+json","size":{}}},"layers":[{{"digest":"{}","mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":7}}],"mediaType":"application/vnd.docker.distribution.manifest.v2+json","schemaVersion":2}}"#,
        config.0,
        config.1.len(),
        layer.0
    );
    assert_eq!(made.bytes, text);
}

#[test]
fn dockers_form_of_an_index_lists_dockers_images() {
    let mixed = TestImage::index([
        TestImage::random(1, 1, 10),
        TestImage::random(2, 1, 10).with_platform("linux/arm/v7").docker(),
    ]);
    let made = apply(&node(&mixed), &docker()).unwrap();
    assert_eq!(made.media_type(), &MediaType::DOCKER_LIST);
    for (entry, child) in made.manifest.manifests().iter().zip(&made.children) {
        let child = child.as_ref().unwrap();
        assert_eq!(entry.media_type, MediaType::DOCKER_MANIFEST.as_str());
        assert_eq!((entry.digest, entry.size), (child.digest, child.bytes.len() as u64));
        assert!(entry.platform.is_some());
    }
    assert_eq!(made.manifest.manifests()[1].digest, *mixed.children()[1].digest());
    assert_eq!(apply(&node(&mixed), &docker()).unwrap().bytes, made.bytes);
}

#[test]
fn what_docker_has_no_name_for_is_said() {
    let zstd = TestImage::random(1, 1, 10).zstd();
    let refused = apply(&node(&zstd), &docker()).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "the layer {} is compressed with zstd, which Docker's media types do not support",
            zstd.blobs()[1].0
        )
    );
    let chart = TestImage::random(1, 1, 10).artifact("application/vnd.cncf.helm.chart");
    let refused = apply(&node(&chart), &docker()).unwrap_err();
    assert_eq!(refused.to_string(), "Docker's media types do not support `application/vnd.cncf.helm.chart`");
}
