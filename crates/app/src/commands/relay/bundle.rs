//! All of a stack in one file: an OCI archive of its images under their whole names, its files as they are, what they
//! become, and what was typed about names. So it can be relayed where there is no network, to whatever registry is there.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use entrepot_oci::{Reference, Tag};
use entrepot_relay::{File, Source, Stack};
use entrepot_rewrite::{Kind, Origin, Variables};
use entrepot_sync::{Place, beside, seal};
use serde::{Deserialize, Serialize};

use super::{
    Relay, jobs,
    tell::{Done, Work},
    write,
};
use crate::{commands::session, failure::Failure, output};

/// The file in it that says what it is.
const MANIFEST: &str = "relay.json";
/// What is written now, and read.
const VERSION: u32 = 1;

/// What a bundle says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// Where the images were to go when it was made.
    pub(super) to: String,
    pub(super) naming: String,
    pub(super) map: Vec<String>,
    pub(super) ignore: String,
    sources: Vec<Packed>,
    variables: Vec<Packed>,
    /// What the environment said, of variables that image names rest on.
    environment: BTreeMap<String, String>,
}

// A file of the stack, as it is.
#[derive(Debug, Serialize, Deserialize)]
struct Packed {
    name: String,
    /// Where it is in the bundle.
    file: String,
    mode: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    variables: Vec<usize>,
}

/// Packs a stack into a file, which is there once all of it is in it.
pub(super) fn pack(relay: &Relay, work: &Work<'_>, path: &Path) -> Result<(), Failure> {
    let mut draft = OsString::from(path);
    draft.push(".part");
    let draft = Draft(PathBuf::from(draft));
    let files = files(relay, work)?;
    let tag = |number: usize| tag(number).map_or_else(|| Reference::Tag(Tag::latest()), Reference::Tag);
    let rows = super::copied(work, &relay.manner, |_| {
        Ok(jobs::to_archive(work.plan, &relay.manner, &draft.0, tag))
    })?;
    let done = Done::new(work.plan, &rows, |entry| entry.source.to_string());
    let verdict = done.verdict();
    if verdict.is_ok() {
        close(work, &draft, files, path)?;
    }
    let size = fs::metadata(path).map_or(0, |known| known.len());
    let name = path.display().to_string();
    let steps = [format!("scp {name} SERVER:DIR/"), format!("entrepot load {name} --to {}", work.to)];
    let written =
        (name, format!("{} and {}", output::counted(rows.len() as u64, "image"), output::size(size)));
    done.print(work, &[written], &steps)?;
    verdict
}

// Gives the images their whole names, lays the files beside them, and gives the bundle its own name.
fn close(work: &Work<'_>, draft: &Draft, files: Vec<(String, Bytes)>, path: &Path) -> Result<(), Failure> {
    let entries = work.plan.entries.iter().enumerate();
    let names = entries.filter_map(|(number, entry)| Some((tag(number)?, entry.source.to_string())));
    let sealing = seal(&draft.0, names.collect(), files);
    session::block_on(sealing)?.map_err(super::broken)?;
    let old = work.stack.sources.iter().map(|source| &source.file).chain(&work.stack.variables);
    // What is in it is as open as the least open of the files.
    let mode = old.fold(0o666, |mode, file| mode & file.mode) | 0o600;
    fs::set_permissions(&draft.0, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::rename(&draft.0, path))
        .map_err(|error| write::cannot(path, &error))
}

// The name of an image as long as it has none of its own.
fn tag(number: usize) -> Option<Tag> {
    format!("image-{number}").parse().ok()
}

/// A file that is on its way.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Not there any more if it was finished.
        let _ = fs::remove_file(&self.0);
    }
}

// What lies beside the images: what it is, the files as they are, and those that there will be.
fn files(relay: &Relay, work: &Work<'_>) -> Result<Vec<(String, Bytes)>, Failure> {
    let stack = work.stack;
    let mut files = Vec::new();
    let mut pack = |file: &File| {
        let place = format!("relay/{}", files.len());
        files.push((place.clone(), Bytes::from(file.text.clone())));
        Packed { name: file.name.clone(), file: place, mode: file.mode, kind: None, variables: Vec::new() }
    };
    let sources = stack.sources.iter().map(|source| Packed {
        kind: Some(source.kind.to_string()),
        variables: source.variables.clone(),
        ..pack(&source.file)
    });
    let sources = sources.collect();
    let variables = stack.variables.iter().map(pack).collect();
    let manifest = Manifest {
        version: VERSION,
        to: work.to.to_string(),
        naming: relay.names.naming.to_string(),
        map: relay.names.pairs()?,
        ignore: relay.documents.ignore_list()?,
        sources,
        variables,
        environment: environment(work),
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::because("cannot write JSON", &error))?;
    files.insert(0, (MANIFEST.to_owned(), text.into()));
    let written = write::all(stack, work.plan, work.names);
    files.extend(written.map(|(old, written, _)| {
        let name = write::within(&entrepot_relay::mirror_name(&old.name)).display().to_string();
        (name, Bytes::from(written.text.clone()))
    }));
    Ok(files)
}

fn environment(work: &Work<'_>) -> BTreeMap<String, String> {
    let users = work.plan.entries.iter().flat_map(|entry| &entry.users).flat_map(|user| &user.variables);
    let own = users.filter(|(_, origin)| *origin == Origin::Environment);
    own.filter_map(|(name, _)| Some((name.clone(), work.stack.environment.get(name)?.0.to_owned()))).collect()
}

/// What a bundle says of itself; `None`: it is none.
pub(super) async fn manifest(path: &Path) -> Result<Option<Manifest>, Failure> {
    let Some(bytes) = beside(path, MANIFEST).await.map_err(super::broken)? else { return Ok(None) };
    let name = path.display();
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::because(format!("{name}: `{MANIFEST}` in it cannot be read"), &error))?;
    if manifest.version != VERSION {
        return Err(Failure::new(format!("{name} is a bundle of version {}", manifest.version))
            .with_hint(format!("this program reads version {VERSION}: use the one that made it")));
    }
    Ok(Some(manifest))
}

/// The stack in a bundle.
pub(super) async fn stack(path: &Path, manifest: &Manifest) -> Result<Stack, Failure> {
    let mut stack =
        Stack { environment: Variables::of_environment(manifest.environment.clone()), ..Stack::default() };
    for packed in &manifest.sources {
        let kind = packed.kind.as_deref().and_then(|kind| kind.parse().ok()).unwrap_or(Kind::Compose);
        let variables = packed.variables.clone();
        stack.sources.push(Source { file: file(path, packed).await?, kind, variables });
    }
    for packed in &manifest.variables {
        stack.variables.push(file(path, packed).await?);
    }
    Ok(stack)
}

async fn file(path: &Path, packed: &Packed) -> Result<File, Failure> {
    let damaged = |what: &str| Failure::new(format!("{}: `{}` {what}", path.display(), packed.file));
    let bytes = beside(path, &packed.file).await.map_err(super::broken)?;
    let bytes = bytes.ok_or_else(|| damaged("is not in it"))?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| damaged("is not a text in UTF-8"))?;
    Ok(File { name: packed.name.clone(), text, mode: packed.mode & 0o777 })
}

/// A bundle as a place that images are read from.
pub(super) fn place(path: &Path) -> Place {
    Place::OciArchive(path.to_owned())
}
