//! The project's files, as the patterns of a migration choose them.

use std::{fs, path::Path};

use entrepot_migrate::File;
use entrepot_oci::is_nested_deeply;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::failure::{self, Failure};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// How deep directories are looked into.
const MAX_DEPTH: usize = 32;

/// What is never the project's own.
const PASSED_OVER: [&str; 3] = [".git", "node_modules", "target"];

/// The files below `directory` that fit one of the patterns, in order.
pub(super) fn read(directory: &Path, patterns: &[String]) -> Result<Vec<File>, Failure> {
    if patterns.is_empty() {
        return Ok(Vec::new());
    }
    let globs = globs(patterns)?;
    let mut names = Vec::new();
    walk(directory, "", 0, &mut names);
    names.sort();
    for (index, pattern) in patterns.iter().enumerate() {
        if !names.iter().any(|name| globs.matches(name).contains(&index)) {
            failure::remark(&format!("no file fits `{pattern}` below `{}`", directory.display()));
        }
    }
    let chosen = names.into_iter().filter(|name| globs.is_match(name));
    chosen.map(|name| file(directory, name)).collect()
}

fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        globs.add(glob(pattern).map_err(|why| {
            Failure::wrong(format!("`{pattern}` is not a pattern: {why}")).with_hint(
                "`*` stands for anything within a name, `**` for any number of directories: `config/**/*.yaml`",
            )
        })?);
    }
    globs
        .build()
        .map_err(|error| Failure::wrong(format!("the patterns of `documents` are too many: {error}")))
}

// Or why it is no pattern.
fn glob(pattern: &str) -> Result<Glob, String> {
    if is_nested_deeply(pattern) {
        return Err("its alternatives are nested too deeply".to_owned());
    }
    let glob = GlobBuilder::new(pattern.trim_start_matches("./")).literal_separator(true).build();
    glob.map_err(|error| error.kind().to_string())
}

// Links to directories are not followed: they may lead in a circle.
fn walk(directory: &Path, below: &str, depth: usize, names: &mut Vec<String>) {
    let entries = fs::read_dir(directory.join(below)).into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        let own = entry.file_name();
        let Some(own) = own.to_str() else { continue };
        let name = if below.is_empty() { own.to_owned() } else { format!("{below}/{own}") };
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < MAX_DEPTH && !PASSED_OVER.contains(&own) {
            walk(directory, &name, depth + 1, names);
        } else if kind.is_file() || kind.is_symlink() && entry.path().is_file() {
            names.push(name);
        }
    }
}

fn file(directory: &Path, name: String) -> Result<File, Failure> {
    let path = directory.join(&name);
    let size = fs::metadata(&path).map(|metadata| metadata.len());
    if size.as_ref().is_ok_and(|size| *size > MAX_FILE) {
        return Err(Failure::new(format!("{name}: larger than {} MiB", MAX_FILE >> 20)));
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::because(format!("cannot read {}", path.display()), &error))?;
    Ok(File { name, text })
}
