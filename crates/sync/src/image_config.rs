//! Reads the configuration of an image from a registry.

use entrepot_oci::{Digest, ImageConfig, MAX_CONFIG_BYTES, Repository};
use entrepot_remote::{BlobRequest, Error, InvalidResponse, Remote};
use futures_util::TryStreamExt as _;

/// The configuration with this digest; `None` if the blob is not an image configuration.
///
/// # Errors
/// The registry fails, sends other bytes, or the blob is longer than [`MAX_CONFIG_BYTES`].
pub async fn image_config(
    remote: &Remote,
    repository: &Repository,
    digest: &Digest,
) -> Result<Option<ImageConfig>, Error> {
    let mut chunks = remote.blob(repository, digest, BlobRequest::default()).await?.chunks;
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        if bytes.len() + chunk.len() > MAX_CONFIG_BYTES {
            return Err(InvalidResponse::TooLarge { limit: MAX_CONFIG_BYTES as u64 }.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    if !digest.matches(&bytes) {
        return Err(InvalidResponse::WrongDigest.into());
    }
    Ok(ImageConfig::parse(&bytes))
}
