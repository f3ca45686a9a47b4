//! Keys: one that seals, and any number that open.

use chacha20poly1305::{
    XNonce,
    aead::{Aead, Generate, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    key::{Key, KeyError, KeyId},
    sealed::{SealedLocation, SealedValue},
};

/// The key that seals, and older keys that open what they sealed. Printing it reveals ids only.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyring {
    current: Key,
    older: Vec<Key>,
}

/// Why a sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key that sealed it is not here: the key file belongs to another installation, or was replaced.
    #[error("the key `{0}` that sealed it is not here")]
    NoKey(KeyId),
    /// The key is here and the value is not what that key sealed for this place: it was damaged or moved.
    #[error("it was damaged, or belongs to another row")]
    Damaged,
}

impl Keyring {
    /// A keyring with one new random key.
    pub fn generate() -> Self {
        Self { current: Key::generate(), older: Vec::new() }
    }

    /// Reads a key file: a key on each line, first the one that seals. Empty lines and lines that begin with `#` are
    /// skipped.
    ///
    /// # Errors
    /// A line is not a key, or there is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let mut keys = lines.map(Key::parse);
        let current = keys.next().ok_or(KeyError::Label)??;
        Ok(Self { current, older: keys.collect::<Result<_, _>>()? })
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_text(&self) -> SecretString {
        let mut text = Zeroizing::new(String::new());
        for key in std::iter::once(&self.current).chain(&self.older) {
            text.push_str(key.line().expose_secret());
            text.push('\n');
        }
        text.as_str().into()
    }

    /// The key that seals.
    pub fn current(&self) -> &KeyId {
        &self.current.id
    }

    /// The keys that only open.
    pub fn older(&self) -> impl Iterator<Item = &KeyId> {
        self.older.iter().map(|key| &key.id)
    }

    /// The first step of a rotation: a new key seals, and the keys so far still open.
    #[must_use]
    pub fn with_new_key(&self) -> Self {
        let older = std::iter::once(&self.current).chain(&self.older).cloned().collect();
        Self { current: Key::generate(), older }
    }

    /// The last step of a rotation, once everything is sealed with the current key: the older keys are gone.
    #[must_use]
    pub fn without_older_keys(&self) -> Self {
        Self { current: self.current.clone(), older: Vec::new() }
    }

    /// Seals a value for a place.
    pub fn seal(&self, location: SealedLocation<'_>, value: &[u8]) -> SealedValue {
        let (nonce, aad) = (XNonce::generate(), location.bytes());
        // It fails for values of 256 GiB and more only.
        let ciphertext =
            self.current.cipher().encrypt(&nonce, Payload { msg: value, aad: &aad }).unwrap_or_default();
        SealedValue::new(self.current.id.clone(), &nonce.into(), &ciphertext)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// Its key is not here, or it is not what that key sealed for this place.
    pub fn open(
        &self,
        location: SealedLocation<'_>,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let key = std::iter::once(&self.current).chain(&self.older).find(|key| key.id == *sealed.key());
        let key = key.ok_or_else(|| OpenError::NoKey(sealed.key().clone()))?;
        let (nonce, ciphertext) = sealed.parts().ok_or(OpenError::Damaged)?;
        let payload = Payload { msg: ciphertext, aad: &location.bytes() };
        let opened = key.cipher().decrypt(nonce.into(), payload).map_err(|_| OpenError::Damaged)?;
        Ok(Zeroizing::new(opened))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: SealedLocation<'_> = SealedLocation { table: "credential", column: "password", row: "7" };

    #[test]
    fn a_value_opens_at_its_place_only() {
        let keyring = Keyring::generate();
        let sealed = keyring.seal(PLACE, b"hunter2");
        assert_eq!(**keyring.open(PLACE, &sealed).unwrap(), *b"hunter2");
        for place in [
            SealedLocation { row: "8", ..PLACE },
            SealedLocation { column: "user", ..PLACE },
            SealedLocation { table: "node", ..PLACE },
        ] {
            assert_eq!(keyring.open(place, &sealed), Err(OpenError::Damaged));
        }
        let stranger = Keyring::generate();
        assert_eq!(stranger.open(PLACE, &sealed), Err(OpenError::NoKey(keyring.current().clone())));
        assert!(!sealed.to_string().contains("hunter2"));
        assert_ne!(keyring.seal(PLACE, b"hunter2"), sealed, "every value has its own nonce");
    }

    #[test]
    fn a_rotation_loses_nothing_on_the_way() {
        let before = Keyring::generate();
        let old = before.seal(PLACE, b"a");
        let during = before.with_new_key();
        assert_eq!(**during.open(PLACE, &old).unwrap(), *b"a");
        let new = during.seal(PLACE, b"a");
        assert_eq!(new.key(), during.current());
        let after = during.without_older_keys();
        assert_eq!(**after.open(PLACE, &new).unwrap(), *b"a");
        assert_eq!(after.open(PLACE, &old), Err(OpenError::NoKey(before.current().clone())));
        assert_eq!(Keyring::parse(during.to_text().expose_secret()).unwrap(), during);
        assert_eq!(during.older().collect::<Vec<_>>(), [before.current()]);
    }

    #[test]
    fn a_file_may_have_comments() {
        let keyring = Keyring::generate();
        let text = format!("# the key of m.example.com\n\n{}", keyring.to_text().expose_secret());
        assert_eq!(Keyring::parse(&text).unwrap(), keyring);
        assert_eq!(Keyring::parse("# nothing\n").unwrap_err(), KeyError::Label);
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(value in proptest::collection::vec(any::<u8>(), 0..64), at in any::<usize>(), bit in 0..8u8) {
            let keyring = Keyring::generate();
            let sealed = keyring.seal(PLACE, &value);
            prop_assert_eq!(&**keyring.open(PLACE, &sealed).unwrap(), &value[..]);
            let (nonce, ciphertext) = sealed.parts().unwrap();
            let mut bytes = [&nonce[..], ciphertext].concat();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let (nonce, ciphertext) = bytes.split_first_chunk().unwrap();
            let changed = SealedValue::new(sealed.key().clone(), nonce, ciphertext);
            prop_assert_eq!(keyring.open(PLACE, &changed), Err(OpenError::Damaged));
        }
    }
}
