//! The steps of a migration: `migrate plan` and the others.

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
    /// Show what moves where, blockers and manual steps, in Markdown
    Plan(PlanArgs),
    /// Prove that the accounts have the permissions, leaving nothing behind
    Check(SharedArgs),
    /// Copy what is missing; run it again to continue
    Apply(ApplyArgs),
    /// Prove that every tag has the same digest on both sides
    Verify(SharedArgs),
    /// Show the project's files with the new names and logins, or change them
    Rewrite(RewriteArgs),
    /// Show progress and the next step
    Status(StatusArgs),
}

/// The migration to work on.
#[derive(Args)]
pub(super) struct SharedArgs {
    /// A file with a `migrate` section, and `registries` if needed [default: migrate.yaml, else the configuration]
    #[arg(value_hint = ValueHint::FilePath, conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

/// The location of the project's files.
#[derive(Args)]
struct CheckoutArgs {
    /// The directory of the project's files [default: that of the migration file]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    checkout: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    args: SharedArgs,
    #[command(flatten)]
    checkout: CheckoutArgs,
    /// Compare with another migration; may be repeated
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    beside: Vec<PathBuf>,
    /// Inspect every image, whatever it takes of the source's rate limit
    #[arg(long)]
    whole: bool,
}

#[derive(Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    args: SharedArgs,
    /// Overwrite tags that differ at the destination
    #[arg(long)]
    overwrite: bool,
    /// Number of images to copy in parallel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

#[derive(Args)]
pub(super) struct RewriteArgs {
    #[command(flatten)]
    args: SharedArgs,
    #[command(flatten)]
    checkout: CheckoutArgs,
    /// Change the files instead of showing a diff
    #[arg(short, long)]
    in_place: bool,
    /// Restore the old image names
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
