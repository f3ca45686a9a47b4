//! `entrepot relay`: copies all images of a stack to the user's own registry, and writes files that name them there.
//!
//! - `stack` reads the stack's files; [`entrepot_relay::plan`] decides what to do with them
//! - `jobs` copies the images and checks that all arrived; then `write` writes the files, below a `ground`; `render`
//!   reports
//! - without a network: `bundle` packs everything into one file, and [`load`] brings it to a registry there

mod args;
mod bundle;
mod ground;
mod jobs;
pub(crate) mod load;
mod render;
mod stack;
mod write;

use entrepot_relay::{Plan, PlanError, Stack};
use entrepot_rewrite::{DocumentKind, Rules};
use entrepot_sync::rules::refusal;

use super::documents::rewrite;
use crate::{
    failure::{self, Failure},
    output::{self, Output},
};
pub(crate) use args::{CopyOptions, Places, Relay, RelayAction};
use render::{CopyResults, RenderContext};

/// Runs the command.
pub(crate) fn run(relay: &Relay) -> Result<(), Failure> {
    let stack = stack::read(relay)?;
    let rules = relay.names.rules(relay.documents.ignore()?)?;
    let plan = planned(&stack, &rules)?;
    if plan.entries.is_empty() && plan.left.is_empty() {
        return Err(nothing(&stack));
    }
    let names = write::names(&relay.places, &stack, &plan)?;
    render::left(&relay.common, &stack, &plan);
    let work =
        RenderContext { common: &relay.common, to: &relay.to, stack: &stack, plan: &plan, names: &names };
    match &relay.doing {
        RelayAction::Nothing => print_plan(&work),
        RelayAction::Scripts(directory) => {
            let written = write::scripts(relay, &stack, &plan, directory)?;
            render::scripts(relay, &plan, &written)?;
            render::complete(&work)
        }
        RelayAction::Bundle(path) => bundle::pack(relay, &work, path),
        RelayAction::Copy => copy(relay, &work),
    }
}

fn print_plan(context: &RenderContext<'_>) -> Result<(), Failure> {
    match context.common.output {
        Output::Json => output::print_json(&render::planned(context)),
        Output::Text => output::print(&render::plan_text(context)),
    }
}

fn nothing(stack: &Stack) -> Failure {
    let names: Vec<&str> = stack.sources.iter().map(|source| source.file.name.as_str()).collect();
    let kind = stack.sources.first().map_or(DocumentKind::Compose, |source| source.kind);
    Failure::new(format!("{} names no image", names.join(", ")))
        .with_hint(format!("`--kind` says what it is; it was taken for a {kind} file"))
}

// The plan. Fails if two images would get the same name, or if the registry cannot hold one of them.
fn planned(stack: &Stack, rules: &Rules) -> Result<Plan, Failure> {
    let plan = entrepot_relay::plan(stack, rules).map_err(|error| match error {
        PlanError::Collision(collision) => rewrite::collides(&collision),
        PlanError::Unreadable { name, error } => super::documents::unreadable(&name, error),
        other => Failure::because_of(&other),
    })?;
    let refused = plan.entries.iter().filter_map(|entry| {
        let (what, hint) = refusal(entry.target.host(), entry.target.repository())?;
        Some((format!("`{}` cannot be `{}`: {what}", entry.source, entry.target), hint))
    });
    let refused: Vec<(String, String)> = refused.collect();
    match refused.split_last() {
        None => Ok(plan),
        Some(((what, hint), others)) => {
            others.iter().for_each(|(what, _)| failure::remark(what));
            Err(Failure::new(what.clone()).with_hint(format!(
                "{hint}; `--to` says where names begin, `--naming` and `--map` how they go on; nothing was copied"
            )))
        }
    }
}

fn copy(relay: &Relay, context: &RenderContext<'_>) -> Result<(), Failure> {
    let rows = jobs::copied(context, &relay.options, |session| {
        jobs::to_registry(session, context.plan, &relay.options)
    })?;
    let done = CopyResults::new(context.plan, &rows, |entry| entry.target.to_string());
    let verdict = done.verdict();
    // No files are written if copies failed: they would name images that are missing.
    let (written, steps) = match verdict {
        Ok(()) => (write::files(context.stack, context.plan, context.names)?, render::steps_of(context)),
        Err(_) => Default::default(),
    };
    done.print(context, &render::renamed(written), &steps)?;
    verdict.and_then(|()| render::complete(context))
}
