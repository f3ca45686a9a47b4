//! The sections of the file, as serde reads them. `check` validates them.
//!
//! A section that belongs to a crate has that crate's type; a registry's is spread over two crates, so its keys are
//! gathered here.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use bytesize::ByteSize;
use entrepot_access::AccessSection;
use entrepot_blobs::S3Settings;
use entrepot_keep::KeepSection;
use entrepot_library::LibrarySettings as Library;
use entrepot_migrate::MigrationSection;
use entrepot_mirror::{MirrorSettings as Mirror, TagRule};
use entrepot_policy::{LimitsSection, ModesSection, RulesSection};
use entrepot_remote::{Credential, LinkSettings, Rate};
use entrepot_requests::RequestsSection;
use entrepot_sync::{Format, rules::RuleSection};
use entrepot_telemetry::TracingSection;
use entrepot_webhooks::WebhookSection;
use secrecy::SecretString;
use serde::Deserialize;

use super::types::{Level, LogFormat};

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
    pub(super) names: Vec<String>,
    pub(super) public_url: Option<String>,
    pub(super) notice: Option<String>,
    pub(super) registries: BTreeMap<String, Registry>,
    pub(super) rules: RulesSection,
    pub(super) limits: LimitsSection,
    pub(super) requests: Option<RequestsSection>,
    pub(super) keep: Vec<KeepSection>,
    pub(super) modes: ModesSection,
    pub(super) sync: Vec<RuleSection>,
    pub(super) sync_files: Vec<String>,
    pub(super) migrate: Option<MigrationSection>,
    pub(super) api_token: Option<SecretString>,
    pub(super) access: Option<AccessSection>,
    pub(super) library: Library,
    pub(super) webhooks: Vec<WebhookSection>,
    pub(super) secrets: Secrets,
    pub(super) tls: Tls,
    pub(super) tracing: TracingSection,
    pub(super) log: Log,
}

/// The top-level keys, which environment variables may name.
pub(super) const KEYS: [&str; 26] = [
    "listen",
    "data",
    "blobs",
    "database",
    "mirror",
    "hosted",
    "names",
    "public_url",
    "notice",
    "registries",
    "rules",
    "limits",
    "requests",
    "keep",
    "modes",
    "sync",
    "sync_files",
    "migrate",
    "api_token",
    "access",
    "library",
    "webhooks",
    "secrets",
    "tls",
    "tracing",
    "log",
];

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
    pub(super) links: Vec<LinkSettings>,
    pub(super) ca: Option<PathBuf>,
    pub(super) insecure: bool,
    pub(super) private_network: bool,
    pub(super) mirror: Option<bool>,
    #[serde(with = "humantime_serde")]
    pub(super) freshness: Option<Duration>,
    pub(super) tags: Vec<TagRule>,
    pub(super) rate: Option<Rate>,
    pub(super) concurrency: Option<usize>,
    pub(super) format: Option<FormatWord>,
    pub(super) reserve: Option<u32>,
    pub(super) chunk: Option<ByteSize>,
}

/// The words for a [`Format`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormatWord {
    Keep,
    Docker,
}

impl From<FormatWord> for Format {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::Keep => Self::Keep,
            FormatWord::Docker => Self::Docker,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Secrets {
    pub(super) key_file: Option<PathBuf>,
    pub(super) key: Option<SecretString>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) acme: Option<Acme>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Acme {
    pub(super) directory: Option<String>,
    pub(super) directory_ca: Option<PathBuf>,
    pub(super) email: Option<String>,
    pub(super) eab: Option<Eab>,
    pub(super) http: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Eab {
    pub(super) kid: String,
    pub(super) hmac: SecretString,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) format: LogFormat,
    pub(super) level: Level,
}
