//! The commands for rules: `sync`, `check`, `guide`, and `list` for plain lists of images.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use entrepot_guide::GuideLanguage;

use super::{
    action::Action,
    prunes::PruneCommand,
    registries::CommonArgs,
    server::{CancelArgs, RunArgs, RunsArgs},
};
use crate::{
    commands::{
        list,
        sync::{self, import},
    },
    log::Verbosity,
};

/// The rules to work on.
#[derive(Args)]
struct SharedArgs {
    /// A file with a `sync` list, and `registries` if needed [default: the configuration]
    #[arg(value_hint = ValueHint::FilePath, conflicts_with = "config")]
    rules: Option<PathBuf>,
    /// Only the rule with this name; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct SyncArgs {
    #[command(subcommand)]
    verb: Option<SyncVerb>,
    #[command(flatten)]
    args: SharedArgs,
    /// Only show what would be copied
    #[arg(long)]
    dry_run: bool,
    /// Remove tags that no rule writes, for targets with `prune: review`
    #[arg(long)]
    prune: bool,
    /// Number of images to copy in parallel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Write one line per tag in the format of DaoCloud's mirror
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    log: Option<PathBuf>,
    /// Write a badge (SVG) with the share in sync
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    badge: Option<PathBuf>,
}

#[derive(Subcommand)]
enum SyncVerb {
    /// Convert image-sync.json, mirror.txt, or a file of regsync, skopeo sync or image-syncer into rules
    Import(ImportArgs),
    /// Run a rule on a server now, or join its current run
    Run(RunArgs),
    /// List recent runs on a server
    Runs(RunsArgs),
    /// Stop a run on a server
    Cancel(CancelArgs),
    /// Decide about tags that no rule writes, which a server's runs found
    #[command(subcommand)]
    Prune(PruneCommand),
}

#[derive(Args)]
struct ImportArgs {
    /// The file
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Regular expressions for tags to leave out, one per line [default: exclude.txt next to the file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    exclude: Option<PathBuf>,
    /// The target, if the file does not name one: `registry.example.com/mirror/{host}/{path}`
    #[arg(long, value_name = "REPOSITORY")]
    to: Option<String>,
    /// The output file [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    args: SharedArgs,
    /// Write a badge (SVG) with the share in sync
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    badge: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct GuideArgs {
    /// A file with a `sync` list [default: the configuration]
    #[arg(value_hint = ValueHint::FilePath, conflicts_with = "config")]
    rules: Option<PathBuf>,
    /// Only the rule with this name; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// `zh` or `en` [default: the terminal's language]
    #[arg(long, value_enum, hide_possible_values = true)]
    lang: Option<LanguageWord>,
    /// The output file [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LanguageWord {
    /// 中文
    Zh,
    /// English
    En,
}

#[derive(Subcommand)]
pub(super) enum ListCommand {
    /// Sort a list, dropping duplicates and empty lines
    Fmt(FmtArgs),
}

#[derive(Args)]
pub(super) struct FmtArgs {
    /// The file; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Change the file instead of printing the list
    #[arg(short, long)]
    in_place: bool,
}

impl SharedArgs {
    fn into_args(self, verbosity: Verbosity) -> sync::Args {
        shared(self.rules, self.only, self.common, verbosity)
    }
}

fn shared(rules: Option<PathBuf>, only: Vec<String>, common: CommonArgs, verbosity: Verbosity) -> sync::Args {
    let mut common = common.into_args(verbosity);
    common.file = rules.or(common.file);
    sync::Args { common, only }
}

impl SyncArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> Action {
        match self.verb {
            Some(SyncVerb::Import(ImportArgs { file, exclude, to, out })) => {
                return Action::Import(import::Import { file, exclude, to, out });
            }
            Some(SyncVerb::Run(run)) => return Action::Runs(run.into_args()),
            Some(SyncVerb::Runs(runs)) => return Action::Runs(runs.into_args()),
            Some(SyncVerb::Prune(prune)) => return Action::Prunes(prune.into_args()),
            Some(SyncVerb::Cancel(cancel)) => return Action::Runs(cancel.into_args()),
            None => {}
        }
        Action::Sync(sync::Sync {
            args: self.args.into_args(verbosity),
            dry_run: self.dry_run,
            prune: self.prune,
            at_once: self.jobs.map(usize::from),
            log: self.log,
            badge: self.badge,
        })
    }
}

impl CheckArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> sync::Check {
        sync::Check { args: self.args.into_args(verbosity), badge: self.badge }
    }
}

impl GuideArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> sync::Guide {
        let language = self.lang.map(|word| match word {
            LanguageWord::Zh => GuideLanguage::Chinese,
            LanguageWord::En => GuideLanguage::English,
        });
        sync::Guide { args: shared(self.rules, self.only, self.common, verbosity), language, out: self.out }
    }
}

impl FmtArgs {
    pub(super) fn into_args(self) -> list::Fmt {
        list::Fmt { file: self.file, in_place: self.in_place }
    }
}
