//! An OCI image layout in a directory, read and written (image-spec, image-layout.md).
//!
//! Whatever is under a digest's name is whole: blobs are written beside and renamed. `index.json` changes as a whole
//! too, under a lock that keeps a second writer away as long as this one is open.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use entrepot_oci::{Digest, MAX_MANIFEST_BYTES, MediaType, Reference};
use tokio::{fs::File, io::AsyncWriteExt as _, sync::Mutex};

use super::{EndError, Index, Pieces, file};

/// The text of the file `oci-layout`.
pub(super) const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// How names of files begin that are not finished. One writer has the directory for itself.
const DRAFT: &str = ".draft-";

/// A layout as it is read.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    path: PathBuf,
    index: Index,
}

impl Layout {
    /// Opens what is at `path`.
    pub(crate) async fn open(path: &Path) -> Result<Self, EndError> {
        let at = path.join("index.json");
        let bytes = tokio::fs::read(&at).await.map_err(EndError::file(&at))?;
        Ok(Self { path: path.to_owned(), index: Index::parse(&at, &bytes)? })
    }

    /// What it says is in it.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// A small blob, whole.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndError> {
        let path = at(&self.path, digest);
        file::whole(&path, 0, None, MAX_MANIFEST_BYTES as u64).await
    }

    /// A blob from an offset.
    pub(crate) async fn blob(&self, digest: &Digest, from: u64) -> Result<Pieces, EndError> {
        file::pieces(at(&self.path, digest), from, None).await
    }
}

/// A layout as it is written. Nobody else writes there while it is open.
#[derive(Debug)]
pub(crate) struct LayoutWriter {
    path: PathBuf,
    index: Mutex<Index>,
    /// Its lock ends with it.
    _lock: fs::File,
    written: AtomicU64,
}

impl LayoutWriter {
    /// Opens or begins the layout at `path`.
    pub(crate) async fn open(path: &Path) -> Result<Self, EndError> {
        let here = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || Self::open_now(&here)).await;
        opened.unwrap_or_else(|_| Err(EndError::malformed(path, "could not be opened")))
    }

    fn open_now(path: &Path) -> Result<Self, EndError> {
        let blobs = path.join("blobs").join("sha256");
        fs::create_dir_all(&blobs).map_err(EndError::file(&blobs))?;
        let lock_at = path.join("oci-layout");
        let mut options = fs::OpenOptions::new();
        let lock = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_at)
            .map_err(EndError::file(&lock_at))?;
        if lock.try_lock().is_err() {
            return Err(EndError::Locked(path.to_owned()));
        }
        if lock.metadata().map_err(EndError::file(&lock_at))?.len() == 0 {
            fs::write(&lock_at, VERSION).map_err(EndError::file(&lock_at))?;
        }
        // What a writer left behind that was killed.
        let leftovers = fs::read_dir(path).map_err(EndError::file(path))?.flatten();
        for leftover in leftovers.filter(|entry| entry.file_name().to_string_lossy().starts_with(DRAFT)) {
            drop(fs::remove_file(leftover.path()));
        }
        let index_at = path.join("index.json");
        let index = match fs::read(&index_at) {
            Ok(bytes) => Index::parse(&index_at, &bytes)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Index::default(),
            Err(error) => return Err(EndError::file(index_at)(error)),
        };
        Ok(Self { path: path.to_owned(), index: Mutex::new(index), _lock: lock, written: AtomicU64::new(0) })
    }

    /// Whether it has a blob or manifest.
    pub(crate) async fn has(&self, digest: &Digest) -> Result<bool, EndError> {
        let path = at(&self.path, digest);
        tokio::fs::try_exists(&path).await.map_err(EndError::file(path))
    }

    /// A manifest that is in it.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndError> {
        file::whole(&at(&self.path, digest), 0, None, MAX_MANIFEST_BYTES as u64).await
    }

    /// Begins a blob.
    pub(crate) async fn begin(&self, digest: &Digest) -> Result<Draft, EndError> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let to = at(&self.path, digest);
        let directory = to.parent().unwrap_or(&self.path);
        tokio::fs::create_dir_all(directory).await.map_err(EndError::file(directory))?;
        // Outside `blobs`, where every name is a digest.
        let draft = self.path.join(format!("{DRAFT}{number}"));
        let file = File::create(&draft).await.map_err(EndError::file(&draft))?;
        Ok(Draft { file, path: draft, to: Some(to) })
    }

    /// Keeps a manifest, by its name or as something that a digest leads to.
    pub(crate) async fn put_manifest(
        &self,
        reference: &Reference,
        media_type: &MediaType,
        manifest: (&Digest, &Bytes),
        listed: bool,
    ) -> Result<(), EndError> {
        let (digest, bytes) = manifest;
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
        let path = self.path.join("index.json");
        let file = self.path.join(format!("{DRAFT}index"));
        let mut draft = Draft {
            file: File::create(&file).await.map_err(EndError::file(&file))?,
            path: file,
            to: Some(path),
        };
        draft.write(&changed.bytes()).await?;
        draft.finish().await?;
        *index = changed;
        Ok(())
    }
}

/// A file that is not there yet under its own name, and never will be unless it is finished.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    path: PathBuf,
    to: Option<PathBuf>,
}

impl Draft {
    /// Adds to it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), EndError> {
        self.file.write_all(bytes).await.map_err(EndError::file(&self.path))
    }

    /// Gives it its name.
    pub(crate) async fn finish(mut self) -> Result<(), EndError> {
        self.file.flush().await.map_err(EndError::file(&self.path))?;
        self.file.sync_all().await.map_err(EndError::file(&self.path))?;
        if let Some(to) = self.to.take() {
            tokio::fs::rename(&self.path, &to).await.map_err(EndError::file(&to))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Without a name to go to it has gone there.
        if self.to.is_some() {
            drop(fs::remove_file(&self.path));
        }
    }
}

fn at(layout: &Path, digest: &Digest) -> PathBuf {
    layout.join("blobs").join(digest.algorithm().name()).join(digest.hex())
}
