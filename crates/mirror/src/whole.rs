//! Whole images: what there is to one, and having all of it here. Nothing here counts as a pull.

use std::{collections::HashSet, sync::Arc};

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{
    Descriptor, Digest, Hasher, ImageConfig, MAX_CONFIG_BYTES, Manifest, Platform, Reference,
};
use entrepot_remote::{NetworkFault, NetworkFaultKind};
use futures_util::StreamExt;

use crate::{
    error::{Error, UpstreamFault},
    insight::BlobBytes,
    mirror::Mirror,
    names::ResolvedRepository,
    served::{Cut, HeldManifest, Opened},
};

/// How often a blob is fetched before it counts as one that cannot be kept: another registry may be sending it, and some
/// of the store's faults pass.
const ATTEMPTS: u32 = 3;

/// An image for some platforms: all that a client of one of them asks for.
#[derive(Clone, Debug)]
pub struct WholeImage {
    /// The digest that the reference leads to.
    pub digest: Digest,
    /// The platforms that there are, of those that were asked for.
    pub platforms: Vec<Platform>,
    /// Those that there are not.
    pub absent: Vec<Platform>,
    /// All platforms that the image is for.
    pub offered: Vec<Platform>,
    /// Its configurations and layers, each once.
    pub blobs: Vec<Descriptor>,
    manifests: Vec<(Arc<HeldManifest>, Arc<Manifest>)>,
}

/// What became of a blob that was to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobArrival {
    /// It was here, and has the bytes that its digest says.
    Before,
    /// It came, is recorded, and has the bytes that its digest says.
    Now,
    /// It came and could not be kept: there is no space for it.
    NoSpace,
    /// The bytes that are here are not those that its digest says.
    Damaged,
}

impl WholeImage {
    /// How many bytes all its blobs have.
    pub fn size(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add)
    }
}

impl Mirror {
    /// What there is to an image, as its upstream has it now: its manifests, which are fetched, and its blobs, which are not.
    /// Without platforms, all of them.
    ///
    /// # Errors
    /// As [`Mirror::manifest`].
    pub async fn whole_image(
        &self,
        key: &RepoKey,
        reference: &Reference,
        platforms: &[Platform],
    ) -> Result<WholeImage, Error> {
        let first = self.parsed(key, reference).await?;
        let digest = first.0.digest;
        let is_index = !first.1.manifests().is_empty();
        let mut image = WholeImage {
            digest,
            platforms: Vec::new(),
            absent: Vec::new(),
            offered: Vec::new(),
            blobs: Vec::new(),
            manifests: vec![first],
        };
        if is_index {
            self.add_children(key, platforms, &mut image).await?;
        } else {
            self.add_only_platform(key, platforms, &mut image).await?;
        }
        let mut known = HashSet::new();
        let parsed = image.manifests.iter().flat_map(|(_, content)| content.blobs());
        // Layers that are only elsewhere are never asked of a registry.
        let blobs = parsed.filter(|blob| !blob.is_foreign() && known.insert(blob.digest)).cloned();
        image.blobs = blobs.collect();
        Ok(image)
    }

    async fn add_children(
        &self,
        key: &RepoKey,
        wanted: &[Platform],
        image: &mut WholeImage,
    ) -> Result<(), Error> {
        let Some((_, index)) = image.manifests.first() else { return Ok(()) };
        let index = Arc::clone(index);
        image.offered = index.manifests().iter().filter_map(|child| runs_on(child).cloned()).collect();
        let mut children: Vec<Digest> = Vec::new();
        if wanted.is_empty() {
            children.extend(index.manifests().iter().map(|child| child.digest));
            image.platforms.clone_from(&image.offered);
        }
        for platform in wanted {
            match index.manifest_for(platform) {
                Some(child) => {
                    children.push(child.digest);
                    image.platforms.push(platform.clone());
                }
                None => image.absent.push(platform.clone()),
            }
        }
        let mut known = HashSet::new();
        for child in children.into_iter().filter(|child| known.insert(*child)) {
            image.manifests.push(self.parsed(key, &Reference::Digest(child)).await?);
        }
        Ok(())
    }

    // An image that is no index says in its configuration what it runs on; an artifact runs on everything.
    async fn add_only_platform(
        &self,
        key: &RepoKey,
        wanted: &[Platform],
        image: &mut WholeImage,
    ) -> Result<(), Error> {
        let Some((_, content)) = image.manifests.first() else { return Ok(()) };
        let mut says = None;
        if let Some(config) = content.config() {
            let bytes = self.small_blob(key, &config.digest, MAX_CONFIG_BYTES).await?;
            says = bytes.and_then(|bytes| ImageConfig::parse(&bytes)).and_then(ImageConfig::into_platform);
        }
        let says = says.filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty());
        let fits = |platform: &&Platform| {
            says.as_ref().is_none_or(|is| is.os == platform.os && is.architecture == platform.architecture)
        };
        let (there, absent): (Vec<&Platform>, Vec<_>) = wanted.iter().partition(fits);
        image.platforms = there.into_iter().cloned().collect();
        image.absent = absent.into_iter().cloned().collect();
        if wanted.is_empty() {
            image.platforms.extend(says.clone());
        }
        image.offered.extend(says);
        Ok(())
    }

    async fn parsed(
        &self,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<(Arc<HeldManifest>, Arc<Manifest>), Error> {
        let held = self.current_manifest(key, reference).await?;
        let content = Manifest::parse(&held.bytes, Some(&held.media_type));
        Ok((held, Arc::new(content.map_err(|error| Error::ManifestInvalid(Arc::new(error)))?)))
    }

    /// Makes the manifests of an image durable, with the tag that led to it. Pulls do so in the background.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_manifests(
        &self,
        key: &RepoKey,
        reference: &Reference,
        image: &WholeImage,
    ) -> Result<(), Error> {
        if key.origin == Origin::Hosted {
            return Ok(());
        }
        // The one that the tag leads to last, when everything below it is there.
        for (held, content) in image.manifests.iter().rev() {
            let tag = match reference {
                Reference::Tag(tag) if held.digest == image.digest => Some(tag),
                _ => None,
            };
            // A signed schema 1 manifest has another digest than its bytes, and is in memory only.
            if held.digest.matches(&held.bytes) {
                self.0.holdings.put_manifest(key, held, content, tag.cloned().as_slice()).await?;
            }
        }
        Ok(())
    }

    /// The blobs of an image that are not here by the catalog's word.
    ///
    /// # Errors
    /// The catalog failed, and the repository is hosted.
    pub async fn missing_blobs(&self, key: &RepoKey, image: &WholeImage) -> Result<Vec<Descriptor>, Error> {
        let mut missing = Vec::new();
        for blob in &image.blobs {
            if self.0.holdings.blob_size(key, &blob.digest).await?.is_none() {
                missing.push(blob.clone());
            }
        }
        Ok(missing)
    }

    /// Has a blob here: what is held is read back, what is not is fetched, waited for until it is recorded, and read back.
    /// `told` hears how many of its bytes have come.
    ///
    /// # Errors
    /// As [`Mirror::blob`], or the upstream broke off.
    pub async fn keep_blob(
        &self,
        key: &RepoKey,
        digest: &Digest,
        mut told: impl FnMut(u64) + Send,
    ) -> Result<BlobArrival, Error> {
        let target = ResolvedRepository { key: key.clone(), by_namespace: false };
        for attempt in 0..=ATTEMPTS {
            if let Some(bytes) = self.held_bytes(key, digest).await? {
                let has_them = is_of(bytes, digest).await?;
                let kept = if attempt == 0 { BlobArrival::Before } else { BlobArrival::Now };
                return Ok(if has_them { kept } else { BlobArrival::Damaged });
            }
            if attempt < ATTEMPTS {
                let opened = self.blob(&target, digest).await?.open(None).await?;
                let came = drained(opened, &mut told).await;
                // Its bytes come before its record.
                if let Some(running) = self.0.fills.running(digest) {
                    running.until_over().await;
                }
                came.or_else(|cut| if attempt + 1 < ATTEMPTS { Ok(()) } else { Err(cut_off(key, cut)) })?;
            }
        }
        Ok(BlobArrival::NoSpace)
    }
}

async fn drained(opened: Opened, told: &mut (impl FnMut(u64) + Send)) -> Result<(), Cut> {
    // What is in memory, in a file or in the object store is here.
    let Opened::Stream(mut stream) = opened else { return Ok(()) };
    let mut come = 0;
    while let Some(next) = stream.frames.next().await {
        come += next?.len() as u64;
        told(come);
    }
    Ok(())
}

fn cut_off(key: &RepoKey, _: Cut) -> Error {
    match &key.origin {
        Origin::Upstream(host) => {
            let fault = UpstreamFault::Unreachable(NetworkFault::new(NetworkFaultKind::Cut));
            Error::Upstream { host: host.clone(), fault }
        }
        Origin::Hosted => Error::Store,
    }
}

async fn is_of(mut bytes: BlobBytes, digest: &Digest) -> Result<bool, Error> {
    let mut hasher = Hasher::new(digest.algorithm());
    while let Some(next) = bytes.next().await {
        hasher.update(&next.map_err(|_| Error::Store)?);
    }
    Ok(hasher.finish() == *digest)
}

// Attestations are listed beside images, for a platform that there is not.
fn runs_on(child: &Descriptor) -> Option<&Platform> {
    child.platform.as_ref().filter(|platform| platform.os != "unknown")
}
