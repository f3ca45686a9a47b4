//! What an image is there for: its platforms, their sizes, and the one that is looked into.

use entrepot_catalog::{EntryPlatform, RepoKey};
use entrepot_mirror::{Error, Mirror, ServedManifest};
use entrepot_oci::{Descriptor, Digest, ImageConfig, MAX_CONFIG_BYTES, Manifest, Platform};

/// How many manifests of an index are fetched for their sizes: registries count each.
const MOST_FETCHED: usize = 4;

/// An image as it was found.
pub(super) struct FoundImage {
    /// What the address leads to.
    pub(super) digest: Digest,
    pub(super) platforms: Vec<EntryPlatform>,
    /// The image that is looked into.
    pub(super) config: ImageConfig,
    pub(super) layers: Vec<Descriptor>,
}

/// Why what was found is no image that could be run.
pub(super) enum NoImage {
    /// The mirror did not get it.
    Failed(Error),
    /// It is something else.
    Other(&'static str),
}

impl From<Error> for NoImage {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What an address leads to, read by the mirror.
pub(super) async fn of_manifest(
    mirror: &Mirror,
    key: &RepoKey,
    served: &ServedManifest,
) -> Result<FoundImage, NoImage> {
    let digest = served.manifest.digest;
    let manifest = parsed(served)?;
    if manifest.manifests().is_empty() {
        let (platform, config) = platform_of(mirror, key, &manifest).await?;
        let size = Some(size_of(&manifest));
        let platforms = vec![EntryPlatform { platform, digest, size }];
        return Ok(FoundImage { digest, platforms, config, layers: manifest.layers().to_vec() });
    }
    let mut all = children(&manifest);
    let mut looked_into = None;
    for (at, child) in all.iter_mut().enumerate().take(MOST_FETCHED) {
        let found = parsed(&mirror.seen_manifest(key, &child.digest.into()).await?)?;
        child.size = Some(size_of(&found));
        if at == 0 {
            looked_into = Some(found);
        }
    }
    let Some(first) = looked_into else { return Err(NoImage::Other("it lists no image")) };
    let (_, config) = platform_of(mirror, key, &first).await?;
    Ok(FoundImage { digest, platforms: all, config, layers: first.layers().to_vec() })
}

fn parsed(served: &ServedManifest) -> Result<Manifest, NoImage> {
    let manifest = Manifest::parse(&served.manifest.bytes, Some(&served.manifest.media_type));
    manifest.map_err(|_| NoImage::Other("its manifest is of a kind that is not known"))
}

// The platforms of an index, those that nodes usually have first. What builders attach to images has no platform.
fn children(index: &Manifest) -> Vec<EntryPlatform> {
    let mut all: Vec<_> = index
        .manifests()
        .iter()
        .filter_map(|child| {
            let platform = child.platform.clone().filter(|platform| platform.os != "unknown")?;
            Some(EntryPlatform { platform, digest: child.digest, size: None })
        })
        .collect();
    all.sort_by_key(|child| rank(&child.platform));
    all
}

fn rank(platform: &Platform) -> usize {
    match (platform.os.as_str(), platform.architecture.as_str()) {
        ("linux", "amd64") => 0,
        ("linux", "arm64") => 1,
        ("linux", _) => 2,
        _ => 3,
    }
}

fn size_of(manifest: &Manifest) -> u64 {
    let config = manifest.config().map_or(0, |config| config.size);
    manifest.layers().iter().fold(config, |all, layer| all.saturating_add(layer.size))
}

async fn platform_of(
    mirror: &Mirror,
    key: &RepoKey,
    manifest: &Manifest,
) -> Result<(Platform, ImageConfig), NoImage> {
    let config = manifest.config().ok_or(NoImage::Other("it has no configuration"))?;
    let bytes = mirror.small_blob(key, &config.digest, MAX_CONFIG_BYTES).await?;
    let config = bytes.as_deref().and_then(ImageConfig::parse);
    let config = config.ok_or(NoImage::Other("its configuration cannot be read"))?;
    let platform = config.platform().cloned().ok_or(NoImage::Other("it is an artifact, and no image"))?;
    Ok((platform, config))
}
