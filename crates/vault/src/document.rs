//! What is sealed of a credential: all of it. A row whose registry or namespace was changed in the database does not open,
//! so nobody who can write there is sent a password.

use entrepot_catalog::{CredentialRecord, SealedTable};
use entrepot_oci::Host;
use entrepot_remote::Credential;
use entrepot_secrets::{HeldKeys, OpenError as SealError, SealedLocation, SealedValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a credential is and what it is for.
pub(crate) struct CredentialIdentity<'a> {
    pub(crate) id: &'a str,
    pub(crate) host: &'a Host,
    pub(crate) credential: &'a Credential,
}

#[derive(Serialize)]
struct SealedDocument<'a> {
    host: &'a str,
    namespace: Option<&'a str>,
    endpoint: Option<&'a str>,
    username: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
struct OpenedDocument {
    host: String,
    namespace: Option<String>,
    endpoint: Option<String>,
    username: String,
    password: SecretString,
}

impl CredentialIdentity<'_> {
    /// Seals it, as text for the database.
    pub(crate) fn seal(&self, keys: &HeldKeys<'_>) -> String {
        let Credential { username, password, namespace, endpoint } = self.credential;
        let written = SealedDocument {
            host: self.host.as_str(),
            namespace: namespace.as_ref().map(entrepot_oci::Repository::as_str),
            endpoint: endpoint.as_ref().map(url::Url::as_str),
            username,
            password: password.expose_secret(),
        };
        // Texts always serialize.
        let document = Zeroizing::new(serde_json::to_vec(&written).unwrap_or_default());
        keys.seal(place(self.id), &document).to_string()
    }
}

/// Opens a stored credential.
pub(crate) fn open(record: &CredentialRecord, keys: &HeldKeys<'_>) -> Result<(Host, Credential), SealError> {
    let sealed: SealedValue = record.sealed.parse().map_err(|_| SealError::Damaged)?;
    let document = keys.open(place(&record.id), &sealed)?;
    read(record, &document).ok_or(SealError::Damaged)
}

fn read(record: &CredentialRecord, document: &[u8]) -> Option<(Host, Credential)> {
    let OpenedDocument { host, namespace, endpoint, username, password } =
        serde_json::from_slice(document).ok()?;
    let is_same = host == record.host
        && namespace == record.namespace
        && endpoint == record.endpoint
        && username == record.username;
    let credential = Credential {
        username,
        password,
        namespace: namespace.map(|text| text.parse()).transpose().ok()?,
        endpoint: endpoint.map(|text| text.parse()).transpose().ok()?,
    };
    is_same.then_some((host.parse().ok()?, credential))
}

fn place(id: &str) -> SealedLocation<'_> {
    SealedLocation { table: SealedTable::Credential.name(), column: "sealed", row: id }
}
