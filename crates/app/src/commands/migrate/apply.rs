//! `entrepot migrate apply`: copies the images with the engine of `entrepot sync`.

use std::sync::Arc;

use entrepot_migrate::{Problem, Severity};
use entrepot_sync::{Options, Plan, PlanAction, Registries, RunLimits, apply, prepare};
use tokio_util::sync::CancellationToken;

use super::{Args, MigrationContext, MoveList};
use crate::{
    commands::{
        session::{self, Common},
        sync::report,
    },
    failure::Failure,
    output::{self, Output, counted},
    progress::{Show, Style},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Apply {
    /// The migration.
    pub(crate) args: Args,
    /// Overwrite tags that differ at the destination.
    pub(crate) overwrite: bool,
    /// The number of images copied at once.
    pub(crate) at_once: Option<usize>,
}

/// Copies the images that are missing at the destination.
pub(crate) fn run(call: Apply) -> Result<(), Failure> {
    let Apply { args, overwrite, at_once } = call;
    let args = args.settled();
    session::run(&args.common, async |session, stop| {
        let scene = MigrationContext::of(&session, &args)?;
        let plan = looked_at(&scene, &args.common, &stop).await?;
        free(&plan, overwrite)?;
        let limits =
            RunLimits { images: at_once.unwrap_or(RunLimits::default().images), ..RunLimits::default() };
        let common = &args.common;
        let (show, events) = Show::begin(Style::of(common.output, common.verbosity), &plan.jobs);
        let registries: Arc<dyn Registries> = scene.registries();
        let done = apply(&registries, plan, Options { prune: false, limits }, stop, events).await;
        show.end().await;
        match common.output {
            Output::Json => output::print_json(&done)?,
            Output::Text => output::print(&report::text(&done))?,
        }
        report::verdict(&done)
    })
}

/// The engine's view of each image, unless a blocker is known before any registry is asked.
pub(super) async fn looked_at(
    context: &MigrationContext,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Plan, Failure> {
    let wait = context.wait(common);
    let looked = async {
        let MoveList { moves, .. } = context.found().await?;
        let stops: Vec<&Problem> =
            moves.problems.iter().filter(|problem| problem.severity == Severity::Stops).collect();
        if let Some(first) = stops.first() {
            let more =
                if stops.len() == 1 { String::new() } else { format!(", and {} more", stops.len() - 1) };
            return Err(Failure::new(format!("{}: {}{more}", first.about, first.what))
                .with_hint("see all that is in the way: `entrepot migrate plan`; nothing was copied"));
        }
        prepare(&context.registries(), &moves.rules, stop).await.ok_or_else(|| Failure::new("interrupted"))
    };
    let looked = tokio::select! {
        looked = looked => looked,
        () = stop.cancelled() => Err(Failure::new("interrupted")),
    };
    wait.end();
    looked
}

// A differing tag at the destination belongs to somebody; it is overwritten only on request.
fn free(plan: &Plan, overwrite: bool) -> Result<(), Failure> {
    let taken: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, PlanAction::Update { .. }))
        .filter_map(|step| Some(format!("{}:{}", step.target, step.target_tag.as_ref()?)))
        .collect();
    match taken.first() {
        Some(first) if !overwrite => {
            let tags = counted(taken.len() as u64, "tag");
            let (has, they) = if taken.len() == 1 { ("has", "it is") } else { ("have", "they are") };
            Err(Failure::new(format!("{tags} {has} something else at the destination, such as `{first}`"))
                .with_hint(format!(
                    "look at them: `entrepot migrate plan`; if {they} older copies, write over: `--overwrite`; nothing \
                     was copied"
                )))
        }
        _ => Ok(()),
    }
}
