//! The public keys of an issuer (RFC 7517). Pure.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// How many keys are kept of one issuer.
const MAX_KEYS: usize = 100;
/// What an RSA key may sign with.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Public keys that verify signatures. Symmetric keys, and those for encryption, are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublicKeys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl PublicKeys {
    /// Reads a JWK set. Keys of unknown kinds are left out.
    ///
    /// # Errors
    /// It is not one, or none of its keys can be used; the text says why.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, String> {
        let document: KeySet =
            serde_json::from_slice(document).map_err(|error| format!("it is not a set of keys ({error})"))?;
        let keys: Vec<_> = document.keys.into_iter().filter_map(read).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err("it has no public key for RS256, PS256, ES256 or EdDSA signatures".to_owned());
        }
        Ok(Self(keys))
    }

    /// The keys that a token with this header may be signed with.
    pub(crate) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &DecodingKey> {
        let is_meant = move |key: &&Key| id.is_none() || key.id.as_deref() == id;
        let keys = self.0.iter().filter(is_meant);
        keys.filter(move |key| key.algorithms.contains(&algorithm)).map(|key| &key.key)
    }
}

fn read(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let possible: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &RSA,
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        // A symmetric key in a public document would be no secret.
        _ => return None,
    };
    let algorithms = match jwk.common.key_algorithm {
        Some(one) => {
            let one = Algorithm::try_from(one).ok()?;
            possible.contains(&one).then(|| vec![one])?
        }
        None => possible.to_vec(),
    };
    Some(Key { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(&jwk).ok()? })
}
