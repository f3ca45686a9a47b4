//! Reads files in pieces.

use std::{
    fs::File as Opened,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use entrepot_files::Directory;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use super::error::EndpointError;

/// The size of a read, in bytes.
const PIECE: usize = 64 << 10;

/// A stream of bytes from an endpoint. It ends after the first error.
pub(crate) type Pieces = BoxStream<'static, Result<Bytes, EndpointError>>;

/// An open file with its path.
pub(crate) struct Readable {
    file: File,
    path: PathBuf,
}

impl Readable {
    /// Opens a file below a directory whose path is `above`.
    pub(crate) async fn below(
        directory: &Directory,
        above: &Path,
        name: PathBuf,
    ) -> Result<Self, EndpointError> {
        let directory = directory.clone();
        Self::opened(above.join(&name), move |_| directory.read(&name)).await
    }

    async fn opened(
        path: PathBuf,
        open: impl FnOnce(&Path) -> io::Result<Opened> + Send + 'static,
    ) -> Result<Self, EndpointError> {
        let open = move || match open(&path) {
            Ok(file) => Ok(Self { file: File::from_std(file), path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(EndpointError::NotFound),
            Err(error) => Err(EndpointError::file(path)(error)),
        };
        let opened = tokio::task::spawn_blocking(open).await;
        opened.unwrap_or(Err(EndpointError::NotFound))
    }

    /// The file from an offset.
    pub(crate) async fn pieces(self, from: u64) -> Result<Pieces, EndpointError> {
        let Self { mut file, path } = self;
        file.seek(SeekFrom::Start(from)).await.map_err(EndpointError::file(&path))?;
        let read = stream::unfold(Some((file, path)), |state| async {
            let (mut file, path) = state?;
            let mut piece = BytesMut::with_capacity(PIECE);
            match file.read_buf(&mut piece).await {
                Ok(0) => None,
                Ok(_) => Some((Ok(piece.freeze()), Some((file, path)))),
                Err(error) => Some((Err(EndpointError::file(path)(error)), None)),
            }
        });
        Ok(read.boxed())
    }

    /// Reads a small file.
    pub(crate) async fn whole(self, limit: u64) -> Result<Bytes, EndpointError> {
        let error = too_large(&self.path, limit);
        let mut pieces = self.pieces(0).await?;
        let mut read = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            read.extend_from_slice(&piece?);
            if read.len() as u64 > limit {
                return Err(error);
            }
        }
        Ok(read.freeze())
    }
}

/// Reads an open small file, blocking.
pub(crate) fn whole_now(file: Opened, path: &Path, limit: u64) -> Result<Bytes, EndpointError> {
    use io::Read as _;
    let mut read = Vec::new();
    file.take(limit + 1).read_to_end(&mut read).map_err(EndpointError::file(path))?;
    if read.len() as u64 > limit { Err(too_large(path, limit)) } else { Ok(read.into()) }
}

fn too_large(path: &Path, limit: u64) -> EndpointError {
    EndpointError::malformed(path, format!("holds a document of more than {limit} bytes"))
}
