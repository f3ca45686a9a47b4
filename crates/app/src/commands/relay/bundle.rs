//! A stack in one file: an OCI archive of its images under their full names, its files before and after the rewrite,
//! and the naming options. It can be loaded without network access, into any registry.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use entrepot_files::{Draft, Readers};
use entrepot_oci::{MAX_MANIFEST_BYTES, Reference, Tag};
use entrepot_relay::{BundleError, File, Manifest, PackedFile, RelayOptions, Stack, StackFile, mirror_name};
use entrepot_rewrite::{DocumentKind, ValueOrigin, Variables};
use entrepot_sync::{ArchiveFiles, Place, Sealing, seal};

use super::{
    args::Relay,
    jobs,
    render::{CopyResults, RenderContext, complete},
    write,
};
use crate::{
    commands::session,
    failure::Failure,
    output::{self, sentence},
};

/// The bundle's manifest file, and its largest size in bytes.
const MANIFEST: &str = "relay.json";
const MAX_MANIFEST: u64 = MAX_MANIFEST_BYTES as u64;

/// The largest total size of a stack's files, in bytes.
const MAX_TEXTS: u64 = 64 << 20;

/// Packs a stack into a file. The file appears only when it is complete.
pub(super) fn pack(relay: &Relay, context: &RenderContext<'_>, path: &Path) -> Result<(), Failure> {
    let files = files(relay, context)?;
    let cannot = |error: io::Error| write::cannot(path, &error);
    let draft = Draft::at(path, Readers::Owner).map_err(cannot)?;
    let beside = draft.beside(path);
    let tag = |number: usize| tag(number).map_or_else(|| Reference::Tag(Tag::latest()), Reference::Tag);
    let rows = jobs::copied(context, &relay.options, |_| {
        Ok(jobs::to_archive(context.plan, &relay.options, &beside, tag))
    })?;
    let done = CopyResults::new(context.plan, &rows, |entry| entry.source.to_string());
    let verdict = done.verdict();
    if verdict.is_ok() {
        close(context, &beside, files)?;
        // The archive has the draft's name by now.
        draft.replace().map_err(cannot)?;
    }
    let size = fs::metadata(path).map_or(0, |known| known.len());
    let images = output::amount(rows.len(), "image");
    let written = sentence!("{images} and {size}", images = images, size = output::size(size));
    done.print(context, &[(path.display().to_string(), written)], &steps(context, path))?;
    verdict.and_then(|()| complete(context))
}

fn steps(work: &RenderContext<'_>, path: &Path) -> [String; 2] {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [
        format!("scp -- {} SERVER:DIR/", entrepot_relay::path(&path.display().to_string())),
        format!("entrepot load {} --to {}", entrepot_relay::path(&name), work.to),
    ]
}

// Gives the images their full names and adds the files.
fn close(context: &RenderContext<'_>, archive: &Path, files: Vec<(String, Bytes)>) -> Result<(), Failure> {
    let entries = context.plan.entries.iter().enumerate();
    let names =
        entries.filter_map(|(number, entry)| Some((tag(number)?, entry.source.to_string()))).collect();
    let old = context.stack.sources.iter().map(|source| &source.file).chain(&context.stack.variables);
    // The bundle gets the most restrictive mode of its files.
    let mode = old.fold(0o666, |mode, file| mode & file.mode) | 0o600;
    session::block_on(seal(archive, Sealing { names, files, mode }))?.map_err(Failure::from)
}

// The temporary tag of an image.
fn tag(number: usize) -> Option<Tag> {
    format!("image-{number}").parse().ok()
}

// The files next to the images: the manifest, the original files and the rewritten ones.
fn files(relay: &Relay, context: &RenderContext<'_>) -> Result<Vec<(String, Bytes)>, Failure> {
    let (stack, plan) = (context.stack, context.plan);
    let wishes = RelayOptions {
        to: context.to.to_string(),
        naming: relay.names.naming.to_string(),
        map: relay.names.pairs()?,
        ignore: relay.documents.ignore_list()?,
        environment: environment(context),
    };
    let mut files: Vec<(String, Bytes)> = Vec::new();
    let place = |file: &File| {
        let place = format!("relay/{}", files.len());
        files.push((place.clone(), Bytes::from(file.text.clone())));
        place
    };
    let manifest = Manifest::new(stack, wishes, place).map_err(|error| {
        Failure::new(format!("this stack cannot be in a bundle: {error}"))
            .with_hint("give the file another name: `load` writes plain names below one directory, and hidden ones of variables alone")
    })?;
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::because("cannot write JSON", &error))?;
    files.insert(0, (MANIFEST.to_owned(), text.into()));
    let variables = manifest.variables.iter().zip(&plan.variables);
    let variables = variables.filter_map(|(packed, written)| Some((packed, written.as_ref()?)));
    let written = manifest.sources.iter().zip(&plan.files).chain(variables);
    files.extend(
        written.map(|(packed, written)| (mirror_name(&packed.name), Bytes::from(written.text.clone()))),
    );
    Ok(files)
}

fn environment(context: &RenderContext<'_>) -> BTreeMap<String, String> {
    let users = context.plan.entries.iter().flat_map(|entry| &entry.users).flat_map(|user| &user.variables);
    let own = users.filter(|(_, origin)| *origin == ValueOrigin::Environment);
    own.filter_map(|(name, _)| Some((name.clone(), context.stack.environment.get(name)?.0.to_owned())))
        .collect()
}

/// Reads a bundle's manifest; `None` if the archive is not a bundle.
pub(super) async fn manifest(path: &Path, beside: &ArchiveFiles) -> Result<Option<Manifest>, Failure> {
    let Some(bytes) = beside.file(MANIFEST, MAX_MANIFEST).await.map_err(Failure::from)? else {
        return Ok(None);
    };
    Manifest::read(&bytes).map(Some).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: BundleError) -> Failure {
    let name = path.display();
    match error {
        BundleError::Version(version) => Failure::new(format!("{name} is a bundle of version {version}"))
            .with_hint("this program reads version 1: use the one that made it"),
        BundleError::Unreadable(error) => {
            Failure::because(format!("{name}: `{MANIFEST}` in it cannot be read"), &error)
        }
        error => Failure::new(format!("{name} is refused: {error}")).with_hint(
            "nothing was copied or written; if you know who made it, have it made again from files with plain names",
        ),
    }
}

/// Reads the stack from a bundle.
pub(super) async fn stack(path: &Path, beside: &ArchiveFiles, manifest: &Manifest) -> Result<Stack, Failure> {
    let mut files = Vec::new();
    let mut room = MAX_TEXTS;
    for (packed, _) in manifest.files() {
        let file = file(path, beside, packed, room).await?;
        room -= file.text.len() as u64;
        files.push(file);
    }
    let variables = files.split_off(manifest.sources.len());
    let sources = files.into_iter().zip(&manifest.sources).map(|(file, packed)| StackFile {
        file,
        kind: packed.kind.as_deref().and_then(|kind| kind.parse().ok()).unwrap_or(DocumentKind::Compose),
        variables: packed.variables.clone(),
    });
    Ok(Stack {
        sources: sources.collect(),
        variables,
        environment: Variables::of_environment(manifest.environment.clone()),
        ..Stack::default()
    })
}

async fn file(path: &Path, beside: &ArchiveFiles, packed: &PackedFile, room: u64) -> Result<File, Failure> {
    let damaged = |what: &str| Failure::new(format!("{}: `{}` {what}", path.display(), packed.file));
    let bytes = beside.file(&packed.file, room).await.map_err(Failure::from)?;
    let bytes = bytes.ok_or_else(|| damaged("is not in it"))?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| damaged("is not a text in UTF-8"))?;
    Ok(File { name: packed.name.clone(), text, mode: packed.mode })
}

/// The bundle as a source of images.
pub(super) fn place(path: &Path) -> Place {
    Place::OciArchive(PathBuf::from(path))
}
