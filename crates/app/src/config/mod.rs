//! The one configuration file, the environment over it, and the defaults under it.
//!
//! - written: `tree` (values with their places), `environment`, `secrets`; into types: `reader`, `sections`
//! - meant: `defaults` and `check` make a [`Config`], which is valid; `show` writes it out again, secrets aside
//! - told: [`Error`] names file, line, column and a way out, with `suggest`
//!
//! Each crate owns the type of its own section; only this module puts them together, and nobody below knows it.

mod check;
mod defaults;
mod environment;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod laws;
mod listen;
mod migration;
mod reader;
mod rules;
mod secrets;
mod sections;
mod show;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;
mod urls;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use entrepot_blobs::S3Settings;
use entrepot_migrate::Migration;
use entrepot_mirror::{Freshness, Settings as MirrorSettings};
use entrepot_oci::Host;
use entrepot_remote::Settings as RemoteSettings;
use entrepot_sync::{Format, rules::RuleSet};
use secrecy::SecretString;
use serde::Deserialize;

pub(crate) use environment::Environment;
pub(crate) use error::Error;
pub(crate) use listen::{Listen, ListenError};
use show::Shown;
use tree::{Node, Place};

/// The file that is read where none is named, if it is there.
const USUAL_FILE: &str = "entrepot.yaml";

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
    // As they were written.
    shown: Vec<Shown>,
}

/// Something that a crate of its own knows the meaning of, and how it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written<T> {
    /// What it means.
    pub(crate) meant: T,
    shown: Shown,
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

/// Reads `file`, or `./entrepot.yaml` if that is there, or nothing; then the environment; then the command line.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn load(file: Option<&Path>, environment: &Environment, over: Overrides) -> Result<Loaded, Error> {
    let file = which_file(file, environment);
    let text = file.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let directory = file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let (mut config, warnings) = parse_in(&text, environment, directory).map_err(|error| match &file {
        Some(file) => error.in_file(file),
        None => error,
    })?;
    config.listen = over.listen.unwrap_or(config.listen);
    config.data = over.data.unwrap_or(config.data);
    config.rules.watched.push(file.clone().unwrap_or_else(|| USUAL_FILE.into()));
    Ok(Loaded { config, file, warnings })
}

/// The data directory that [`load`] would come to, and nothing else: what a secret is, for example, need not be known
/// to whoever looks for a server.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn data_directory(
    file: Option<&Path>,
    environment: &Environment,
    over: Option<PathBuf>,
) -> Result<PathBuf, Error> {
    if let Some(data) = over {
        return Ok(data);
    }
    let file = which_file(file, environment);
    let text = file.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let in_file = |error: Error| file.iter().fold(error, |error, file| error.in_file(file));
    let mut root = Node::parse(&text).map_err(in_file)?;
    environment.write_over(&mut root, &sections::KEYS).map_err(in_file)?;
    Ok(root.get("data").and_then(Node::text).unwrap_or(defaults::DATA).into())
}

// The one that is named, or the usual one if it is there.
fn which_file(named: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = named.map(Path::to_owned).or_else(|| environment.get("ENTREPOT_CONFIG").map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from(USUAL_FILE)).filter(|usual| usual.exists()))
}

/// Makes a configuration of a text and an environment.
///
/// # Errors
/// The first thing that is wrong.
#[cfg(any(test, fuzzing))]
pub(crate) fn parse(text: &str, environment: &Environment) -> Result<(Config, Vec<Warning>), Error> {
    parse_in(text, environment, Path::new(""))
}

// Files that the text names are seen from `directory`.
fn parse_in(
    text: &str,
    environment: &Environment,
    directory: &Path,
) -> Result<(Config, Vec<Warning>), Error> {
    let mut root = Node::parse(text)?;
    environment.write_over(&mut root, &sections::KEYS)?;
    let warnings = secrets::resolve(&mut root, environment)?;
    check::check_urls(&root)?;
    let mut file: sections::File = reader::read(&root)?;
    let (sync, sync_files) = (std::mem::take(&mut file.sync), std::mem::take(&mut file.sync_files));
    let migration = migration::check(&root, file.migrate.take())?;
    let config = check::check(file, &root)?;
    let rules = rules::check(&root, sync, &sync_files, directory)?;
    Ok((Config { rules, migration, ..config }, warnings))
}

fn read_file(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| {
        let (what, hint) = match error.kind() {
            io::ErrorKind::NotFound => ("there is no such file", "without `--config`, the defaults are used"),
            io::ErrorKind::InvalidData => ("the file is not UTF-8 text", "a configuration is a YAML file"),
            io::ErrorKind::PermissionDenied => ("the file may not be read", "look at its owner and mode"),
            _ => ("the file cannot be read", "a configuration is a YAML file"),
        };
        Error::at(&Place::Nowhere, what).in_file(path).with_hint(hint)
    })
}
