//! Reads and writes an OCI image layout in a directory (image-spec, image-layout.md).
//!
//! A file under a digest's name is always complete: blobs are written to a draft and renamed. `index.json` is replaced
//! atomically too, under a lock that excludes other writers while this one is open. A layout is untrusted: no link
//! below its directory is followed, and only regular files are read.

use std::{
    fs::File as Opened,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use entrepot_files::{self as files, DRAFT, Directory, Readers};
use entrepot_oci::{Digest, MAX_MANIFEST_BYTES, Reference};
use tokio::{fs::File, io::AsyncWriteExt as _, sync::Mutex};

use super::{
    document::ManifestDocument, error::EndpointError, file, file::Pieces, file::Readable, index::Index,
};

/// The content of the file `oci-layout`.
pub(super) const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// The index file, and its largest size in bytes.
const INDEX: &str = "index.json";
const MAX_INDEX: u64 = MAX_MANIFEST_BYTES as u64;

/// A layout opened for reading.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    path: PathBuf,
    directory: Directory,
    index: Index,
}

impl Layout {
    /// Opens the layout at `path`.
    pub(crate) async fn open(path: &Path) -> Result<Self, EndpointError> {
        blocking(path, Self::open_now).await
    }

    fn open_now(path: &Path) -> Result<Self, EndpointError> {
        let directory = Directory::open(path).map_err(EndpointError::file(path))?;
        let at = path.join(INDEX);
        let index = directory.read(Path::new(INDEX)).map_err(EndpointError::file(&at))?;
        let index = Index::parse(&at, &file::whole_now(index, &at, MAX_INDEX)?)?;
        Ok(Self { path: path.to_owned(), directory, index })
    }

    /// Its index.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Reads a small blob.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndpointError> {
        self.readable(digest).await?.whole(MAX_MANIFEST_BYTES as u64).await
    }

    /// Reads a blob from an offset.
    pub(crate) async fn blob(&self, digest: &Digest, from: u64) -> Result<Pieces, EndpointError> {
        self.readable(digest).await?.pieces(from).await
    }

    async fn readable(&self, digest: &Digest) -> Result<Readable, EndpointError> {
        Readable::below(&self.directory, &self.path, at(digest)).await
    }
}

/// A layout opened for writing. No other writer can open it meanwhile.
#[derive(Debug)]
pub(crate) struct LayoutWriter {
    path: PathBuf,
    directory: Directory,
    index: Mutex<Index>,
    /// Released on drop.
    _lock: Opened,
}

impl LayoutWriter {
    /// Opens or creates the layout at `path`.
    pub(crate) async fn open(path: &Path) -> Result<Self, EndpointError> {
        blocking(path, Self::open_now).await
    }

    fn open_now(path: &Path) -> Result<Self, EndpointError> {
        let directory = Directory::make(path).map_err(EndpointError::file(path))?;
        let lock = lock(&directory, path)?;
        // Drafts left behind by a writer that was killed.
        for name in directory.names().map_err(EndpointError::file(path))? {
            if name.to_string_lossy().starts_with(DRAFT) {
                drop(directory.remove(Path::new(&name)));
            }
        }
        let index_at = path.join(INDEX);
        let index = match directory.read(Path::new(INDEX)) {
            Ok(index) => Index::parse(&index_at, &file::whole_now(index, &index_at, MAX_INDEX)?)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Index::default(),
            Err(error) => return Err(EndpointError::file(index_at)(error)),
        };
        Ok(Self { path: path.to_owned(), directory, index: Mutex::new(index), _lock: lock })
    }

    /// True if it has the blob or manifest.
    pub(crate) async fn has(&self, digest: &Digest) -> Result<bool, EndpointError> {
        let (directory, path) = (self.directory.clone(), at(digest));
        blocking(&self.path, move |above| {
            directory.has(&path).map_err(EndpointError::file(above.join(&path)))
        })
        .await
    }

    /// Reads a manifest.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndpointError> {
        let readable = Readable::below(&self.directory, &self.path, at(digest)).await?;
        readable.whole(MAX_MANIFEST_BYTES as u64).await
    }

    /// Starts a blob.
    pub(crate) async fn begin(&self, digest: &Digest) -> Result<FileDraft, EndpointError> {
        self.draft(at(digest)).await
    }

    async fn draft(&self, name: PathBuf) -> Result<FileDraft, EndpointError> {
        let directory = self.directory.clone();
        blocking(&self.path, move |above| {
            let path = above.join(&name);
            let draft =
                files::Draft::aside(&directory, &name, Readers::Usual).map_err(EndpointError::file(&path))?;
            let file = draft.file().try_clone().map_err(EndpointError::file(&path))?;
            Ok(FileDraft { file: File::from_std(file), path, draft })
        })
        .await
    }

    /// Stores a manifest, by name or as something that a digest leads to.
    pub(crate) async fn put_manifest(
        &self,
        reference: &Reference,
        document: ManifestDocument<'_>,
        listed: bool,
    ) -> Result<(), EndpointError> {
        let ManifestDocument { media_type, digest, bytes } = document;
        if !self.has(digest).await? {
            let mut draft = self.begin(digest).await?;
            draft.write(bytes).await?;
            draft.finish().await?;
        }
        if !listed {
            return Ok(());
        }
        let mut index = self.index.lock().await;
        let mut changed = index.clone();
        changed.put(reference, media_type, *digest, bytes.len());
        let mut draft = self.draft(INDEX.into()).await?;
        draft.write(&changed.bytes()).await?;
        draft.finish().await?;
        *index = changed;
        Ok(())
    }
}

/// A file that gets its name only when it is finished.
#[derive(Debug)]
pub(crate) struct FileDraft {
    file: File,
    path: PathBuf,
    draft: files::Draft,
}

impl FileDraft {
    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), EndpointError> {
        self.file.write_all(bytes).await.map_err(EndpointError::file(&self.path))
    }

    /// Gives the file its name.
    pub(crate) async fn finish(mut self) -> Result<(), EndpointError> {
        self.file.flush().await.map_err(EndpointError::file(&self.path))?;
        let Self { path, draft, .. } = self;
        blocking(&path, move |path| draft.replace().map_err(EndpointError::file(path))).await
    }
}

// Writers lock the version file, which every layout has.
fn lock(directory: &Directory, path: &Path) -> Result<Opened, EndpointError> {
    let at = path.join("oci-layout");
    let failed = |error: io::Error| EndpointError::file(&at)(error);
    let mut lock = directory.update_or_make(Path::new("oci-layout")).map_err(failed)?;
    if lock.try_lock().is_err() {
        return Err(EndpointError::Locked(path.to_owned()));
    }
    if lock.metadata().map_err(failed)?.len() == 0 {
        lock.write_all(VERSION.as_bytes()).map_err(failed)?;
    }
    Ok(lock)
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, EndpointError> + Send + 'static,
) -> Result<T, EndpointError> {
    let here = path.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&here)).await;
    done.unwrap_or_else(|_| Err(EndpointError::malformed(path, "could not be opened")))
}

fn at(digest: &Digest) -> PathBuf {
    Path::new("blobs").join(digest.algorithm().name()).join(digest.hex())
}
