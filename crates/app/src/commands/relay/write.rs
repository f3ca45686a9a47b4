//! Writes the new files atomically, and only after all images have arrived.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Component, Path, PathBuf},
};

use entrepot_relay::{File, Plan, RewrittenFile, Stack, mirror_name};

use super::{
    args::{Places, Relay},
    ground::{OutputDirectory, OverwritePolicy},
};
use crate::{
    commands::documents::file,
    failure::Failure,
    replace::{FilePermissions, replace},
};

/// The names of the new files.
#[derive(Clone, Debug)]
pub(super) struct OutputNames {
    /// The files that name images, in the order of the stack's.
    pub(super) sources: Vec<String>,
    /// The variable files; `None` if nothing changes.
    pub(super) variables: Vec<Option<String>>,
    how: OutputMode,
}

/// The output mode.
#[derive(Clone, Debug)]
enum OutputMode {
    /// To the given paths, or next to the old files.
    Beside,
    /// In place of the old files.
    InPlace,
    /// Below a directory, and nowhere else.
    Below(OutputDirectory),
}

/// Names for files next to the old ones, or at the given paths.
pub(super) fn names(places: &Places, stack: &Stack, plan: &Plan) -> Result<OutputNames, Failure> {
    let old: Vec<&String> = stack.sources.iter().map(|source| &source.file.name).collect();
    let changed = plan.variables.iter().filter(|written| written.is_some()).count();
    only_one("--out", places.out.as_deref(), old.len())?;
    only_one("--env-out", places.env_out.as_deref(), changed)?;
    let new = |old: &str, given: &Option<PathBuf>| match given {
        _ if places.in_place => old.to_owned(),
        Some(path) => path.display().to_string(),
        None => mirror_name(old),
    };
    let sources: Vec<String> = old.iter().map(|old| new(old, &places.out)).collect();
    if let Some(same) = sources.iter().find(|name| !places.in_place && old.contains(name)) {
        return Err(Failure::wrong(format!("{same} is one of the files that are read"))
            .with_hint("`--in-place` changes the files themselves"));
    }
    let variables = stack.variables.iter().zip(&plan.variables);
    let variables =
        variables.map(|(file, written)| written.as_ref().map(|_| new(&file.name, &places.env_out)));
    let how = if places.in_place { OutputMode::InPlace } else { OutputMode::Beside };
    Ok(OutputNames { sources, variables: variables.collect(), how })
}

fn only_one(option: &str, path: Option<&Path>, count: usize) -> Result<(), Failure> {
    match path {
        Some(path) if count > 1 => {
            Err(Failure::wrong(format!("{count} files cannot be written to {}", path.display()))
                .with_hint(format!("leave out `{option}`: each is written beside its own")))
        }
        _ => Ok(()),
    }
}

/// Names for files below a directory; no name can escape it.
pub(super) fn names_in(
    directory: &OutputDirectory,
    stack: &Stack,
    plan: &Plan,
) -> Result<OutputNames, Failure> {
    let new = |old: &str| directory.path.join(within(&mirror_name(old))).display().to_string();
    let sources: Vec<String> = stack.sources.iter().map(|source| new(&source.file.name)).collect();
    let variables = stack.variables.iter().zip(&plan.variables);
    let variables: Vec<Option<String>> =
        variables.map(|(file, written)| written.as_ref().map(|_| new(&file.name))).collect();
    let mut known = BTreeSet::new();
    match sources.iter().chain(variables.iter().flatten()).find(|name| !known.insert((*name).clone())) {
        Some(twice) => Err(Failure::wrong(format!("two files would be {twice}"))
            .with_hint("relay them one after the other, to directories of their own")),
        None => Ok(OutputNames { sources, variables, how: OutputMode::Below(directory.clone()) }),
    }
}

/// The path of a file below an output directory: unchanged, or only the file name if it lies elsewhere.
pub(super) fn within(name: &str) -> PathBuf {
    let parts: Vec<Component<'_>> =
        Path::new(name).components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if parts.iter().all(|part| matches!(part, Component::Normal(_))) {
        return parts.iter().collect();
    }
    Path::new(name).file_name().map(PathBuf::from).unwrap_or_default()
}

/// Each file to write: the original, the new text and the name. Variable files come first, since others read them.
pub(super) fn all<'a>(
    stack: &'a Stack,
    plan: &'a Plan,
    names: &'a OutputNames,
) -> impl Iterator<Item = (&'a File, &'a RewrittenFile, &'a String)> {
    let variables = stack.variables.iter().zip(&plan.variables).zip(&names.variables);
    let variables =
        variables.filter_map(|((file, written), name)| Some((file, written.as_ref()?, name.as_ref()?)));
    let sources = stack.sources.iter().zip(&plan.files).zip(&names.sources);
    variables.chain(sources.map(|((source, written), name)| (&source.file, written, name)))
}

/// Writes the files; returns their names, each with the number of changed image names.
pub(super) fn files(
    stack: &Stack,
    plan: &Plan,
    names: &OutputNames,
) -> Result<Vec<(String, usize)>, Failure> {
    let mut lines = Vec::new();
    for (old, written, name) in all(stack, plan, names) {
        one(&names.how, old, written, name).map_err(|error| cannot(Path::new(name), &error))?;
        lines.push((name.clone(), written.changed));
    }
    Ok(lines)
}

fn one(how: &OutputMode, old: &File, file: &RewrittenFile, name: &str) -> io::Result<()> {
    let (bytes, access) = (file.text.as_bytes(), FilePermissions::Mode(old.mode));
    match how {
        OutputMode::InPlace if file.changed == 0 => Ok(()),
        OutputMode::InPlace => {
            file::replace(Path::new(name), &file.text).map(|lost| file::warn_lost(name, &lost))
        }
        OutputMode::Beside => put(Path::new(name), bytes, access),
        OutputMode::Below(ground) => ground.put(&within(&mirror_name(&old.name)), bytes, access),
    }
}

/// Writes the scripts and the new files.
pub(super) fn scripts(
    relay: &Relay,
    stack: &Stack,
    plan: &Plan,
    directory: &Path,
) -> Result<Vec<String>, Failure> {
    // The directory may have files from an earlier run.
    let ground = OutputDirectory { path: directory.to_owned(), policy: OverwritePolicy::GivesWay };
    let names = names_in(&ground, stack, plan)?;
    ground.open().map_err(|error| cannot(directory, &error))?;
    let mut written = Vec::new();
    let platform = relay.options.platforms.first();
    if !plan.entries.is_empty() {
        for script in entrepot_relay::scripts(stack, plan, &relay.to, platform) {
            let put =
                ground.put(Path::new(script.name), script.text.as_bytes(), FilePermissions::Mode(0o755));
            let path = directory.join(script.name);
            put.map_err(|error| cannot(&path, &error))?;
            written.push(path.display().to_string());
        }
    }
    let files = files(stack, plan, &names)?;
    written.extend(files.into_iter().map(|(name, _)| name));
    Ok(written)
}

/// The error for a file that cannot be written.
pub(super) fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::because(format!("cannot write {}", path.display()), error)
}

// Writes a file, creating its parent directories.
fn put(path: &Path, bytes: &[u8], access: FilePermissions) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    replace(path, access, |file| file.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_a_directory() {
        for (name, below) in [
            ("compose.yaml", "compose.yaml"),
            ("./a/compose.yaml", "a/compose.yaml"),
            ("../compose.yaml", "compose.yaml"),
            ("a/../../x", "x"),
            ("/etc/passwd", "passwd"),
            ("..", ""),
        ] {
            assert_eq!(within(name), Path::new(below), "{name}");
        }
    }
}
