//! A sealed value as text: `1.KEYID.BASE64(nonce ‖ ciphertext ‖ tag)`.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::key::KeyId;

/// The version of the format, its first field.
const VERSION: &str = "1";
/// Length of a nonce of XChaCha20-Poly1305, in bytes.
pub(crate) const NONCE: usize = 24;
/// Length of the authentication tag, in bytes.
const TAG: usize = 16;

/// The row and column that a sealed value belongs to. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedLocation<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's key.
    pub row: &'a str,
}

/// A sealed value. Its text reveals the length of the value and the id of its key, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    key: KeyId,
    // Nonce, ciphertext, tag.
    bytes: Vec<u8>,
}

/// The text is not a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a sealed value of this program")]
pub struct SealedError;

impl SealedLocation<'_> {
    /// The place as bytes to authenticate. Lengths stand before the parts, so no two places have the same bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [VERSION, self.table, self.column, self.row] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl SealedValue {
    pub(crate) fn new(key: KeyId, nonce: &[u8; NONCE], ciphertext: &[u8]) -> Self {
        Self { key, bytes: [nonce, ciphertext].concat() }
    }

    /// The key that it was sealed with.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// The nonce, and the ciphertext with its tag.
    pub(crate) fn parts(&self) -> Option<(&[u8; NONCE], &[u8])> {
        self.bytes.split_first_chunk()
    }
}

impl FromStr for SealedValue {
    type Err = SealedError;

    fn from_str(text: &str) -> Result<Self, SealedError> {
        let rest = text.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('.')).ok_or(SealedError)?;
        let (key, encoded) = rest.split_once('.').ok_or(SealedError)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| SealedError)?;
        if bytes.len() < NONCE + TAG {
            return Err(SealedError);
        }
        Ok(Self { key: key.parse().map_err(|_| SealedError)?, bytes })
    }
}

/// The text that [`FromStr`] reads.
impl fmt::Display for SealedValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{VERSION}.{}.{}", self.key, BASE64_URL_SAFE_NO_PAD.encode(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_have_the_same_bytes() {
        let place = |table, column, row| SealedLocation { table, column, row }.bytes();
        assert_ne!(place("ab", "c", "d"), place("a", "bc", "d"));
        assert_ne!(place("a", "b", ""), place("a", "", "b"));
    }

    #[test]
    fn only_its_own_text_is_read() {
        let bytes = BASE64_URL_SAFE_NO_PAD.encode([7; NONCE + TAG]);
        let text = format!("1.abc.{bytes}");
        assert_eq!(text.parse::<SealedValue>().unwrap().to_string(), text);
        let short = format!("1.abc.{}", BASE64_URL_SAFE_NO_PAD.encode([7; NONCE + TAG - 1]));
        for bad in ["", "1", "1.abc", "1.abc.!", &format!("2.abc.{bytes}"), &format!("1.A.{bytes}"), &short] {
            assert_eq!(bad.parse::<SealedValue>(), Err(SealedError), "{bad}");
        }
    }
}
