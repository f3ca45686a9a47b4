//! `entrepot relay`: all images of a stack to a registry of one's own, and files that name them there.
//!
//! - what was typed, to the files of a stack: `stack`; what is to be done with them: [`entrepot_relay::plan`]
//! - to copies, and whether all of them are there: `jobs`; then to files: `write`, below a directory: `ground`; all of it told:
//!   `tell`
//! - for machines without a network: `bundle` packs all of it into one file, [`load`] brings that to a registry there

mod bundle;
mod ground;
mod jobs;
pub(crate) mod load;
mod stack;
mod tell;
mod write;

use std::path::PathBuf;

use entrepot_oci::Platform;
use entrepot_relay::{Plan, PlanError, Stack};
use entrepot_rewrite::{Kind, Root, Rules};
use entrepot_sync::{Format, Job, Row, rules::refusal};

use super::{
    documents::{Documents, rewrite},
    session::{self, Common, Session},
};
use crate::{
    failure::{self, Failure},
    log::Verbosity,
    output::{self, Output},
};
use tell::{Done, Work};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Relay {
    /// What every such command can be told.
    pub(crate) common: Common,
    /// Which files.
    pub(crate) documents: Documents,
    /// Files of variables, instead of those beside the files.
    pub(crate) env_files: Vec<PathBuf>,
    /// What the images are to be called.
    pub(crate) names: rewrite::Names,
    /// Where they go.
    pub(crate) to: Root,
    /// How they are copied.
    pub(crate) manner: Manner,
    /// Where the new files go.
    pub(crate) places: Places,
    /// What is done.
    pub(crate) doing: Doing,
}

/// How images are copied.
#[derive(Debug)]
pub(crate) struct Manner {
    /// These platforms alone; empty: all.
    pub(crate) platforms: Vec<Platform>,
    /// The form of documents; `None`: what is usual for the registry.
    pub(crate) format: Option<Format>,
    /// Whether what refers to an image travels with it.
    pub(crate) referrers: bool,
    /// How many images at once.
    pub(crate) at_once: Option<usize>,
}

/// Where the new files go.
#[derive(Debug)]
pub(crate) struct Places {
    /// The one that names the images, if not beside the old one.
    pub(crate) out: Option<PathBuf>,
    /// The one of variables.
    pub(crate) env_out: Option<PathBuf>,
    /// Whether the files themselves are changed.
    pub(crate) in_place: bool,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Doing {
    /// All of it.
    Copy,
    /// It is only told.
    Nothing,
    /// Scripts are written to a directory, for those who copy by other means.
    Scripts(PathBuf),
    /// All of it is packed into a file, for a machine without a network.
    Bundle(PathBuf),
}

/// Relays.
pub(crate) fn run(relay: &Relay) -> Result<(), Failure> {
    let stack = stack::read(relay)?;
    let rules = relay.names.rules(relay.documents.ignore()?)?;
    let plan = planned(&stack, &rules)?;
    if plan.entries.is_empty() && plan.left.is_empty() {
        return Err(nothing(&stack));
    }
    let names = write::names(&relay.places, &stack, &plan)?;
    tell::left(&relay.common, &stack, &plan);
    let work = Work { common: &relay.common, to: &relay.to, stack: &stack, plan: &plan, names: &names };
    match &relay.doing {
        Doing::Nothing => tell_plan(&work),
        Doing::Scripts(directory) => {
            let written = write::scripts(relay, &stack, &plan, directory)?;
            tell::scripts(relay, &plan, &written)
        }
        Doing::Bundle(path) => bundle::pack(relay, &work, path),
        Doing::Copy => copy(relay, &work),
    }
}

fn tell_plan(work: &Work<'_>) -> Result<(), Failure> {
    match work.common.output {
        Output::Json => output::print_json(&tell::planned(work)),
        Output::Text => output::print(&tell::plan_text(work)),
    }
}

/// What a file says of itself when it cannot be read or written.
fn broken(failure: entrepot_sync::Failure) -> Failure {
    match failure.hint {
        Some(hint) => Failure::new(failure.what).with_hint(hint),
        None => Failure::new(failure.what),
    }
}

fn nothing(stack: &Stack) -> Failure {
    let names: Vec<&str> = stack.sources.iter().map(|source| source.file.name.as_str()).collect();
    let kind = stack.sources.first().map_or(Kind::Compose, |source| source.kind);
    Failure::new(format!("{} names no image", names.join(", ")))
        .with_hint(format!("`--kind` says what it is; it was taken for a {kind} file"))
}

// The plan, unless two images would have one name, or the registry cannot have one of them.
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

fn copy(relay: &Relay, work: &Work<'_>) -> Result<(), Failure> {
    let rows = copied(work, &relay.manner, |session| jobs::to_registry(session, work.plan, &relay.manner))?;
    let done = Done::new(work.plan, &rows, |entry| entry.target.to_string());
    let verdict = done.verdict();
    // Files that name what is not there would be worse than none.
    let (written, steps) = match verdict {
        Ok(()) => (write::files(work.stack, work.plan, work.names)?, tell::steps_of(work)),
        Err(_) => Default::default(),
    };
    done.print(work, &tell::renamed(written), &steps)?;
    verdict
}

// Shows the plan and does what it comes to; a row for each of its images.
fn copied(
    work: &Work<'_>,
    manner: &Manner,
    jobs: impl FnOnce(&Session) -> Result<Vec<Job>, Failure>,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    if work.plan.entries.is_empty() {
        return Ok(rows);
    }
    if work.common.output == Output::Text && work.common.verbosity != Verbosity::Quiet {
        output::print(&format!("{}\n", tell::plan_text(work)))?;
    }
    session::run(work.common, async |session, stop| {
        let jobs = jobs(&session)?;
        rows = jobs::perform_all(&session, work.plan, jobs, (manner, work.common), stop).await?;
        Ok(())
    })?;
    Ok(rows)
}
