//! Writes an OCI image layout in a tar file: blobs in the order they arrive, and the index at the end. Only then does
//! the file get its name.

use std::{
    collections::HashSet,
    io::SeekFrom,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use entrepot_files::{Draft, Readers};
use entrepot_oci::{Digest, Reference};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
    sync::{Mutex, MutexGuard},
};

use super::{document::ManifestDocument, error::EndpointError, extent::Extent, index::Index, layout, tar};

/// An archive being written.
#[derive(Debug)]
pub(crate) struct Tarball {
    path: PathBuf,
    state: Mutex<TarballState>,
}

#[derive(Debug)]
struct TarballState {
    /// `None` once the file has its name.
    open: Option<OpenFile>,
    /// The offset after the last complete blob.
    end: u64,
    held: HashSet<Digest>,
    manifests: Vec<(Digest, Extent)>,
    index: Index,
}

/// The file and its draft.
#[derive(Debug)]
struct OpenFile {
    file: File,
    draft: Draft,
}

/// A blob being appended. Blobs are written one at a time, one after the other.
pub(crate) struct AppendedBlob<'a> {
    ball: &'a Tarball,
    state: MutexGuard<'a, TarballState>,
    digest: Digest,
    size: u64,
    start: u64,
}

impl Tarball {
    /// Starts an archive that will replace the file at `path`.
    pub(crate) async fn begin(path: &Path) -> Result<Self, EndpointError> {
        let draft = Draft::at(path, Readers::Usual).map_err(EndpointError::file(path))?;
        let file = File::from_std(draft.file().try_clone().map_err(EndpointError::file(path))?);
        let state = TarballState {
            open: Some(OpenFile { file, draft }),
            end: 0,
            held: HashSet::new(),
            manifests: Vec::new(),
            index: Index::default(),
        };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// True if it has the blob or manifest.
    pub(crate) async fn has(&self, digest: &Digest) -> bool {
        self.state.lock().await.held.contains(digest)
    }

    /// Reads a manifest.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndpointError> {
        let state = self.state.lock().await;
        let found = state.manifests.iter().find(|(held, _)| held == digest).map(|(_, at)| *at);
        let (at, open) = found.zip(state.open.as_ref()).ok_or(EndpointError::NotFound)?;
        let file = open.draft.file().try_clone().map_err(EndpointError::file(&self.path))?;
        drop(state);
        let read = move || {
            let mut bytes = vec![0; usize::try_from(at.size).unwrap_or_default()];
            file.read_exact_at(&mut bytes, at.start).map(|()| Bytes::from(bytes))
        };
        let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.into()));
        read.map_err(EndpointError::file(&self.path))
    }

    /// Starts a blob of this size, once the previous ones are done.
    pub(crate) async fn append(&self, digest: &Digest, size: u64) -> Result<AppendedBlob<'_>, EndpointError> {
        let mut state = self.state.lock().await;
        let name = format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
        let header = tar::header(&name, size);
        let start = state.end + header.len() as u64;
        self.write_at_end(&mut state, &header).await?;
        Ok(AppendedBlob { ball: self, state, digest: *digest, size, start })
    }

    /// Stores a manifest, by name or as something that a digest leads to.
    pub(crate) async fn put_manifest(
        &self,
        reference: &Reference,
        document: ManifestDocument<'_>,
        listed: bool,
    ) -> Result<(), EndpointError> {
        let ManifestDocument { media_type, digest, bytes } = document;
        if !self.has(digest).await {
            let mut blob = self.append(digest, bytes.len() as u64).await?;
            blob.write(bytes).await?;
            let at = Extent { start: blob.start, size: blob.size };
            let mut state = blob.finish().await?;
            state.manifests.push((*digest, at));
        }
        if listed {
            self.state.lock().await.index.put(reference, media_type, *digest, bytes.len());
        }
        Ok(())
    }

    /// Writes the index and gives the file its name.
    pub(crate) async fn finish(&self) -> Result<(), EndpointError> {
        let mut state = self.state.lock().await;
        if state.index.entries().next().is_none() {
            // Nothing was written: keep the old file.
            return Ok(());
        }
        let index = state.index.bytes();
        let files = [("oci-layout", layout::VERSION.as_bytes()), ("index.json", index.as_ref())];
        let end = tar::end(files.into_iter());
        self.write_at_end(&mut state, &end).await?;
        let Some(OpenFile { mut file, draft }) = state.open.take() else { return Ok(()) };
        file.flush().await.map_err(EndpointError::file(&self.path))?;
        let placed = tokio::task::spawn_blocking(move || draft.replace()).await;
        placed.unwrap_or_else(|error| Err(error.into())).map_err(EndpointError::file(&self.path))
    }

    // Overwrites the remains of an incomplete blob.
    async fn write_at_end(&self, state: &mut TarballState, bytes: &[u8]) -> Result<(), EndpointError> {
        let end = state.end;
        let file = state.file()?;
        file.flush().await.map_err(EndpointError::file(&self.path))?;
        file.set_len(end).await.map_err(EndpointError::file(&self.path))?;
        file.seek(SeekFrom::Start(end)).await.map_err(EndpointError::file(&self.path))?;
        file.write_all(bytes).await.map_err(EndpointError::file(&self.path))
    }
}

impl TarballState {
    fn file(&mut self) -> Result<&mut File, EndpointError> {
        self.open.as_mut().map(|open| &mut open.file).ok_or(EndpointError::NotFound)
    }
}

impl<'a> AppendedBlob<'a> {
    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), EndpointError> {
        let file = self.state.file()?;
        file.write_all(bytes).await.map_err(EndpointError::file(&self.ball.path))
    }

    /// Completes the blob. The archive stays locked until the returned guard is dropped.
    async fn finish(mut self) -> Result<MutexGuard<'a, TarballState>, EndpointError> {
        let padding = usize::try_from(tar::padding(self.size)).unwrap_or_default();
        self.write(&vec![0; padding]).await?;
        let file = self.state.file()?;
        file.flush().await.map_err(EndpointError::file(&self.ball.path))?;
        self.state.end = self.start + self.size + padding as u64;
        self.state.held.insert(self.digest);
        Ok(self.state)
    }

    /// Completes the blob.
    pub(crate) async fn done(self) -> Result<(), EndpointError> {
        self.finish().await.map(drop)
    }
}
