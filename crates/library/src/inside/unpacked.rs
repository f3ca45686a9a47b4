//! The bytes of a layer, decompressed as they are read: gzip, zstd, or neither.

use std::io::{self, BufRead, BufReader, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use futures_util::StreamExt as _;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use tokio::sync::mpsc::{self, Receiver};

use entrepot_mirror::BlobBytes;

/// How many pieces of a layer wait to be read.
const WAITING: usize = 4;

/// The bytes of a blob, for a thread that reads them.
pub(crate) struct BlobFeed {
    pieces: Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// Hands the bytes of a blob to a thread, as long as it reads them.
pub(crate) fn feed(mut bytes: BlobBytes) -> (BlobFeed, impl Future<Output = ()> + Send) {
    let (sender, pieces) = mpsc::channel(WAITING);
    let feeding = async move {
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|cut| io::Error::new(io::ErrorKind::UnexpectedEof, cut));
            let is_over = piece.is_err();
            if sender.send(piece).await.is_err() || is_over {
                return;
            }
        }
    };
    (BlobFeed { pieces, piece: Bytes::new() }, feeding)
}

impl Read for BlobFeed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(into.len());
        self.piece.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

/// Reads a layer as the archive that it is. How it is compressed is seen in its first bytes: media types may lie.
///
/// # Errors
/// The bytes broke off, or are not compressed as they begin.
pub(crate) fn unpacked<R: Read + Send + 'static>(bytes: R) -> io::Result<Box<dyn Read + Send>> {
    let mut bytes = BufReader::with_capacity(64 << 10, bytes);
    let head = bytes.fill_buf()?;
    let is_gzip = head.starts_with(&[0x1f, 0x8b]);
    let is_skippable = head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18];
    if is_gzip {
        return Ok(Box::new(MultiGzDecoder::new(bytes)));
    }
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable {
        return Ok(Box::new(Zstd::new(bytes)?));
    }
    Ok(Box::new(bytes))
}

/// Bytes compressed with zstd: any number of frames, and between them such as are to be skipped (RFC 8878 §3).
struct Zstd<R> {
    bytes: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(bytes: R) -> io::Result<Self> {
        // A frame without content. The decoder bounds the window, which is memory, of all frames but its first.
        const EMPTY: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0];
        let mut decoder = FrameDecoder::new();
        decoder.init(&EMPTY[..]).map_err(io::Error::other)?;
        Ok(Self { bytes, decoder, is_in_frame: false })
    }

    fn next_frame(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.bytes) {
            Ok(()) => self.is_in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                io::copy(&mut self.bytes.by_ref().take(length.into()), &mut io::sink())?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_in_frame {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    let some = BlockDecodingStrategy::UptoBytes(into.len());
                    self.decoder.decode_blocks(&mut self.bytes, some).map_err(io::Error::other)?;
                }
                let read = self.decoder.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
                self.is_in_frame = false;
            }
            if self.bytes.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.next_frame()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        unpacked(io::Cursor::new(bytes))?.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn frames_follow_each_other() {
        let zstd = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3].to_vec();
        let long = b"abc".repeat(100_000);
        for (bytes, whole) in [
            ([zstd(b"one "), skipped.clone(), zstd(b""), zstd(b"two")].concat(), b"one two".to_vec()),
            ([skipped.clone(), zstd(&long)].concat(), long.clone()),
            (b"plain".to_vec(), b"plain".to_vec()),
            (Vec::new(), Vec::new()),
        ] {
            assert_eq!(read(bytes).unwrap(), whole);
        }
        assert!(read([zstd(&long), b"rest".to_vec()].concat()).is_err());
        assert!(read(zstd(&long)[..20].to_vec()).is_err());
    }

    // A window is memory: a header of some bytes may ask for terabytes.
    #[test]
    fn a_frame_gets_no_memory_without_bounds() {
        // Descriptor: no single segment; window: 2^41 bytes and more.
        let huge = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0].to_vec();
        assert!(read(huge).is_err());
    }

    #[tokio::test]
    async fn bytes_are_handed_to_a_thread_until_they_break_off() {
        let pieces = [Ok(Bytes::from_static(b"ab")), Ok(Bytes::new()), Ok(Bytes::from_static(b"c"))];
        let (mut fed, feeding) = feed(futures_util::stream::iter(pieces).boxed());
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = String::new();
            fed.read_to_string(&mut all).map(|_| all)
        });
        feeding.await;
        assert_eq!(reading.await.unwrap().unwrap(), "abc");
        let (mut fed, feeding) = feed(futures_util::stream::iter([Err(entrepot_mirror::Cut)]).boxed());
        feeding.await;
        let read = tokio::task::spawn_blocking(move || fed.read(&mut [0; 9])).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
