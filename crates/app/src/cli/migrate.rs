//! The steps of a migration: `migrate plan` and what follows.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use entrepot_migrate::{Depth, Direction};

use super::{action::Action, registries::CommonArgs};
use crate::{
    commands::migrate::{self, apply, plan, rewrite},
    log::Verbosity,
};

#[derive(Subcommand)]
pub(super) enum MigrateCommand {
    /// Say what moves where, what is in the way, and what is to be done by hand; in Markdown
    Plan(PlanArgs),
    /// Prove that the accounts may do what it takes, and leave nothing behind
    Check(SharedArgs),
    /// Copy what is not there; run again, it goes on where it was
    Apply(ApplyArgs),
    /// Prove that every tag has the same digest on both sides
    Verify(SharedArgs),
    /// Show the project's files with the new names and logins, or change them
    Rewrite(RewriteArgs),
    /// Say how far it is, and what comes next
    Status(StatusArgs),
}

/// Which migration.
#[derive(Args)]
pub(super) struct SharedArgs {
    /// A file with a section `migrate`, and `registries` if need be [default: migrate.yaml, else the configuration]
    #[arg(value_hint = ValueHint::FilePath, conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Where the project's files are.
#[derive(Args)]
struct CheckoutArgs {
    /// Where the project's files are [default: beside the file of the migration]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    checkout: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    args: SharedArgs,
    #[command(flatten)]
    checkout: CheckoutArgs,
    /// Show another migration beside this one; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    beside: Vec<PathBuf>,
    /// Look into every image, whatever that takes of the source's budget
    #[arg(long)]
    whole: bool,
}

#[derive(Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    args: SharedArgs,
    /// Write over tags that have something else at the destination
    #[arg(long)]
    overwrite: bool,
    /// How many images at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

#[derive(Args)]
pub(super) struct RewriteArgs {
    #[command(flatten)]
    args: SharedArgs,
    #[command(flatten)]
    checkout: CheckoutArgs,
    /// Change the files instead of showing what would change
    #[arg(short, long)]
    in_place: bool,
    /// Give the images the names back that they had
    #[arg(long)]
    reverse: bool,
}

#[derive(Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    args: SharedArgs,
    #[command(flatten)]
    checkout: CheckoutArgs,
}

impl SharedArgs {
    fn into_args(self, checkout: Option<PathBuf>, verbosity: Verbosity) -> migrate::Args {
        let mut common = self.common.into_args(verbosity);
        common.file = self.file.or(common.file);
        migrate::Args { common, checkout }
    }
}

impl MigrateCommand {
    pub(super) fn into_args(self, verbosity: Verbosity) -> Action {
        match self {
            Self::Plan(PlanArgs { args, checkout, beside, whole }) => {
                let args = args.into_args(checkout.checkout, verbosity);
                let depth = if whole { Depth::Whole } else { Depth::Thrifty };
                Action::MigratePlan(plan::Make { args, beside, depth })
            }
            Self::Check(args) => Action::MigrateCheck(args.into_args(None, verbosity)),
            Self::Apply(ApplyArgs { args, overwrite, jobs }) => {
                let (args, at_once) = (args.into_args(None, verbosity), jobs.map(usize::from));
                Action::MigrateApply(apply::Apply { args, overwrite, at_once })
            }
            Self::Verify(args) => Action::MigrateVerify(args.into_args(None, verbosity)),
            Self::Rewrite(RewriteArgs { args, checkout, in_place, reverse }) => {
                let args = args.into_args(checkout.checkout, verbosity);
                let direction = if reverse { Direction::Back } else { Direction::There };
                Action::MigrateRewrite(rewrite::Rewrite { args, in_place, direction })
            }
            Self::Status(StatusArgs { args, checkout }) => {
                Action::MigrateStatus(args.into_args(checkout.checkout, verbosity))
            }
        }
    }
}
