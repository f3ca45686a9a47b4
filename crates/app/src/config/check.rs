//! Turns sections into a [`Config`]: fills in defaults and compares sections with each other. The result is valid.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
};

use bytesize::ByteSize;
use entrepot_access::{AccessSection, AccountName, FederationSettings, Rules as AccessRules, SettingsFault};
use entrepot_blobs::S3Settings;
use entrepot_mirror::{Freshness, TagRule};
use entrepot_oci::{Host, Name, is_shallow};
use entrepot_policy::{LimitsSection, ModeSettings, ModesSection, Profile, PullLimits};
use entrepot_remote::{AccountFault, LinkSettings, RemoteSettings as Remote};
use entrepot_requests::{PerClient, RequestSettings as Requests, RequestsSection, SectionFault};
use entrepot_secrets::Keyring;
use entrepot_server::{PublicUrl, PublicUrlError};
use entrepot_sync::Format;
use entrepot_telemetry::{SettingsFault as TracingFault, TraceSettings, TracingSection};
use entrepot_webhooks::{SettingsFault as WebhookFault, Webhook, WebhookSection};
use globset::GlobBuilder;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    defaults, links,
    listen::{Listen, ListenError},
    reader::{error::Error, place::SourceLocation, tree::ConfigNode},
    sections, show,
    shown::OutputValue,
    tls,
    types::{Config, CopyDefaults, Keep, KeySource, Log, PullRules, Registry, Rules, Setting, Tls},
    urls::{self, EndpointError},
};

/// The smallest part of an S3 multipart upload, except the last (docs.aws.amazon.com, "Amazon S3 multipart upload
/// limits").
const SMALLEST_CHUNK: ByteSize = ByteSize::mib(5);

/// The longest notice, in characters.
const LONGEST_NOTICE: usize = 500;

/// Builds the configuration from `root`; `file` is the same in types.
pub(super) fn check(file: sections::File, root: &ConfigNode) -> Result<Config, Error> {
    let checker = Checker { root };
    checker.links(&file.registries)?;
    let registries = checker.registries(file.registries)?;
    checker.s3(file.blobs.s3.as_ref())?;
    let config = Config {
        listen: checker.listen(file.listen)?,
        data: file.data.unwrap_or_else(|| defaults::DATA.into()),
        s3: file.blobs.s3,
        database: file.database.map(|url| checker.database(url)).transpose()?,
        mirror: file.mirror,
        hosted: checker.hosted(file.hosted)?,
        names: checker.names(file.names)?,
        public_url: file.public_url.map(|url| checker.public_url(&url)).transpose()?,
        notice: file.notice.map(|text| checker.notice(&text)).transpose()?,
        registries,
        tls: checker.tls(file.tls)?,
        rules: Rules::default(),
        pull_rules: PullRules::default(),
        limits: checker.limits(&file.limits)?,
        keep: Keep::default(),
        requests: checker.requests(file.requests.as_ref(), &file.limits)?,
        modes: checker.modes(&file.modes, file.requests.is_some())?,
        migration: None,
        api_token: file.api_token.map(|token| checker.token(token)).transpose()?,
        access: checker.access(file.access.as_ref())?,
        audit_kept_for: file.access.as_ref().map(|section| section.audit).unwrap_or_default().kept_for(),
        federation: checker.federation(file.access.as_ref())?,
        sessions: checker.of_access(file.access.as_ref(), AccessSection::session_limits)?,
        networks: checker.of_access(file.access.as_ref(), AccessSection::networks)?,
        has_proxies: file.access.as_ref().is_some_and(|access| access.trusted_proxies.is_some()),
        library: file.library,
        webhooks: checker.webhooks(&file.webhooks)?,
        key: checker.key(file.secrets)?,
        tracing: checker.tracing(&file.tracing)?,
        log: Log { format: file.log.format, level: file.log.level },
    };
    checker.mirror(&config)?;
    checker.library(&config)?;
    checker.certified(&config)?;
    checker.hosted_beside_upstreams(&config)?;
    Ok(config)
}

/// Checks URLs before the sections are read, since the errors of serde would quote them.
pub(super) fn check_urls(root: &ConfigNode) -> Result<(), Error> {
    let checker = Checker { root };
    checker.url(&["blobs", "s3", "endpoint"], urls::store)?;
    let registries = root.get("registries").map(ConfigNode::entries).unwrap_or_default();
    for registry in registries {
        let endpoints = registry.node.get("endpoints").map(ConfigNode::items).unwrap_or_default();
        for index in 0..endpoints.len() {
            checker.url(&["registries", &registry.key, "endpoints", &index.to_string()], urls::endpoint)?;
        }
        let accounts = registry.node.get("credentials").map(ConfigNode::items).unwrap_or_default();
        for index in 0..accounts.len() {
            let path = ["registries", &registry.key, "credentials", &index.to_string(), "endpoint"];
            checker.url(&path, urls::endpoint)?;
        }
        let links = registry.node.get("links").map(ConfigNode::items).unwrap_or_default();
        for index in 0..links.len() {
            checker.proxy(&["registries", &registry.key, "links", &index.to_string(), "proxy"])?;
        }
    }
    Ok(())
}

struct Checker<'a> {
    root: &'a ConfigNode,
}

impl Checker<'_> {
    fn fault(&self, path: &[&str], what: impl Into<String>) -> Error {
        let place =
            (1..=path.len()).rev().find_map(|end| self.root.at(&path[..end])).map(|node| &node.location);
        let error = Error::at(place.unwrap_or(&SourceLocation::Nowhere), what);
        path.iter().rev().fold(error, |error, step| error.under(step))
    }

    fn url(&self, path: &[&str], read: impl Fn(&str) -> Result<Url, EndpointError>) -> Result<(), Error> {
        match self.root.at(path).and_then(ConfigNode::text).map(read) {
            Some(Err(fault)) => Err(self.fault(path, fault.to_string()).with_hint(fault.hint())),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn proxy(&self, path: &[&str]) -> Result<(), Error> {
        match self.root.at(path).and_then(ConfigNode::text).map(LinkSettings::proxy) {
            Some(Err(fault)) => Err(self.fault(path, fault.to_string()).with_hint(fault.hint())),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn links(&self, sections: &BTreeMap<String, sections::Registry>) -> Result<(), Error> {
        let Some(problem) = links::problem(sections) else { return Ok(()) };
        let index = problem.index.to_string();
        let path = ["registries", problem.registry, "links", &index, problem.key];
        let path = if problem.key.is_empty() { &path[..4] } else { &path[..] };
        Err(self.fault(path, problem.what).with_hint(problem.hint))
    }

    fn listen(&self, listen: Option<String>) -> Result<Listen, Error> {
        let text = listen.as_deref().unwrap_or(defaults::LISTEN);
        text.parse()
            .map_err(|fault: ListenError| self.fault(&["listen"], fault.to_string()).with_hint(fault.hint()))
    }

    fn database(&self, url: SecretString) -> Result<SecretString, Error> {
        let is_postgres = urls::is_postgres(url.expose_secret());
        if is_postgres {
            return Ok(url);
        }
        Err(self.fault(&["database"], "this is not the URL of a PostgreSQL database").with_hint(
            "write `postgres://user:password@host/name`; leave it out to use SQLite in the data directory",
        ))
    }

    fn token(&self, token: SecretString) -> Result<SecretString, Error> {
        if token.expose_secret().trim().is_empty() {
            let hint = "choose a long one: `openssl rand -hex 24`";
            return Err(self.fault(&["api_token"], "this is empty").with_hint(hint));
        }
        Ok(token)
    }

    fn access(&self, section: Option<&AccessSection>) -> Result<AccessRules, Error> {
        match section {
            Some(_) => self.of_access(section, AccessSection::rules),
            None => Ok(AccessRules::default()),
        }
    }

    fn federation(&self, section: Option<&AccessSection>) -> Result<Setting<FederationSettings>, Error> {
        let meant = self.of_access(section, AccessSection::federation)?;
        Ok(Setting { meant, output: show::federation(self.root.get("access")) })
    }

    // A part of what the section means; where there is none, that of one without keys.
    fn of_access<T>(
        &self,
        section: Option<&AccessSection>,
        read: impl Fn(&AccessSection) -> Result<T, SettingsFault>,
    ) -> Result<T, Error> {
        read(section.unwrap_or(&AccessSection::default())).map_err(|fault| {
            let path: Vec<&str> =
                std::iter::once("access").chain(fault.path.iter().map(String::as_str)).collect();
            self.fault(&path, fault.what)
        })
    }

    fn limits(&self, section: &LimitsSection) -> Result<Setting<PullLimits>, Error> {
        for (index, account) in section.exempt.iter().enumerate() {
            account.parse::<AccountName>().map_err(|error| {
                let path = ["limits", "exempt", &index.to_string()];
                self.fault(&path, error.to_string()).with_hint("write the names of accounts: `[prometheus]`")
            })?;
        }
        let written =
            self.root.get("limits").map_or_else(|| OutputValue::Map(Vec::new()), OutputValue::written);
        Ok(Setting { meant: PullLimits::of(section), output: written })
    }

    // A mirror that anyone may use is one for requests, too.
    fn requests(
        &self,
        section: Option<&RequestsSection>,
        limits: &LimitsSection,
    ) -> Result<Option<Setting<Requests>>, Error> {
        let Some(section) = section else { return Ok(None) };
        let ready = match limits.profile {
            Some(Profile::Public) => PerClient::PUBLIC,
            None => PerClient::default(),
        };
        let meant = section.check(ready).map_err(|SectionFault { path, what }| {
            let path: Vec<&str> =
                std::iter::once("requests").chain(path.iter().map(String::as_str)).collect();
            self.fault(&path, what)
        })?;
        let shown =
            self.root.get("requests").map_or_else(|| OutputValue::Map(Vec::new()), OutputValue::written);
        Ok(Some(Setting { meant, output: shown }))
    }

    fn modes(&self, section: &ModesSection, takes_requests: bool) -> Result<Setting<ModeSettings>, Error> {
        let meant = section.read().map_err(|fault| {
            let hint = "write `{disk: 95%, mode: cached-only}`, `{budget: 10%, mode: small-only}` or \
                        `{load: 400%, mode: small-only}`";
            self.fault(&["modes", "when", &fault.at.to_string()], fault.what).with_hint(hint)
        })?;
        let meant = if takes_requests { meant.taking_requests() } else { meant };
        let written =
            self.root.get("modes").map_or_else(|| OutputValue::Map(Vec::new()), OutputValue::written);
        Ok(Setting { meant, output: written })
    }

    fn webhooks(&self, sections: &[WebhookSection]) -> Result<Setting<Vec<Webhook>>, Error> {
        let meant = Webhook::read(sections).map_err(|WebhookFault { path, what, hint }| {
            let path: Vec<&str> =
                std::iter::once("webhooks").chain(path.iter().map(String::as_str)).collect();
            self.fault(&path, what).with_hint(hint)
        })?;
        let shown = show::webhooks(self.root.get("webhooks"), &meant);
        Ok(Setting { meant, output: shown })
    }

    fn tracing(&self, section: &TracingSection) -> Result<Option<Setting<TraceSettings>>, Error> {
        let meant = TraceSettings::read(section).map_err(|TracingFault { path, what, hint }| {
            let path: Vec<&str> = std::iter::once("tracing").chain(path.iter().map(String::as_str)).collect();
            self.fault(&path, what).with_hint(hint)
        })?;
        let shown = show::tracing(self.root.get("tracing"));
        Ok(meant.map(|meant| Setting { meant, output: shown }))
    }

    fn public_url(&self, text: &str) -> Result<PublicUrl, Error> {
        text.parse().map_err(|error: PublicUrlError| {
            let hint = "write what clients ask for, without path: `https://m.example.com`";
            self.fault(&["public_url"], error.to_string()).with_hint(hint)
        })
    }

    fn notice(&self, text: &str) -> Result<String, Error> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_NOTICE || text.chars().any(char::is_control) {
            let what = format!("this is one line of {LONGEST_NOTICE} characters at most");
            return Err(self.fault(&["notice"], what).with_hint("leave it out to say nothing"));
        }
        Ok(text.to_owned())
    }

    fn s3(&self, s3: Option<&S3Settings>) -> Result<(), Error> {
        match s3 {
            Some(s3) if s3.access_key.is_some() != s3.secret_key.is_some() => Err(self
                .fault(&["blobs", "s3"], "`access_key` and `secret_key` go together")
                .with_hint("leave out both to use the `AWS_…` variables or the machine's role")),
            _ => Ok(()),
        }
    }

    fn hosted(&self, prefixes: Option<Vec<String>>) -> Result<Vec<String>, Error> {
        let Some(prefixes) = prefixes else { return Ok(vec![defaults::HOSTED.to_owned()]) };
        for (index, prefix) in prefixes.iter().enumerate() {
            let path = ["hosted", &index.to_string()];
            let Some(name) = prefix.strip_suffix('/') else {
                let hint = format!("write `{prefix}/`");
                return Err(self.fault(&path, format!("`{prefix}` does not end in `/`")).with_hint(hint));
            };
            name.parse::<entrepot_oci::Repository>().map_err(|error| {
                self.fault(&path, format!("`{prefix}` cannot begin a name")).with_hint(error.to_string())
            })?;
        }
        Ok(prefixes)
    }

    // A name that begins with a mirrored registry leads there, so a push below such a prefix would be denied.
    fn hosted_beside_upstreams(&self, config: &Config) -> Result<(), Error> {
        let is_upstream = |host: &Host| config.registries.get(host).is_some_and(|registry| registry.mirror);
        for (index, prefix) in config.hosted.iter().enumerate() {
            let name: Option<Name> = format!("{prefix}a").parse().ok();
            let host = name.as_ref().and_then(Name::split_host).map(|(host, _)| host).filter(is_upstream);
            if let Some(host) = host {
                return Err(self
                    .fault(
                        &["hosted", &index.to_string()],
                        format!("names below `{prefix}` are those of the mirrored registry `{host}`"),
                    )
                    .with_hint(format!(
                        "choose another prefix, or write `{host}: {{mirror: false}}` under `registries`"
                    )));
            }
        }
        Ok(())
    }

    fn names(&self, names: Vec<String>) -> Result<Vec<String>, Error> {
        for (index, name) in names.iter().enumerate() {
            if !is_host_name(name) {
                let fault =
                    self.fault(&["names", &index.to_string()], format!("`{name}` is not a host name"));
                return Err(
                    fault.with_hint("write the name alone, without scheme, port and path: `mirror.lan`")
                );
            }
        }
        Ok(names)
    }

    fn tls(&self, section: sections::Tls) -> Result<Option<Tls>, Error> {
        tls::check(section).map_err(|fault| self.tls_fault(&fault))
    }

    fn certified(&self, config: &Config) -> Result<(), Error> {
        let url = config.public_url.as_ref();
        config
            .tls
            .as_ref()
            .map_or(Ok(()), |tls| tls::check_url(tls, url).map_err(|fault| self.tls_fault(&fault)))
    }

    fn tls_fault(&self, fault: &tls::TlsProblem) -> Error {
        let path = std::iter::once("tls").chain(fault.path.iter().copied()).collect::<Vec<_>>();
        self.fault(&path, fault.what.clone()).with_hint(fault.hint)
    }

    fn mirror(&self, config: &Config) -> Result<(), Error> {
        let default = &config.mirror.default_upstream;
        if !config.registries.get(default).is_some_and(|registry| registry.mirror) {
            return Err(self
                .fault(&["mirror", "default_upstream"], format!("`{default}` is not an upstream"))
                .with_hint(format!("write `{default}: {{mirror: true}}` under `registries`")));
        }
        if let Some(domain) = &config.mirror.domain
            && !(is_host_name(domain) && domain.contains(|c: char| c.is_ascii_alphabetic()))
        {
            return Err(self
                .fault(&["mirror", "domain"], format!("`{domain}` is not a domain name"))
                .with_hint("write the name alone, without scheme, port and path: `m.example.com`"));
        }
        if config.mirror.segments == 0 {
            return Err(self
                .fault(&["mirror", "segments"], "this must be 1 or more")
                .with_hint("1 means one connection for each blob"));
        }
        if let Err(error) = config.mirror.limits() {
            return Err(self
                .fault(&["mirror", error.key()], error.to_string())
                .with_hint("leave it out to have no such limit"));
        }
        if config.mirror.scrub_rate.as_u64() == 0 {
            return Err(self
                .fault(&["mirror", "scrub_rate"], "this must be more than 0")
                .with_hint("to scrub never, leave out `scrub`"));
        }
        Ok(())
    }

    fn library(&self, config: &Config) -> Result<(), Error> {
        let (nodes, pulls) = (&config.library.nodes, &config.library.pulls);
        let instances = &config.library.instances;
        let none = [
            (&["library", "instances", "shm_mib"], instances.shm_mib == 0),
            (&["library", "instances", "pids"], instances.pids == 0),
            (&["library", "instances", "look_every"], instances.look_every.is_zero()),
            (&["library", "nodes", "check_every"], nodes.check_every.is_zero()),
            (&["library", "nodes", "check_timeout"], nodes.check_timeout.is_zero()),
            (&["library", "nodes", "survey_every"], nodes.survey_every.is_zero()),
            (&["library", "nodes", "survey_timeout"], nodes.survey_timeout.is_zero()),
            (&["library", "nodes", "checks_at_once"], nodes.checks_at_once == 0),
            (&["library", "pulls", "at_once"], pulls.at_once == 0),
            (&["library", "pulls", "attempts"], pulls.attempts == 0),
            (&["library", "pulls", "stalled_after"], pulls.stalled_after.is_zero()),
            (&["library", "pulls", "remembered"], pulls.remembered == 0),
            (&["library", "ssh", "port"], config.library.ssh.port == Some(0)),
        ];
        match none.into_iter().find(|(_, is_none)| *is_none) {
            Some((path, _)) => Err(self.fault(path, "this must be more than nothing")),
            None => Ok(()),
        }
    }

    fn registries(
        &self,
        sections: BTreeMap<String, sections::Registry>,
    ) -> Result<BTreeMap<Host, Registry>, Error> {
        let mut registries = defaults::registries();
        let mut seen = BTreeSet::new();
        for (name, section) in sections {
            let path = ["registries", name.as_str()];
            let host: Host = name.parse().map_err(|error: entrepot_oci::HostError| {
                let hint =
                    "write the host alone, without scheme and path: `quay.io`, `registry.example.com:5000`";
                self.fault(&path, error.to_string()).with_hint(hint)
            })?;
            if !seen.insert(host.clone()) {
                return Err(self
                    .fault(&path, format!("`{host}` is there twice"))
                    .with_hint("put both into one section"));
            }
            let registry = self.registry(section, registries.remove(&host), &name)?;
            self.accounts(&registry.remote, &host, &name)?;
            registries.insert(host, registry);
        }
        self.aliases(&registries)?;
        Ok(registries)
    }

    fn registry(
        &self,
        section: sections::Registry,
        default: Option<Registry>,
        name: &str,
    ) -> Result<Registry, Error> {
        let in_section = |key: &str, what: String| self.fault(&["registries", name, key], what);
        if let Some(alias) = section.alias.as_deref().filter(|alias| !is_label(alias)) {
            return Err(in_section("alias", format!("`{alias}` is not a DNS label"))
                .with_hint("an alias has lower-case letters, digits and dashes, and 63 of them at most"));
        }
        if section.alias.is_some() && section.mirror == Some(false) {
            return Err(in_section("mirror", "an alias is given, so this cannot be `false`".into())
                .with_hint(
                    "an alias is the name that a mirrored registry has here: leave out one of the two",
                ));
        }
        for (index, rule) in section.tags.iter().enumerate() {
            self.tag_rule(rule, &["registries", name, "tags", &index.to_string()])?;
        }
        let (concurrency, habits) = self.habits(&section, name)?;
        // The text was checked by `check_urls`.
        let endpoints = section.endpoints.iter().filter_map(|text| urls::endpoint(text).ok()).collect();
        let (default_alias, is_default) =
            default.map_or((None, false), |default| (default.alias, default.mirror));
        let mirror = section.mirror.unwrap_or(is_default || section.alias.is_some());
        Ok(Registry {
            remote: Remote {
                endpoints,
                credentials: section.credentials,
                links: section.links,
                ca: section.ca,
                insecure: section.insecure,
                private_network: section.private_network,
                rate: section.rate,
                concurrency,
                ..Remote::default()
            },
            habits,
            alias: section.alias.or(default_alias).filter(|_| mirror),
            mirror,
            freshness: Freshness { default: section.freshness, rules: section.tags },
        })
    }

    fn key(&self, secrets: sections::Secrets) -> Result<KeySource, Error> {
        let sections::Secrets { key_file, key } = secrets;
        if let Some(key) = key {
            if key_file.is_some() {
                return Err(self
                    .fault(&["secrets", "key"], "`key_file` is given too, and there is one key")
                    .with_hint("leave out one of them"));
            }
            let keyring = Keyring::parse(key.expose_secret());
            return keyring.map(KeySource::Given).map_err(|problem| {
                self.fault(&["secrets", "key"], problem.to_string()).with_hint(
                    "make one with `entrepot secrets key`, and keep it out of this file: `env:NAME`",
                )
            });
        }
        match key_file {
            None => Ok(KeySource::Usual),
            Some(file) if file.to_string_lossy().starts_with("env:") => Err(self
                .fault(&["secrets", "key_file"], "this is the path of a file")
                .with_hint("write `key: env:NAME` for a key in the environment")),
            Some(file) => Ok(KeySource::File(file)),
        }
    }

    // Checked here because a password that was sent cannot be taken back.
    fn accounts(&self, remote: &Remote, host: &Host, name: &str) -> Result<(), Error> {
        let Some((index, fault)) = remote.unclear_account(host) else { return Ok(()) };
        let hint = match fault {
            AccountFault::EndpointMissing => format!(
                "not every endpoint is `{host}` itself, and no other one is shown an account unless it is named: \
                 write {} beside the user name",
                choice(&remote.endpoints),
            ),
            AccountFault::EndpointUnknown if remote.endpoints.is_empty() => {
                "write it under `endpoints` too".to_owned()
            }
            AccountFault::EndpointUnknown => format!("write {}", choice(&remote.endpoints)),
        };
        let path = ["registries", name, "credentials", &index.to_string(), "endpoint"];
        let path = if fault == AccountFault::EndpointMissing { &path[..4] } else { &path[..] };
        Err(self.fault(path, fault.to_string()).with_hint(hint))
    }

    fn habits(
        &self,
        section: &sections::Registry,
        name: &str,
    ) -> Result<(Option<NonZeroUsize>, CopyDefaults), Error> {
        if section.concurrency == Some(0) {
            return Err(self
                .fault(&["registries", name, "concurrency"], "this must be 1 or more")
                .with_hint("leave it out to ask as much at once as there is to ask"));
        }
        if section.chunk.is_some_and(|chunk| chunk < SMALLEST_CHUNK) {
            return Err(self
                .fault(&["registries", name, "chunk"], "this must be 5 MiB or more")
                .with_hint("registries with their blobs in S3 refuse smaller pieces"));
        }
        let habits = CopyDefaults {
            format: section.format.map(Format::from),
            reserve: section.reserve,
            chunk: section.chunk.map(|chunk| chunk.as_u64()),
        };
        Ok((section.concurrency.and_then(NonZeroUsize::new), habits))
    }

    fn tag_rule(&self, rule: &TagRule, path: &[&str]) -> Result<(), Error> {
        for (key, glob) in [("repository", &rule.repository), ("tag", &rule.tag)] {
            let Some(glob) = glob else { continue };
            if !is_shallow(glob) || GlobBuilder::new(glob).literal_separator(true).build().is_err() {
                let path: Vec<&str> = path.iter().copied().chain([key]).collect();
                return Err(self.fault(&path, format!("`{glob}` is not a pattern")).with_hint(
                    "`*` stands for anything within a part of the name, `**` for any number of parts",
                ));
            }
        }
        if rule.immutable && rule.freshness.is_some() {
            return Err(self
                .fault(path, "`immutable` and `freshness` are both there")
                .with_hint("an immutable tag is never asked for again, so it has no freshness"));
        }
        Ok(())
    }

    fn aliases(&self, registries: &BTreeMap<Host, Registry>) -> Result<(), Error> {
        let mut owners: BTreeMap<&str, &Host> = BTreeMap::new();
        for (host, registry) in registries {
            let Some(alias) = registry.alias.as_deref() else { continue };
            if let Some(other) = owners.insert(alias, host) {
                // One of the two may be a default, which has no place in the file.
                let written = [host, other]
                    .into_iter()
                    .find(|host| self.root.at(&["registries", host.as_str(), "alias"]).is_some());
                let (at, taken_by) = if written == Some(other) { (other, host) } else { (host, other) };
                return Err(self
                    .fault(
                        &["registries", at.as_str(), "alias"],
                        format!("alias `{alias}` is already that of `{taken_by}`"),
                    )
                    .with_hint("every alias names one registry"));
            }
        }
        Ok(())
    }
}

// A domain name or an address, without a port.
fn is_host_name(text: &str) -> bool {
    text.parse::<Host>().is_ok_and(|host| host.name() == host.as_str())
}

fn choice(endpoints: &[Url]) -> String {
    let keys: Vec<String> = endpoints.iter().map(|url| format!("`endpoint: {}`", urls::shown(url))).collect();
    keys.join(" or ")
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
