//! `entrepot load`: loads an archive into a registry, on a machine without a network.
//!
//! A bundle is relayed again: its files name the images, which get new names for this registry. Other archives are
//! lists of images with full names.

use std::{io::ErrorKind, path::PathBuf};

use entrepot_oci::{Digest, ImageRef};
use entrepot_relay::{File, Manifest, Plan, Stack, StackFile};
use entrepot_rewrite::{DocumentKind, Ignore, Root};
use entrepot_sync::{ArchiveFiles, Place, packed};

use super::{
    args::CopyOptions,
    bundle,
    ground::{OutputDirectory, OverwritePolicy},
    jobs,
    render::{self, CopyResults, RenderContext},
    write,
};
use crate::{
    commands::{
        documents::{Naming, rewrite},
        session::{self, Common},
    },
    failure::Failure,
    output::sentence,
    replace::FilePermissions,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Load {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The archive.
    pub(crate) file: PathBuf,
    /// The target of the images; `None` means the bundle's.
    pub(crate) to: Option<Root>,
    /// The naming scheme; `None` means the bundle's.
    pub(crate) naming: Option<Naming>,
    /// Explicit names, which take precedence over the bundle's.
    pub(crate) map: Vec<String>,
    /// The directory for the stack's files; `None` means a new one.
    pub(crate) out: Option<PathBuf>,
    /// Overwrite existing files.
    pub(crate) overwrite: bool,
    /// Copy options.
    pub(crate) options: CopyOptions,
    /// Only print what would be done.
    pub(crate) dry_run: bool,
}

/// The contents of an archive.
struct Cargo {
    place: Place,
    stack: Stack,
    /// The images by their full names.
    images: Vec<(ImageRef, Digest)>,
    to: Root,
    names: rewrite::NamingOptions,
    ignore: Ignore,
    /// The directory for the stack's files, if it has any.
    ground: Option<OutputDirectory>,
}

/// Runs the command.
pub(crate) fn run(load: &Load) -> Result<(), Failure> {
    let cargo = session::block_on(open(load))??;
    let rules = cargo.names.rules(cargo.ignore.clone())?;
    let plan = super::planned(&cargo.stack, &rules)?;
    let ground = cargo
        .ground
        .clone()
        .unwrap_or_else(|| OutputDirectory { path: PathBuf::new(), policy: OverwritePolicy::Stays });
    let names = write::names_in(&ground, &cargo.stack, &plan)?;
    render::left(&load.common, &cargo.stack, &plan);
    let work = RenderContext {
        common: &load.common,
        to: &cargo.to,
        stack: &cargo.stack,
        plan: &plan,
        names: &names,
    };
    let digests = digests(&cargo, &plan)?;
    if load.dry_run {
        return super::print_plan(&work);
    }
    let rows = jobs::copied(&work, &load.options, |session| {
        jobs::from_place(
            session,
            &plan,
            &load.options,
            &jobs::LoadedImages { place: &cargo.place, digests: &digests },
        )
    })?;
    let done = CopyResults::new(&plan, &rows, |entry| entry.target.to_string());
    let verdict = done.verdict();
    if cargo.ground.is_none() || verdict.is_err() {
        done.print(&work, &[], &[])?;
        return verdict;
    }
    let written = write::files(&cargo.stack, &plan, &names)?;
    let mut lines = render::renamed(written);
    lines.extend(unchanged(&ground, &cargo.stack, &plan)?);
    done.print(&work, &lines, &render::steps_of(&work))?;
    verdict
}

// Unchanged variable files belong to the stack too. Existing ones may have been edited, so they are not overwritten.
fn unchanged(
    directory: &OutputDirectory,
    stack: &Stack,
    plan: &Plan,
) -> Result<Vec<(String, String)>, Failure> {
    let directory = OutputDirectory { policy: OverwritePolicy::Stays, ..directory.clone() };
    let mut lines = Vec::new();
    for (file, _) in stack.variables.iter().zip(&plan.variables).filter(|(_, changed)| changed.is_none()) {
        let name = write::within(&file.name);
        let path = directory.path.join(&name);
        let what = match directory.put(&name, file.text.as_bytes(), FilePermissions::Mode(file.mode)) {
            Ok(()) => sentence!("as it was"),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                sentence!("was there, and stays as it is")
            }
            Err(error) => return Err(write::cannot(&path, &error)),
        };
        lines.push((path.display().to_string(), what));
    }
    Ok(lines)
}

async fn open(load: &Load) -> Result<Cargo, Failure> {
    let path = &load.file;
    let opened = entrepot_files::open(path);
    opened.map_err(|error| Failure::wrong(format!("cannot read {}: {error}", path.display())))?;
    let beside = ArchiveFiles::of(path).await.map_err(Failure::from)?;
    match bundle::manifest(path, &beside).await? {
        Some(manifest) => of_bundle(load, &beside, &manifest).await,
        None => of_archive(load, &beside).await,
    }
}

async fn of_bundle(load: &Load, beside: &ArchiveFiles, manifest: &Manifest) -> Result<Cargo, Failure> {
    let name = load.file.display();
    let damaged = |what: &dyn std::fmt::Display| Failure::new(format!("{name}: {what}"));
    let to = match &load.to {
        Some(to) => to.clone(),
        None => manifest.to.parse().map_err(|error| damaged(&error))?,
    };
    let naming = match &load.naming {
        Some(naming) => naming.clone(),
        None => manifest.naming.parse().map_err(|error| damaged(&error))?,
    };
    let map = load.map.iter().chain(&manifest.map).cloned().collect();
    let place = bundle::place(&load.file);
    Ok(Cargo {
        images: named(&place).await?.0,
        place,
        stack: bundle::stack(&load.file, beside, manifest).await?,
        names: rewrite::NamingOptions { to: Some(to.clone()), naming, map, map_file: None },
        to,
        ignore: Ignore::read(&manifest.ignore).map_err(|error| damaged(&error))?,
        ground: Some(OutputDirectory::of_bundle(&load.file, load.out.as_deref(), load.overwrite)?),
    })
}

async fn of_archive(load: &Load, beside: &ArchiveFiles) -> Result<Cargo, Failure> {
    let path = &load.file;
    let place = if beside.has("index.json") {
        Place::OciArchive(path.clone())
    } else if beside.has("manifest.json") {
        Place::DockerArchive(path.clone())
    } else {
        return Err(Failure::new(format!("{} holds no images", path.display())).with_hint(
            "`entrepot relay --bundle` makes what can be loaded; archives of `docker save` and `podman save` can be, too",
        ));
    };
    let to = load.to.clone().ok_or_else(|| {
        Failure::wrong(format!("{} does not say where its images are to go", path.display()))
            .with_hint("say it: `--to HOST/NAMESPACE`")
    })?;
    let (images, nameless) = named(&place).await?;
    if images.is_empty() || nameless > 0 {
        let all = images.len() + nameless;
        return Err(Failure::new(format!(
            "{nameless} of {all} images in {} have no whole name",
            path.display()
        ))
        .with_hint(format!("copy them one by one: `entrepot copy {place}:TAG {to}/NAME`")));
    }
    let text: String = images.iter().map(|(image, _)| format!("{image}\n")).collect();
    let file = File { name: path.display().to_string(), text, mode: 0o600 };
    let naming = load.naming.clone().unwrap_or(Naming::Flatten);
    Ok(Cargo {
        place,
        stack: Stack {
            sources: vec![StackFile { file, kind: DocumentKind::List, variables: Vec::new() }],
            ..Stack::default()
        },
        images,
        names: rewrite::NamingOptions { to: Some(to.clone()), naming, map: load.map.clone(), map_file: None },
        to,
        ignore: Ignore::default(),
        ground: None,
    })
}

// The images of an archive by their full names, and the number of images without one.
async fn named(place: &Place) -> Result<(Vec<(ImageRef, Digest)>, usize), Failure> {
    let all = packed(place).await.map_err(Failure::from)?;
    let (mut images, mut nameless) = (Vec::new(), 0);
    for one in all {
        // A bare word is a tag, as in image layouts.
        let name = one.name.filter(|name| name.contains(['/', ':']));
        match name.and_then(|name| name.parse().ok()) {
            Some(image) => images.push((image, one.digest)),
            None => nameless += 1,
        }
    }
    Ok((images, nameless))
}

fn digests(cargo: &Cargo, plan: &Plan) -> Result<Vec<Digest>, Failure> {
    let find = |source: &ImageRef| {
        let found = cargo.images.iter().find(|(image, _)| image == source);
        found.map(|(_, digest)| *digest).ok_or_else(|| {
            Failure::new(format!("`{source}` is not in the file")).with_hint(
                "it may have been left out when the bundle was made: make it again for this registry",
            )
        })
    };
    plan.entries.iter().map(|entry| find(&entry.source)).collect()
}
