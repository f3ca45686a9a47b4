//! Writes a configuration out again, with all defaults and without secrets.

use std::time::Duration;

use bytesize::ByteSize;
use entrepot_access::{Networks, Rules as AccessRules, Verb, Verbs, WrongCredentials};
use entrepot_blobs::S3Settings;
use entrepot_library::{InstanceSettings, LibrarySettings, QuotaSettings};
use entrepot_mirror::{Freshness, MirrorSettings, TagRule};
use entrepot_oci::RepositoryPattern;
use entrepot_remote::LinkSettings;
use entrepot_sync::Format;
use entrepot_webhooks::Webhook;

use super::{
    keys::{MappingBuilder, SECRET, path},
    reader::tree::ConfigNode,
    shown::OutputValue,
    tls,
    types::{Config, KeySource, Level, LogFormat, Registry},
};

impl Config {
    /// The effective configuration, with secrets as `***`. Keys without a value and without a default are left out.
    pub(crate) fn show(&self) -> OutputValue {
        let registries =
            self.registries.iter().map(|(host, registry)| (host.to_string(), show_registry(registry)));
        let mut root = MappingBuilder::default();
        root.text("listen", self.listen.as_str());
        root.text("data", path(&self.data));
        root.some("blobs", self.s3.as_ref().map(|s3| OutputValue::Map(vec![("s3".to_owned(), show_s3(s3))])));
        root.some("database", self.database.as_ref().map(|_| OutputValue::Text(SECRET.to_owned())));
        root.put("mirror", show_mirror(&self.mirror));
        root.put("hosted", texts(&self.hosted));
        root.put("names", texts(&self.names));
        root.some("public_url", self.public_url.as_ref().map(|url| OutputValue::Text(url.text())));
        root.some("notice", self.notice.clone().map(OutputValue::Text));
        root.put("registries", OutputValue::Map(registries.collect()));
        root.some("rules", self.pull_rules.output.clone());
        root.unless(self.limits.meant.are_none(), "limits", self.limits.output.clone());
        root.some("keep", self.keep.output.clone());
        root.some("requests", self.requests.as_ref().map(|requests| requests.output.clone()));
        root.unless(self.modes.meant.are_usual(), "modes", self.modes.output.clone());
        root.unless(self.rules.output.is_empty(), "sync", OutputValue::List(self.rules.output.clone()));
        root.some("migrate", self.migration.as_ref().map(|migration| migration.output.clone()));
        root.some("api_token", self.api_token.as_ref().map(|_| OutputValue::Text(SECRET.to_owned())));
        root.put("access", show_access(self));
        root.put("library", show_library(&self.library));
        root.unless(self.webhooks.meant.is_empty(), "webhooks", self.webhooks.output.clone());
        root.some(
            "secrets",
            match &self.key {
                KeySource::Usual => None,
                KeySource::File(file) => Some(one("key_file", path(file))),
                KeySource::Given(_) => Some(one("key", SECRET)),
            },
        );
        root.some("tls", self.tls.as_ref().map(tls::show));
        root.some("tracing", self.tracing.as_ref().map(|tracing| tracing.output.clone()));
        let mut log = MappingBuilder::default();
        log.text("format", self.log.format.as_str());
        log.text("level", self.log.level.as_str());
        root.put("log", log.into());
        root.into()
    }
}

fn one(key: &str, value: impl Into<String>) -> OutputValue {
    OutputValue::Map(vec![(key.to_owned(), OutputValue::Text(value.into()))])
}

/// The keys of `access` about providers, directories and workloads, as they are written, without secrets.
pub(super) fn federation(section: Option<&ConfigNode>) -> OutputValue {
    const KEYS: [&str; 4] = ["oidc", "ldap", "workloads", "groups_max_age"];
    let entries = section.map(ConfigNode::entries).unwrap_or_default().iter();
    let of_it = entries.filter(|entry| KEYS.contains(&entry.key.as_str()));
    OutputValue::Map(
        of_it.map(|entry| (entry.key.clone(), masked(OutputValue::written(&entry.node)))).collect(),
    )
}

/// Where traces go as it is written, without the values of headers.
pub(super) fn tracing(section: Option<&ConfigNode>) -> OutputValue {
    let hidden = |(name, _): (String, OutputValue)| (name, OutputValue::Text(SECRET.to_owned()));
    let shown = |(key, value): (String, OutputValue)| match (key.as_str(), value) {
        ("headers", OutputValue::Map(headers)) => {
            (key, OutputValue::Map(headers.into_iter().map(hidden).collect()))
        }
        (_, value) => (key, value),
    };
    match section.map(OutputValue::written) {
        Some(OutputValue::Map(entries)) => OutputValue::Map(entries.into_iter().map(shown).collect()),
        _ => OutputValue::Map(Vec::new()),
    }
}

/// The webhooks as they are written, without what is secret: the key is part of a robot's URL.
pub(super) fn webhooks(section: Option<&ConfigNode>, meant: &[Webhook]) -> OutputValue {
    let written = section.map(ConfigNode::items).unwrap_or_default().iter().map(OutputValue::written);
    OutputValue::List(written.zip(meant).map(|(shown, webhook)| without_secrets(shown, webhook)).collect())
}

fn without_secrets(shown: OutputValue, webhook: &Webhook) -> OutputValue {
    let OutputValue::Map(entries) = shown else { return shown };
    let entries = entries.into_iter().map(|(key, value)| match key.as_str() {
        "url" => (key, OutputValue::Text(format!("{}/{SECRET}", webhook.origin()))),
        "secret" => (key, OutputValue::Text(SECRET.to_owned())),
        _ => (key, value),
    });
    OutputValue::Map(entries.collect())
}

fn masked(shown: OutputValue) -> OutputValue {
    match shown {
        OutputValue::Map(entries) => OutputValue::Map(
            entries
                .into_iter()
                .map(|(key, value)| match key.as_str() {
                    "client_secret" | "bind_password" => (key, OutputValue::Text(SECRET.to_owned())),
                    _ => (key, masked(value)),
                })
                .collect(),
        ),
        other => other,
    }
}

fn show_access(config: &Config) -> OutputValue {
    let rules: &AccessRules = &config.access;
    let networks = |networks: &Networks| texts(&networks.iter().collect::<Vec<_>>());
    let verbs = |verbs: Verbs| verbs.iter().map(Verb::as_str).collect::<Vec<_>>();
    let mut anonymous = verbs(rules.anonymous);
    anonymous.extend(rules.anonymous_sees.then_some("see"));
    let grants = rules.grants.iter().map(|grant| {
        let mut keys = MappingBuilder::default();
        keys.text("to", grant.to.to_string());
        keys.put("repositories", texts(&patterns(&grant.repositories)));
        keys.put("may", texts(&verbs(grant.may)));
        keys.into()
    });
    let mut keys = MappingBuilder::default();
    keys.put("anonymous", texts(&anonymous));
    keys.put("local", texts(&verbs(rules.local)));
    keys.unless(rules.grants.is_empty(), "grants", OutputValue::List(grants.collect()));
    keys.unless(rules.private.is_empty(), "private", texts(&patterns(&rules.private)));
    let is_usual = rules.wrong_credentials == WrongCredentials::Ignored;
    keys.unless(is_usual, "wrong_credentials", OutputValue::Text("refuse".to_owned()));
    keys.put("audit", one("keep_for", duration(config.audit_kept_for)));
    keys.put("trusted_proxies", networks(&config.networks.trusted_proxies));
    keys.put("metrics", networks(&config.networks.metrics));
    let mut sessions = MappingBuilder::default();
    sessions.text("idle", duration(config.sessions.idle));
    sessions.text("max_age", duration(config.sessions.max_age));
    keys.put("sessions", sessions.into());
    if let OutputValue::Map(entries) = &config.federation.output {
        entries.iter().for_each(|(key, value)| keys.put(key, value.clone()));
    }
    keys.into()
}

fn patterns(patterns: &[RepositoryPattern]) -> Vec<&str> {
    patterns.iter().map(RepositoryPattern::as_str).collect()
}

fn show_s3(s3: &S3Settings) -> OutputValue {
    let mut keys = MappingBuilder::default();
    keys.text("bucket", &s3.bucket);
    keys.text("endpoint", s3.endpoint.as_str());
    keys.text("region", &s3.region);
    keys.some("prefix", s3.prefix.clone().map(OutputValue::Text));
    keys.some("access_key", s3.access_key.as_ref().map(|_| OutputValue::Text(SECRET.to_owned())));
    keys.some("secret_key", s3.secret_key.as_ref().map(|_| OutputValue::Text(SECRET.to_owned())));
    keys.put("virtual_hosted", OutputValue::Flag(s3.virtual_hosted));
    keys.put("redirect", OutputValue::Flag(s3.redirect));
    keys.into()
}

fn show_library(library: &LibrarySettings) -> OutputValue {
    let LibrarySettings { instances, nodes, pulls, ssh } = library;
    let mut root = MappingBuilder::default();
    root.put("instances", show_instances(instances));
    let mut keys = MappingBuilder::default();
    keys.text("check_every", duration(nodes.check_every));
    keys.text("check_timeout", duration(nodes.check_timeout));
    keys.text("survey_every", duration(nodes.survey_every));
    keys.text("survey_timeout", duration(nodes.survey_timeout));
    keys.put("checks_at_once", OutputValue::Number(nodes.checks_at_once as u64));
    keys.text("certificate_warning", duration(nodes.certificate_warning));
    root.put("nodes", keys.into());
    let mut keys = MappingBuilder::default();
    keys.put("at_once", OutputValue::Number(pulls.at_once as u64));
    keys.text("stalled_after", duration(pulls.stalled_after));
    keys.put("attempts", OutputValue::Number(pulls.attempts.into()));
    keys.put("remembered", OutputValue::Number(pulls.remembered.into()));
    root.put("pulls", keys.into());
    let mut keys = MappingBuilder::default();
    keys.some("listen", ssh.listen.map(|listen| OutputValue::Text(listen.to_string())));
    keys.some("port", ssh.port.map(|port| OutputValue::Number(port.into())));
    root.put("ssh", keys.into());
    root.into()
}

fn show_instances(instances: &InstanceSettings) -> OutputValue {
    let mut keys = MappingBuilder::default();
    keys.put("slice_overhead_mib", OutputValue::Number(instances.slice_overhead_mib));
    keys.text("ports", instances.ports.to_string());
    keys.put("max_ports", OutputValue::Number(instances.max_ports as u64));
    keys.put("commands", OutputValue::Flag(instances.commands));
    keys.put("environment", OutputValue::Flag(instances.environment));
    keys.put("shm_mib", OutputValue::Number(instances.shm_mib));
    keys.put("pids", OutputValue::Number(instances.pids.into()));
    keys.text("stop_grace", duration(instances.stop_grace));
    keys.text("warn_before", duration(instances.warn_before));
    keys.some(
        "release_stopped_after",
        instances.release_stopped_after.map(|after| OutputValue::Text(duration(after))),
    );
    keys.text("look_every", duration(instances.look_every));
    let QuotaSettings { instances, cards, hours } = instances.quota;
    let mut quota = MappingBuilder::default();
    for (name, most) in [("instances", instances), ("cards", cards), ("hours", hours)] {
        quota.some(name, most.map(OutputValue::Number));
    }
    keys.put("quota", quota.into());
    keys.into()
}

fn show_mirror(mirror: &MirrorSettings) -> OutputValue {
    let mut keys = MappingBuilder::default();
    keys.some("domain", mirror.domain.clone().map(OutputValue::Text));
    keys.text("default_upstream", mirror.default_upstream.as_str());
    keys.text("freshness", duration(mirror.freshness));
    keys.text("stale_for", duration(mirror.stale_for));
    keys.put("segments", OutputValue::Number(mirror.segments as u64));
    keys.text("max_blob_size", format!("{}B", mirror.max_blob_size.as_u64()));
    let bytes = |size: &ByteSize| OutputValue::Text(format!("{}B", size.as_u64()));
    keys.some("max_size", mirror.max_size.as_ref().map(bytes));
    keys.some("min_free", mirror.min_free.as_ref().map(bytes));
    keys.some("keep_for", mirror.keep_for.map(duration).map(OutputValue::Text));
    keys.some("scrub", mirror.scrub.map(duration).map(OutputValue::Text));
    keys.put("scrub_rate", bytes(&mirror.scrub_rate));
    keys.put("catalog", OutputValue::Flag(mirror.catalog));
    keys.into()
}

fn show_registry(registry: &Registry) -> OutputValue {
    let Registry { remote, alias, mirror, freshness: Freshness { default, rules }, habits } = registry;
    let endpoints: Vec<&str> = remote.endpoints.iter().map(url::Url::as_str).collect();
    let credentials = remote.credentials.iter().map(|credential| {
        let mut keys = MappingBuilder::default();
        keys.text("username", &credential.username);
        keys.text("password", SECRET);
        keys.some("namespace", credential.namespace.as_ref().map(|name| OutputValue::Text(name.to_string())));
        keys.some("endpoint", credential.endpoint.as_ref().map(|url| OutputValue::Text(url.to_string())));
        keys.into()
    });
    let links = remote.links.iter().map(show_link);
    let mut keys = MappingBuilder::default();
    keys.put("mirror", OutputValue::Flag(*mirror));
    keys.some("alias", alias.clone().map(OutputValue::Text));
    keys.unless(endpoints.is_empty(), "endpoints", texts(&endpoints));
    keys.unless(remote.credentials.is_empty(), "credentials", OutputValue::List(credentials.collect()));
    keys.unless(remote.links.is_empty(), "links", OutputValue::List(links.collect()));
    keys.some("ca", remote.ca.as_deref().map(|ca| OutputValue::Text(path(ca))));
    keys.unless(!remote.insecure, "insecure", OutputValue::Flag(true));
    keys.unless(!remote.private_network, "private_network", OutputValue::Flag(true));
    keys.some("freshness", default.map(|default| OutputValue::Text(duration(default))));
    keys.unless(rules.is_empty(), "tags", OutputValue::List(rules.iter().map(show_rule).collect()));
    keys.some("rate", remote.rate.map(|rate| OutputValue::Text(rate.to_string())));
    keys.some("concurrency", remote.concurrency.map(|count| OutputValue::Number(count.get() as u64)));
    keys.some("format", habits.format.map(|format| OutputValue::Text(format_word(format).to_owned())));
    keys.some("reserve", habits.reserve.map(|count| OutputValue::Number(count.into())));
    keys.some("chunk", habits.chunk.map(|bytes| OutputValue::Text(format!("{bytes}B"))));
    keys.into()
}

fn show_link(link: &LinkSettings) -> OutputValue {
    let mut keys = MappingBuilder::default();
    keys.some("proxy", link.proxy.as_ref().map(|url| OutputValue::Text(url.to_string())));
    keys.some("username", link.username.clone().map(OutputValue::Text));
    keys.some("password", link.password.as_ref().map(|_| OutputValue::Text(SECRET.to_owned())));
    keys.some("source", link.source.map(|source| OutputValue::Text(source.to_string())));
    keys.some("rate", link.rate.map(|rate| OutputValue::Text(rate.to_string())));
    keys.into()
}

/// The word for a format.
pub(crate) const fn format_word(format: Format) -> &'static str {
    match format {
        Format::Keep => "keep",
        Format::Docker => "docker",
    }
}

fn show_rule(rule: &TagRule) -> OutputValue {
    let mut keys = MappingBuilder::default();
    keys.some("repository", rule.repository.clone().map(OutputValue::Text));
    keys.some("tag", rule.tag.clone().map(OutputValue::Text));
    keys.some("freshness", rule.freshness.map(|freshness| OutputValue::Text(duration(freshness))));
    keys.unless(!rule.immutable, "immutable", OutputValue::Flag(true));
    keys.into()
}

impl LogFormat {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Level {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

fn texts<T: AsRef<str>>(texts: &[T]) -> OutputValue {
    OutputValue::List(texts.iter().map(|text| OutputValue::Text(text.as_ref().to_owned())).collect())
}

// Uses the largest unit that gives a whole number.
fn duration(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if nanos != 0 {
        let units = [(1_000_000, "ms"), (1000, "us"), (1, "ns")];
        let fits = units.into_iter().find(|(unit, _)| nanos.is_multiple_of(*unit));
        let (unit, letters) = fits.unwrap_or((1, "ns"));
        let whole = if seconds == 0 { String::new() } else { format!("{seconds}s ") };
        return format!("{whole}{}{letters}", nanos / unit);
    }
    match [(86_400, "d"), (3600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds != 0 && seconds.is_multiple_of(*unit))
    {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_do() {
        for (seconds, text) in
            [(0, "0s"), (90, "90s"), (600, "10m"), (3600, "1h"), (604_800, "7d"), (5400, "90m")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        for (nanos, text) in
            [(1_500_000_000, "1s 500ms"), (1500, "1500ns"), (90_001_000_000, "90s 1ms"), (2000, "2us")]
        {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }
}
