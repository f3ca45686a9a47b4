//! What a configuration comes to. Everything here is valid once [`super::load()`] has made it.

use std::{collections::BTreeMap, path::PathBuf};

use entrepot_blobs::S3Settings;
use entrepot_migrate::Migration;
use entrepot_mirror::{Freshness, Settings as MirrorSettings};
use entrepot_oci::Host;
use entrepot_remote::Settings as RemoteSettings;
use entrepot_sync::{Format, rules::RuleSet};
use secrecy::SecretString;
use serde::Deserialize;

use super::{listen::Listen, shown::Shown};

/// Everything that can be configured. A value of this type is valid.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: Listen,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// The object store; `None`: blobs are in the data directory.
    pub(crate) s3: Option<S3Settings>,
    /// The PostgreSQL database; `None`: a SQLite file in the data directory.
    pub(crate) database: Option<SecretString>,
    /// The `mirror` section.
    pub(crate) mirror: MirrorSettings,
    /// The prefixes that take pushes.
    pub(crate) hosted: Vec<String>,
    /// More host names that a listener on loopback answers to.
    pub(crate) names: Vec<String>,
    /// Every registry we know how to talk to.
    pub(crate) registries: BTreeMap<Host, Registry>,
    /// Certificate and key; `None`: plain HTTP.
    pub(crate) tls: Option<TlsFiles>,
    /// What is copied where.
    pub(crate) rules: Rules,
    /// What moves from one registry to another.
    pub(crate) migration: Option<Written<Migration>>,
    /// What lets others begin and stop runs of rules.
    pub(crate) api_token: Option<SecretString>,
    /// What is logged, and how.
    pub(crate) log: Log,
}

/// What is copied where: the rules of this file, then those of the files it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The rules.
    pub(crate) set: RuleSet,
    /// The files they come from, and the directories in which there may be more.
    pub(crate) watched: Vec<PathBuf>,
    /// As they were written.
    pub(super) shown: Vec<Shown>,
}

/// Something that a crate of its own knows the meaning of, and how it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written<T> {
    /// What it means.
    pub(crate) meant: T,
    /// As it was written.
    pub(super) shown: Shown,
}

/// A registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    /// How to talk to it.
    pub(crate) remote: RemoteSettings,
    /// Its label below `mirror.domain`.
    pub(crate) alias: Option<String>,
    /// Whether it is an upstream of the mirror.
    pub(crate) mirror: bool,
    /// How fresh its tags must be.
    pub(crate) freshness: Freshness,
    /// How it is written to and how much of it is left for others, where that is said.
    pub(crate) habits: Habits,
}

/// How a registry is treated by copies. What is not said is what is usual for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// The form of document it takes.
    pub(crate) format: Option<Format>,
    /// How many manifest requests of its budget are left for others.
    pub(crate) reserve: Option<u32>,
    /// The largest upload in one request, in bytes.
    pub(crate) chunk: Option<u64>,
}

/// Files in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and those above it.
    pub(crate) cert: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// How a line looks.
    pub(crate) format: LogFormat,
    /// What is worth a line.
    pub(crate) level: Level,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What is worth a line in the log: this and everything graver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// What went wrong for good.
    Error,
    /// What was got over.
    Warn,
    /// Every request.
    #[default]
    Info,
    /// What is done for it.
    Debug,
    /// Everything.
    Trace,
}

/// Something that is not wrong and should not stay so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The fact.
    pub(crate) what: String,
    /// The way out.
    pub(crate) hint: String,
}

/// What the command line says over file and environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// `--listen`.
    pub(crate) listen: Option<Listen>,
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
}

/// A configuration and how it came about.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// The file it was read from, if there was one.
    pub(crate) file: Option<PathBuf>,
    /// What should not stay so.
    pub(crate) warnings: Vec<Warning>,
}
