//! `entrepot migrate`: moves a project's images from one registry to another, step by step.
//!
//! - this module: setup shared by all steps; `checkout`: the project's files
//! - the steps: `plan`, `check`, `apply`, `verify`, `rewrite`, `status`

pub(crate) mod apply;
pub(crate) mod check;
mod checkout;
pub(crate) mod plan;
pub(crate) mod rewrite;
pub(crate) mod status;
pub(crate) mod verify;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use entrepot_migrate::{File, KnownAccounts, ListOrigin, Migration, Moves, Problem, Repositories, find};
use entrepot_sync::{ConfiguredRegistries, Registries};

use checkout::Checkout;

use super::session::{Common, RegistryContext};
use crate::{
    failure::Failure,
    output::{counted, sentence},
    progress::{Style, Wait},
};

/// The file read by default, if it exists.
const USUAL_FILE: &str = "migrate.yaml";

/// Options shared by all steps.
#[derive(Debug)]
pub(crate) struct Args {
    /// Options shared by all registry commands; `file` is the migration's.
    pub(crate) common: Common,
    /// The directory of the project's files; `None` means that of the migration file.
    pub(crate) checkout: Option<PathBuf>,
}

/// A migration with its registries and files.
pub(super) struct MigrationContext {
    registries: Arc<ConfiguredRegistries>,
    migration: Migration,
    checkout: Checkout,
    files: Vec<File>,
}

/// The moves, and where the list of repositories came from.
pub(super) struct MoveList {
    moves: Moves,
    origin: ListOrigin,
}

impl Args {
    /// The same with the default file filled in.
    fn settled(mut self) -> Self {
        let is_there = || Path::new(USUAL_FILE).exists();
        let named = self.common.file.take();
        self.common.file = named.or_else(|| is_there().then(|| USUAL_FILE.into()));
        self
    }
}

impl MigrationContext {
    /// The scene of a session's migration.
    fn of(context: &RegistryContext, args: &Args) -> Result<Self, Failure> {
        let file = context.file.as_deref();
        Self::with(context.registries.clone(), context.migration.clone(), file, args.checkout.as_deref())
    }

    fn with(
        registries: Arc<ConfiguredRegistries>,
        migration: Option<Migration>,
        file: Option<&Path>,
        checkout: Option<&Path>,
    ) -> Result<Self, Failure> {
        let of = file.map_or_else(String::new, |file| format!(" in `{}`", file.display()));
        let Some(migration) = migration else {
            return Err(Failure::wrong(format!("there is no migration{of}")).with_hint(
                "name a file that has a section `migrate`: `entrepot migrate plan FILE`; `from` and `to` are enough",
            ));
        };
        let beside = file.and_then(Path::parent).unwrap_or(Path::new(""));
        let directory =
            checkout.unwrap_or(if beside.as_os_str().is_empty() { Path::new(".") } else { beside });
        let checkout = Checkout::open(directory)?;
        let files = checkout.read(&migration.documents)?;
        Ok(Self { registries, migration, checkout, files })
    }

    fn registries(&self) -> Arc<dyn Registries> {
        self.registries.clone()
    }

    /// Returns whether accounts are known for the source and for the destination.
    fn accounts(&self) -> KnownAccounts {
        let known = |host| self.registries.has_account(host);
        KnownAccounts { source: known(self.migration.from.host()), target: known(self.migration.to.host()) }
    }

    /// Finds the repositories that move, and their targets.
    async fn found(&self) -> Result<MoveList, Failure> {
        let Repositories { names, origin } = find(&self.registries(), &self.migration, &self.files)
            .await
            .map_err(|problem| failed(&problem))?;
        Ok(MoveList { moves: Moves::of(&self.migration, &names), origin })
    }

    /// Shows a spinner while registries are queried.
    fn wait(&self, common: &Common) -> Wait {
        let (from, to) = (&self.migration.from, &self.migration.to);
        let text = sentence!("looking at `{from}` and `{to}`", from = from, to = to);
        Wait::begin(Style::of(common.output, common.verbosity), &text)
    }
}

/// The count with its noun and "is" or "are".
fn are(count: usize, noun: &str) -> String {
    let things = counted(count as u64, noun);
    if count == 1 { format!("{things} is") } else { format!("{things} are") }
}

/// Turns a problem into a failure.
fn failed(problem: &Problem) -> Failure {
    let failure = Failure::new(problem.what.clone());
    match &problem.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
