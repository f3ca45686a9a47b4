//! Takes apart what a container without a terminal prints: two streams in one, in frames.
//!
//! Nothing is kept but the head of a frame. Its length is what the engine says, and only counted down.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use crate::error::Error;

/// Bytes of a frame's head.
const HEAD: usize = 8;
/// The longest frame. Docker sends 16 KiB at most; Podman puts the parts of a long line together again.
const MAX_FRAME: u32 = 64 << 20;

/// Which of its streams a container prints to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output, or the one stream of a terminal.
    Output,
    /// Standard error.
    Error,
}

/// What a container printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where to.
    pub stream: Stream,
    /// What: bytes, which may end within a character.
    pub bytes: Bytes,
}

/// Takes output apart.
#[derive(Debug)]
pub(crate) enum FrameDecoder {
    /// A terminal has one stream, as it is. What looks like a head there is output.
    Terminal,
    /// Frames.
    Framed(FramePosition),
}

/// Where in a frame the next byte is.
#[derive(Debug)]
pub(crate) enum FramePosition {
    /// In its head, of which so many bytes are here.
    Head([u8; HEAD], usize),
    /// In what was printed, of which so many bytes are left.
    Payload(Stream, u32),
}

impl FrameDecoder {
    pub(crate) fn new(has_terminal: bool) -> Self {
        if has_terminal { Self::Terminal } else { Self::Framed(FramePosition::Head([0; HEAD], 0)) }
    }

    /// Takes apart what arrived next.
    pub(crate) fn push(&mut self, mut data: Bytes) -> Result<VecDeque<Chunk>, Error> {
        let mut chunks = VecDeque::new();
        let Self::Framed(place) = self else {
            chunks.push_back(Chunk { stream: Stream::Output, bytes: data });
            return Ok(chunks);
        };
        while !data.is_empty() {
            *place = match *place {
                FramePosition::Head(mut head, filled) => {
                    let count = data.len().min(HEAD - filled);
                    data.copy_to_slice(&mut head[filled..filled + count]);
                    if filled + count < HEAD {
                        FramePosition::Head(head, filled + count)
                    } else {
                        payload(head)?
                    }
                }
                FramePosition::Payload(stream, left) => {
                    let count = data.len().min(left as usize);
                    chunks.push_back(Chunk { stream, bytes: data.split_to(count) });
                    // It is at most what was left.
                    after(stream, left - count as u32)
                }
            };
        }
        Ok(chunks)
    }
}

fn payload(head: [u8; HEAD]) -> Result<FramePosition, Error> {
    let [kind, 0, 0, 0, size @ ..] = head else {
        return Err(Error::Answer("the output is not in frames"));
    };
    let stream = match kind {
        0 | 1 => Stream::Output,
        // The engine's own words about the output are errors too.
        2 | 3 => Stream::Error,
        _ => return Err(Error::Answer("the output is not in frames")),
    };
    let size = u32::from_be_bytes(size);
    if size > MAX_FRAME {
        Err(Error::Answer("a frame of the output is too long"))
    } else {
        Ok(after(stream, size))
    }
}

fn after(stream: Stream, left: u32) -> FramePosition {
    if left == 0 { FramePosition::Head([0; HEAD], 0) } else { FramePosition::Payload(stream, left) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, text: &[u8]) -> Vec<u8> {
        let size = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0], size.as_slice(), text].concat()
    }

    fn read(parts: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let (mut frames, mut output, mut error) = (FrameDecoder::new(false), Vec::new(), Vec::new());
        for part in parts {
            for Chunk { stream, bytes } in frames.push(Bytes::copy_from_slice(part))? {
                match stream {
                    Stream::Output => output.extend_from_slice(&bytes),
                    Stream::Error => error.extend_from_slice(&bytes),
                }
            }
        }
        Ok((output, error))
    }

    proptest! {
        #[test]
        fn output_is_the_same_however_it_arrives(
            texts in proptest::collection::vec((1u8..3, proptest::collection::vec(any::<u8>(), 0..20)), 0..8),
            cut in 0usize..200,
        ) {
            let bytes: Vec<u8> = texts.iter().flat_map(|(kind, text)| frame(*kind, text)).collect();
            let of = |wanted| -> Vec<u8> {
                let wanted = texts.iter().filter(|(kind, _)| *kind == wanted);
                wanted.flat_map(|(_, text)| text.clone()).collect()
            };
            let expected = Ok((of(1), of(2)));
            let (first, rest) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(read(&[first, rest]), expected.clone());
            prop_assert_eq!(read(&bytes.chunks(1).collect::<Vec<_>>()), expected);
        }

        #[test]
        fn nothing_that_arrives_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(read(&[&bytes]));
        }
    }

    // Row 51.
    #[test]
    fn a_length_that_lies_is_refused() {
        let head = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(&[&head]), Err(Error::Answer("a frame of the output is too long")));
    }

    // Row 52: a terminal prints bytes that look like a head.
    #[test]
    fn a_terminal_has_no_frames() {
        let mut terminal = FrameDecoder::new(true);
        let bytes = Bytes::from_static(&[1, 0, 0, 0, 0, 0, 0, 5, b'x']);
        let chunks = terminal.push(bytes.clone()).unwrap();
        assert_eq!(chunks, [Chunk { stream: Stream::Output, bytes }]);
        assert_eq!(read(&[b"plain text"]), Err(Error::Answer("the output is not in frames")));
    }
}
