//! Archives as files that are read at any offset. What is compressed with gzip is unpacked into a file without a name
//! first; other compressions are told.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use entrepot_files as files;
use entrepot_oci::{Algorithm, Digest, Hasher};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use futures_util::{StreamExt as _, stream};

use super::{error::EndpointError, extent::Extent, file::Pieces};

/// The size of a read, in bytes.
const PIECE: u64 = 256 << 10;

/// The level of gzip. With the level and an empty header, equal layers give equal bytes.
const LEVEL: u32 = 6;

/// The first bytes of what is compressed in a way that is not read, its name, and the command that unpacks it.
const COMPRESSED: [(&[u8], &str, &str); 3] =
    [(b"\x28\xb5\x2f\xfd", "zstd", "unzstd"), (b"\xfd7zXZ\0", "xz", "unxz"), (b"BZh", "bzip2", "bunzip2")];

const GZIP: &[u8] = b"\x1f\x8b";

/// True if bytes that start like this are compressed with gzip.
pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(GZIP)
}

/// A file that does not change while it is read.
#[derive(Clone, Debug)]
pub(crate) struct ArchiveFile {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
}

impl ArchiveFile {
    /// Opens an archive. One that is compressed takes its unpacked size in the directory for temporary files.
    pub(crate) fn open(path: &Path) -> Result<Self, EndpointError> {
        let mut file = files::open(path).map_err(EndpointError::file(path))?;
        let mut start = Vec::new();
        (&mut file).take(8).read_to_end(&mut start).map_err(EndpointError::file(path))?;
        file.rewind().map_err(EndpointError::file(path))?;
        if let Some((_, name, command)) = COMPRESSED.iter().find(|(magic, ..)| start.starts_with(magic)) {
            let what = format!("is compressed with {name}: unpack it first, with `{command}`");
            return Err(EndpointError::malformed(path, what));
        }
        if is_gzip(&start) {
            file = unpacked(file).map_err(|error| {
                EndpointError::malformed(
                    path,
                    format!("is compressed with gzip and cannot be unpacked: {error}"),
                )
            })?;
        }
        let length = file.metadata().map_err(EndpointError::file(path))?.len();
        Ok(Self { path: path.to_owned(), file: Arc::new(file), length })
    }

    /// The path that it was opened at.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// A reader of its own, which may seek.
    pub(crate) fn reader(&self) -> FileReader {
        FileReader { file: Arc::clone(&self.file), at: 0, length: self.length }
    }

    /// A part, to be read once. Blocks.
    pub(crate) fn part(&self, extent: Extent) -> io::Take<FileReader> {
        FileReader { file: Arc::clone(&self.file), at: extent.start, length: self.length }.take(extent.size)
    }

    /// Reads a small part. Blocks.
    pub(crate) fn bytes(&self, extent: Extent) -> Result<Bytes, EndpointError> {
        let mut bytes = vec![0; usize::try_from(extent.size).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, extent.start).map_err(EndpointError::file(&self.path))?;
        Ok(bytes.into())
    }

    /// A part in pieces, from an offset within it.
    pub(crate) fn pieces(&self, extent: Extent, from: u64) -> Pieces {
        let from = from.min(extent.size);
        let read =
            stream::unfold(Some((self.clone(), extent.start + from, extent.size - from)), |state| async {
                let (file, at, left) = state?;
                if left == 0 {
                    return None;
                }
                let size = left.min(PIECE);
                let reader = file.clone();
                let read =
                    tokio::task::spawn_blocking(move || reader.bytes(Extent { start: at, size })).await;
                match read.unwrap_or(Err(EndpointError::NotFound)) {
                    Ok(bytes) => Some((Ok(bytes), Some((file, at + size, left - size)))),
                    Err(error) => Some((Err(error), None)),
                }
            });
        read.boxed()
    }
}

/// Reads a file that others read too.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: Arc<File>,
    at: u64,
    length: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

fn unpacked(file: File) -> io::Result<File> {
    let mut plain = tempfile::tempfile()?;
    io::copy(&mut MultiGzDecoder::new(file), &mut plain)?;
    Ok(plain)
}

/// Layers that are compressed for registries, in a file without a name.
#[derive(Debug, Default)]
pub(crate) struct Compressed {
    open: Option<File>,
    end: u64,
}

impl Compressed {
    /// Compresses `plain` with gzip; returns the digest of the result and where it is. Equal bytes give an equal digest.
    pub(crate) fn add(&mut self, plain: &mut impl Read) -> io::Result<(Digest, Extent)> {
        let file = match &mut self.open {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let hashing = Hashing { to: BufWriter::new(file), hasher: Hasher::new(Algorithm::Sha256), size: 0 };
        let mut encoder = GzEncoder::new(hashing, Compression::new(LEVEL));
        io::copy(plain, &mut encoder)?;
        let Hashing { mut to, hasher, size } = encoder.finish()?;
        to.flush()?;
        let extent = Extent { start: self.end, size };
        self.end += size;
        Ok((hasher.finish(), extent))
    }

    /// The file with everything that was added. Errors name `path`.
    pub(crate) fn finish(self, path: &Path) -> Option<ArchiveFile> {
        let Self { open, end } = self;
        open.map(|file| ArchiveFile { path: path.to_owned(), file: Arc::new(file), length: end })
    }
}

struct Hashing<W> {
    to: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_read_or_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&[7; 5000]).unwrap();
        let gzip = encoder.finish().unwrap();
        std::fs::write(&path, &gzip).unwrap();
        let file = ArchiveFile::open(&path).unwrap();
        assert_eq!(
            (file.length(), &file.bytes(Extent { start: 4998, size: 2 }).unwrap()[..]),
            (5000, &[7, 7][..])
        );
        for (bytes, said) in [
            (&gzip[..20], "is compressed with gzip and cannot be unpacked: "),
            (b"\x1f\x8b\x08\0\xff\xff\xff\xff", "is compressed with gzip and cannot be unpacked: "),
            (b"\xfd7zXZ\0\xff", "is compressed with xz: unpack it first, with `unxz`"),
            (b"\x28\xb5\x2f\xfd\xff", "is compressed with zstd: unpack it first, with `unzstd`"),
            (b"BZh9", "is compressed with bzip2: unpack it first, with `bunzip2`"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let told = ArchiveFile::open(&path).unwrap_err().to_string();
            assert!(told.starts_with(&format!("`{}` {said}", path.display())), "{told}");
        }
    }

    #[test]
    fn equal_layers_are_compressed_to_equal_bytes() {
        let compress = |texts: &[&[u8]]| {
            let mut compressed = Compressed::default();
            let added: Vec<_> = texts.iter().map(|text| compressed.add(&mut &text[..]).unwrap()).collect();
            (added, compressed.finish(Path::new("a.tar")).unwrap())
        };
        let (both, file) = compress(&[b"one", b"two"]);
        assert_eq!(both[1].0, compress(&[b"two"]).0[0].0);
        for ((digest, extent), text) in both.iter().zip(["one", "two"]) {
            let bytes = file.bytes(*extent).unwrap();
            assert_eq!(Digest::of(&bytes), *digest);
            assert_eq!(io::read_to_string(MultiGzDecoder::new(&bytes[..])).unwrap(), text);
        }
        assert_eq!(file.length(), both[0].1.size + both[1].1.size);
    }
}
