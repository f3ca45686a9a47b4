//! `entrepot sync`, `check` and `guide`: runs the rules of a file, checks them, or documents them.
//!
//! - `report`: output of a run; `plan`: output of a plan; `standing`: results of earlier runs
//! - `import`: files of other tools

pub(crate) mod import;
mod plan;
pub(crate) mod report;
mod standing;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use entrepot_guide::{GuideLanguage, badge, guide, log};
use entrepot_sync::{
    Options, Plan, PlanCounts, Registries, Report, RunLimits, apply, prepare,
    rules::{RuleSet, UnknownRule},
};
use tokio_util::sync::CancellationToken;

use super::session::{self, Common, RegistryContext};
use crate::{
    failure::Failure,
    output::{self, Output, sentence},
    progress::{Show, Style, Wait},
};

/// Options shared by the three commands.
#[derive(Debug)]
pub(crate) struct Args {
    /// Options shared by all registry commands; `file` is the rule file.
    pub(crate) common: Common,
    /// Only these rules; empty means all.
    pub(crate) only: Vec<String>,
}

/// The arguments of `sync`.
#[derive(Debug)]
pub(crate) struct Sync {
    /// The rules.
    pub(crate) args: Args,
    /// Only print what would be done.
    pub(crate) dry_run: bool,
    /// Remove extra tags of rules with `prune: review`.
    pub(crate) prune: bool,
    /// The number of images copied at once.
    pub(crate) at_once: Option<usize>,
    /// The output file for a log with DaoCloud's states.
    pub(crate) log: Option<PathBuf>,
    /// The output file for a badge.
    pub(crate) badge: Option<PathBuf>,
}

/// The arguments of `check`.
#[derive(Debug)]
pub(crate) struct Check {
    /// The rules.
    pub(crate) args: Args,
    /// The output file for a badge.
    pub(crate) badge: Option<PathBuf>,
}

/// The arguments of `guide`.
#[derive(Debug)]
pub(crate) struct Guide {
    /// The rules.
    pub(crate) args: Args,
    /// The language; `None` means the terminal's.
    pub(crate) language: Option<GuideLanguage>,
    /// The output file, instead of standard output.
    pub(crate) out: Option<PathBuf>,
}

/// Runs `sync`: copies what differs.
pub(crate) fn sync(sync: Sync) -> Result<(), Failure> {
    session::run(&sync.args.common, async |session, stop| {
        let rules = chosen(&session, &sync.args.only)?;
        let registries: Arc<dyn Registries> = session.registries.clone();
        let plan = look(&registries, &rules, &sync.args.common, &stop).await?;
        if sync.dry_run {
            return print_plan(&plan, sync.args.common.output);
        }
        let limits =
            RunLimits { images: sync.at_once.unwrap_or(RunLimits::default().images), ..RunLimits::default() };
        let common = &sync.args.common;
        let (show, events) = Show::begin(Style::of(common.output, common.verbosity), &plan.jobs);
        let options = Options { prune: sync.prune, limits };
        let done = apply(&registries, plan, options, stop, events).await;
        show.end().await;
        standing::remember(&session, &done);
        write_files(&sync, &done)?;
        match common.output {
            Output::Json => output::print_json(&done)?,
            Output::Text => output::print(&report::text(&done))?,
        }
        report::verdict(&done)
    })
}

/// Runs `check`: prints how much is in sync.
pub(crate) fn check(Check { args, badge }: Check) -> Result<(), Failure> {
    session::run(&args.common, async |session, stop| {
        let rules = chosen(&session, &args.only)?;
        let registries: Arc<dyn Registries> = session.registries.clone();
        let plan = look(&registries, &rules, &args.common, &stop).await?;
        let counts = plan.counts();
        write_badge(badge.as_deref(), counts.in_sync, counts.wanted())?;
        match args.common.output {
            Output::Json => output::print_json(&plan::PlanReport::of(&plan))?,
            Output::Text => output::print(&plan::checked(&plan))?,
        }
        behind(&counts)
    })
}

/// Runs `guide`: prints where readers find each image.
pub(crate) fn print_guide(Guide { args, language, out }: Guide) -> Result<(), Failure> {
    let session = RegistryContext::open(&args.common)?;
    let rules = chosen(&session, &args.only)?;
    let language =
        language.unwrap_or(if session.is_chinese { GuideLanguage::Chinese } else { GuideLanguage::English });
    let text = guide(&rules, &standing::known(&session), language, SystemTime::now());
    match out {
        Some(path) => write(&path, &text),
        None => output::print_exact(text.as_bytes()),
    }
}

// The selected rules; at least one.
fn chosen(context: &RegistryContext, only: &[String]) -> Result<RuleSet, Failure> {
    let of = context.file.as_ref().map_or_else(String::new, |file| format!(" in `{}`", file.display()));
    if context.rules.rules().is_empty() {
        return Err(Failure::wrong(format!("there are no rules{of}"))
            .with_hint("name a file that has a list `sync`: `entrepot sync FILE`"));
    }
    context.rules.only(only).map_err(|UnknownRule { name, known }| {
        Failure::wrong(format!("there is no rule `{name}`{of}"))
            .with_hint(format!("there are {}", known.join(", ")))
    })
}

async fn look(
    registries: &Arc<dyn Registries>,
    rules: &RuleSet,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Plan, Failure> {
    let sources: usize = rules.rules().iter().map(|rule| rule.sources.len()).sum();
    let repositories = output::amount(sources, "repository");
    let text = sentence!("looking at {repositories} and their copies", repositories = repositories);
    let wait = Wait::begin(Style::of(common.output, common.verbosity), &text);
    let plan = prepare(registries, rules, stop).await;
    wait.end();
    plan.ok_or_else(|| Failure::new("interrupted"))
}

fn print_plan(plan: &Plan, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => output::print_json(&plan::DryRunReport::of(plan))?,
        Output::Text => output::print(&plan::text(plan))?,
    }
    match plan.counts().failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{} cannot be copied", output::counted(failed as u64, "image")))),
    }
}

fn behind(counts: &PlanCounts) -> Result<(), Failure> {
    if counts.is_in_sync() {
        return Ok(());
    }
    let lacking = counts.behind + counts.failed;
    let (of, are) =
        (output::counted(counts.wanted() as u64, "image"), if lacking == 1 { "is" } else { "are" });
    Err(Failure::new(format!("{lacking} of {of} {are} not in sync"))
        .with_hint("see which: `entrepot sync --dry-run`; copy them: `entrepot sync`"))
}

fn write_files(sync: &Sync, done: &Report) -> Result<(), Failure> {
    if let Some(path) = &sync.log {
        write(path, &log(done))?;
    }
    write_badge(sync.badge.as_deref(), done.totals.in_sync(), done.totals.wanted())
}

fn write_badge(path: Option<&Path>, in_sync: usize, wanted: usize) -> Result<(), Failure> {
    path.map_or(Ok(()), |path| write(path, &badge("sync", in_sync, wanted)))
}

/// Writes an output file.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|error| Failure::because(format!("cannot write `{}`", path.display()), &error))
}
