//! Content digests: `algorithm:hex` (image-spec, descriptor.md §digests).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha512};

/// The registered hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, used by practically every image.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Algorithm),
        }
    }
}

/// Why a text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The `algorithm:` prefix is missing.
    #[error("a digest is written `algorithm:hex`")]
    Form,
    /// The algorithm is not a registered one.
    #[error("the digest algorithm must be `sha256` or `sha512`")]
    Algorithm,
    /// Wrong length, or something other than lower-case hexadecimal.
    #[error("a digest has 64 (sha256) or 128 (sha512) lower-case hexadecimal characters")]
    Hex,
}

/// A well-formed content digest.
///
/// ```
/// use entrepot_oci::{Algorithm, Digest};
///
/// let digest: Digest = Digest::of(b"hello").to_string().parse()?;
/// assert!(digest.matches(b"hello") && !digest.matches(b"Hello"));
/// assert_eq!(digest.algorithm(), Algorithm::Sha256);
/// assert_eq!(digest.hex().len(), 64);
/// assert!("sha256:abc".parse::<Digest>().is_err());
/// # Ok::<(), entrepot_oci::DigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Bytes);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Bytes {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

impl Digest {
    /// Maximum length of a digest as text, in bytes: `sha512:` and 128 digits.
    pub const LONGEST: usize = 7 + 128;

    /// The SHA-256 digest of `bytes`.
    ///
    /// ```
    /// use entrepot_oci::Digest;
    ///
    /// let digest = Digest::of(b"");
    /// let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    /// assert_eq!(digest.to_string(), text);
    /// assert_eq!(text.parse::<Digest>(), Ok(digest));
    /// assert!(!digest.matches(b"something else"));
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        Self::with(Algorithm::Sha256, bytes)
    }

    /// The digest of `bytes` by `algorithm`.
    pub fn with(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Bytes::Sha256(_) => Algorithm::Sha256,
            Bytes::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The part after the colon, in lower case.
    pub fn hex(&self) -> String {
        let mut text = [0; Self::LONGEST];
        let start = self.algorithm().name().len() + 1;
        self.write(&mut text)[start..].to_owned()
    }

    /// True if `bytes` hash to this digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Self::with(self.algorithm(), bytes) == *self
    }

    fn raw(&self) -> &[u8] {
        match &self.0 {
            Bytes::Sha256(raw) => raw,
            Bytes::Sha512(raw) => raw,
        }
    }

    /// Writes the text into `text`, and returns it. Unlike [`fmt::Display`], this costs little enough for every response.
    ///
    /// ```
    /// use entrepot_oci::Digest;
    ///
    /// let digest = Digest::of(b"hello");
    /// assert_eq!(digest.write(&mut [0; Digest::LONGEST]), digest.to_string());
    /// ```
    pub fn write<'a>(&self, text: &'a mut [u8; Self::LONGEST]) -> &'a str {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let (name, raw) = (self.algorithm().name().as_bytes(), self.raw());
        let length = name.len() + 1 + raw.len() * 2;
        let (start, hex) = text[..length].split_at_mut(name.len() + 1);
        start[..name.len()].copy_from_slice(name);
        start[name.len()] = b':';
        for (pair, byte) in hex.chunks_exact_mut(2).zip(raw) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        // The buffer contains only ASCII.
        std::str::from_utf8(&text[..length]).unwrap_or_default()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Form)?;
        Ok(Self(match algorithm.parse()? {
            Algorithm::Sha256 => Bytes::Sha256(unhex(hex)?),
            Algorithm::Sha512 => Bytes::Sha512(unhex(hex)?),
        }))
    }
}

fn unhex<const N: usize>(hex: &str) -> Result<[u8; N], DigestError> {
    let hex = hex.as_bytes();
    if hex.len() != N * 2 {
        return Err(DigestError::Hex);
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(out)
}

// Upper case is refused; otherwise the same content would have two names.
fn nibble(byte: u8) -> Result<u8, DigestError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(DigestError::Hex),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write(&mut [0; Self::LONGEST]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Computes a digest from bytes as they arrive.
#[derive(Clone)]
pub struct Hasher(HashState);

#[derive(Clone)]
enum HashState {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher without input.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => HashState::Sha256(Sha256::new()),
            Algorithm::Sha512 => HashState::Sha512(Sha512::new()),
        })
    }

    /// Its hash function.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            HashState::Sha256(_) => Algorithm::Sha256,
            HashState::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Hashes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            HashState::Sha256(state) => state.update(bytes),
            HashState::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all bytes hashed so far.
    pub fn finish(self) -> Digest {
        Digest(match self.0 {
            HashState::Sha256(state) => Bytes::Sha256(state.finalize().into()),
            HashState::Sha512(state) => Bytes::Sha512(state.finalize().into()),
        })
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn round_trips() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
        let long = Digest::with(Algorithm::Sha512, b"x");
        assert_eq!(long.to_string().parse::<Digest>().unwrap(), long);
        assert!(long.matches(b"x") && !long.matches(b"y"));
    }

    #[test]
    fn refuses_what_is_not_one() {
        let upper = EMPTY.replace('e', "E");
        for bad in ["", "sha256", "sha256:", "sha256:../..", "md5:00", &upper, &EMPTY[..70], "blake3:aa"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        assert!(format!("{EMPTY}0").parse::<Digest>().is_err());
    }
}
