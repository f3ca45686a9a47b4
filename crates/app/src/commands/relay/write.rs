//! Writes the new files: each whole or not at all, and none before the images are there.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use entrepot_relay::{Plan, Stack, mirror_name};

use super::Relay;
use crate::{
    commands::documents::file,
    failure::Failure,
    replace::{Access, replace},
};

/// What the new files are called.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Those that name images, in the order of the stack's.
    pub(super) sources: Vec<String>,
    /// Those of variables; `None` where nothing changes.
    pub(super) variables: Vec<Option<String>>,
    in_place: bool,
}

/// Names them.
pub(super) fn names(relay: &Relay, stack: &Stack, plan: &Plan) -> Result<Names, Failure> {
    let old: Vec<&String> = stack.sources.iter().map(|source| &source.file.name).collect();
    let changed = plan.variables.iter().filter(|written| written.is_some()).count();
    let places = &relay.places;
    let only_one = |option: &str, path: &Option<PathBuf>, count: usize| match path {
        Some(path) if count > 1 => {
            Err(Failure::wrong(format!("{count} files cannot be written to {}", path.display()))
                .with_hint(format!("leave out `{option}`: each is written beside its own")))
        }
        _ => Ok(()),
    };
    only_one("--out", &places.out, old.len())?;
    only_one("--env-out", &places.env_out, changed)?;
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
    Ok(Names { sources, variables: variables.collect(), in_place: places.in_place })
}

/// Writes them; says which, and how many names in each are new.
pub(super) fn files(stack: &Stack, plan: &Plan, names: &Names) -> Result<Vec<(String, usize)>, Failure> {
    let variables = stack.variables.iter().zip(&plan.variables).zip(&names.variables);
    let variables =
        variables.filter_map(|((file, written), name)| Some((file, written.as_ref()?, name.as_ref()?)));
    let sources = stack.sources.iter().zip(&plan.files).zip(&names.sources);
    // What the others take their values from goes first.
    let all = variables.chain(sources.map(|((source, written), name)| (&source.file, written, name)));
    let mut told = Vec::new();
    for (file, written, name) in all {
        let path = Path::new(name);
        let done = if names.in_place {
            if written.changed == 0 { Ok(()) } else { file::replace(path, &written.text) }
        } else {
            put(path, &written.text, Access::Like(PathBuf::from(&file.name)))
        };
        done.map_err(|error| Failure::because(format!("cannot write {name}"), &error))?;
        told.push((name.clone(), written.changed));
    }
    Ok(told)
}

/// Writes the scripts, and the new files beside them.
pub(super) fn scripts(
    relay: &Relay,
    stack: &Stack,
    plan: &Plan,
    directory: &Path,
) -> Result<Vec<String>, Failure> {
    let cannot =
        |path: &Path, error: io::Error| Failure::because(format!("cannot write {}", path.display()), &error);
    fs::create_dir_all(directory).map_err(|error| cannot(directory, error))?;
    let mut written = Vec::new();
    let platform = relay.manner.platforms.first();
    if !plan.entries.is_empty() {
        for script in entrepot_relay::scripts(stack, plan, &relay.to, platform) {
            let path = directory.join(script.name);
            put(&path, &script.text, Access::Usual).map_err(|error| cannot(&path, error))?;
            let mode = fs::metadata(&path).map(|known| known.permissions().mode());
            // Whoever may read it may run it.
            let run = mode.and_then(|mode| {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode | ((mode & 0o444) >> 2)))
            });
            run.map_err(|error| cannot(&path, error))?;
            written.push(path.display().to_string());
        }
    }
    let there =
        |name: &str| directory.join(Path::new(name).file_name().unwrap_or_default()).display().to_string();
    let here = names(relay, stack, plan)?;
    let names = Names {
        sources: here.sources.iter().map(|name| there(name)).collect(),
        variables: here.variables.iter().map(|name| name.as_deref().map(there)).collect(),
        in_place: false,
    };
    let files = files(stack, plan, &names)?;
    written.extend(files.into_iter().map(|(name, _)| name));
    Ok(written)
}

fn put(path: &Path, text: &str, access: Access) -> io::Result<()> {
    replace(path, access, |file| file.write_all(text.as_bytes()))
}
