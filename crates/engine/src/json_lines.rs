//! Lines of JSON as they arrive, of any length up to a bound.

use bytes::{Buf as _, BytesMut};

use crate::error::Error;

/// The longest line. What engines say about a layer is shorter.
const MAX_LINE: usize = 256 << 10;

/// Takes bytes apart into lines. It keeps what has no end yet, of at most 256 KiB.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    buffer: BytesMut,
    // Up to here there is no line end.
    searched: usize,
}

impl JsonLines {
    /// Adds what arrived.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// The next line that is not empty.
    pub(crate) fn next(&mut self) -> Result<Option<BytesMut>, Error> {
        loop {
            let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                let is_too_long = self.buffer.len() > MAX_LINE;
                return if is_too_long { Err(Error::Answer("a line is too long")) } else { Ok(None) };
            };
            let line = self.buffer.split_to(self.searched + end);
            self.buffer.advance(1);
            self.searched = 0;
            if line.len() > MAX_LINE {
                return Err(Error::Answer("a line is too long"));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// What is left when no more arrives: a last line may have no end.
    pub(crate) fn rest(&mut self) -> Option<BytesMut> {
        self.searched = 0;
        Some(self.buffer.split()).filter(|rest| !rest.trim_ascii().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut reader, mut found) = (JsonLines::default(), Vec::new());
        for part in parts {
            reader.push(part);
            while let Some(line) = reader.next().unwrap() {
                found.push(line.to_vec());
            }
        }
        found.extend(reader.rest().map(|rest| rest.to_vec()));
        found
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_they_arrive(text in "[ab\r\n]{0,40}", cut in 0usize..40) {
            let bytes = text.as_bytes();
            let (first, rest) = bytes.split_at(cut.min(bytes.len()));
            let whole: Vec<Vec<u8>> = text
                .split('\n')
                .filter(|line| !line.trim_ascii().is_empty())
                .map(|line| line.as_bytes().to_vec())
                .collect();
            prop_assert_eq!(lines(&[first, rest]), whole.clone());
            prop_assert_eq!(lines(&bytes.chunks(1).collect::<Vec<_>>()), whole);
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept() {
        let mut reader = JsonLines::default();
        let mut pushed = 0;
        let error = loop {
            reader.push(&[b'x'; 4096]);
            pushed += 4096;
            if let Err(error) = reader.next() {
                break error;
            }
        };
        assert_eq!(error, Error::Answer("a line is too long"));
        assert!(pushed <= MAX_LINE + 4096);
    }
}
