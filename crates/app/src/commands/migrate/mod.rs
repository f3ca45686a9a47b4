//! `entrepot migrate`: moves a project's images from one registry to another, step by step.
//!
//! - what all steps begin with: this module; the project's files: `checkout`
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

use entrepot_migrate::{File, KnownAccounts, Migration, Moves, Origin, Problem, Repositories, find};
use entrepot_sync::{ConfiguredRegistries, Registries};

use checkout::Checkout;

use super::session::{Common, Session};
use crate::{
    failure::Failure,
    output::counted,
    progress::{Style, Wait},
};

/// The file that is read where none is named, if it is there.
const USUAL_FILE: &str = "migrate.yaml";

/// What all steps can be told.
#[derive(Debug)]
pub(crate) struct Args {
    /// What every such command can be told; its file is that of the migration.
    pub(crate) common: Common,
    /// Where the project's files are; `None`: where the file of the migration is.
    pub(crate) checkout: Option<PathBuf>,
}

/// A migration on its ground: registries and files.
pub(super) struct Scene {
    registries: Arc<ConfiguredRegistries>,
    migration: Migration,
    checkout: Checkout,
    files: Vec<File>,
}

/// What moves, and who said so.
pub(super) struct Found {
    moves: Moves,
    origin: Origin,
}

impl Args {
    /// The same with the file that is meant.
    fn settled(mut self) -> Self {
        let is_there = || Path::new(USUAL_FILE).exists();
        let named = self.common.file.take();
        self.common.file = named.or_else(|| is_there().then(|| USUAL_FILE.into()));
        self
    }
}

impl Scene {
    /// Where a session's migration takes place.
    fn of(session: &Session, args: &Args) -> Result<Self, Failure> {
        let file = session.file.as_deref();
        Self::with(session.registries.clone(), session.migration.clone(), file, args.checkout.as_deref())
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

    /// Whether an account is known for the source, and for the destination.
    fn accounts(&self) -> KnownAccounts {
        let known = |host| self.registries.has_account(host);
        KnownAccounts { source: known(self.migration.from.host()), target: known(self.migration.to.host()) }
    }

    /// Which repositories move, and where.
    async fn found(&self) -> Result<Found, Failure> {
        let Repositories { names, origin } = find(&self.registries(), &self.migration, &self.files)
            .await
            .map_err(|problem| failed(&problem))?;
        Ok(Found { moves: Moves::of(&self.migration, &names), origin })
    }

    /// A sign that registries are looked at.
    fn wait(&self, common: &Common) -> Wait {
        let text = format!("looking at `{}` and `{}`", self.migration.from, self.migration.to);
        Wait::begin(Style::of(common.output, common.verbosity), &text)
    }
}

/// So many things are, or one is.
fn are(count: usize, noun: &str) -> String {
    let things = counted(count as u64, noun);
    if count == 1 { format!("{things} is") } else { format!("{things} are") }
}

/// A problem as the end of a command.
fn failed(problem: &Problem) -> Failure {
    let failure = Failure::new(problem.what.clone());
    match &problem.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
