//! The keys that sign registry tokens, sealed in the catalog.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{Catalog, SigningKeyRecord};
use entrepot_secrets::{HeldKeys, SealedLocation, SealedValue, SharedKeyring};

use crate::{
    error::OpenError,
    registry_token::{LEEWAY, LIFETIME, SigningKey, UPLOAD_GRACE, VerifyingKeys},
};

/// How long a key signs.
pub(crate) const SIGNS_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a key verifies after it was replaced: as long as its last token lives and finishes uploads, also for a clock that
/// is behind.
const VERIFIES_FOR: Duration =
    Duration::from_secs(LIFETIME.as_secs() + UPLOAD_GRACE.as_secs() + 2 * LEEWAY.as_secs());

/// The key that signs, and the keys that verify.
pub(crate) struct SigningKeys {
    pub(crate) signing: SigningKey,
    pub(crate) verifying: VerifyingKeys,
}

impl SigningKeys {
    /// Opens the keys of a catalog, after making the first one. That they open shows that the key file is the right one.
    pub(crate) async fn open(catalog: &Catalog, keyring: &SharedKeyring) -> Result<Self, OpenError> {
        if catalog.signing_keys().await?.is_empty() {
            add(catalog, keyring, SystemTime::now()).await?;
        }
        // What was read must still open: a rotation that ends in between has dropped the key of it.
        let keyring = keyring.hold().await;
        let known = catalog.signing_keys().await?;
        let mut opened = Vec::with_capacity(known.len());
        for record in known {
            opened.push(read(record, &keyring)?);
        }
        let mut verifying = VerifyingKeys::default();
        opened.iter().for_each(|key| verifying.add(key));
        // The newest comes first, and there is one.
        let signing = opened.into_iter().next().ok_or(OpenError::Damaged)?;
        Ok(Self { signing, verifying })
    }
}

/// The ids of the keys that verify nothing any more. `known` has the newest first, which never ends.
pub(crate) fn ended(known: &[SigningKeyRecord], now: SystemTime) -> Vec<String> {
    let replaced = known.windows(2).filter(|pair| pair[0].created + VERIFIES_FOR <= now);
    replaced.map(|pair| pair[1].id.clone()).collect()
}

/// Makes a key and stores it.
pub(crate) async fn add(
    catalog: &Catalog,
    keyring: &SharedKeyring,
    created: SystemTime,
) -> Result<(), OpenError> {
    let new = SigningKey::generate()?;
    // Held until the key is stored.
    let keyring = keyring.hold().await;
    let sealed = keyring.seal(place(new.id()), new.document()).to_string();
    catalog.add_signing_key(&SigningKeyRecord { id: new.id().to_owned(), sealed, created }).await?;
    Ok(())
}

fn read(record: SigningKeyRecord, keys: &HeldKeys<'_>) -> Result<SigningKey, OpenError> {
    let sealed: SealedValue = record.sealed.parse().map_err(|_| OpenError::Damaged)?;
    let document = keys.open(place(&record.id), &sealed).map_err(OpenError::WrongKey)?;
    Ok(SigningKey::read(record.id, &document)?)
}

fn place(id: &str) -> SealedLocation<'_> {
    SealedLocation { table: "signing_key", column: "sealed", row: id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_when_the_last_token_that_it_signed_has() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let key = |id: &str, seconds| SigningKeyRecord {
            id: id.to_owned(),
            sealed: String::new(),
            created: at(seconds),
        };
        let known = [key("c", 2_000), key("b", 1_000), key("a", 0)];
        assert_eq!(ended(&known, at(5_019)), Vec::<String>::new());
        assert_eq!(ended(&known, at(5_020)), ["a"]);
        assert_eq!(ended(&known, at(6_020)), ["b", "a"]);
        assert_eq!(ended(&known[..1], at(u64::from(u32::MAX))), Vec::<String>::new());
    }
}
