//! `entrepot migrate plan`: shows the moves, the blockers, and the manual steps.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use entrepot_migrate::{Depth, Direction, Editor, Facts, Plan, ReportLanguage, beside, inspect, markdown};
use entrepot_sync::{FileCache, Registries as _, prepare};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Args, MigrationContext, MoveList};
use crate::{
    commands::session::{self, Common, RegistryContext},
    config::{self, Environment, Overrides},
    failure::{self, Failure},
    output::{self, Output},
    registries,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Make {
    /// The migration.
    pub(crate) args: Args,
    /// Other migrations to show side by side.
    pub(crate) beside: Vec<PathBuf>,
    /// The depth of the image inspection.
    pub(crate) depth: Depth,
}

/// A plan and its file.
#[derive(Serialize)]
struct PlanFile {
    file: String,
    #[serde(flatten)]
    plan: Plan,
}

/// Makes and prints plans.
pub(crate) fn run(make: Make) -> Result<(), Failure> {
    let Make { args, beside, depth } = make;
    let args = args.settled();
    session::run(&args.common, async |session, stop| {
        let mut scenes = vec![(named(session.file.as_ref()), MigrationContext::of(&session, &args)?)];
        for file in &beside {
            scenes.push((named(Some(file)), other(file, &args, &session)?));
        }
        let mut plans = Vec::new();
        for (file, scene) in scenes {
            plans.push((file, planned(&scene, &args.common, depth, &stop).await?.0));
        }
        print(plans, args.common.output)
    })
}

fn named(file: Option<&PathBuf>) -> String {
    file.map_or_else(String::new, |file| file.display().to_string())
}

// Another migration, with its own registries.
fn other(file: &Path, args: &Args, context: &RegistryContext) -> Result<MigrationContext, Failure> {
    let environment = Environment::of_process();
    let loaded = config::load(Some(file), &environment, Overrides::default())?;
    failure::warn(&loaded.warnings);
    let migration = loaded.config.migration.map(|migration| migration.meant);
    let cache = Arc::new(FileCache::open(context.cache.clone()));
    let registries = registries::configured(loaded.config.registries, &environment, cache);
    MigrationContext::with(
        Arc::new(registries.with_stored(context.stored.clone())),
        migration,
        Some(file),
        args.checkout.as_deref(),
    )
}

/// The plan of a scene, with the engine's view of its images.
pub(super) async fn planned(
    context: &MigrationContext,
    common: &Common,
    depth: Depth,
    stop: &CancellationToken,
) -> Result<(Plan, entrepot_sync::Plan), Failure> {
    let wait = context.wait(common);
    let planned = tokio::select! {
        planned = make(context, depth, stop) => planned,
        () = stop.cancelled() => Err(Failure::new("interrupted")),
    };
    wait.end();
    planned
}

async fn make(
    context: &MigrationContext,
    depth: Depth,
    stop: &CancellationToken,
) -> Result<(Plan, entrepot_sync::Plan), Failure> {
    let MoveList { moves, origin } = context.found().await?;
    let registries = context.registries();
    let copies = prepare(&registries, &moves.rules, stop).await.ok_or_else(|| Failure::new("interrupted"))?;
    let inspection = inspect(&registries, &copies, depth).await;
    let migration = &context.migration;
    let host = migration.to.host();
    let registry = context.registries.registry(host).map_err(|error| session::unusable(host, &error))?;
    let editor = Editor::new(migration, &moves.moves, &context.files, Direction::There)
        .map_err(|error| Failure::because_of(&error))?;
    let plan = Plan::new(Facts {
        migration,
        moves: &moves,
        origin,
        copies: &copies,
        inspection: &inspection,
        documents: context.files.iter().map(|file| editor.preview(file)).collect(),
        accounts: context.accounts(),
        chunk: registry.chunk,
        format: registry.format,
    });
    Ok((plan, copies))
}

fn print(plans: Vec<(String, Plan)>, output: Output) -> Result<(), Failure> {
    let stops: usize = plans.iter().map(|(_, plan)| plan.stops().count()).sum();
    let language = if failure::is_chinese() { ReportLanguage::Chinese } else { ReportLanguage::English };
    match (output, plans.as_slice()) {
        (Output::Text, [(_, plan)]) => output::print(&markdown(plan, language))?,
        (Output::Text, plans) => output::print(&beside(plans, language))?,
        (Output::Json, [(_, plan)]) => output::print_json(plan)?,
        (Output::Json, _) => {
            let named = plans.into_iter().map(|(file, plan)| PlanFile { file, plan });
            output::print_json(&named.collect::<Vec<_>>())?;
        }
    }
    match stops {
        0 => Ok(()),
        1 => Err(Failure::new("1 thing is in the way")),
        stops => Err(Failure::new(format!("{stops} things are in the way"))),
    }
}
