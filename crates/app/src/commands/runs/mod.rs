//! `entrepot sync run` and `entrepot sync runs`: starts and shows the sync runs of a server.

mod syncs;
mod tell;

use entrepot_api::{Event, RunDetail, RunId, RunOutcome};

use crate::{
    client::{Events, ServerTarget},
    failure::Failure,
    output::{self, Output},
    runtime,
};
use syncs::Syncs;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Runs {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: RunsOperation,
}

/// A subcommand of `runs`.
#[derive(Debug)]
pub(crate) enum RunsOperation {
    /// Run a rule.
    Run {
        /// Its name.
        rule: String,
        /// Only this image of the rule.
        image: Option<String>,
        /// Wait until the run has ended.
        wait: bool,
    },
    /// Stop a run.
    Cancel {
        /// Its id.
        run: String,
    },
    /// List runs.
    List {
        /// Only of this rule.
        rule: Option<String>,
        /// The number of runs.
        count: usize,
    },
}

/// Runs the command.
pub(crate) fn run(Runs { to, operation }: Runs) -> Result<(), Failure> {
    let output = to.output;
    let syncs = Syncs::of(to.client()?);
    runtime::build()?.block_on(async {
        match operation {
            RunsOperation::Run { rule, image, wait } => {
                begin(&syncs, &rule, image.as_deref(), wait, output).await
            }
            RunsOperation::Cancel { run } => {
                let answer = syncs.cancel(&run).await?;
                match output {
                    Output::Json => output::print_json(&answer),
                    Output::Text => output::print(&(tell::answer(&answer) + "\n")),
                }
            }
            RunsOperation::List { rule, count } => {
                let runs = syncs.runs(rule.as_deref(), count).await?;
                match output {
                    Output::Json => output::print_json(&runs),
                    Output::Text => output::print(&tell::runs(&runs)),
                }
            }
        }
    })
}

async fn begin(
    syncs: &Syncs,
    rule: &str,
    image: Option<&str>,
    wait: bool,
    output: Output,
) -> Result<(), Failure> {
    // Subscribe before starting the run, so that its end cannot be missed.
    let events = if wait { Some(syncs.events().await?) } else { None };
    let begun = syncs.begin(rule, image).await?;
    match output {
        Output::Text => output::print(&format!("{rule}: {}\n", tell::answer(&begun)))?,
        Output::Json if !wait => {
            output::print_json(&begun)?;
        }
        Output::Json => {}
    }
    let Some(events) = events else { return Ok(()) };
    let end = follow(syncs, events, &begun.run, output).await?;
    match output {
        Output::Json => output::print_json(&end)?,
        Output::Text => output::print(&tell::end(&end.run))?,
    }
    if end.run.outcome == RunOutcome::Done {
        return Ok(());
    }
    let failure = Failure::new(format!("run `{}` of rule `{rule}` ended as {}", begun.run, end.run.outcome));
    Err(failure.with_hint(format!("what it did: `{}`", syncs.address_of(&begun.run))))
}

/// Shows the progress of a run until it has ended.
async fn follow(
    syncs: &Syncs,
    mut events: Events,
    run: &RunId,
    output: Output,
) -> Result<RunDetail, Failure> {
    let mut line = tell::ProgressLine::new(output);
    loop {
        match events.next().await? {
            Some(Event::Began(progress) | Event::Progress(progress)) if progress.run == *run => {
                line.show(&progress)
            }
            Some(Event::Copies(copies)) if copies.run == *run => line.changes(&copies.changes)?,
            Some(Event::Ended(ended)) if ended.id == *run => break,
            Some(_) => {}
            // The server closed the stream, or is restarting: ask for the state again.
            None => {
                let detail = syncs.run(run).await?;
                if detail.run.outcome != RunOutcome::Running {
                    break;
                }
                events = syncs.events().await?;
            }
        }
    }
    line.clear();
    syncs.run(run).await
}
