//! Reading files, or parts of them, in pieces.

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use super::EndError;

/// As much of a file as is read at once.
const PIECE: usize = 64 << 10;

/// Bytes on their way from an end. They end behind the first error.
pub(crate) type Pieces = BoxStream<'static, Result<Bytes, EndError>>;

/// A file from an offset, `length` bytes of it or up to its end.
pub(crate) async fn pieces(path: PathBuf, from: u64, length: Option<u64>) -> Result<Pieces, EndError> {
    let mut file = open(&path).await?;
    file.seek(SeekFrom::Start(from)).await.map_err(EndError::file(&path))?;
    let file = file.take(length.unwrap_or(u64::MAX));
    let read = stream::unfold(Some((file, path)), |state| async {
        let (mut file, path) = state?;
        let mut piece = BytesMut::with_capacity(PIECE);
        match file.read_buf(&mut piece).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(piece.freeze()), Some((file, path)))),
            Err(error) => Some((Err(EndError::file(path)(error)), None)),
        }
    });
    Ok(read.boxed())
}

/// A small file, or a small part of one.
pub(crate) async fn whole(
    path: &Path,
    from: u64,
    length: Option<u64>,
    limit: u64,
) -> Result<Bytes, EndError> {
    let too_large = || EndError::malformed(path, format!("holds a document of more than {limit} bytes"));
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut pieces = pieces(path.to_owned(), from, Some(length.unwrap_or(limit + 1))).await?;
    let mut read = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        read.extend_from_slice(&piece?);
    }
    if read.len() as u64 > limit { Err(too_large()) } else { Ok(read.freeze()) }
}

async fn open(path: &Path) -> Result<File, EndError> {
    match File::open(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(EndError::NotFound),
        other => other.map_err(EndError::file(path)),
    }
}
