//! Reads images from any place.

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, Manifest, ManifestError, MediaType, Reference};
use entrepot_remote::{BlobRequest, Error as RemoteError, InvalidResponse};
use futures_util::StreamExt as _;
use tokio::sync::OnceCell;

use super::{
    archive::Archive, connection::RepositoryRef, error::EndpointError, file::Pieces, index::Index,
    layout::Layout,
};

/// A place that images are read from.
#[derive(Debug)]
pub(crate) enum ImageSource {
    /// A repository, and whether its registry has the referrers API, once known.
    Registry(RepositoryRef, OnceCell<bool>),
    /// A directory.
    Layout(Layout),
    /// A file.
    Archive(Archive),
}

/// A manifest whose bytes match its digest.
#[derive(Clone, Debug)]
pub(crate) struct SourceManifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) bytes: Bytes,
}

/// A blob being read.
pub(crate) struct OpenedBlob {
    /// The offset of the first byte, which may be before the requested one.
    pub(crate) start: u64,
    /// The bytes.
    pub(crate) pieces: Pieces,
}

impl ImageSource {
    /// Fetches a manifest.
    pub(crate) async fn manifest(&self, reference: &Reference) -> Result<SourceManifest, EndpointError> {
        match self {
            Self::Registry(RepositoryRef { conn, repository }, _) => {
                let fetched = conn.pulling(|| conn.remote().manifest(repository, reference)).await?;
                Ok(SourceManifest {
                    digest: fetched.digest,
                    media_type: fetched.media_type,
                    bytes: fetched.bytes,
                })
            }
            Self::Layout(layout) => self.local(layout.index(), reference).await,
            Self::Archive(archive) => self.local(archive.index(), reference).await,
        }
    }

    /// Opens a blob at an offset.
    pub(crate) async fn blob(&self, digest: &Digest, from: u64) -> Result<OpenedBlob, EndpointError> {
        let pieces = match self {
            Self::Registry(RepositoryRef { conn, repository }, _) => {
                let ask = BlobRequest { from, ..BlobRequest::default() };
                let opened = conn.patiently(|| conn.remote().blob(repository, digest, ask)).await?;
                let pieces = opened.chunks.map(|piece| piece.map_err(EndpointError::from)).boxed();
                return Ok(OpenedBlob { start: opened.start, pieces });
            }
            Self::Layout(layout) => layout.blob(digest, from).await?,
            Self::Archive(archive) => archive.blob(digest, from).await?,
        };
        Ok(OpenedBlob { start: from, pieces })
    }

    /// Descriptors of a manifest's referrers, unverified: GitLab responds with the image's own children. If it is known
    /// that no tag lists them, a registry is queried only through its API.
    pub(crate) async fn referrers(
        &self,
        subject: &Digest,
        may_be_tagged: bool,
    ) -> Result<Vec<Descriptor>, EndpointError> {
        match self {
            Self::Registry(at, has_api) => listed_at(at, has_api, subject, may_be_tagged).await,
            Self::Layout(layout) => Ok(self.listed(layout.index(), subject).await),
            Self::Archive(archive) => Ok(self.listed(archive.index(), subject).await),
        }
    }

    /// The names of the images there, if they can be had without a request.
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        let index = match self {
            Self::Registry(..) => return None,
            Self::Layout(layout) => layout.index(),
            Self::Archive(archive) => archive.index(),
        };
        let mut names: Vec<String> = index.names().map(str::to_owned).collect();
        names.sort();
        Some(names)
    }

    // Reads a small blob of a layout or archive.
    async fn document(&self, digest: &Digest) -> Result<Bytes, EndpointError> {
        match self {
            Self::Registry(..) => Err(EndpointError::NotFound),
            Self::Layout(layout) => layout.bytes(digest).await,
            Self::Archive(archive) => archive.bytes(digest).await,
        }
    }

    async fn local(&self, index: &Index, reference: &Reference) -> Result<SourceManifest, EndpointError> {
        let entry = index.find(reference).map_err(EndpointError::Ambiguous)?;
        let digest = match (entry, reference) {
            (Some(entry), _) => entry.digest,
            (None, Reference::Digest(digest)) => *digest,
            (None, Reference::Tag(_)) => return Err(EndpointError::NotFound),
        };
        let bytes = self.document(&digest).await?;
        if !digest.matches(&bytes) {
            return Err(RemoteError::from(InvalidResponse::WrongDigest).into());
        }
        let said = entry.and_then(|entry| MediaType::parse(&entry.media_type));
        match kind(&bytes, said) {
            Ok(media_type) => Ok(SourceManifest { digest, media_type, bytes }),
            Err(error) => {
                Err(EndpointError::malformed(digest.to_string(), format!("is not a manifest: {error}")))
            }
        }
    }

    async fn listed(&self, index: &Index, subject: &Digest) -> Vec<Descriptor> {
        let mut found = Vec::new();
        for entry in index.entries() {
            let Ok(bytes) = self.document(&entry.digest).await else { continue };
            let manifest = Manifest::parse(&bytes, MediaType::parse(&entry.media_type).as_ref()).ok();
            if manifest
                .is_some_and(|manifest| manifest.subject().is_some_and(|about| about.digest == *subject))
            {
                found.push(entry.clone());
            }
        }
        found
    }
}

// The media type of a manifest: from its own field, else as listed. The default is OCI's.
fn kind(bytes: &[u8], said: Option<MediaType>) -> Result<MediaType, ManifestError> {
    let own = Manifest::parse(bytes, None);
    let others = said.into_iter().chain([MediaType::OCI_MANIFEST, MediaType::OCI_INDEX]);
    let parsed = others.fold(own, |parsed, kind| parsed.or_else(|_| Manifest::parse(bytes, Some(&kind))));
    parsed.map(|manifest| manifest.media_type().clone())
}

async fn listed_at(
    RepositoryRef { conn, repository }: &RepositoryRef,
    has_api: &OnceCell<bool>,
    subject: &Digest,
    may_be_tagged: bool,
) -> Result<Vec<Descriptor>, EndpointError> {
    let by_api = || conn.patiently(|| conn.remote().referrers_by_api(repository, subject));
    let mut answer = None;
    // The first caller finds out for all: with the API, an existing subject never gives a 404 (distribution-spec,
    // §listing referrers).
    let find_out = async {
        answer = Some(by_api().await?);
        Ok::<_, EndpointError>(matches!(answer, Some(Some(_))))
    };
    let has_api = *has_api.get_or_try_init(|| find_out).await?;
    let listed = match answer {
        Some(listed) => listed,
        None if has_api => by_api().await?,
        None => None,
    };
    match listed {
        Some(listed) if !listed.is_empty() || !may_be_tagged => Ok(listed),
        // Some registries got the API without taking over what the tags list.
        Some(_) => conn.patiently(|| conn.remote().referrers_beside_api(repository, subject)).await,
        None if may_be_tagged => conn.patiently(|| conn.remote().referrers_by_tag(repository, subject)).await,
        None => Ok(Vec::new()),
    }
}
