//! What a node is reached with, as it is stored: sealed, and bound to the node's row.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entrepot_catalog::{SealedTable, SecretRecord};
use entrepot_engine::{PemError, Tls};
use entrepot_secrets::{HeldKeys, OpenError, SealedLocation, SealedValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Certificates and key as somebody gives them to us, all as PEM.
#[derive(Clone, Debug, Deserialize)]
pub struct NodeTls {
    /// The authority that signed the engine's certificate.
    pub ca: String,
    /// Our certificate.
    pub certificate: String,
    /// The key of our certificate.
    pub key: SecretString,
}

#[derive(Serialize)]
struct SecretDocument<'a> {
    ca: &'a str,
    certificate: &'a str,
    key: &'a str,
}

impl NodeTls {
    /// Reads the certificates.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub(crate) fn read(&self) -> Result<Tls, PemError> {
        Tls::from_pem(&self.ca, &self.certificate, &self.key)
    }

    /// Seals them for a node's row. The keys are held until the value is stored.
    pub(crate) fn seal(&self, node: i64, tls: &Tls, keys: &HeldKeys<'_>) -> SecretRecord {
        let Self { ca, certificate, key } = self;
        let written = SecretDocument { ca, certificate, key: key.expose_secret() };
        // Texts always serialize.
        let document = Zeroizing::new(serde_json::to_vec(&written).unwrap_or_default());
        let row = node.to_string();
        SecretRecord { sealed: keys.seal(place(&row), &document).to_string(), ends: Some(end(tls)) }
    }
}

/// When the first of the certificates ends.
pub(crate) fn end(tls: &Tls) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(tls.ends_ms()).unwrap_or_default())
}

/// Opens what a node is reached with, and what was read while the keys were held.
///
/// # Errors
/// The key that sealed it is not here, or it was damaged.
pub(crate) fn open(node: i64, record: &SecretRecord, keys: &HeldKeys<'_>) -> Result<Tls, OpenError> {
    let sealed: SealedValue = record.sealed.parse().map_err(|_| OpenError::Damaged)?;
    let row = node.to_string();
    let document = keys.open(place(&row), &sealed)?;
    let read: NodeTls = serde_json::from_slice(&document).map_err(|_| OpenError::Damaged)?;
    read.read().map_err(|_| OpenError::Damaged)
}

fn place(row: &str) -> SealedLocation<'_> {
    SealedLocation { table: SealedTable::NodeSecret.name(), column: "sealed", row }
}
