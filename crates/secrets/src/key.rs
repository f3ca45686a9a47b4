//! One key, and its line in a key file.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Generate, Key as AeadKey},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The first word of a line in a key file; the number is the version of its format.
const LABEL: &str = "entrepot-key-1";
/// Length of a key, in bytes.
const LENGTH: usize = 32;

/// Names a key. Not secret: every sealed value says which key opens it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It does not begin with `entrepot-key-1:`.
    #[error("it is not a key of this program: a key begins with `{LABEL}:`")]
    Label,
    /// Its id is empty or has other characters than lower-case letters and digits.
    #[error("the key's id is not made of lower-case letters and digits")]
    Id,
    /// What follows the id is not 32 bytes in base64.
    #[error("the key is cut off or damaged")]
    Bytes,
}

/// A key and its id.
pub(crate) struct Key {
    pub(crate) id: KeyId,
    bytes: Zeroizing<[u8; LENGTH]>,
}

impl KeyId {
    /// The id as text: lower-case letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let is_good =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        is_good.then(|| Self(text.into())).ok_or(KeyError::Id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Key {
    /// A new random key with a random id.
    pub(crate) fn generate() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let bytes = AeadKey::<XChaCha20Poly1305>::generate();
        // Eight of its digits are enough to tell a handful of keys apart.
        Self { id: KeyId(id[..8].into()), bytes: Zeroizing::new(bytes.into()) }
    }

    /// Reads what [`Self::line`] wrote.
    pub(crate) fn parse(line: &str) -> Result<Self, KeyError> {
        let (label, rest) = line.trim().split_once(':').ok_or(KeyError::Label)?;
        if label != LABEL {
            return Err(KeyError::Label);
        }
        let (id, encoded) = rest.split_once(':').ok_or(KeyError::Bytes)?;
        let decoded = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| KeyError::Bytes)?);
        let bytes = <[u8; LENGTH]>::try_from(&**decoded).map_err(|_| KeyError::Bytes)?;
        Ok(Self { id: id.parse()?, bytes: Zeroizing::new(bytes) })
    }

    /// The key as a line of a key file, without its end.
    pub(crate) fn line(&self) -> SecretString {
        let encoded = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*self.bytes));
        format!("{LABEL}:{}:{}", self.id, *encoded).into()
    }

    pub(crate) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

/// Without the key itself.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.id)
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self { id: self.id.clone(), bytes: self.bytes.clone() }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.line().expose_secret() == other.line().expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back() {
        let key = Key::generate();
        let line = key.line();
        assert_eq!(Key::parse(line.expose_secret()).unwrap(), key);
        assert_eq!(Key::parse(&format!(" {}\r\n", line.expose_secret())).unwrap(), key);
        assert_ne!(Key::generate(), key);
        assert_eq!(format!("{key:?}"), format!("Key({})", key.id));
    }

    #[test]
    fn what_is_no_key_says_why() {
        let good = Key::generate().line();
        let cut = &good.expose_secret()[..good.expose_secret().len() - 4];
        for (text, error) in [
            ("", KeyError::Label),
            ("ssh-rsa:a:b", KeyError::Label),
            ("entrepot-key-1:abc", KeyError::Bytes),
            ("entrepot-key-1:abc:!", KeyError::Bytes),
            (cut, KeyError::Bytes),
        ] {
            assert_eq!(Key::parse(text).unwrap_err(), error, "{text}");
        }
        let id = good.expose_secret().replacen(':', ":X", 1);
        assert_eq!(Key::parse(&id).unwrap_err(), KeyError::Id);
    }
}
