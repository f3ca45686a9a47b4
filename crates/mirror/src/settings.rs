//! The `mirror` section of the configuration, and the freshness rules of an upstream's section.

use std::time::Duration;

use bytesize::ByteSize;
use entrepot_eviction::{CacheLimits, LimitsError};
use entrepot_oci::Host;
use entrepot_remote::Remote;
use serde::Deserialize;

use crate::rule_error::RuleError;

/// The `mirror` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MirrorSettings {
    /// The domain whose subdomains stand for upstreams, by their alias: `docker.m.example.com`.
    pub domain: Option<String>,
    /// Names of the server itself, which stand for no upstream although they may be below [`MirrorSettings::domain`].
    #[serde(skip)]
    pub own_names: Vec<String>,
    /// Addresses of the server itself, as they stand in front of images: `m.example.com`, `127.0.0.1:5000`.
    #[serde(skip)]
    pub own_addresses: Vec<String>,
    /// The upstream of names that do not say their registry.
    pub default_upstream: Host,
    /// The time for which a tag is served without asking its upstream again.
    #[serde(with = "humantime_serde")]
    pub freshness: Duration,
    /// The time for which a tag is served if its upstream cannot be asked.
    #[serde(with = "humantime_serde")]
    pub stale_for: Duration,
    /// The most connections that fetch one large blob, where a single one is slow.
    pub segments: usize,
    /// The most bytes that a blob may have, where no manifest says how many it has.
    pub max_blob_size: ByteSize,
    /// The most bytes that are held; `None` means as many as there is room for.
    pub max_size: Option<ByteSize>,
    /// The bytes of the disk that are kept free, whoever takes them.
    pub min_free: Option<ByteSize>,
    /// How long an image is kept that nobody pulls; `None` means for ever.
    #[serde(with = "humantime_serde")]
    pub keep_for: Option<Duration>,
    /// How often all that is held is hashed again; `None` means never.
    #[serde(with = "humantime_serde")]
    pub scrub: Option<Duration>,
    /// How many bytes a second that reads.
    pub scrub_rate: ByteSize,
    /// Whether anybody may list the names that were pushed here (`GET /v2/_catalog`).
    pub catalog: bool,
}

impl Default for MirrorSettings {
    fn default() -> Self {
        Self {
            domain: None,
            own_names: Vec::new(),
            own_addresses: Vec::new(),
            default_upstream: Host::docker_hub(),
            freshness: Duration::from_secs(60 * 60),
            stale_for: Duration::from_secs(7 * 24 * 60 * 60),
            segments: 8,
            max_blob_size: ByteSize::gib(100),
            max_size: None,
            min_free: None,
            keep_for: None,
            scrub: None,
            scrub_rate: ByteSize::mib(100),
            catalog: false,
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A freshness rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A limit of what is held.
    #[error(transparent)]
    Limits(#[from] LimitsError),
}

impl MirrorSettings {
    /// The limits of what is held.
    ///
    /// # Errors
    /// One that cannot be meant.
    pub fn limits(&self) -> Result<CacheLimits, LimitsError> {
        let bytes = |size: Option<ByteSize>| size.map(|size| size.as_u64());
        CacheLimits::new(bytes(self.max_size), bytes(self.min_free), self.keep_for)
    }
}

/// A registry to be mirrored.
#[derive(Clone)]
pub struct UpstreamParts {
    /// The client that speaks to it. Its host is the upstream's name.
    pub remote: Remote,
    /// Its label below [`MirrorSettings::domain`].
    pub alias: Option<String>,
    /// Freshness rules that differ from [`MirrorSettings::freshness`].
    pub freshness: Freshness,
}

/// The freshness rules of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// For all tags; `None` means [`MirrorSettings::freshness`].
    pub default: Option<Duration>,
    /// For some tags; the first rule that matches decides.
    pub rules: Vec<TagRule>,
}

/// The freshness of the tags that match two globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagRule {
    /// Glob on the repository; `None` means any. `*` stops at a slash, `**` does not.
    pub repository: Option<String>,
    /// Glob on the tag; `None` means any.
    pub tag: Option<String>,
    /// The time for which such a tag is fresh; `None` means the default.
    #[serde(with = "humantime_serde")]
    pub freshness: Option<Duration>,
    /// The tag never moves: once held, its upstream is not asked again.
    pub immutable: bool,
}
