//! The commands for documents: `images` and `rewrite`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use entrepot_rewrite::{DocumentKind, Root, Search};

use super::{common::OutputArgs, registries::CommonArgs};
use crate::{
    commands::documents::{DocumentSource, Documents, Naming, images, rewrite},
    log::Verbosity,
};

#[derive(Args)]
struct DocumentArgs {
    /// The documents, or directories with documents; `-` or none for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    files: Vec<DocumentSource>,
    /// Their kind: compose, kubernetes, helm, kustomize, dockerfile, github, gitlab, woodpecker, circleci, bitbucket,
    /// devcontainer, quadlet, hcl, bake, ansible, script, env, list
    /// [default: by name and content]
    #[arg(long)]
    kind: Option<DocumentKind>,
    /// A list of images to leave alone, one per line; `*` matches any text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ignore: Option<PathBuf>,
    /// A key of custom resources that names an image, such as `spec.image`; may be repeated
    #[arg(long, value_name = "KEYS")]
    path: Vec<String>,
    /// Include argument and environment values that look like images
    #[arg(long)]
    arguments: bool,
    /// Include images that are built or pushed
    #[arg(long)]
    built: bool,
}

#[derive(Args)]
pub(super) struct ImagesArgs {
    #[command(flatten)]
    documents: DocumentArgs,
    /// Ask the registries for existence, digests, platforms and sizes
    #[arg(long)]
    resolve: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct RewriteArgs {
    #[command(flatten)]
    documents: DocumentArgs,
    /// The registry for the new names, optionally with a namespace
    #[arg(long, value_name = "HOST[/NAMESPACE]")]
    to: Option<Root>,
    /// The scheme for new names: `prefix` (the whole old name), `alias` (docker.HOST/…), `flatten` (a-b for a/b),
    /// `map`, or a template of {host}, {repository}, {short}, {namespace}, {name} and {flat}
    #[arg(long, value_name = "NAMING", default_value = "prefix")]
    naming: Naming,
    /// A new name for one image, overriding the scheme; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    map: Vec<String>,
    /// A file of such names, one per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    map_file: Option<PathBuf>,
    /// Change the files instead of printing the result
    #[arg(short, long)]
    in_place: bool,
    /// Show the changes as a diff
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl DocumentArgs {
    fn into_args(self) -> Documents {
        let Self { files, kind, ignore, path, arguments, built } = self;
        Documents {
            sources: files,
            kind,
            ignore,
            search: Search { paths: path, arguments, built, ..Search::default() },
        }
    }
}

impl ImagesArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> images::Images {
        let common = self.common.into_args(verbosity);
        images::Images { common, documents: self.documents.into_args(), resolve: self.resolve }
    }
}

impl RewriteArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> rewrite::Rewrite {
        let Self { documents, to, naming, map, map_file, in_place, diff, output } = self;
        let names = rewrite::NamingOptions { to, naming, map, map_file };
        let documents = documents.into_args();
        rewrite::Rewrite { documents, names, in_place, diff, output: output.output, verbosity }
    }
}
