//! What there is to pull, by what our own mirror says of the image.

use entrepot_mirror::{HeldManifest, Target};
use entrepot_oci::{Descriptor, Manifest, Platform, Reference};

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
        let target = Target { key: image.key().clone(), by_namespace: false };
        let served = async |reference: &Reference| {
            let served = self.0.mirror.manifest(&target, reference).await;
            parsed(&served.map_err(|error| of_mirror(&error))?.manifest)
        };
        let mut manifest = served(image.reference()).await?;
        if !manifest.manifests().is_empty() {
            let chosen = choose(manifest.manifests(), platform).ok_or_else(|| {
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

// An image without a variant before one with another variant, as engines do.
fn choose<'a>(manifests: &'a [Descriptor], wanted: &Platform) -> Option<&'a Descriptor> {
    let fits = |descriptor: &&Descriptor| {
        let platform = descriptor.platform.as_ref();
        platform.is_some_and(|is| is.os == wanted.os && is.architecture == wanted.architecture)
    };
    let variant = |descriptor: &&Descriptor| {
        let variant = descriptor.platform.as_ref().and_then(|platform| platform.variant.as_deref());
        match (variant, wanted.variant.as_deref()) {
            (one, other) if one == other => 0,
            (None, _) => 1,
            _ => 2,
        }
    };
    manifests.iter().filter(fits).min_by_key(variant)
}

#[cfg(test)]
mod tests {
    use entrepot_oci::{Digest, MediaType};

    use super::*;

    fn index(platforms: &[&str]) -> Vec<Descriptor> {
        let child = |platform: &&str| {
            let platform: Platform = platform.parse().unwrap();
            serde_json::json!({
                "mediaType": MediaType::OCI_MANIFEST.as_str(),
                "digest": Digest::of(platform.to_string().as_bytes()).to_string(),
                "size": 1,
                "platform": platform,
            })
        };
        let children: Vec<_> = platforms.iter().map(child).collect();
        let text = serde_json::json!({ "schemaVersion": 2, "manifests": children }).to_string();
        Manifest::parse(text.as_bytes(), Some(&MediaType::OCI_INDEX)).unwrap().into_manifests()
    }

    #[test]
    fn a_node_pulls_the_image_of_its_platform() {
        let all =
            index(&["linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7", "unknown/unknown"]);
        for (wanted, expected) in [
            ("linux/amd64", Some("linux/amd64")),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/arm/v7", Some("linux/arm/v7")),
            ("linux/s390x", None),
            ("windows/amd64", None),
        ] {
            let chosen = choose(&all, &wanted.parse().unwrap());
            let platform = chosen.and_then(|chosen| chosen.platform.as_ref()).map(ToString::to_string);
            assert_eq!(platform.as_deref(), expected, "{wanted}");
        }
    }
}
