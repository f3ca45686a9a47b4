//! Reads archives: OCI layouts in a tar file, and the output of `docker save`. A blob is a part of the file; plain layers
//! of `docker save` are compressed, since registries such as Quay take no others in Docker's format.

use std::{
    collections::HashMap,
    io::{self, Read as _},
    path::Path,
};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest, Hasher, MAX_MANIFEST_BYTES, MediaType, Reference, Tag};
use serde::{Deserialize, Serialize};

use super::{
    archive_file::{ArchiveFile, Compressed, is_gzip},
    error::EndpointError,
    extent::Extent,
    file::Pieces,
    index::Index,
    tar::{self, TarListing},
};

/// The most images in a docker-archive, the most layers of one, and of all together.
const MAX_IMAGES: usize = 1000;
const MAX_LAYERS: usize = 1000;
const MAX_ALL_LAYERS: usize = 100_000;

/// An archive opened for reading.
#[derive(Debug)]
pub(crate) struct Archive {
    file: ArchiveFile,
    index: Index,
    blobs: HashMap<Digest, Extent>,
    /// Layers that are not in the file in this form, and where they are.
    compressed: HashMap<Digest, Extent>,
    compressed_in: Option<ArchiveFile>,
    /// Generated manifests, which are not in the file.
    made: HashMap<Digest, Bytes>,
}

/// An image in a docker-archive's `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// The manifest generated for it. The order of the fields affects its digest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GeneratedManifest<'a> {
    config: ArchivePart,
    layers: Vec<ArchivePart>,
    media_type: &'a str,
    schema_version: u8,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArchivePart {
    digest: Digest,
    media_type: &'static str,
    size: u64,
}

impl Archive {
    /// Opens an OCI layout in a tar file.
    pub(crate) async fn oci(path: &Path) -> Result<Self, EndpointError> {
        blocking(path, Self::oci_now).await
    }

    /// Opens the output of `docker save`. Reads all layers once, to compress them and to learn
    /// their digests.
    pub(crate) async fn docker(path: &Path) -> Result<Self, EndpointError> {
        blocking(path, Self::docker_now).await
    }

    pub(crate) fn oci_now(path: &Path) -> Result<Self, EndpointError> {
        let file = ArchiveFile::open(path)?;
        let listing = tar::list(&file)?;
        let (index, _) = small(&file, &listing, "index.json")?;
        let blobs = listing.files().filter_map(|(name, extent)| {
            let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
            Some((format!("{algorithm}:{hex}").parse().ok()?, extent))
        });
        let index = Index::parse(&path.join("index.json"), &index)?;
        Ok(Self { index, blobs: blobs.collect(), ..Self::empty(file) })
    }

    fn empty(file: ArchiveFile) -> Self {
        Self {
            file,
            index: Index::default(),
            blobs: HashMap::new(),
            compressed: HashMap::new(),
            compressed_in: None,
            made: HashMap::new(),
        }
    }

    pub(crate) fn docker_now(path: &Path) -> Result<Self, EndpointError> {
        let file = ArchiveFile::open(path)?;
        let listing = tar::list(&file)?;
        let (saved, _) = small(&file, &listing, "manifest.json")?;
        let malformed =
            |what: String| EndpointError::malformed(path, format!("is not a docker-archive: {what}"));
        let saved: Vec<SavedImage> =
            serde_json::from_slice(&saved).map_err(|error| malformed(error.to_string()))?;
        let counts = saved.iter().map(|image| image.layers.len());
        let is_too_much =
            counts.clone().any(|count| count > MAX_LAYERS) || counts.sum::<usize>() > MAX_ALL_LAYERS;
        if saved.len() > MAX_IMAGES || is_too_much {
            return Err(malformed("it has too many images or layers".to_owned()));
        }
        let mut layers = Layers { listing, known: HashMap::new(), compressed: Compressed::default() };
        let mut archive = Self::empty(file);
        for image in saved {
            archive.add(&mut layers, &image)?;
        }
        archive.compressed_in = layers.compressed.finish(path);
        Ok(archive)
    }

    fn add(&mut self, layers: &mut Layers, image: &SavedImage) -> Result<(), EndpointError> {
        let (config, config_at) = small(&self.file, &layers.listing, &image.config)?;
        let config_digest = Digest::of(&config);
        self.blobs.insert(config_digest, config_at);
        let mut parts = Vec::new();
        for name in &image.layers {
            let Layer { part, at, is_compressed } = layers.find(&self.file, name)?;
            let blobs = if is_compressed { &mut self.compressed } else { &mut self.blobs };
            blobs.insert(part.digest, at);
            parts.push(part);
        }
        let media_type = "application/vnd.docker.container.image.v1+json";
        let config = ArchivePart { digest: config_digest, media_type, size: config.len() as u64 };
        let kind = MediaType::DOCKER_MANIFEST;
        let manifest =
            GeneratedManifest { config, layers: parts, media_type: kind.as_str(), schema_version: 2 };
        let bytes = serde_json::to_vec(&manifest);
        let bytes = Bytes::from(
            bytes.map_err(|error| EndpointError::malformed(self.file.path(), error.to_string()))?,
        );
        let (digest, size) = (Digest::of(&bytes), bytes.len());
        self.made.insert(digest, bytes);
        let names: Vec<&String> =
            image.repo_tags.iter().flatten().filter(|name| tag(name).is_some()).collect();
        if names.is_empty() {
            self.index.put(&Reference::Digest(digest), &MediaType::DOCKER_MANIFEST, digest, size);
        }
        // Several images may have the same tag: `nginx:latest`, `redis:latest`.
        for name in names {
            self.index.put_named(name, &MediaType::DOCKER_MANIFEST, digest, size);
        }
        Ok(())
    }

    /// True if its blobs are within the file.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is_within(&self) -> bool {
        let within = |extent: &Extent, length: u64| {
            extent.start.checked_add(extent.size).is_some_and(|end| end <= length)
        };
        self.blobs.values().all(|extent| within(extent, self.file.length()))
            && self
                .compressed
                .values()
                .all(|extent| self.compressed_in.as_ref().is_some_and(|file| within(extent, file.length())))
    }

    /// Its index.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Reads a small blob.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndpointError> {
        if let Some(bytes) = self.made.get(digest) {
            return Ok(bytes.clone());
        }
        let (file, extent) = self.locate(digest)?;
        if extent.size > MAX_MANIFEST_BYTES as u64 {
            return Err(EndpointError::malformed(
                file.path(),
                format!("holds a document of more than {MAX_MANIFEST_BYTES} bytes"),
            ));
        }
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || file.bytes(extent)).await;
        read.unwrap_or(Err(EndpointError::NotFound))
    }

    fn locate(&self, digest: &Digest) -> Result<(&ArchiveFile, Extent), EndpointError> {
        let in_file = self.blobs.get(digest).map(|extent| (&self.file, *extent));
        let found = in_file.or_else(|| Some((self.compressed_in.as_ref()?, *self.compressed.get(digest)?)));
        found.ok_or(EndpointError::NotFound)
    }

    /// Reads a blob from an offset.
    pub(crate) async fn blob(&self, digest: &Digest, from: u64) -> Result<Pieces, EndpointError> {
        if let Some(bytes) = self.made.get(digest) {
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
            return Ok(Box::pin(futures_util::stream::iter([Ok(bytes.slice(from..))])));
        }
        let (file, extent) = self.locate(digest)?;
        Ok(file.pieces(extent, from))
    }
}

async fn blocking(
    path: &Path,
    open: fn(&Path) -> Result<Archive, EndpointError>,
) -> Result<Archive, EndpointError> {
    let here = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || open(&here)).await;
    opened.unwrap_or_else(|_| Err(EndpointError::malformed(path, "could not be read")))
}

// Reads a JSON file in the archive, with its extent.
fn small(file: &ArchiveFile, listing: &TarListing, name: &str) -> Result<(Bytes, Extent), EndpointError> {
    let malformed = |what: String| EndpointError::malformed(file.path(), what);
    let extent = listing.find(name).ok_or_else(|| malformed(format!("has no `{name}` in it")))?;
    if extent.size > MAX_MANIFEST_BYTES as u64 {
        return Err(malformed(format!("has a `{name}` of more than {MAX_MANIFEST_BYTES} bytes")));
    }
    Ok((file.bytes(extent)?, extent))
}

/// The layers of `docker save`.
struct Layers {
    listing: TarListing,
    /// By where they start; images share layers.
    known: HashMap<u64, Layer>,
    compressed: Compressed,
}

#[derive(Clone)]
struct Layer {
    part: ArchivePart,
    at: Extent,
    is_compressed: bool,
}

impl Layers {
    fn find(&mut self, file: &ArchiveFile, name: &str) -> Result<Layer, EndpointError> {
        let missing = || EndpointError::malformed(file.path(), format!("names `{name}`, which is not in it"));
        let at = self.listing.find(name).ok_or_else(missing)?;
        if let Some(known) = self.known.get(&at.start) {
            return Ok(known.clone());
        }
        let layer = self.layer(file, at).map_err(EndpointError::file(file.path()))?;
        self.known.insert(at.start, layer.clone());
        Ok(layer)
    }

    // What a layer is shows in its first bytes.
    fn layer(&mut self, file: &ArchiveFile, at: Extent) -> io::Result<Layer> {
        let mut start = Vec::new();
        file.part(at).take(4).read_to_end(&mut start)?;
        let media_type = if is_gzip(&start) {
            GZIP
        } else if start == [0x28, 0xb5, 0x2f, 0xfd] {
            "application/vnd.oci.image.layer.v1.tar+zstd"
        } else {
            let (digest, at) = self.compressed.add(&mut file.part(at))?;
            let part = ArchivePart { digest, media_type: GZIP, size: at.size };
            return Ok(Layer { part, at, is_compressed: true });
        };
        let part = ArchivePart { digest: digest(&mut file.part(at))?, media_type, size: at.size };
        Ok(Layer { part, at, is_compressed: false })
    }
}

const GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

fn digest(part: &mut impl io::Read) -> io::Result<Digest> {
    let (mut hasher, mut piece) = (Hasher::new(Algorithm::Sha256), vec![0; 256 << 10]);
    loop {
        match part.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&piece[..length]),
        }
    }
}

fn tag(name: &str) -> Option<Tag> {
    name.rsplit_once(':')?.1.parse().ok()
}
