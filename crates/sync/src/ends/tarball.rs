//! An OCI image layout in a tar file, as it is written: blob after blob as they come, and at the end what says what they
//! are. The file has its name only then.

use std::{
    collections::HashSet,
    fs,
    io::SeekFrom,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use entrepot_oci::{Digest, MAX_MANIFEST_BYTES, MediaType, Reference};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
    sync::{Mutex, MutexGuard},
};

use super::{EndError, Index, file, layout, tar};

/// An archive on its way.
#[derive(Debug)]
pub(crate) struct Tarball {
    path: PathBuf,
    draft: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: Option<File>,
    /// The offset behind the last blob that is whole.
    end: u64,
    held: HashSet<Digest>,
    manifests: Vec<(Digest, tar::Extent)>,
    index: Index,
}

/// A blob on its way into an archive. One at a time: they lie one behind the other.
pub(crate) struct Appended<'a> {
    ball: &'a Tarball,
    state: MutexGuard<'a, State>,
    digest: Digest,
    size: u64,
    start: u64,
}

impl Tarball {
    /// Begins an archive that will be at `path`, in the place of what is there.
    pub(crate) async fn begin(path: &Path) -> Result<Self, EndError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".draft-{}", std::process::id()));
        let draft = path.with_file_name(name);
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).open(&draft);
        let file = file.map_err(EndError::file(&draft))?;
        let state = State {
            file: Some(File::from_std(file)),
            end: 0,
            held: HashSet::new(),
            manifests: Vec::new(),
            index: Index::default(),
        };
        Ok(Self { path: path.to_owned(), draft, state: Mutex::new(state) })
    }

    /// Whether it has a blob or manifest.
    pub(crate) async fn has(&self, digest: &Digest) -> bool {
        self.state.lock().await.held.contains(digest)
    }

    /// A manifest that is in it.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, EndError> {
        let found =
            self.state.lock().await.manifests.iter().find(|(held, _)| held == digest).map(|(_, at)| *at);
        let at = found.ok_or(EndError::NotFound)?;
        file::whole(&self.draft, at.start, Some(at.size), MAX_MANIFEST_BYTES as u64).await
    }

    /// Begins a blob of this size, once those before it are done.
    pub(crate) async fn append(&self, digest: &Digest, size: u64) -> Result<Appended<'_>, EndError> {
        let mut state = self.state.lock().await;
        let name = format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
        let header = tar::header(&name, size);
        let start = state.end + header.len() as u64;
        self.write_at_end(&mut state, &header).await?;
        Ok(Appended { ball: self, state, digest: *digest, size, start })
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
        if !self.has(digest).await {
            let mut blob = self.append(digest, bytes.len() as u64).await?;
            blob.write(bytes).await?;
            let at = tar::Extent { start: blob.start, size: blob.size };
            let mut state = blob.finish().await?;
            state.manifests.push((*digest, at));
        }
        if listed {
            self.state.lock().await.index.put(reference, media_type, *digest, bytes.len());
        }
        Ok(())
    }

    /// Writes what is in it, and gives it its name.
    pub(crate) async fn finish(&self) -> Result<(), EndError> {
        let mut state = self.state.lock().await;
        if state.index.entries().next().is_none() {
            // Nothing came: what was there before stays.
            return Ok(());
        }
        let index = state.index.bytes();
        let files = [("oci-layout", layout::VERSION.as_bytes()), ("index.json", index.as_ref())];
        let end = tar::end(files.into_iter());
        self.write_at_end(&mut state, &end).await?;
        if let Some(mut file) = state.file.take() {
            file.flush().await.map_err(EndError::file(&self.draft))?;
            file.sync_all().await.map_err(EndError::file(&self.draft))?;
        }
        tokio::fs::rename(&self.draft, &self.path).await.map_err(EndError::file(&self.path))
    }

    // What a blob left behind that came to nothing is written over.
    async fn write_at_end(&self, state: &mut State, bytes: &[u8]) -> Result<(), EndError> {
        let end = state.end;
        let file = state.file.as_mut().ok_or(EndError::NotFound)?;
        file.flush().await.map_err(EndError::file(&self.draft))?;
        file.set_len(end).await.map_err(EndError::file(&self.draft))?;
        file.seek(SeekFrom::Start(end)).await.map_err(EndError::file(&self.draft))?;
        file.write_all(bytes).await.map_err(EndError::file(&self.draft))
    }
}

impl Drop for Tarball {
    fn drop(&mut self) {
        // Not there any more if it was finished.
        drop(fs::remove_file(&self.draft));
    }
}

impl<'a> Appended<'a> {
    /// Adds to it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), EndError> {
        let file = self.state.file.as_mut().ok_or(EndError::NotFound)?;
        file.write_all(bytes).await.map_err(EndError::file(&self.ball.draft))
    }

    /// It is whole. The archive is still this writer's until what comes back is dropped.
    async fn finish(mut self) -> Result<MutexGuard<'a, State>, EndError> {
        let padding = usize::try_from(tar::padding(self.size)).unwrap_or_default();
        self.write(&vec![0; padding]).await?;
        let file = self.state.file.as_mut().ok_or(EndError::NotFound)?;
        file.flush().await.map_err(EndError::file(&self.ball.draft))?;
        self.state.end = self.start + self.size + padding as u64;
        self.state.held.insert(self.digest);
        Ok(self.state)
    }

    /// It is whole.
    pub(crate) async fn done(self) -> Result<(), EndError> {
        self.finish().await.map(drop)
    }
}
