//! Writes images to any place.

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, Reference};
use entrepot_remote::Error as RemoteError;

use super::{
    connection::RepositoryRef, document::ManifestDocument, error::EndpointError, layout::LayoutWriter,
    tarball::Tarball,
};
use crate::shape::ManifestNode;

/// A place that images are written to.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A repository.
    Registry(RepositoryRef),
    /// A directory.
    Layout(LayoutWriter),
    /// A file.
    Archive(Box<Tarball>),
}

/// The remaining work after a manifest was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptedManifest {
    /// Nothing.
    Whole,
    /// The registry has no referrers API: update the referrers tag of the subject.
    Unlisted,
}

impl Sink {
    /// True if the repository certainly does not exist. `false` only costs requests.
    pub(crate) async fn is_new(&self) -> bool {
        match self {
            Self::Registry(at) => at.is_new().await,
            Self::Layout(_) | Self::Archive(_) => false,
        }
    }

    /// True if blobs may be mounted from other repositories.
    pub(crate) fn may_mount(&self) -> bool {
        matches!(self, Self::Registry(at) if at.conn.may_mount())
    }

    /// True if it has the manifest.
    pub(crate) async fn has_manifest(&self, digest: &Digest) -> Result<bool, EndpointError> {
        match self {
            Self::Registry(RepositoryRef { conn, repository }) => {
                let reference = Reference::Digest(*digest);
                found(conn.patiently(|| conn.remote().head_manifest(repository, &reference)).await)
            }
            Self::Layout(layout) => layout.has(digest).await,
            Self::Archive(archive) => Ok(archive.has(digest).await),
        }
    }

    /// True if it has the blob.
    pub(crate) async fn has_blob(&self, digest: &Digest) -> Result<bool, EndpointError> {
        match self {
            Self::Registry(RepositoryRef { conn, repository }) => {
                found(conn.patiently(|| conn.remote().head_blob(repository, digest)).await)
            }
            Self::Layout(layout) => layout.has(digest).await,
            Self::Archive(archive) => Ok(archive.has(digest).await),
        }
    }

    /// Reads a manifest, with its media type if that is not in the bytes.
    pub(crate) async fn manifest(
        &self,
        reference: &Reference,
    ) -> Result<(Option<MediaType>, Bytes), EndpointError> {
        match (self, reference) {
            (Self::Registry(RepositoryRef { conn, repository }), _) => {
                let fetched = conn.patiently(|| conn.remote().manifest(repository, reference)).await?;
                Ok((Some(fetched.media_type), fetched.bytes))
            }
            (Self::Layout(layout), Reference::Digest(digest)) => Ok((None, layout.bytes(digest).await?)),
            (Self::Archive(archive), Reference::Digest(digest)) => Ok((None, archive.bytes(digest).await?)),
            _ => Err(EndpointError::NotFound),
        }
    }

    /// Puts a manifest whose content is all there. `listed` if it must be found by itself, not only through another.
    pub(crate) async fn put_manifest(
        &self,
        reference: &Reference,
        node: &ManifestNode,
        listed: bool,
    ) -> Result<AcceptedManifest, EndpointError> {
        let kind = node.media_type();
        let document = ManifestDocument { media_type: kind, digest: &node.digest, bytes: &node.bytes };
        match self {
            Self::Registry(RepositoryRef { conn, repository }) => {
                let put = || conn.remote().put_manifest(repository, reference, kind, node.bytes.clone());
                let pushed = conn.patiently(put).await?;
                let is_listed = pushed.subject.is_some() || node.manifest.subject().is_none();
                Ok(if is_listed { AcceptedManifest::Whole } else { AcceptedManifest::Unlisted })
            }
            Self::Layout(layout) => {
                layout.put_manifest(reference, document, listed).await.map(|()| AcceptedManifest::Whole)
            }
            Self::Archive(archive) => {
                archive.put_manifest(reference, document, listed).await.map(|()| AcceptedManifest::Whole)
            }
        }
    }

    /// Completes a layout or archive.
    pub(crate) async fn finish(&self) -> Result<(), EndpointError> {
        match self {
            Self::Registry(_) | Self::Layout(_) => Ok(()),
            Self::Archive(archive) => archive.finish().await,
        }
    }
}

fn found<T>(asked: Result<T, EndpointError>) -> Result<bool, EndpointError> {
    match asked {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        // Some registries deny requests for content that does not exist. Missing write permission shows when writing.
        Err(EndpointError::Registry(RemoteError::Denied { .. })) => Ok(false),
        Err(error) => Err(error),
    }
}
