//! Archives for machines without a network: images have full names, and other files lie beside them.
//!
//! [`seal`] makes one of an OCI archive; [`packed`] says what is in one, or in what others wrote, and [`Beside`] reads what
//! lies there. All of it stays an OCI layout in a tar file.

use std::{
    fs::{File, Permissions},
    io::{self, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use entrepot_files::{self as files, Directory};
use entrepot_oci::{Descriptor, Digest, MAX_MANIFEST_BYTES, Tag};

use super::failure;
use crate::{
    Failure, Place,
    endpoints::{
        Archive, EndpointError, Index, Layout,
        tar::{self, Extent, Listing},
    },
};

/// The largest document of a layout that is read, in bytes.
const MAX_DOCUMENT: u64 = MAX_MANIFEST_BYTES as u64;

/// Where containerd and Docker have whole names (containerd, `images/annotations.go`).
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// An image in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// What the archive calls it.
    pub name: Option<String>,
    /// What it is.
    pub digest: Digest,
}

/// The images in an archive or a layout, each as often as it has a name. A place at a registry has none of this.
///
/// # Errors
/// It cannot be read.
pub async fn packed(place: &Place) -> Result<Vec<Packed>, Failure> {
    let listed = |index: &Index| index.entries().map(of_entry).collect();
    let found = match place {
        Place::Registry { .. } => Ok(Vec::new()),
        Place::Layout(path) => Layout::open(path).await.map(|layout| listed(layout.index())),
        Place::OciArchive(path) => Archive::oci(path).await.map(|archive| listed(archive.index())),
        Place::DockerArchive(path) => Archive::docker(path).await.map(|archive| listed(archive.index())),
    };
    found.map_err(|error| failure::at_source(place, &error))
}

fn of_entry(entry: &Descriptor) -> Packed {
    let whole = entry.annotations.as_ref().and_then(|known| known.get(CONTAINERD_NAME));
    let name = whole.map(String::as_str).or_else(|| Index::name(entry));
    Packed { name: name.map(str::to_owned), digest: entry.digest }
}

/// What lies beside the images of an archive.
#[derive(Debug)]
pub struct Beside {
    archive: PathBuf,
    listing: Arc<Listing>,
}

impl Beside {
    /// Looks what is in an archive.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub async fn of(archive: &Path) -> Result<Self, Failure> {
        let path = archive.to_owned();
        let listing = blocking(archive, move || tar::list(&path)).await?;
        Ok(Self { archive: archive.to_owned(), listing: Arc::new(listing) })
    }

    /// Whether there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.listing.find(name).is_some()
    }

    /// A file of no more than `limit` bytes; `None` where there is none of that name.
    ///
    /// # Errors
    /// The archive cannot be read, or the file is larger.
    pub async fn file(&self, name: &str, limit: u64) -> Result<Option<Bytes>, Failure> {
        let Some(extent) = self.listing.find(name) else { return Ok(None) };
        let (path, name) = (self.archive.clone(), name.to_owned());
        let read = move || {
            let file = files::open(&path).map_err(EndpointError::file(&path))?;
            Member { name: &name, extent }.read(&file, &path, limit)
        };
        blocking(&self.archive, read).await.map(Some)
    }
}

/// A file in an archive.
struct Member<'a> {
    name: &'a str,
    extent: Extent,
}

impl Member<'_> {
    fn read(&self, file: &File, archive: &Path, limit: u64) -> Result<Bytes, EndpointError> {
        let Self { name, extent } = self;
        if extent.size > limit {
            let what = format!("has a `{name}` of more than {limit} bytes");
            return Err(EndpointError::malformed(archive, what));
        }
        let mut bytes = vec![0; usize::try_from(extent.size).unwrap_or_default()];
        file.read_exact_at(&mut bytes, extent.start).map_err(EndpointError::file(archive))?;
        Ok(bytes.into())
    }
}

/// What an archive is given at its end.
#[derive(Debug)]
pub struct Sealing {
    /// Whole names for the images that it has by tags.
    pub names: Vec<(Tag, String)>,
    /// Files beside the images.
    pub files: Vec<(String, Bytes)>,
    /// Who may read it, in the bits of Unix: from before these files are in it.
    pub mode: u32,
}

/// Ends an OCI archive that [`crate::perform`] wrote. The archive is the caller's until this is done.
///
/// # Errors
/// The archive is not one, or cannot be written.
pub async fn seal(archive: &Path, sealing: Sealing) -> Result<(), Failure> {
    let path = archive.to_owned();
    blocking(archive, move || seal_now(&path, &sealing)).await
}

fn seal_now(path: &Path, Sealing { names, files, mode }: &Sealing) -> Result<(), EndpointError> {
    let listing = tar::list(path)?;
    let mut file = update(path).map_err(EndpointError::file(path))?;
    file.set_permissions(Permissions::from_mode(*mode)).map_err(EndpointError::file(path))?;
    let find = |name: &'static str| {
        let found = listing.find(name).map(|extent| Member { name, extent });
        found.ok_or_else(|| EndpointError::malformed(path, format!("has no `{name}` in it")))
    };
    // What says what is in it stands at the end, behind all blobs.
    let version = find("oci-layout")?;
    let index = find("index.json")?.read(&file, path, MAX_DOCUMENT)?;
    let mut index = Index::parse(&path.join("index.json"), &index)?;
    for (tag, name) in names {
        index.rename(tag, &[(CONTAINERD_NAME, name)], name);
    }
    let start = version.extent.header();
    let version = version.read(&file, path, MAX_DOCUMENT)?;
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
) -> Result<T, Failure> {
    let place = Place::OciArchive(archive.to_owned());
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|_| Err(EndpointError::malformed(archive, "could not be read")));
    done.map_err(|error| failure::at_place(&place, &error))
}
