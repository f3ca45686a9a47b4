//! Reads the files of a stack.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use entrepot_relay::{File, Stack, StackFile};
use entrepot_rewrite::{DocumentKind, Variables};

use super::args::Relay;
use crate::{
    commands::documents::{self, Input},
    config::Environment,
    failure::Failure,
};

/// The default files of compose, in its order.
const USUAL: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// Reads the stack.
pub(super) fn read(relay: &Relay) -> Result<Stack, Failure> {
    let mut stack = Stack {
        environment: Variables::of_environment(Environment::of_process().variables()),
        search: relay.documents.search.clone(),
        ..Stack::default()
    };
    let mut known: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for source in sources(relay)? {
        let Input { name, text } = documents::read(&source)?;
        // Treat a file as a compose file unless it is recognized as something else.
        let kind =
            relay.documents.kind.or_else(|| DocumentKind::of(&name, &text)).unwrap_or(DocumentKind::Compose);
        let mut variables = Vec::new();
        for path in variable_files(relay, kind, Path::new(&name)) {
            let number = match known.get(&path) {
                Some(number) => *number,
                None => add(&mut stack, &path)?,
            };
            known.insert(path, number);
            variables.push(number);
        }
        stack.sources.push(StackFile {
            file: File { mode: mode(Path::new(&name)), name, text },
            kind,
            variables,
        });
    }
    Ok(stack)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).map_or(0o600, |known| known.permissions().mode() & 0o777)
}

fn sources(relay: &Relay) -> Result<Vec<documents::DocumentSource>, Failure> {
    if !relay.documents.sources.is_empty() {
        return Ok(relay.documents.sources.clone());
    }
    let found = USUAL.into_iter().find(|name| Path::new(name).is_file());
    let found = found.ok_or_else(|| {
        Failure::wrong("there is no compose file in this directory")
            .with_hint("name it: `entrepot relay FILE`")
    })?;
    Ok(vec![documents::DocumentSource::File(found.into())])
}

// The files named on the command line, or the one that compose reads by default.
fn variable_files(relay: &Relay, kind: DocumentKind, file: &Path) -> Vec<PathBuf> {
    if kind != DocumentKind::Compose {
        return Vec::new();
    }
    if !relay.env_files.is_empty() {
        return relay.env_files.clone();
    }
    let beside = file.with_file_name(".env");
    if beside.is_file() { vec![beside] } else { Vec::new() }
}

fn add(stack: &mut Stack, path: &Path) -> Result<usize, Failure> {
    let name = path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|error| Failure::wrong(format!("cannot read {name}: {error}")))?;
    stack.variables.push(File { mode: mode(path), name, text });
    Ok(stack.variables.len() - 1)
}
