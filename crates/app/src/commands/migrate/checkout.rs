//! The project files that a migration's patterns select.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use entrepot_files::Directory;
use entrepot_migrate::File;
use entrepot_oci::is_shallow;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    failure::{self, Failure},
    replace::{LostAttributes, change},
};

/// The largest file, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// The deepest level of directories searched.
const MAX_DEPTH: usize = 32;

/// Directories that are never the project's own.
const PASSED_OVER: [&str; 3] = [".git", "node_modules", "target"];

/// The project's files. A checkout is untrusted: nothing outside it is read or written, whatever links it contains.
pub(super) struct Checkout {
    /// Its path, with all links resolved.
    root: PathBuf,
    directory: Directory,
}

impl Checkout {
    /// Opens the checkout at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::because(format!("cannot read {}", path.display()), &error);
        let root = fs::canonicalize(path).map_err(failed)?;
        let directory = Directory::open(&root).map_err(failed)?;
        Ok(Self { root, directory })
    }

    /// The files that match one of the patterns, in order. A link counts as the file in the checkout that it points to.
    pub(super) fn read(&self, patterns: &[String]) -> Result<Vec<File>, Failure> {
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        let globs = globs(patterns)?;
        let mut names = Vec::new();
        walk(&self.root, "", 0, &mut names);
        names.sort();
        for (index, pattern) in patterns.iter().enumerate() {
            if !names.iter().any(|name| globs.matches(name).contains(&index)) {
                failure::remark(&format!("no file fits `{pattern}` below `{}`", self.root.display()));
            }
        }
        let chosen = names.into_iter().filter(|name| globs.is_match(name));
        let chosen: BTreeSet<String> = chosen.filter_map(|name| self.file_of(name)).collect();
        chosen.into_iter().map(|name| self.file(name)).collect()
    }

    // The file a name refers to; `None` if it is outside the checkout or in an ignored directory.
    fn file_of(&self, name: String) -> Option<String> {
        let path = self.root.join(&name);
        if !path.is_symlink() {
            return Some(name);
        }
        let end = fs::canonicalize(path).ok();
        let below = end.as_deref().and_then(|end| end.strip_prefix(&self.root).ok()).and_then(Path::to_str);
        let is_passed = |name: &str| name.split('/').any(|part| PASSED_OVER.contains(&part));
        let below = below.filter(|below| !is_passed(below)).map(str::to_owned);
        if below.is_none() {
            failure::remark(&format!("{name} is a link that leads out of the project's files, and is left"));
        }
        below
    }

    fn file(&self, name: String) -> Result<File, Failure> {
        let file = self.directory.read(Path::new(&name));
        let read = file.and_then(|file| io::read_to_string(file.take(MAX_FILE + 1)));
        let text = read.map_err(|error| Failure::because(format!("cannot read {name}"), &error))?;
        if text.len() as u64 > MAX_FILE {
            return Err(Failure::new(format!("{name}: larger than {} MiB", MAX_FILE >> 20)));
        }
        Ok(File { name, text })
    }

    /// Replaces a file's text.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<LostAttributes, Failure> {
        change(&self.directory, Path::new(name), text)
            .map_err(|error| Failure::because(format!("cannot write {name}"), &error))
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        if !is_shallow(pattern) {
            return Err(Failure::wrong("a pattern of `documents` is too long or nested too deeply")
                .with_hint("write several patterns: `documents: [\"a/*.yaml\", \"b/*.yaml\"]`"));
        }
        let glob = GlobBuilder::new(pattern.trim_start_matches("./")).literal_separator(true).build();
        globs.add(glob.map_err(|error| {
            Failure::wrong(format!("`{pattern}` is not a pattern: {}", error.kind())).with_hint(
                "`*` stands for anything within a name, `**` for any number of directories: `config/**/*.yaml`",
            )
        })?);
    }
    globs
        .build()
        .map_err(|error| Failure::wrong(format!("the patterns of `documents` are too many: {error}")))
}

// Links to directories are not followed; they could form a cycle.
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
