//! Characters of bytes that arrive in pieces.

use crate::frames::{Chunk, Stream};

/// Makes text of bytes that may be cut anywhere. It keeps the beginning of a character until the rest arrives, at most
/// three bytes; bytes that are no characters become `�`.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    begun: Vec<u8>,
}

impl Decoder {
    /// The text of what arrived, as far as it is complete.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.begun.extend_from_slice(bytes);
        let begun = std::mem::take(&mut self.begun);
        let mut text = String::new();
        let mut chunks = begun.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_begun(invalid) {
                self.begun = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// The text of what is left at the end.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.begun);
        if rest.is_empty() { String::new() } else { char::REPLACEMENT_CHARACTER.to_string() }
    }
}

// Whether more bytes could make a character of them.
fn is_begun(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// A decoder for each stream: their pieces alternate, and each may end within a character.
#[derive(Clone, Debug, Default)]
pub struct Decoders {
    output: Decoder,
    error: Decoder,
}

impl Decoders {
    /// The text of a piece, as far as it is complete.
    pub fn push(&mut self, chunk: &Chunk) -> String {
        match chunk.stream {
            Stream::Output => self.output.push(&chunk.bytes),
            Stream::Error => self.error.push(&chunk.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    // Row 48.
    #[test]
    fn every_cut_of_a_text_survives() {
        let text = "a中文🚀é";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let bytes = text.as_bytes();
                let mut decoder = Decoder::default();
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let read: String = parts.iter().map(|part| decoder.push(part)).collect();
                assert_eq!((read.as_str(), decoder.finish().as_str()), (text, ""));
            }
        }
    }

    // Row 49.
    #[test]
    fn streams_that_alternate_within_a_character_stay_apart() {
        let (output, error) = ("中文".as_bytes(), "错误".as_bytes());
        let (mut decoders, mut texts) = (Decoders::default(), [String::new(), String::new()]);
        for position in 0..output.len() {
            for (stream, bytes, text) in [(Stream::Output, output, 0), (Stream::Error, error, 1)] {
                let bytes = Bytes::copy_from_slice(&bytes[position..=position]);
                texts[text] += &decoders.push(&Chunk { stream, bytes });
            }
        }
        assert_eq!(texts, ["中文", "错误"]);
    }

    #[test]
    fn what_is_no_text_is_shown_as_such() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(b"a\xff\xfeb"), "a��b");
        assert_eq!((decoder.push(b"\xe4\xb8"), decoder.finish()), (String::new(), "�".to_owned()));
        assert_eq!(decoder.finish(), "");
    }

    proptest! {
        #[test]
        fn at_most_three_bytes_are_kept(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let mut decoder = Decoder::default();
            let mut text = String::new();
            for part in &parts {
                text += &decoder.push(part);
                prop_assert!(decoder.begun.len() < 4);
            }
            text += &decoder.finish();
            let whole = String::from_utf8_lossy(&parts.concat()).into_owned();
            prop_assert_eq!(text, whole);
        }
    }
}
