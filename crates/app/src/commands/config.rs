//! `entrepot config`: checks a configuration, or prints the effective one.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{
    assembly,
    config::{self, Environment, LoadedConfig, Overrides},
    failure::{self, Failure},
    output::{self, Output, amount, counted, sentence, word},
};

/// The arguments.
#[derive(Debug)]
pub(crate) enum Config {
    /// Check a file.
    Check {
        /// The file.
        file: PathBuf,
        /// The output format.
        output: Output,
    },
    /// Print the effective configuration.
    Show {
        /// The file, if given.
        file: Option<PathBuf>,
        /// The output format.
        output: Output,
    },
}

/// Runs the command.
pub(crate) fn run(command: Config) -> Result<(), Failure> {
    match command {
        Config::Check { file, output } => check(&file, output),
        Config::Show { file, output } => show(file.as_deref(), output),
    }
}

#[derive(Serialize)]
struct ConfigReport<'a> {
    file: &'a Path,
    ok: bool,
    listen: &'a str,
    upstreams: Vec<&'a str>,
    hosted: &'a [String],
    rules: usize,
    pull_rules: usize,
    warnings: Vec<&'a str>,
}

#[derive(Serialize)]
struct ProblemReport<'a> {
    file: &'a Path,
    ok: bool,
    faults: Vec<ConfigProblem>,
}

#[derive(Serialize)]
struct ConfigProblem {
    what: String,
    hint: Option<String>,
}

fn check(file: &Path, output: Output) -> Result<(), Failure> {
    // Certificates of registries are tried out.
    assembly::install_crypto();
    let whole = config::load_whole(file, &Environment::of_process());
    let (config, warnings) = match whole {
        Ok(whole) => whole,
        Err(faults) => return Err(refused(file, faults, output)?),
    };
    let upstreams =
        config.registries.iter().filter(|(_, registry)| registry.mirror).map(|(host, _)| host.as_str());
    let checked = ConfigReport {
        file,
        ok: true,
        listen: config.listen.as_str(),
        upstreams: upstreams.collect(),
        hosted: &config.hosted,
        rules: config.rules.set.rules().len(),
        pull_rules: config.pull_rules.lists.iter().map(|list| list.rules.len()).sum(),
        warnings: warnings.iter().map(|warning| warning.what.as_str()).collect(),
    };
    match output {
        Output::Json => output::print_json(&checked),
        Output::Text => {
            failure::warn(&warnings);
            output::print(&told(&checked, &config))
        }
    }
}

fn told(checked: &ConfigReport<'_>, config: &config::Config) -> String {
    let blobs = match &config.s3 {
        Some(s3) => format!("s3://{}", s3.bucket),
        None => config.data.display().to_string(),
    };
    let records = if config.database.is_some() { "PostgreSQL" } else { "SQLite" };
    let pushes = if config.hosted.is_empty() { word("nothing") } else { config.hosted.join(", ") };
    let mut lines = vec![
        sentence!("{file}: ok", file = checked.file.display()),
        sentence!(
            "listens on {address}, mirrors {registries}, takes pushes to {prefixes}",
            address = checked.listen,
            registries = amount(checked.upstreams.len(), "registry"),
            prefixes = pushes
        ),
        sentence!("blobs: {blobs}; records: {records}", blobs = blobs, records = records),
    ];
    if checked.pull_rules != 0 {
        lines.push(sentence!("pulls are subject to {rules}", rules = amount(checked.pull_rules, "rule")));
    }
    if checked.rules != 0 {
        lines.push(sentence!("copies by {rules}", rules = amount(checked.rules, "rule")));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

// Tells all faults; the last one is left for the caller to tell.
fn refused(file: &Path, mut faults: Vec<config::Error>, output: Output) -> Result<Failure, Failure> {
    let count = faults.len() as u64;
    if output == Output::Json {
        let told = |fault: &config::Error| ConfigProblem {
            what: fault.to_string(),
            hint: fault.hint().map(str::to_owned),
        };
        output::print_json(&ProblemReport { file, ok: false, faults: faults.iter().map(told).collect() })?;
        return Ok(Failure::wrong(format!("{}: {}", file.display(), counted(count, "mistake"))));
    }
    let last = faults.pop();
    faults.into_iter().for_each(|fault| Failure::from(fault).report());
    Ok(last.map_or_else(|| Failure::wrong("the configuration cannot be used"), Failure::from))
}

fn show(file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let LoadedConfig { config, warnings, .. } = load(file)?;
    failure::warn(&warnings);
    match output {
        Output::Text => output::print_exact(config.show().to_yaml().as_bytes()),
        Output::Json => output::print_json(&config.show()),
    }
}

fn load(file: Option<&Path>) -> Result<LoadedConfig, Failure> {
    Ok(config::load(file, &Environment::of_process(), Overrides::default())?)
}
