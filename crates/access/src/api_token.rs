//! The text of an API token: `ep_` + id (10) + secret (32) + checksum (6), letters and digits throughout.
//!
//! The prefix and the checksum let secret scanners recognise a leaked token without asking anybody. The secret is random,
//! so its SHA-256 is all that is stored: guessing 190 bits is hopeless, and no slow hash is needed.

use std::{fmt, str::FromStr};

use entrepot_oci::Digest;
use secrecy::{ExposeSecret, SecretString};

/// What every token begins with.
const PREFIX: &str = "ep_";
const ID: usize = 10;
const SECRET: usize = 32;
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The public part of a token, which names it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(Box<str>);

/// A token, with its secret. Printing it shows the id only.
pub struct ApiToken {
    id: TokenId,
    text: SecretString,
}

/// Why a text is not an API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiTokenError {
    /// It does not have the form of one.
    #[error("it is not an API token: one begins with `{PREFIX}`")]
    Form,
    /// Its checksum is wrong: it was cut off or mistyped.
    #[error("the API token was cut off or mistyped")]
    Checksum,
}

impl TokenId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = ApiTokenError;

    fn from_str(text: &str) -> Result<Self, ApiTokenError> {
        let is_id = text.len() == ID && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then(|| Self(text.into())).ok_or(ApiTokenError::Form)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl ApiToken {
    /// A new random token.
    pub fn generate() -> Self {
        Self::with_id(&random(ID))
    }

    /// A new random secret for a token that exists.
    pub fn renew(id: &TokenId) -> Self {
        Self::with_id(&id.0)
    }

    fn with_id(id: &str) -> Self {
        let body = format!("{PREFIX}{id}{}", random(SECRET));
        let text = format!("{body}{}", checksum(&body)).into();
        Self { id: TokenId(id.into()), text }
    }

    /// True if a password must be an API token: nothing else is looked up for it.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Its id.
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The whole text, to be shown once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// What is stored of it.
    pub fn hash(&self) -> Digest {
        Digest::of(self.expose().as_bytes())
    }
}

impl FromStr for ApiToken {
    type Err = ApiTokenError;

    fn from_str(text: &str) -> Result<Self, ApiTokenError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ApiTokenError::Form)?;
        if rest.len() != ID + SECRET + CHECKSUM || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(if rest.is_empty() { ApiTokenError::Form } else { ApiTokenError::Checksum });
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM);
        if checksum(body) != sum {
            return Err(ApiTokenError::Checksum);
        }
        Ok(Self { id: TokenId(rest[..ID].into()), text: text.into() })
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiToken({})", self.id)
    }
}

/// Random letters and digits from the system's generator.
pub(crate) fn random(length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let bytes = uuid::Uuid::new_v4().into_bytes();
        // Bytes 6 and 8 of a version 4 UUID hold its version; 248 is the largest multiple of 62 in a byte.
        let usable = bytes.iter().enumerate().filter(|(at, byte)| *at != 6 && *at != 8 && **byte < 248);
        let letters = usable.map(|(_, byte)| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(letters.take(length - text.len()));
    }
    text
}

/// CRC-32 (IEEE 802.3) in base 62, as GitHub's tokens have it.
fn checksum(body: &str) -> String {
    let crc = body.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    let mut rest = u64::from(!crc);
    let mut letters = [b'0'; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[usize::try_from(rest % 62).unwrap_or_default()];
        rest /= 62;
    }
    letters.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back() {
        let token = ApiToken::generate();
        let read: ApiToken = token.expose().parse().unwrap();
        assert_eq!((read.id(), read.hash()), (token.id(), token.hash()));
        assert_eq!(token.expose().len(), 51);
        assert_ne!(ApiToken::generate().expose(), token.expose());
        let renewed = ApiToken::renew(token.id());
        assert_eq!(renewed.id(), token.id());
        assert_ne!(renewed.hash(), token.hash());
    }

    #[test]
    fn mistakes_are_noticed_without_a_look_up() {
        let token = ApiToken::generate();
        let text = token.expose();
        let last = if text.ends_with('0') { '1' } else { '0' };
        let mistyped = format!("{}{last}", &text[..text.len() - 1]);
        for (text, error) in [
            ("", ApiTokenError::Form),
            ("hunter2", ApiTokenError::Form),
            ("ep_", ApiTokenError::Form),
            (&text[..20], ApiTokenError::Checksum),
            (&mistyped, ApiTokenError::Checksum),
        ] {
            assert_eq!(text.parse::<ApiToken>().unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let token = ApiToken::generate();
        assert_eq!(format!("{token:?}"), format!("ApiToken({})", token.id()));
    }

    #[test]
    fn the_checksum_is_crc32() {
        // The check value of CRC-32/ISO-HDLC is 0xcbf43926.
        let mut number = 0_u64;
        for letter in checksum("123456789").bytes() {
            number = number * 62 + ALPHABET.iter().position(|known| *known == letter).unwrap() as u64;
        }
        assert_eq!(number, 0xcbf4_3926);
    }
}
