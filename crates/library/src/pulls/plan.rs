//! What there is to pull, by what our own mirror says of the image.

use entrepot_mirror::{HeldManifest, ResolvedRepository};
use entrepot_oci::{Manifest, Platform, Reference};

use super::{
    fault::{PullFailure, PullFault, of_mirror},
    image::LibraryImage,
    progress::PullPlan,
};
use crate::library::Library;

impl Library {
    /// The layers that a node of this platform pulls, with their sizes.
    ///
    /// # Errors
    /// There is no such image, none for the platform, or its registry does not give it.
    pub(crate) async fn plan(
        &self,
        image: &LibraryImage,
        platform: &Platform,
    ) -> Result<PullPlan, PullFailure> {
        let target = ResolvedRepository { key: image.key().clone(), by_namespace: false };
        let served = async |reference: &Reference| {
            let served = self.0.mirror.manifest(&target, reference).await;
            parsed(&served.map_err(|error| of_mirror(&error))?.manifest)
        };
        let mut manifest = served(image.reference()).await?;
        if !manifest.manifests().is_empty() {
            let chosen = manifest.manifest_for(platform).ok_or_else(|| {
                PullFault::PlatformMismatch.because(format!("there is no `{image}` for {platform}"))
            })?;
            manifest = served(&Reference::Digest(chosen.digest)).await?;
        }
        let config = manifest.config().map_or(0, |config| config.size);
        let layers = manifest.blobs().skip(usize::from(manifest.config().is_some()));
        Ok(PullPlan::new(layers.map(|layer| (layer.digest, layer.size)), config))
    }
}

fn parsed(held: &HeldManifest) -> Result<Manifest, PullFailure> {
    Manifest::parse(&held.bytes, Some(&held.media_type))
        .map_err(|error| PullFault::RegistryError.because(error.to_string()))
}
