//! The validated configuration, as returned by [`super::load()`].

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use entrepot_access::{FederationSettings, NetworkSettings, Rules as AccessRules, SessionLimits};
use entrepot_blobs::S3Settings;
use entrepot_keep::KeepList;
use entrepot_migrate::Migration;
use entrepot_mirror::{Freshness, MirrorSettings};
use entrepot_oci::Host;
use entrepot_policy::{Contact, ModeSettings, PullLimits, RuleList};
use entrepot_remote::RemoteSettings;
use entrepot_requests::RequestSettings as RequestsSettings;
use entrepot_secrets::Keyring;
use entrepot_server::{PublicUrl, TlsFiles};
use entrepot_sync::{Format, rules::RuleSet};
use entrepot_telemetry::TraceSettings;
use entrepot_webhooks::Webhook;
use secrecy::SecretString;
use serde::Deserialize;

use super::{listen::Listen, shown::OutputValue};

/// The complete configuration. A value of this type is valid.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The listen address.
    pub(crate) listen: Listen,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// The object store; `None` means blobs are in the data directory.
    pub(crate) s3: Option<S3Settings>,
    /// The PostgreSQL database; `None` means a SQLite file in the data directory.
    pub(crate) database: Option<SecretString>,
    /// The `library` section.
    pub(crate) library: entrepot_library::LibrarySettings,
    /// The `mirror` section.
    pub(crate) mirror: MirrorSettings,
    /// The prefixes that accept pushes.
    pub(crate) hosted: Vec<String>,
    /// Additional host names accepted by a loopback listener.
    pub(crate) names: Vec<String>,
    /// The address that everybody is told.
    pub(crate) public_url: Option<PublicUrl>,
    /// What everybody is told.
    pub(crate) notice: Option<String>,
    /// All known registries.
    pub(crate) registries: BTreeMap<Host, Registry>,
    /// Where the certificate comes from; `None` means plain HTTP.
    pub(crate) tls: Option<Tls>,
    /// The sync rules.
    pub(crate) rules: Rules,
    /// The rules about pulls.
    pub(crate) pull_rules: PullRules,
    /// How much clients may have.
    pub(crate) limits: Setting<PullLimits>,
    /// The images that people may ask for; `None` for none.
    pub(crate) requests: Option<Setting<RequestsSettings>>,
    /// The images that are always here.
    pub(crate) keep: Keep,
    /// When less is on offer.
    pub(crate) modes: Setting<ModeSettings>,
    /// The migration from one registry to another.
    pub(crate) migration: Option<Setting<Migration>>,
    /// The token that lets API clients start and stop runs.
    pub(crate) api_token: Option<SecretString>,
    /// Who may do what.
    pub(crate) access: AccessRules,
    /// How long entries of the audit log are kept.
    pub(crate) audit_kept_for: Duration,
    /// Who else says who somebody is.
    pub(crate) federation: Setting<FederationSettings>,
    /// How long sessions last.
    pub(crate) sessions: SessionLimits,
    /// The proxies in front, and who reads the metrics.
    pub(crate) networks: NetworkSettings,
    /// True if it is written which proxies are in front.
    pub(crate) has_proxies: bool,
    /// What other servers are told of.
    pub(crate) webhooks: Setting<Vec<Webhook>>,
    /// The key that secrets are sealed with.
    pub(crate) key: KeySource,
    /// Where traces are sent to, if anywhere.
    pub(crate) tracing: Option<Setting<TraceSettings>>,
    /// Log settings.
    pub(crate) log: Log,
}

impl Config {
    /// The host names by which clients know this server, as far as they are configured.
    pub(crate) fn own_names(&self) -> Vec<String> {
        let public = self.public_url.as_ref().map(|url| url.host().to_owned());
        self.names.iter().cloned().chain(public).collect()
    }

    /// The host names that clients use: its own, the mirror domain, and one below it for each registry with an alias.
    pub(crate) fn host_names(&self) -> Vec<String> {
        let mut names = self.own_names();
        if let Some(domain) = &self.mirror.domain {
            let labels = self.registries.values().filter_map(|registry| registry.alias.as_deref());
            names.push(domain.clone());
            names.extend(labels.map(|label| format!("{label}.{domain}")));
        }
        names
    }

    /// The host names that a certificate is asked for, if it comes by ACME.
    pub(crate) fn certified_names(&self) -> Vec<entrepot_acme::Name> {
        let Some(Tls::Acme(settings)) = &self.tls else { return Vec::new() };
        // The first one is what the certificate cannot do without.
        let own = self.public_url.as_ref().map(PublicUrl::host);
        let names = self.host_names();
        entrepot_acme::certifiable(
            own.into_iter().chain(names.iter().map(String::as_str)),
            settings.is_public(),
        )
    }

    /// The addresses that clients of this server have in front of images, as far as they are configured: its names, with the
    /// port and without, and where it listens.
    pub(crate) fn own_addresses(&self) -> Vec<String> {
        let listen = self.listen.to_string();
        let (host, port) = listen.rsplit_once(':').unwrap_or((&listen, "443"));
        let with_port = |name: &str| format!("{name}:{port}");
        let here: &[&str] = match host {
            "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]" => &["127.0.0.1", "localhost", "[::1]"],
            _ => &[],
        };
        let public = self.public_url.as_ref().map(PublicUrl::text);
        let public = public.and_then(|url| url.split_once("://").map(|(_, address)| address.to_owned()));
        let names = self.own_names().into_iter().chain(self.mirror.domain.clone());
        let names = names.flat_map(|name| [with_port(&name), name]);
        let here = here.iter().map(|name| with_port(name)).chain([listen.clone()]);
        here.chain(names).chain(public).collect()
    }
}

/// Where the key is that secrets are sealed with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum KeySource {
    /// In a file in the data directory.
    #[default]
    Usual,
    /// In this file.
    File(PathBuf),
    /// In the configuration, which has it from elsewhere.
    Given(Keyring),
}

/// The sync rules: those of this file, then those of the files it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The rules.
    pub(crate) set: RuleSet,
    /// The rule files, and the directories that may have more of them.
    pub(crate) watched: Vec<PathBuf>,
    /// The rules as written.
    pub(super) output: Vec<OutputValue>,
}

/// The rules about pulls: those of this file, then those of the files it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct PullRules {
    /// The lists.
    pub(crate) lists: Vec<RuleList>,
    /// Where to ask for what is refused.
    pub(crate) contact: Option<Contact>,
    /// For how long it is recorded who pulls what, if it is.
    pub(crate) pulled_by: Option<Duration>,
    /// The files, and the directories that may have more of them.
    pub(super) watched: Vec<PathBuf>,
    /// The section as written.
    pub(super) output: Option<OutputValue>,
}

/// The keep lists, with the files that they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keep {
    /// The lists.
    pub(crate) lists: Vec<KeepList>,
    /// The files, and the directories that may have more of them.
    pub(super) watched: Vec<PathBuf>,
    /// The section as written.
    pub(super) output: Option<OutputValue>,
}

impl PullRules {
    /// Makes what decides.
    pub(crate) fn build(&self) -> entrepot_policy::PullRules {
        entrepot_policy::PullRules::new(self.lists.clone(), self.contact.clone())
    }
}

/// A value whose meaning another crate defines, with its written form.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    /// The value.
    pub(crate) meant: T,
    /// The written form.
    pub(super) output: OutputValue,
}

/// A registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    /// Client settings.
    pub(crate) remote: RemoteSettings,
    /// Its label below `mirror.domain`.
    pub(crate) alias: Option<String>,
    /// True if it is an upstream of the mirror.
    pub(crate) mirror: bool,
    /// The freshness of its tags.
    pub(crate) freshness: Freshness,
    /// Copy settings, if given.
    pub(crate) habits: CopyDefaults,
}

/// Settings for copies to and from a registry. `None` means the registry's usual value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CopyDefaults {
    /// The manifest format it accepts.
    pub(crate) format: Option<Format>,
    /// The manifest requests of its budget to leave for others.
    pub(crate) reserve: Option<u32>,
    /// The largest upload in one request, in bytes.
    pub(crate) chunk: Option<u64>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub(crate) enum Tls {
    /// Somebody puts it there.
    Files(TlsFiles),
    /// An ACME server.
    Acme(entrepot_acme::AcmeSettings),
}

/// Log settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The line format.
    pub(crate) format: LogFormat,
    /// The log level.
    pub(crate) level: Level,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// JSON for machines.
    Json,
}

/// The log level: this and everything more severe is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Failures.
    Error,
    /// Problems that were recovered from.
    Warn,
    /// Every request.
    #[default]
    Info,
    /// The steps of a request.
    Debug,
    /// Everything.
    Trace,
}

/// Something that works but should be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The fact.
    pub(crate) what: String,
    /// The hint.
    pub(crate) hint: String,
}

/// Command line options that override file and environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// `--listen`.
    pub(crate) listen: Option<Listen>,
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
}

/// A configuration and its origin.
#[derive(Debug)]
pub(crate) struct LoadedConfig {
    /// The configuration.
    pub(crate) config: Config,
    /// The file it was read from, if any.
    pub(crate) file: Option<PathBuf>,
    /// Warnings for the user.
    pub(crate) warnings: Vec<Warning>,
}
