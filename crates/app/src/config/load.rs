//! Builds a [`Config`] from a file and the environment.

use std::path::{Path, PathBuf};

use super::{
    check, defaults,
    environment::Environment,
    files::read_file,
    keep, migration, pull_rules,
    reader::{error::Error, tree::ConfigNode, typed},
    rules, secrets, sections,
    types::{Config, LoadedConfig, Overrides, Warning},
};

/// The file read by default, if it exists.
const USUAL_FILE: &str = "entrepot.yaml";

/// Reads `file`, or `./entrepot.yaml` if it exists; then applies the environment, then the command line.
///
/// # Errors
/// The first fault.
pub(crate) fn load(
    file: Option<&Path>,
    environment: &Environment,
    over: Overrides,
) -> Result<LoadedConfig, Error> {
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
    Ok(LoadedConfig { config, file, warnings })
}

/// Only the data directory that [`load`] would return. Secrets are not resolved, since looking for a server does not
/// need them.
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
    let mut root = ConfigNode::parse(&text).map_err(in_file)?;
    environment.write_over(&mut root, &sections::KEYS).map_err(in_file)?;
    Ok(root.get("data").and_then(ConfigNode::text).unwrap_or(defaults::DATA).into())
}

// The named file, or the default one if it exists.
fn which_file(named: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = named.map(Path::to_owned).or_else(|| environment.get("ENTREPOT_CONFIG").map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from(USUAL_FILE)).filter(|usual| usual.exists()))
}

/// Builds a configuration from a text and an environment.
///
/// # Errors
/// The first fault.
#[cfg(any(test, fuzzing))]
pub(crate) fn parse(text: &str, environment: &Environment) -> Result<(Config, Vec<Warning>), Error> {
    parse_in(text, environment, Path::new(""))
}

// Relative paths in the text are resolved against `directory`.
fn parse_in(
    text: &str,
    environment: &Environment,
    directory: &Path,
) -> Result<(Config, Vec<Warning>), Error> {
    let mut root = ConfigNode::parse(text)?;
    environment.write_over(&mut root, &sections::KEYS)?;
    build(root, environment, directory)
}

/// Builds a configuration from what was read. Relative paths are resolved against `directory`.
///
/// # Errors
/// The first fault.
pub(super) fn build(
    mut root: ConfigNode,
    environment: &Environment,
    directory: &Path,
) -> Result<(Config, Vec<Warning>), Error> {
    let mut warnings = secrets::resolve(&mut root, environment)?;
    check::check_urls(&root)?;
    let mut file: sections::File = typed::read(&root)?;
    let (sync, sync_files) = (std::mem::take(&mut file.sync), std::mem::take(&mut file.sync_files));
    let migration = migration::check(&root, file.migrate.take())?;
    let pull_rules = pull_rules::check(&root, &file.rules, directory)?;
    let keep = keep::check(&root, &std::mem::take(&mut file.keep), directory)?;
    let config = check::check(file, &root)?;
    let mut rules = rules::check(&root, sync, &sync_files, directory)?;
    rules.watched.extend(pull_rules.watched.iter().chain(&keep.watched).cloned());
    warnings.extend(keep::warnings(&keep, &config));
    Ok((Config { rules, pull_rules, keep, migration, ..config }, warnings))
}
