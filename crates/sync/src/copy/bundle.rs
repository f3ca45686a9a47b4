//! Archives for machines without a network: images have full names, and other files are stored next to them.
//!
//! [`seal`] finishes such an archive; [`packed`] lists the images in it, or in other tools' archives; [`ArchiveFiles`] reads
//! the other files. The format remains an OCI layout in a tar file.

use std::{
    fs::{File, Permissions},
    io::{self, Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use entrepot_files::Directory;
use entrepot_oci::{Descriptor, Digest, MAX_MANIFEST_BYTES, Tag};

use super::failure;
use crate::{
    CopyFailure, Place,
    endpoints::{
        Archive, ArchiveFile, EndpointError, Extent, Index, Layout,
        tar::{self, TarListing},
    },
};

/// The largest JSON file of a layout, in bytes.
const MAX_DOCUMENT: u64 = MAX_MANIFEST_BYTES as u64;

/// The annotation with the full name, as written by containerd and Docker (containerd, `images/annotations.go`).
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// An image in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedImage {
    /// The name in the archive.
    pub name: Option<String>,
    /// The digest.
    pub digest: Digest,
}

/// The images in an archive or a layout, one entry per name. Empty for a registry.
///
/// # Errors
/// It cannot be read.
pub async fn packed(place: &Place) -> Result<Vec<PackedImage>, CopyFailure> {
    let listed = |index: &Index| index.entries().map(of_entry).collect();
    let found = match place {
        Place::Registry { .. } => Ok(Vec::new()),
        Place::Layout(path) => Layout::open(path).await.map(|layout| listed(layout.index())),
        Place::OciArchive(path) => Archive::oci(path).await.map(|archive| listed(archive.index())),
        Place::DockerArchive(path) => Archive::docker(path).await.map(|archive| listed(archive.index())),
    };
    found.map_err(|error| failure::at_source(place, &error))
}

fn of_entry(entry: &Descriptor) -> PackedImage {
    let whole = entry.annotations.as_ref().and_then(|known| known.get(CONTAINERD_NAME));
    let name = whole.map(String::as_str).or_else(|| Index::name(entry));
    PackedImage { name: name.map(str::to_owned), digest: entry.digest }
}

/// The other files in an archive.
#[derive(Debug)]
pub struct ArchiveFiles {
    archive: ArchiveFile,
    listing: Arc<TarListing>,
}

impl ArchiveFiles {
    /// Lists the files of an archive.
    ///
    /// # Errors
    /// It cannot be read, or is not an archive.
    pub async fn of(archive: &Path) -> Result<Self, CopyFailure> {
        let path = archive.to_owned();
        let listed = move || {
            let archive = ArchiveFile::open(&path)?;
            tar::list(&archive).map(|listing| (archive, listing))
        };
        let (archive, listing) = blocking(archive, listed).await?;
        Ok(Self { archive, listing: Arc::new(listing) })
    }

    /// True if there is a file with that name.
    pub fn has(&self, name: &str) -> bool {
        self.listing.find(name).is_some()
    }

    /// Reads a file of at most `limit` bytes; `None` if there is none with that name.
    ///
    /// # Errors
    /// The archive cannot be read, or the file is larger.
    pub async fn file(&self, name: &str, limit: u64) -> Result<Option<Bytes>, CopyFailure> {
        let Some(extent) = self.listing.find(name) else { return Ok(None) };
        let (archive, name) = (self.archive.clone(), name.to_owned());
        let read = move || Member { name: &name, extent }.read(&archive, limit);
        blocking(self.archive.path(), read).await.map(Some)
    }
}

/// A file in an archive.
struct Member<'a> {
    name: &'a str,
    extent: Extent,
}

impl Member<'_> {
    fn read(&self, archive: &ArchiveFile, limit: u64) -> Result<Bytes, EndpointError> {
        let Self { name, extent } = self;
        if extent.size > limit {
            let what = format!("has a `{name}` of more than {limit} bytes");
            return Err(EndpointError::malformed(archive.path(), what));
        }
        archive.bytes(*extent)
    }
}

/// Additions at the end of an archive.
#[derive(Debug)]
pub struct Sealing {
    /// Full names for its images, by tag.
    pub names: Vec<(Tag, String)>,
    /// Files to add.
    pub files: Vec<(String, Bytes)>,
    /// The Unix permission bits, set before the files are added.
    pub mode: u32,
}

/// Finishes an OCI archive that [`crate::perform`] wrote. Nothing else may use the archive until this returns.
///
/// # Errors
/// The file is not an OCI archive, or cannot be written.
pub async fn seal(archive: &Path, sealing: Sealing) -> Result<(), CopyFailure> {
    let path = archive.to_owned();
    blocking(archive, move || seal_now(&path, &sealing)).await
}

fn seal_now(path: &Path, Sealing { names, files, mode }: &Sealing) -> Result<(), EndpointError> {
    let archive = ArchiveFile::open(path)?;
    let listing = tar::list(&archive)?;
    let mut file = update(path).map_err(EndpointError::file(path))?;
    file.set_permissions(Permissions::from_mode(*mode)).map_err(EndpointError::file(path))?;
    let find = |name: &'static str| {
        let found = listing.find(name).map(|extent| Member { name, extent });
        found.ok_or_else(|| EndpointError::malformed(path, format!("has no `{name}` in it")))
    };
    // The files that describe the layout are at the end, after all blobs.
    let version = find("oci-layout")?;
    let index = find("index.json")?.read(&archive, MAX_DOCUMENT)?;
    let mut index = Index::parse(&path.join("index.json"), &index)?;
    for (tag, name) in names {
        index.rename(tag, &[(CONTAINERD_NAME, name)], name);
    }
    let start = tar::header_of(version.extent);
    let version = version.read(&archive, MAX_DOCUMENT)?;
    let own = [("oci-layout".to_owned(), version), ("index.json".to_owned(), index.bytes())];
    let end = tar::end(own.iter().chain(files).map(|(name, bytes)| (name.as_str(), bytes.as_ref())));
    file.set_len(start)
        .and_then(|()| file.seek(SeekFrom::Start(start)))
        .and_then(|_| file.write_all(&end))
        .and_then(|()| file.sync_all())
        .map_err(EndpointError::file(path))
}

fn update(path: &Path) -> io::Result<File> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Directory::open(path.parent().unwrap_or(Path::new("")))?.update(Path::new(name))
}

async fn blocking<T: Send + 'static>(
    archive: &Path,
    work: impl FnOnce() -> Result<T, EndpointError> + Send + 'static,
) -> Result<T, CopyFailure> {
    let place = Place::OciArchive(archive.to_owned());
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|_| Err(EndpointError::malformed(archive, "could not be read")));
    done.map_err(|error| failure::at_place(&place, &error))
}
