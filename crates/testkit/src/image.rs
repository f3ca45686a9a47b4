//! Images, indexes and artifacts generated from a seed: small, of any shape, with the same bytes every time.

use std::collections::BTreeMap;

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, MediaType, Platform};
use serde_json::{Map, Value, json};

use crate::random;

/// An image, index or artifact with everything it references. Layers are random bytes, not archives.
#[derive(Clone, Debug)]
pub struct TestImage {
    recipe: Recipe,
    manifests: Vec<TestManifest>,
    blobs: Vec<(Digest, Bytes)>,
}

/// A manifest of a [`TestImage`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its bytes.
    pub bytes: Bytes,
}

#[derive(Clone, Debug)]
struct Recipe {
    content: ImageContent,
    is_docker: bool,
    platform: Platform,
    layer_type: Option<String>,
    artifact_type: Option<String>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
enum ImageContent {
    Layers(Vec<Bytes>),
    Children(Vec<TestImage>),
}

impl TestImage {
    /// An OCI image for linux/amd64 with `layers` different layers of `layer_size` bytes each.
    pub fn random(seed: u64, layers: usize, layer_size: usize) -> Self {
        let layer = |index: usize| random::bytes(random::mix(seed).wrapping_add(index as u64), layer_size);
        Self::layers((0..layers).map(layer))
    }

    /// An OCI image for linux/amd64 with these layers.
    pub fn layers(layers: impl IntoIterator<Item = Bytes>) -> Self {
        Self::make(ImageContent::Layers(layers.into_iter().collect()))
    }

    /// An OCI index of these children, which may be indexes too.
    pub fn index(children: impl IntoIterator<Item = Self>) -> Self {
        Self::make(ImageContent::Children(children.into_iter().collect()))
    }

    fn make(content: ImageContent) -> Self {
        Recipe {
            content,
            is_docker: false,
            platform: platform("linux/amd64"),
            layer_type: None,
            artifact_type: None,
            subject: None,
            annotations: BTreeMap::new(),
        }
        .bake()
    }

    /// With Docker's media types (schema 2); the children of an index stay unchanged.
    #[must_use]
    pub fn docker(self) -> Self {
        Recipe { is_docker: true, ..self.recipe }.bake()
    }

    /// For another platform, `os/architecture[/variant]`.
    #[must_use]
    pub fn with_platform(self, text: &str) -> Self {
        Recipe { platform: platform(text), ..self.recipe }.bake()
    }

    /// With layers of zstd media type.
    #[must_use]
    pub fn zstd(self) -> Self {
        self.with_layer_type("application/vnd.oci.image.layer.v1.tar+zstd")
    }

    /// With layers of this media type.
    #[must_use]
    pub fn with_layer_type(self, media_type: &str) -> Self {
        Recipe { layer_type: Some(media_type.to_owned()), ..self.recipe }.bake()
    }

    /// As an artifact of this type, with the empty config.
    #[must_use]
    pub fn artifact(self, artifact_type: &str) -> Self {
        Recipe { artifact_type: Some(artifact_type.to_owned()), ..self.recipe }.bake()
    }

    /// With this subject, which need not exist: only its descriptor is used.
    #[must_use]
    pub fn refer_to(self, subject: &Self) -> Self {
        let subject = Descriptor { platform: None, ..subject.descriptor() };
        Recipe { subject: Some(subject), ..self.recipe }.bake()
    }

    /// With one more annotation on its manifest.
    #[must_use]
    pub fn annotate(mut self, key: &str, value: &str) -> Self {
        self.recipe.annotations.insert(key.to_owned(), value.to_owned());
        self.recipe.bake()
    }

    /// The digest of the root manifest.
    pub fn digest(&self) -> &Digest {
        &self.root().digest
    }

    /// The media type of the root manifest.
    pub fn media_type(&self) -> &MediaType {
        &self.root().media_type
    }

    /// The bytes of the root manifest.
    pub fn bytes(&self) -> &Bytes {
        &self.root().bytes
    }

    /// The root manifest.
    pub fn root(&self) -> &TestManifest {
        self.manifests.last().unwrap()
    }

    /// All manifests, children before parents, each once.
    pub fn manifests(&self) -> &[TestManifest] {
        &self.manifests
    }

    /// All blobs, including those of children, each once.
    pub fn blobs(&self) -> &[(Digest, Bytes)] {
        &self.blobs
    }

    /// The children of an index; empty for an image.
    pub fn children(&self) -> &[Self] {
        match &self.recipe.content {
            ImageContent::Layers(_) => &[],
            ImageContent::Children(children) => children,
        }
    }

    /// The digest of its subject.
    pub fn subject(&self) -> Option<&Digest> {
        self.recipe.subject.as_ref().map(|subject| &subject.digest)
    }

    /// Total size of all manifests and blobs in bytes.
    pub fn size(&self) -> u64 {
        let manifests = self.manifests.iter().map(|manifest| manifest.bytes.len() as u64);
        let blobs = self.blobs.iter().map(|(_, bytes)| bytes.len() as u64);
        manifests.chain(blobs).sum()
    }

    /// Its descriptor in an index.
    pub fn descriptor(&self) -> Descriptor {
        let is_image =
            matches!(self.recipe.content, ImageContent::Layers(_)) && self.recipe.artifact_type.is_none();
        Descriptor {
            media_type: self.media_type().to_string(),
            digest: *self.digest(),
            size: self.bytes().len() as u64,
            artifact_type: self.recipe.artifact_type.clone(),
            annotations: None,
            platform: is_image.then(|| self.recipe.platform.clone()),
            urls: Vec::new(),
        }
    }
}

impl Recipe {
    fn bake(self) -> TestImage {
        let (mut manifests, mut blobs) = (Vec::new(), Vec::new());
        let mut document = Map::new();
        document.insert("schemaVersion".to_owned(), json!(2));
        let media_type = match &self.content {
            ImageContent::Layers(layers) => {
                blobs.push(self.config(layers));
                blobs.extend(layers.iter().cloned());
                let kinds = std::iter::once(self.config_type()).chain(std::iter::repeat(self.layer_type()));
                let mut named: Vec<_> =
                    blobs.iter().zip(kinds).map(|(blob, kind)| descriptor(kind, blob)).collect();
                document.insert("config".to_owned(), json!(named.remove(0)));
                document.insert("layers".to_owned(), json!(named));
                if self.is_docker { MediaType::DOCKER_MANIFEST } else { MediaType::OCI_MANIFEST }
            }
            ImageContent::Children(children) => {
                let named: Vec<_> = children.iter().map(TestImage::descriptor).collect();
                document.insert("manifests".to_owned(), json!(named));
                manifests.extend(children.iter().flat_map(|child| child.manifests.iter().cloned()));
                blobs.extend(
                    children.iter().flat_map(|child| child.blobs.iter().map(|(_, bytes)| bytes.clone())),
                );
                if self.is_docker { MediaType::DOCKER_LIST } else { MediaType::OCI_INDEX }
            }
        };
        self.finish(&mut document, &media_type);
        let bytes = Bytes::from(serde_json::to_vec(&document).unwrap());
        manifests.push(TestManifest { digest: Digest::of(&bytes), media_type, bytes });
        let mut blobs: Vec<_> = blobs.into_iter().map(|bytes| (Digest::of(&bytes), bytes)).collect();
        only_firsts(&mut manifests, |manifest| manifest.digest);
        only_firsts(&mut blobs, |(digest, _)| *digest);
        TestImage { recipe: self, manifests, blobs }
    }

    fn finish(&self, document: &mut Map<String, Value>, media_type: &MediaType) {
        document.insert("mediaType".to_owned(), json!(media_type.as_str()));
        if let Some(kind) = &self.artifact_type {
            document.insert("artifactType".to_owned(), json!(kind));
        }
        if let Some(subject) = &self.subject {
            document.insert("subject".to_owned(), json!(subject));
        }
        if !self.annotations.is_empty() {
            document.insert("annotations".to_owned(), json!(self.annotations));
        }
    }

    fn config(&self, layers: &[Bytes]) -> Bytes {
        if self.artifact_type.is_some() {
            return Bytes::from_static(b"{}");
        }
        let layers: Vec<_> = layers.iter().map(|layer| Digest::of(layer)).collect();
        let mut config = json!({ "config": {}, "rootfs": { "type": "layers", "diff_ids": layers } });
        let platform = serde_json::to_value(&self.platform).unwrap();
        config.as_object_mut().unwrap().extend(platform.as_object().unwrap().clone());
        config.to_string().into()
    }

    fn config_type(&self) -> &str {
        match (&self.artifact_type, self.is_docker) {
            (Some(_), _) => "application/vnd.oci.empty.v1+json",
            (None, true) => "application/vnd.docker.container.image.v1+json",
            (None, false) => "application/vnd.oci.image.config.v1+json",
        }
    }

    fn layer_type(&self) -> &str {
        match (&self.layer_type, self.is_docker) {
            (Some(kind), _) => kind,
            (None, true) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            (None, false) => "application/vnd.oci.image.layer.v1.tar+gzip",
        }
    }
}

fn descriptor(media_type: &str, bytes: &Bytes) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        artifact_type: None,
        annotations: None,
        platform: None,
        urls: Vec::new(),
    }
}

fn platform(text: &str) -> Platform {
    let mut parts = text.split('/').map(str::to_owned);
    Platform {
        os: parts.next().unwrap(),
        architecture: parts.next().expect("a platform is written os/architecture[/variant]"),
        variant: parts.next(),
        os_version: None,
    }
}

fn only_firsts<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = std::collections::BTreeSet::new();
    items.retain(|item| seen.insert(key(item)));
}

#[cfg(test)]
mod tests {
    use entrepot_oci::Manifest;

    use super::*;

    fn parsed(image: &TestImage) -> Manifest {
        Manifest::parse(image.bytes(), Some(image.media_type())).unwrap()
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(TestImage::random(1, 2, 100).digest(), TestImage::random(1, 2, 100).digest());
        assert_ne!(TestImage::random(1, 2, 100).digest(), TestImage::random(2, 2, 100).digest());
    }

    #[test]
    fn an_image_has_its_blobs() {
        let image = TestImage::random(1, 3, 1000).with_platform("linux/arm/v7").docker();
        let manifest = parsed(&image);
        let named: Vec<_> = manifest.blobs().map(|blob| (blob.digest, blob.size)).collect();
        let held: Vec<_> =
            image.blobs().iter().map(|(digest, bytes)| (*digest, bytes.len() as u64)).collect();
        assert_eq!(named, held);
        assert_eq!(held.len(), 4);
        assert_eq!(image.media_type(), &MediaType::DOCKER_MANIFEST);
        assert_eq!(image.descriptor().platform.unwrap().to_string(), "linux/arm/v7");
    }

    #[test]
    fn an_index_nests_and_counts_once() {
        let amd = TestImage::random(1, 1, 10);
        let arm = TestImage::random(1, 1, 10).with_platform("linux/arm64");
        let inner = TestImage::index([amd.clone(), arm]);
        let outer = TestImage::index([inner.clone(), amd]);
        assert_eq!(outer.manifests().len(), 4);
        // One layer, shared by two configs.
        assert_eq!(outer.blobs().len(), 3);
        assert_eq!(parsed(&outer).manifests()[0].digest, *inner.digest());
        assert_eq!(outer.root().digest, *outer.digest());
    }

    #[test]
    fn an_artifact_refers() {
        let image = TestImage::random(1, 1, 10);
        let signature = TestImage::random(2, 1, 10).artifact("application/x-signature").refer_to(&image);
        let manifest = parsed(&signature);
        assert_eq!(manifest.subject().unwrap().digest, *image.digest());
        assert_eq!(manifest.artifact_type(), Some("application/x-signature"));
    }
}
