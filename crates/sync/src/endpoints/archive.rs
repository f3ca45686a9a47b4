//! Reads archives: OCI layouts in a tar file, and the output of `docker save`. Nothing is unpacked; a blob is a part of
//! the file.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use entrepot_files as files;
use entrepot_oci::{Algorithm, Digest, Hasher, MAX_MANIFEST_BYTES, MediaType, Reference, Tag};
use serde::{Deserialize, Serialize};

use super::{
    error::EndpointError,
    file::Pieces,
    file::Readable,
    index::Index,
    tar::{self, Extent, Listing},
};

/// The most images in a docker-archive, the most layers of one, and of all together.
const MAX_IMAGES: usize = 1000;
const MAX_LAYERS: usize = 1000;
const MAX_ALL_LAYERS: usize = 100_000;

/// An archive opened for reading.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    index: Index,
    blobs: HashMap<Digest, Extent>,
    /// Generated manifests, which are not in the file.
    made: HashMap<Digest, Bytes>,
}

/// An image in a docker-archive's `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// The manifest generated for it. The order of the fields affects its digest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    config: Part,
    layers: Vec<Part>,
    media_type: &'a str,
    schema_version: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    digest: Digest,
    media_type: &'static str,
    size: u64,
}

impl Archive {
    /// Opens an OCI layout in a tar file.
    pub(crate) async fn oci(path: &Path) -> Result<Self, EndpointError> {
        blocking(path, Self::oci_now).await
    }

    /// Opens the output of `docker save`. Reads all layers once, since the archive does not give their digests.
    pub(crate) async fn docker(path: &Path) -> Result<Self, EndpointError> {
        blocking(path, Self::docker_now).await
    }

    pub(crate) fn oci_now(path: &Path) -> Result<Self, EndpointError> {
        let listing = tar::list(path)?;
        let (index, _) = small(path, &listing, "index.json")?;
        let blobs = listing.files().filter_map(|(name, extent)| {
            let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
            Some((format!("{algorithm}:{hex}").parse().ok()?, extent))
        });
        let index = Index::parse(&path.join("index.json"), &index)?;
        Ok(Self { path: path.to_owned(), index, blobs: blobs.collect(), made: HashMap::new() })
    }

    pub(crate) fn docker_now(path: &Path) -> Result<Self, EndpointError> {
        let listing = tar::list(path)?;
        let (saved, _) = small(path, &listing, "manifest.json")?;
        let malformed =
            |what: String| EndpointError::malformed(path, format!("is not a docker-archive: {what}"));
        let saved: Vec<Saved> =
            serde_json::from_slice(&saved).map_err(|error| malformed(error.to_string()))?;
        let counts = saved.iter().map(|image| image.layers.len());
        let is_too_much =
            counts.clone().any(|count| count > MAX_LAYERS) || counts.sum::<usize>() > MAX_ALL_LAYERS;
        if saved.len() > MAX_IMAGES || is_too_much {
            return Err(malformed("it has too many images or layers".to_owned()));
        }
        let mut archive = Self {
            path: path.to_owned(),
            index: Index::default(),
            blobs: HashMap::new(),
            made: HashMap::new(),
        };
        let mut known = HashMap::new();
        for image in saved {
            archive.add(&listing, &image, &mut known)?;
        }
        Ok(archive)
    }

    fn add(
        &mut self,
        listing: &Listing,
        image: &Saved,
        known: &mut HashMap<u64, (Digest, &'static str)>,
    ) -> Result<(), EndpointError> {
        let (config, config_at) = small(&self.path, listing, &image.config)?;
        let config_digest = Digest::of(&config);
        self.blobs.insert(config_digest, config_at);
        let mut layers = Vec::new();
        for name in &image.layers {
            let extent = listing.find(name).ok_or_else(|| missing(&self.path, name))?;
            let (digest, media_type) = match known.get(&extent.start) {
                Some(known) => *known,
                None => layer(&self.path, extent)?,
            };
            known.insert(extent.start, (digest, media_type));
            self.blobs.insert(digest, extent);
            layers.push(Part { digest, media_type, size: extent.size });
        }
        let media_type = "application/vnd.docker.container.image.v1+json";
        let config = Part { digest: config_digest, media_type, size: config.len() as u64 };
        let kind = MediaType::DOCKER_MANIFEST;
        let manifest = Made { config, layers, media_type: kind.as_str(), schema_version: 2 };
        let bytes = serde_json::to_vec(&manifest);
        let bytes =
            Bytes::from(bytes.map_err(|error| EndpointError::malformed(&self.path, error.to_string()))?);
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

    /// The extents of its blobs.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn extents(&self) -> impl Iterator<Item = Extent> {
        self.blobs.values().copied()
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
        let extent = self.blobs.get(digest).ok_or(EndpointError::NotFound)?;
        let file = Readable::open(&self.path).await?;
        file.whole(extent.start, Some(extent.size), MAX_MANIFEST_BYTES as u64).await
    }

    /// Reads a blob from an offset.
    pub(crate) async fn blob(&self, digest: &Digest, from: u64) -> Result<Pieces, EndpointError> {
        if let Some(bytes) = self.made.get(digest) {
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
            return Ok(Box::pin(futures_util::stream::iter([Ok(bytes.slice(from..))])));
        }
        let extent = self.blobs.get(digest).ok_or(EndpointError::NotFound)?;
        let from = from.min(extent.size);
        Readable::open(&self.path).await?.pieces(extent.start + from, Some(extent.size - from)).await
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

fn missing(path: &Path, name: &str) -> EndpointError {
    EndpointError::malformed(path, format!("names `{name}`, which is not in it"))
}

// Reads a JSON file in the archive, with its extent.
fn small(path: &Path, listing: &Listing, name: &str) -> Result<(Bytes, Extent), EndpointError> {
    let extent =
        listing.find(name).ok_or_else(|| EndpointError::malformed(path, format!("has no `{name}` in it")))?;
    if extent.size > MAX_MANIFEST_BYTES as u64 {
        return Err(EndpointError::malformed(
            path,
            format!("has a `{name}` of more than {MAX_MANIFEST_BYTES} bytes"),
        ));
    }
    let mut bytes = Vec::new();
    part(path, extent)?.read_to_end(&mut bytes).map_err(EndpointError::file(path))?;
    Ok((bytes.into(), extent))
}

fn part(path: &Path, extent: Extent) -> Result<std::io::Take<File>, EndpointError> {
    let mut file = files::open(path).map_err(EndpointError::file(path))?;
    file.seek(SeekFrom::Start(extent.start)).map_err(EndpointError::file(path))?;
    Ok(file.take(extent.size))
}

// The digest and media type of a layer; the type is detected from its first bytes.
fn layer(path: &Path, extent: Extent) -> Result<(Digest, &'static str), EndpointError> {
    let mut part = part(path, extent)?;
    let (mut hasher, mut piece, mut media_type) = (Hasher::new(Algorithm::Sha256), vec![0; 256 << 10], None);
    loop {
        let length = part.read(&mut piece).map_err(EndpointError::file(path))?;
        if length == 0 {
            break;
        }
        media_type = media_type.or_else(|| Some(kind(&piece[..length])));
        hasher.update(&piece[..length]);
    }
    Ok((hasher.finish(), media_type.unwrap_or_else(|| kind(b""))))
}

fn kind(start: &[u8]) -> &'static str {
    if start.starts_with(&[0x1f, 0x8b]) {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        "application/vnd.oci.image.layer.v1.tar+zstd"
    } else {
        "application/vnd.docker.image.rootfs.diff.tar"
    }
}

fn tag(name: &str) -> Option<Tag> {
    name.rsplit_once(':')?.1.parse().ok()
}
