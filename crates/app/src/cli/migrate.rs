//! The steps of a migration: `migrate plan` and the others.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use entrepot_migrate::{Depth, Direction};

use super::{Action, registries::CommonArgs};
use crate::{
    commands::migrate::{Asked, apply, plan, rewrite},
    log::Verbosity,
};

#[derive(Subcommand)]
pub(super) enum MigrateCommand {
    /// Show what moves where, blockers and manual steps, in Markdown
    Plan(PlanArgs),
    /// Prove that the accounts have the permissions, leaving nothing behind
    Check(AskedArgs),
    /// Copy what is missing; run it again to continue
    Apply(ApplyArgs),
    /// Prove that every tag has the same digest on both sides
    Verify(AskedArgs),
    /// Show the project's files with the new names and logins, or change them
    Rewrite(RewriteArgs),
    /// Show progress and the next step
    Status(StatusArgs),
}

/// The migration to work on.
#[derive(Args)]
pub(super) struct AskedArgs {
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
    asked: AskedArgs,
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
    asked: AskedArgs,
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
    asked: AskedArgs,
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
    asked: AskedArgs,
    #[command(flatten)]
    checkout: CheckoutArgs,
}

impl AskedArgs {
    fn meant(self, checkout: Option<PathBuf>, verbosity: Verbosity) -> Asked {
        let mut common = self.common.meant(verbosity);
        common.file = self.file.or(common.file);
        Asked { common, checkout }
    }
}

impl MigrateCommand {
    pub(super) fn meant(self, verbosity: Verbosity) -> Action {
        match self {
            Self::Plan(PlanArgs { asked, checkout, beside, whole }) => {
                let asked = asked.meant(checkout.checkout, verbosity);
                let depth = if whole { Depth::Whole } else { Depth::Thrifty };
                Action::MigratePlan(plan::Make { asked, beside, depth })
            }
            Self::Check(asked) => Action::MigrateCheck(asked.meant(None, verbosity)),
            Self::Apply(ApplyArgs { asked, overwrite, jobs }) => {
                let (asked, at_once) = (asked.meant(None, verbosity), jobs.map(usize::from));
                Action::MigrateApply(apply::Apply { asked, overwrite, at_once })
            }
            Self::Verify(asked) => Action::MigrateVerify(asked.meant(None, verbosity)),
            Self::Rewrite(RewriteArgs { asked, checkout, in_place, reverse }) => {
                let asked = asked.meant(checkout.checkout, verbosity);
                let direction = if reverse { Direction::Back } else { Direction::There };
                Action::MigrateRewrite(rewrite::Rewrite { asked, in_place, direction })
            }
            Self::Status(StatusArgs { asked, checkout }) => {
                Action::MigrateStatus(asked.meant(checkout.checkout, verbosity))
            }
        }
    }
}
