//! Where images are written to.

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, Reference};
use entrepot_remote::Error as RemoteError;

use super::{At, EndError, LayoutWriter, Tarball};
use crate::shape::Node;

/// Where images are written to.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A repository.
    Registry(At),
    /// A directory.
    Layout(LayoutWriter),
    /// A file.
    Archive(Box<Tarball>),
}

/// A manifest that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// That is all.
    Whole,
    /// It has a subject, and nobody but us lists what refers to that: keep the referrers tag.
    Unlisted,
}

impl Sink {
    /// Whether it is known that nothing is there. Not knowing costs requests.
    pub(crate) async fn is_new(&self) -> bool {
        match self {
            Self::Registry(at) => at.is_new().await,
            Self::Layout(_) | Self::Archive(_) => false,
        }
    }

    /// Whether blobs may come from other repositories there.
    pub(crate) fn may_mount(&self) -> bool {
        matches!(self, Self::Registry(at) if at.station.may_mount())
    }

    /// Whether it has a manifest.
    pub(crate) async fn has_manifest(&self, digest: &Digest) -> Result<bool, EndError> {
        match self {
            Self::Registry(At { station, repository }) => {
                let reference = Reference::Digest(*digest);
                found(station.patiently(|| station.remote().head_manifest(repository, &reference)).await)
            }
            Self::Layout(layout) => layout.has(digest).await,
            Self::Archive(archive) => Ok(archive.has(digest).await),
        }
    }

    /// Whether it has a blob.
    pub(crate) async fn has_blob(&self, digest: &Digest) -> Result<bool, EndError> {
        match self {
            Self::Registry(At { station, repository }) => {
                found(station.patiently(|| station.remote().head_blob(repository, digest)).await)
            }
            Self::Layout(layout) => layout.has(digest).await,
            Self::Archive(archive) => Ok(archive.has(digest).await),
        }
    }

    /// A manifest that it has, with its media type where that is not in the bytes.
    pub(crate) async fn manifest(
        &self,
        reference: &Reference,
    ) -> Result<(Option<MediaType>, Bytes), EndError> {
        match (self, reference) {
            (Self::Registry(At { station, repository }), _) => {
                let fetched = station.patiently(|| station.remote().manifest(repository, reference)).await?;
                Ok((Some(fetched.media_type), fetched.bytes))
            }
            (Self::Layout(layout), Reference::Digest(digest)) => Ok((None, layout.bytes(digest).await?)),
            (Self::Archive(archive), Reference::Digest(digest)) => Ok((None, archive.bytes(digest).await?)),
            _ => Err(EndError::NotFound),
        }
    }

    /// Keeps a manifest, all of which is there. `listed` if it is to be found by itself, not only from another.
    pub(crate) async fn put_manifest(
        &self,
        reference: &Reference,
        node: &Node,
        listed: bool,
    ) -> Result<Kept, EndError> {
        let (kind, manifest) = (node.media_type(), (&node.digest, &node.bytes));
        match self {
            Self::Registry(At { station, repository }) => {
                let put = || station.remote().put_manifest(repository, reference, kind, node.bytes.clone());
                let pushed = station.patiently(put).await?;
                let is_listed = pushed.subject.is_some() || node.manifest.subject().is_none();
                Ok(if is_listed { Kept::Whole } else { Kept::Unlisted })
            }
            Self::Layout(layout) => {
                layout.put_manifest(reference, kind, manifest, listed).await.map(|()| Kept::Whole)
            }
            Self::Archive(archive) => {
                archive.put_manifest(reference, kind, manifest, listed).await.map(|()| Kept::Whole)
            }
        }
    }

    /// Ends what is written as a whole.
    pub(crate) async fn finish(&self) -> Result<(), EndError> {
        match self {
            Self::Registry(_) | Self::Layout(_) => Ok(()),
            Self::Archive(archive) => archive.finish().await,
        }
    }
}

fn found<T>(asked: Result<T, EndError>) -> Result<bool, EndError> {
    match asked {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        // Some refuse to say what is not there. Whether we may write is found out by writing.
        Err(EndError::Registry(RemoteError::Denied { .. })) => Ok(false),
        Err(error) => Err(error),
    }
}
