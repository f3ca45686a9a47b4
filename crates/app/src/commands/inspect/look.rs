//! Fetches the documents of an image from a registry.

use std::{collections::BTreeMap, env};

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, ImageConfig, ImageRef, Manifest, Platform, Reference};
use entrepot_remote::{Error, FetchedManifest, Remote};
use entrepot_sync::image_config;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::{commands::session::RegistryContext, failure::Failure};

/// The number of concurrent requests.
const AT_ONCE: usize = 8;

/// The annotation BuildKit puts on attestations.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// The contents of an image.
#[derive(Debug, Default, Serialize)]
pub(super) struct ImageDetails {
    pub(super) image: String,
    pub(super) digest: String,
    pub(super) media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
    /// All its platforms.
    pub(super) platforms: Vec<Variant>,
    /// The number of BuildKit attestations.
    pub(super) attestations: usize,
    /// The platform shown in detail.
    pub(super) shown: Option<PlatformDetails>,
    pub(super) referrers: Vec<Referrer>,
    /// True if the registry could not list referrers.
    pub(super) referrers_unknown: bool,
    /// Its manifests whose layers are not known, and why not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) unknown_content: BTreeMap<String, String>,
}

impl ImageDetails {
    // Whether it is known which layers a manifest has; if not, the reason is noted.
    fn knows_content(&mut self, manifest: &Manifest, digest: &Digest) -> bool {
        let known = manifest.require_known_content();
        if let Err(why) = &known {
            self.unknown_content.insert(digest.to_string(), why.to_string());
        }
        known.is_ok()
    }
}

/// An image for one platform.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Variant {
    pub(super) platform: String,
    pub(super) digest: String,
    pub(super) layers: usize,
    /// Size of layers and configuration, in bytes.
    pub(super) size: u64,
    /// True if the registry does not have it, although the index names it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) missing: bool,
}

/// Details of one platform.
#[derive(Debug, Default, Serialize)]
pub(super) struct PlatformDetails {
    pub(super) platform: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) layers: Vec<Layer>,
}

/// A layer.
#[derive(Debug, Serialize)]
pub(super) struct Layer {
    pub(super) digest: String,
    pub(super) media_type: String,
    pub(super) size: u64,
}

/// A referrer of an image.
#[derive(Debug, Serialize)]
pub(super) struct Referrer {
    pub(super) artifact_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
}

/// A manifest or index, with its parsed content.
struct ParsedManifest {
    fetched: FetchedManifest,
    manifest: Manifest,
}

/// Requests for one image.
struct ImageReader<'a> {
    context: &'a RegistryContext,
    remote: Remote,
    image: &'a ImageRef,
}

/// The manifest of an image as the registry has it, or of one of its platforms.
pub(super) async fn document(
    context: &RegistryContext,
    image: &ImageRef,
    platform: Option<&Platform>,
) -> Result<Bytes, Failure> {
    let asker = ImageReader { context, remote: context.remote(image.host())?, image };
    let top = asker.document(&image.reference()).await?;
    let Some(platform) = platform.filter(|_| top.manifest.media_type().is_index()) else {
        return Ok(top.fetched.bytes);
    };
    let child = asker.chosen(&top.manifest, platform)?.digest;
    let document = asker.child(&child).await?;
    document.map(|document| document.fetched.bytes).ok_or_else(|| asker.lacks(&child))
}

/// Everything known about an image.
pub(super) async fn look(
    context: &RegistryContext,
    image: &ImageRef,
    platform: Option<&Platform>,
) -> Result<ImageDetails, Failure> {
    let asker = ImageReader { context, remote: context.remote(image.host())?, image };
    let top = asker.document(&image.reference()).await?;
    let mut seen = ImageDetails {
        image: image.to_string(),
        digest: top.fetched.digest.to_string(),
        media_type: top.fetched.media_type.to_string(),
        artifact_type: top.manifest.artifact_type().filter(|kind| !is_image(kind)).map(str::to_owned),
        annotations: top.manifest.annotations().cloned().unwrap_or_default(),
        ..ImageDetails::default()
    };
    asker.referrers(&top.fetched.digest, &mut seen).await;
    if top.manifest.media_type().is_index() {
        asker.index(&top.manifest, platform, &mut seen).await?;
    } else if seen.knows_content(&top.manifest, &top.fetched.digest) {
        let config = asker.config(&top.manifest).await?;
        seen.platforms.push(variant(&top.manifest, &top.fetched.digest, platform_of(&config)));
        seen.shown = Some(shown(&top.manifest, config));
    }
    Ok(seen)
}

impl ImageReader<'_> {
    fn to_failure(&self, error: &Error) -> Failure {
        self.context.to_failure(self.image.host(), &self.image.to_string(), error)
    }

    async fn document(&self, reference: &Reference) -> Result<ParsedManifest, Failure> {
        let fetched = self.remote.manifest(self.image.repository(), reference).await;
        self.parsed(fetched.map_err(|error| self.to_failure(&error))?)
    }

    // A manifest that an index names; `None` if the registry does not have it.
    async fn child(&self, digest: &Digest) -> Result<Option<ParsedManifest>, Failure> {
        match self.remote.manifest(self.image.repository(), &(*digest).into()).await {
            Ok(fetched) => self.parsed(fetched).map(Some),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(self.to_failure(&error)),
        }
    }

    fn parsed(&self, fetched: FetchedManifest) -> Result<ParsedManifest, Failure> {
        let manifest = Manifest::parse(&fetched.bytes, Some(&fetched.media_type));
        let manifest = manifest.map_err(|error| Failure::because(format!("`{}`", self.image), &error))?;
        Ok(ParsedManifest { fetched, manifest })
    }

    async fn index(
        &self,
        index: &Manifest,
        platform: Option<&Platform>,
        details: &mut ImageDetails,
    ) -> Result<(), Failure> {
        let (attestations, images): (Vec<_>, Vec<_>) =
            index.manifests().iter().cloned().partition(is_attestation);
        details.attestations = attestations.len();
        let chosen = match platform {
            Some(platform) => Some(self.chosen(index, platform)?.digest),
            None => usual(&images).map(|image| image.digest),
        };
        let documents = stream::iter(images)
            .map(async |image| Ok::<_, Failure>((self.child(&image.digest).await?, image)))
            .buffered(AT_ONCE);
        let documents: Vec<(Option<ParsedManifest>, Descriptor)> = documents.try_collect().await?;
        for (document, image) in &documents {
            let platform = image.platform.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let one = match document {
                Some(document) if !details.knows_content(&document.manifest, &image.digest) => continue,
                Some(document) => variant(&document.manifest, &image.digest, platform),
                None => {
                    Variant { platform, digest: image.digest.to_string(), layers: 0, size: 0, missing: true }
                }
            };
            details.platforms.push(one);
        }
        let chosen = documents.iter().find(|(_, image)| Some(image.digest) == chosen);
        let chosen = chosen.and_then(|(document, _)| document.as_ref());
        if let Some(document) = chosen.filter(|one| one.manifest.media_type().is_image()) {
            let config = self.config(&document.manifest).await?;
            details.shown = Some(shown(&document.manifest, config));
        }
        Ok(())
    }

    fn chosen<'a>(&self, index: &'a Manifest, platform: &Platform) -> Result<&'a Descriptor, Failure> {
        let fits = |image: &&Descriptor| image.platform.as_ref().is_some_and(|has| matches(has, platform));
        index.manifests().iter().find(fits).ok_or_else(|| {
            let has = index.manifests().iter().filter_map(|image| image.platform.as_ref());
            let has: Vec<String> = has.map(ToString::to_string).collect();
            Failure::new(format!("`{}` has nothing for {platform}", self.image))
                .with_hint(format!("it has {}", has.join(", ")))
        })
    }

    async fn config(&self, manifest: &Manifest) -> Result<ImageConfig, Failure> {
        let Some(config) = manifest.config().filter(|config| config.media_type.ends_with("json")) else {
            return Ok(ImageConfig::default());
        };
        let read = image_config(&self.remote, self.image.repository(), &config.digest).await;
        // An artifact's configuration may be anything.
        match read {
            Ok(read) => Ok(read.unwrap_or_default()),
            Err(Error::NotFound) => Err(self.lacks(&config.digest)),
            Err(error) => Err(self.to_failure(&error)),
        }
    }

    // A part of the image is gone, and not the image.
    fn lacks(&self, digest: &Digest) -> Failure {
        let (host, image) = (self.image.host(), self.image);
        Failure::new(format!("`{host}` does not have {digest}, which belongs to `{image}`"))
            .with_hint("look at another platform: `--platform`; or push the image there again")
    }

    // Referrers are optional; a failure here is not an error.
    async fn referrers(&self, digest: &Digest, details: &mut ImageDetails) {
        match self.remote.referrers(self.image.repository(), digest).await {
            Ok(found) => details.referrers = found.into_iter().map(referrer).collect(),
            Err(error) => {
                tracing::debug!(%error, "the registry does not say what refers to the image");
                details.referrers_unknown = true;
            }
        }
    }
}

fn referrer(descriptor: Descriptor) -> Referrer {
    let artifact_type = descriptor.artifact_type.unwrap_or(descriptor.media_type);
    Referrer { artifact_type, digest: descriptor.digest.to_string(), size: descriptor.size }
}

// True if the media type is an image configuration's and so says nothing more.
fn is_image(kind: &str) -> bool {
    matches!(
        kind,
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
    )
}

fn is_attestation(descriptor: &Descriptor) -> bool {
    let notes = descriptor.annotations.as_ref();
    notes.and_then(|notes| notes.get(ATTESTATION)).is_some_and(|kind| kind == "attestation-manifest")
}

// The manifest for this machine's platform, or else the first.
fn usual(images: &[Descriptor]) -> Option<&Descriptor> {
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let fits = |image: &&Descriptor| {
        let platform = image.platform.as_ref();
        platform.is_some_and(|platform| platform.os == "linux" && platform.architecture == architecture)
    };
    images.iter().find(fits).or_else(|| images.first())
}

// A field that is not given matches anything.
fn matches(has: &Platform, wanted: &Platform) -> bool {
    let variant = wanted.variant.is_none() || has.variant == wanted.variant;
    has.os == wanted.os && has.architecture == wanted.architecture && variant
}

fn platform_of(config: &ImageConfig) -> String {
    config.platform().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn variant(manifest: &Manifest, digest: &Digest, platform: String) -> Variant {
    let size = manifest.blobs().map(|blob| blob.size).fold(0, u64::saturating_add);
    let layers = manifest.blobs().count() - usize::from(manifest.config().is_some());
    Variant { platform, digest: digest.to_string(), layers, size, missing: false }
}

fn shown(manifest: &Manifest, config: ImageConfig) -> PlatformDetails {
    let layers = manifest.blobs().skip(usize::from(manifest.config().is_some())).map(|layer| Layer {
        digest: layer.digest.to_string(),
        media_type: layer.media_type.clone(),
        size: layer.size,
    });
    PlatformDetails {
        platform: platform_of(&config),
        layers: layers.collect(),
        created: config.created,
        labels: config.labels,
    }
}
