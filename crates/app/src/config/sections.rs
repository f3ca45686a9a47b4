//! The sections of the file, as serde reads them. What they mean is said in `check`.
//!
//! Sections that belong to a crate are that crate's types; a registry's is spread over two of them, so its keys are
//! gathered here.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use entrepot_blobs::S3Settings;
use entrepot_mirror::{Settings as Mirror, TagRule};
use entrepot_remote::Credential;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Level, LogFormat};

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Option<String>,
    pub(super) data: Option<PathBuf>,
    pub(super) blobs: Blobs,
    pub(super) database: Option<SecretString>,
    pub(super) mirror: Mirror,
    pub(super) hosted: Option<Vec<String>>,
    pub(super) registries: BTreeMap<String, Registry>,
    pub(super) tls: Tls,
    pub(super) log: Log,
}

/// The outermost keys, which environment variables may name.
pub(super) const KEYS: [&str; 9] =
    ["listen", "data", "blobs", "database", "mirror", "hosted", "registries", "tls", "log"];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Blobs {
    pub(super) s3: Option<S3Settings>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Registry {
    pub(super) endpoints: Vec<String>,
    pub(super) alias: Option<String>,
    pub(super) credentials: Vec<Credential>,
    pub(super) ca: Option<PathBuf>,
    pub(super) insecure: bool,
    pub(super) private_network: bool,
    pub(super) mirror: Option<bool>,
    #[serde(with = "humantime_serde")]
    pub(super) freshness: Option<Duration>,
    pub(super) tags: Vec<TagRule>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) format: LogFormat,
    pub(super) level: Level,
}
