//! Archives in which images have whole names, and other files lie beside them: what goes to a machine without a network.
//!
//! [`seal`] makes one of an OCI archive; [`packed`] says what is in one, or in what others wrote, and [`beside`] reads what
//! lies there. All of it stays an OCI layout in a tar file.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, Tag};

use super::failure;
use crate::{
    Failure, Place,
    ends::{Archive, EndError, Index, Layout, tar},
};

/// The largest file beside the images, in bytes.
const MAX_FILE: u64 = 64 << 20;

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

/// A file of an archive; `None` where there is none of that name.
///
/// # Errors
/// The archive cannot be read, or the file is too large.
pub async fn beside(archive: &Path, name: &str) -> Result<Option<Bytes>, Failure> {
    let (path, name) = (archive.to_owned(), name.to_owned());
    let read = move || {
        let Some(extent) = tar::list(&path)?.find(&name) else { return Ok(None) };
        if extent.size > MAX_FILE {
            return Err(EndError::malformed(&path, format!("has a `{name}` of more than {MAX_FILE} bytes")));
        }
        part(&path, extent).map(Some)
    };
    blocking(archive, read).await
}

fn part(path: &Path, extent: tar::Extent) -> Result<Bytes, EndError> {
    let mut file = File::open(path).map_err(EndError::file(path))?;
    file.seek(SeekFrom::Start(extent.start)).map_err(EndError::file(path))?;
    let mut bytes = Vec::new();
    file.take(extent.size).read_to_end(&mut bytes).map_err(EndError::file(path))?;
    Ok(bytes.into())
}

/// Ends an OCI archive that [`crate::perform`] wrote: gives whole names to the images that it has by tags, and lays files
/// beside them. The archive is the caller's until this is done.
///
/// # Errors
/// The archive is not one, or cannot be written.
pub async fn seal(
    archive: &Path,
    names: Vec<(Tag, String)>,
    files: Vec<(String, Bytes)>,
) -> Result<(), Failure> {
    let path = archive.to_owned();
    blocking(archive, move || seal_now(&path, &names, &files)).await
}

fn seal_now(path: &Path, names: &[(Tag, String)], files: &[(String, Bytes)]) -> Result<(), EndError> {
    let listing = tar::list(path)?;
    let missing = |name: &str| EndError::malformed(path, format!("has no `{name}` in it"));
    let index = listing.find("index.json").ok_or_else(|| missing("index.json"))?;
    // What says what is in it stands at the end, behind all blobs.
    let version = listing.find("oci-layout").ok_or_else(|| missing("oci-layout"))?;
    let mut index = Index::parse(&path.join("index.json"), &part(path, index)?)?;
    for (tag, name) in names {
        index.rename(tag, &[(CONTAINERD_NAME, name)], name);
    }
    let version = part(path, version)?;
    let own = [("oci-layout".to_owned(), version), ("index.json".to_owned(), index.bytes())];
    let end = tar::end(own.iter().chain(files).map(|(name, bytes)| (name.as_str(), bytes.as_ref())));
    let start = listing.find("oci-layout").map_or(0, tar::Extent::header);
    let mut file = OpenOptions::new().write(true).open(path).map_err(EndError::file(path))?;
    file.set_len(start)
        .and_then(|()| file.seek(SeekFrom::Start(start)))
        .and_then(|_| file.write_all(&end))
        .and_then(|()| file.sync_all())
        .map_err(EndError::file(path))
}

async fn blocking<T: Send + 'static>(
    archive: &Path,
    work: impl FnOnce() -> Result<T, EndError> + Send + 'static,
) -> Result<T, Failure> {
    let place = Place::OciArchive(archive.to_owned());
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|_| Err(EndError::malformed(archive, "could not be read")));
    done.map_err(|error| failure::at_place(&place, &error))
}
