//! Combines the rules of `sync` and of the files named by `sync_files`, and checks them together.

use std::{
    fs,
    path::{Path, PathBuf},
};

use entrepot_oci::is_shallow;
use entrepot_sync::rules::{RuleError, RuleSection, RuleSet};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use super::{
    files::read_file,
    reader::{error::Error, place::SourceLocation, tree::ConfigNode, typed},
    shown::OutputValue,
    types::Rules,
};

/// The contents of a file named by `sync_files`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RuleFile {
    sync: Vec<RuleSection>,
}

/// The rules of one file.
struct RulesFile {
    // `None` for the configuration itself.
    file: Option<PathBuf>,
    root: ConfigNode,
    rules: Vec<RuleSection>,
}

/// Builds the rules from `root`. `sync` is the same in types; patterns are relative to `directory`.
pub(super) fn check(
    root: &ConfigNode,
    sync: Vec<RuleSection>,
    patterns: &[String],
    directory: &Path,
) -> Result<Rules, Error> {
    let mut watched = Vec::new();
    let mut parts = vec![RulesFile { file: None, root: root.clone(), rules: sync }];
    for (index, pattern) in patterns.iter().enumerate() {
        watched.extend(directory.join(pattern).parent().map(Path::to_owned));
        let fault = |what: String, hint: &str| {
            let place = root.at(&["sync_files", &index.to_string()]).map(|node| node.location.clone());
            let error = Error::at(&place.unwrap_or(SourceLocation::Nowhere), what).with_hint(hint);
            error.under(&index.to_string()).under("sync_files")
        };
        for file in files(directory, pattern).map_err(|(what, hint)| fault(what, hint))? {
            watched.push(file.clone());
            parts.push(part(&file).map_err(|error| error.in_file(&file))?);
        }
    }
    let all: Vec<RuleSection> = parts.iter().flat_map(|part| part.rules.iter().cloned()).collect();
    let set = RuleSet::check(&all).map_err(|error| located(&parts, &error))?;
    let shown = parts.iter().filter_map(|part| part.root.get("sync")).flat_map(ConfigNode::items);
    Ok(Rules { set, watched, output: shown.map(OutputValue::written).collect() })
}

fn part(file: &Path) -> Result<RulesFile, Error> {
    let root = ConfigNode::parse(&read_file(file)?)?;
    let RuleFile { sync } = typed::read(&root)?;
    Ok(RulesFile { file: Some(file.to_owned()), root, rules: sync })
}

/// The matching files, sorted by name; only the last part of a pattern may have wildcards.
///
/// # Errors
/// What is wrong with the pattern, and a hint.
pub(super) fn files(directory: &Path, pattern: &str) -> Result<Vec<PathBuf>, (String, &'static str)> {
    let hint = "wildcards may stand in the name of the file, not of a directory: `rules/*.yaml`";
    let path = directory.join(pattern);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err((format!("`{pattern}` names no file"), hint));
    };
    let is_wild = |text: &str| text.contains(['*', '?', '[', '{']);
    if is_wild(&Path::new(pattern).parent().unwrap_or(Path::new("")).to_string_lossy()) {
        return Err((format!("`{pattern}` has wildcards in the name of a directory"), hint));
    }
    if !is_wild(name) {
        return Ok(vec![path]);
    }
    let glob = Some(name).filter(|name| is_shallow(name));
    let glob = glob.and_then(|name| GlobBuilder::new(name).literal_separator(true).build().ok());
    let glob = glob.ok_or_else(|| (format!("`{pattern}` is not a pattern"), hint))?.compile_matcher();
    let found = fitting(parent, &glob);
    if found.is_empty() {
        return Err((format!("no file fits `{pattern}`"), "the path is seen from where this file is"));
    }
    Ok(found)
}

fn fitting(directory: &Path, glob: &GlobMatcher) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let fits = entries.filter(|entry| glob.is_match(entry.file_name())).map(|entry| entry.path());
    let mut files: Vec<PathBuf> = fits.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

// Maps a position in the list of all rules to a place in a file.
fn located(parts: &[RulesFile], error: &RuleError) -> Error {
    let (first, rest) =
        error.path().split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
    let mut index = first.parse::<usize>().unwrap_or(0);
    let mut part = &parts[0];
    for next in parts {
        part = next;
        if index < next.rules.len() {
            break;
        }
        index -= next.rules.len();
    }
    let index = index.to_string();
    let path: Vec<&str> = ["sync", &index].into_iter().chain(rest.iter().map(String::as_str)).collect();
    let node = (1..=path.len()).rev().find_map(|end| part.root.at(&path[..end]));
    let fault = Error::at(node.map_or(&SourceLocation::Nowhere, |node| &node.location), error.what())
        .with_hint(error.hint());
    let fault = path.iter().rev().fold(fault, |fault, step| fault.under(step));
    match &part.file {
        Some(file) => fault.in_file(file),
        None => fault,
    }
}
