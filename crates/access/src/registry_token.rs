//! Registry tokens: what `/token` issues and `Authorization: Bearer` carries below `/v2/`.
//!
//! JSON Web Tokens signed with Ed25519 by a key of our own. The form is exactly ours: another algorithm, an embedded key,
//! an unknown critical extension or any other header field is refused before anything is verified.
//! Claims: <https://distribution.github.io/distribution/spec/auth/jwt/>.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::registry_scope::{AccessEntry, RegistryScopes};

/// How long a registry token lives.
pub const LIFETIME: Duration = Duration::from_secs(300);
/// How far clocks of replicas may be apart.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);
/// How long after its end a registry token still finishes an upload that it began: a layer may take longer than a token.
pub(crate) const UPLOAD_GRACE: Duration = Duration::from_secs(60 * 60);
/// The longest token that is looked at, in bytes.
const MAX_LENGTH: usize = 16 << 10;
/// Length of the part before the claims is bounded by what we write.
const ALGORITHM: &str = "EdDSA";

/// A key that signs registry tokens.
pub struct SigningKey {
    id: String,
    pair: Ed25519KeyPair,
    document: Zeroizing<Vec<u8>>,
}

/// The public keys that verify registry tokens, by key id.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(BTreeMap<String, Vec<u8>>);

/// What a registry token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The registry that issued it and that it is for.
    pub service: String,
    /// Who it was issued to, as text that the issuer understands; empty for anonymous.
    pub subject: String,
    /// What it allows.
    pub scopes: RegistryScopes,
    /// When it ends.
    pub expires: SystemTime,
    /// Its own id.
    pub id: String,
}

/// Why a registry token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryTokenError {
    /// It is not one of ours: another form, another algorithm, or a key that we do not know.
    #[error("the token was not issued here")]
    Foreign,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet, or its times make no sense.
    #[error("the token is not valid at this time")]
    Times,
}

/// The key's document cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key is damaged")]
pub struct KeyDamaged;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

#[derive(Deserialize, Serialize)]
struct Payload {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    access: Vec<AccessEntry>,
}

impl SigningKey {
    /// A new random key with a random id.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate() -> Result<Self, KeyDamaged> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyDamaged)?;
        let document = pair.to_pkcs8().map_err(|_| KeyDamaged)?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        Ok(Self { id, document: Zeroizing::new(document.as_ref().to_vec()), pair })
    }

    /// Reads a key from its PKCS #8 document.
    ///
    /// # Errors
    /// It is not one.
    pub fn read(id: String, document: &[u8]) -> Result<Self, KeyDamaged> {
        let pair = Ed25519KeyPair::from_pkcs8(document).map_err(|_| KeyDamaged)?;
        Ok(Self { id, pair, document: Zeroizing::new(document.to_vec()) })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its PKCS #8 document, which is secret.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// Its public half.
    pub fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// Signs claims; they end [`LIFETIME`] after `now`, whatever they say.
    pub fn sign(&self, claims: &Claims, now: SystemTime) -> String {
        let issued = seconds(now);
        let header = Header { typ: "JWT".to_owned(), alg: ALGORITHM.to_owned(), kid: self.id.clone() };
        let payload = Payload {
            iss: claims.service.clone(),
            sub: claims.subject.clone(),
            aud: claims.service.clone(),
            exp: issued + LIFETIME.as_secs(),
            nbf: issued,
            iat: issued,
            jti: claims.id.clone(),
            access: claims.scopes.entries(),
        };
        let body = format!("{}.{}", encoded(&header), encoded(&payload));
        let signature = self.pair.sign(body.as_bytes());
        format!("{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

impl VerifyingKeys {
    /// Adds a key.
    pub fn add(&mut self, key: &SigningKey) {
        self.0.insert(key.id.clone(), key.public());
    }

    /// Verifies a token, down to its times.
    ///
    /// # Errors
    /// It is refused.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Claims, RegistryTokenError> {
        self.verify_within(token, now, LEEWAY)
    }

    /// Like [`VerifyingKeys::verify`], for requests about an upload: a token that ended within the last hour will do.
    ///
    /// # Errors
    /// It is refused.
    pub fn verify_for_upload(&self, token: &str, now: SystemTime) -> Result<Claims, RegistryTokenError> {
        self.verify_within(token, now, UPLOAD_GRACE)
    }

    // `grace` is how long a token is accepted after its end.
    fn verify_within(
        &self,
        token: &str,
        now: SystemTime,
        grace: Duration,
    ) -> Result<Claims, RegistryTokenError> {
        if token.len() > MAX_LENGTH {
            return Err(RegistryTokenError::Foreign);
        }
        let (body, signature) = token.rsplit_once('.').ok_or(RegistryTokenError::Foreign)?;
        let (header, payload) = body.split_once('.').ok_or(RegistryTokenError::Foreign)?;
        let header: Header = decoded(header)?;
        if header.alg != ALGORITHM || header.typ != "JWT" {
            return Err(RegistryTokenError::Foreign);
        }
        let key = self.0.get(&header.kid).ok_or(RegistryTokenError::Foreign)?;
        let signature =
            BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| RegistryTokenError::Signature)?;
        let verified = UnparsedPublicKey::new(&ED25519, key).verify(body.as_bytes(), &signature);
        verified.map_err(|_| RegistryTokenError::Signature)?;
        let payload: Payload = decoded(payload)?;
        check_times(&payload, seconds(now), grace)?;
        if payload.iss != payload.aud {
            return Err(RegistryTokenError::Foreign);
        }
        Ok(Claims {
            service: payload.aud,
            subject: payload.sub,
            scopes: RegistryScopes::from_entries(&payload.access),
            expires: UNIX_EPOCH + Duration::from_secs(payload.exp),
            id: payload.jti,
        })
    }
}

fn check_times(payload: &Payload, now: u64, grace: Duration) -> Result<(), RegistryTokenError> {
    let leeway = LEEWAY.as_secs();
    let lifetime = payload.exp.checked_sub(payload.iat).ok_or(RegistryTokenError::Times)?;
    if lifetime > LIFETIME.as_secs() || payload.nbf < payload.iat {
        return Err(RegistryTokenError::Times);
    }
    if payload.nbf > now.saturating_add(leeway) {
        return Err(RegistryTokenError::Times);
    }
    if payload.exp.saturating_add(grace.as_secs()) <= now { Err(RegistryTokenError::Expired) } else { Ok(()) }
}

fn encoded(part: &impl Serialize) -> String {
    // Strings, numbers and lists always serialize.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, RegistryTokenError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| RegistryTokenError::Foreign)?;
    serde_json::from_slice(&bytes).map_err(|_| RegistryTokenError::Foreign)
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
#[path = "registry_token_tests.rs"]
mod tests;
