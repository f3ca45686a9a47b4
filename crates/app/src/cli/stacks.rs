//! The commands that copy a stack to another registry: `relay` and `load`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use entrepot_oci::Platform;
use entrepot_rewrite::{DocumentKind, Root, Search};

use super::registries::{CommonArgs, FormatWord};
use crate::{
    commands::{
        documents::{DocumentSource, Documents, Naming, rewrite::NamingOptions},
        relay::{self, CopyOptions, Places, RelayAction, load},
    },
    log::Verbosity,
};

#[derive(Args)]
pub(super) struct RelayArgs {
    /// The files that name the images [default: the compose file in this directory]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    naming: NamingArgs,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    copying: CopyingArgs,
    #[command(flatten)]
    writing: WritingArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
struct NamingArgs {
    /// The target registry, optionally with a namespace
    #[arg(long, value_name = "HOST[/NAMESPACE]")]
    to: Root,
    /// The scheme for new names: `flatten` (a-b for a/b), `prefix` (the whole old name), `map`, or a template of
    /// {host}, {repository}, {short}, {namespace}, {name} and {flat}
    #[arg(long, value_name = "NAMING", default_value = "flatten")]
    naming: Naming,
    /// A new name for one image, overriding the scheme; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    map: Vec<String>,
    /// A file of such names, one per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    map_file: Option<PathBuf>,
}

#[derive(Args)]
struct ReadingArgs {
    /// A list of images to leave alone, in the files too, one per line; `*` matches any text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ignore: Option<PathBuf>,
    /// A variable file, instead of the `.env` next to each compose file; may be repeated
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    env_file: Vec<PathBuf>,
    /// The kind of the files: compose, kubernetes, helm and so on [default: by name and content]
    #[arg(long)]
    kind: Option<DocumentKind>,
}

#[derive(Args)]
struct CopyingArgs {
    /// Copy only these platforms, which changes digests: `linux/amd64,linux/arm64` [default: all]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// Manifest format: `keep`, or `docker` for registries that refuse OCI [default: depends on the registry]
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    format: Option<FormatWord>,
    /// Also copy signatures, attestations and SBOMs
    #[arg(long)]
    referrers: bool,
    /// Number of images to copy in parallel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

#[derive(Args)]
struct WritingArgs {
    /// The output file [default: FILE with `-mirror` in its name]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "in_place")]
    out: Option<PathBuf>,
    /// The variable file to write, if one sets images [default: `.env-mirror`]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "in_place")]
    env_out: Option<PathBuf>,
    /// Change the files in place
    #[arg(short, long)]
    in_place: bool,
    /// Only show what would be done; no registry is asked
    #[arg(long, conflicts_with = "scripts")]
    dry_run: bool,
    /// Pack everything into a file for `entrepot load` on a machine without network; no registry is written to
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["dry_run", "scripts", "in_place"])]
    bundle: Option<PathBuf>,
    /// Write scripts that pull and push the images, and the new files, to this directory; nothing is copied
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "in_place")]
    scripts: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct LoadArgs {
    /// The output of `entrepot relay --bundle`, `docker save` or `podman save`
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The target registry, optionally with a namespace [default: from the bundle]
    #[arg(long, value_name = "HOST[/NAMESPACE]")]
    to: Option<Root>,
    /// The scheme for new names: `flatten`, `prefix`, `map` or a template [default: from the bundle]
    #[arg(long, value_name = "NAMING")]
    naming: Option<Naming>,
    /// A new name for one image, overriding the scheme; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    map: Vec<String>,
    /// A new or empty directory for the stack's files [default: named after FILE]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Write into a directory with files in it, replacing files of the same names
    #[arg(long)]
    overwrite: bool,
    /// Manifest format: `keep`, or `docker` for registries that refuse OCI [default: depends on the registry]
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    format: Option<FormatWord>,
    /// Number of images to copy in parallel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Only show what would be done; no registry is asked
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: CommonArgs,
}

impl LoadArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> load::Load {
        let Self { file, to, naming, map, out, overwrite, format, jobs, dry_run, common } = self;
        let options = CopyOptions {
            platforms: Vec::new(),
            format: format.map(FormatWord::into_format),
            referrers: false,
            at_once: jobs.map(usize::from),
        };
        let common = common.into_args(verbosity);
        load::Load { common, file, to, naming, map, out, overwrite, options, dry_run }
    }
}

impl RelayArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> relay::Relay {
        let NamingArgs { to, naming, map, map_file } = self.naming;
        let ReadingArgs { ignore, env_file, kind } = self.reading;
        let CopyingArgs { platform, format, referrers, jobs } = self.copying;
        let WritingArgs { out, env_out, in_place, dry_run, bundle, scripts } = self.writing;
        let doing = match (scripts, bundle) {
            (Some(directory), _) => RelayAction::Scripts(directory),
            (None, Some(file)) => RelayAction::Bundle(file),
            (None, None) if dry_run => RelayAction::Nothing,
            (None, None) => RelayAction::Copy,
        };
        relay::Relay {
            common: self.common.into_args(verbosity),
            documents: Documents {
                sources: self.files.into_iter().map(DocumentSource::File).collect(),
                kind,
                search: Search::default(),
                ignore,
            },
            env_files: env_file,
            names: NamingOptions { to: Some(to.clone()), naming, map, map_file },
            to,
            options: CopyOptions {
                platforms: platform,
                format: format.map(FormatWord::into_format),
                referrers,
                at_once: jobs.map(usize::from),
            },
            places: Places { out, env_out, in_place },
            doing,
        }
    }
}
