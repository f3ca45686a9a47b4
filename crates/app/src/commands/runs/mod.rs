//! `entrepot sync run` and `entrepot sync runs`: what a server syncs, begun and looked at from afar.

mod client;
mod tell;

use entrepot_scheduler::RunDetail;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    failure::Failure,
    output::{self, Output},
    runtime,
};
use client::{Client, Event, Events};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Runs {
    /// The server's address.
    pub(crate) server: String,
    /// What lets us in.
    pub(crate) token: Option<SecretString>,
    /// How to print.
    pub(crate) output: Output,
    /// What to do.
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Verb {
    /// Run a rule.
    Run {
        /// Its name.
        rule: String,
        /// This image of it alone.
        image: Option<String>,
        /// Come back when it has ended.
        wait: bool,
    },
    /// List runs.
    List {
        /// Of this rule alone.
        rule: Option<String>,
        /// So many.
        count: usize,
    },
}

/// What asking for a run comes to.
#[derive(Deserialize)]
struct Begun {
    run: String,
    outcome: String,
}

/// Does it.
pub(crate) fn run(Runs { server, token, output, verb }: Runs) -> Result<(), Failure> {
    crate::assembly::install_crypto();
    let client = Client::new(&server, token)?;
    runtime::build()?.block_on(async {
        match verb {
            Verb::Run { rule, image, wait } => begin(&client, &rule, image.as_deref(), wait, output).await,
            Verb::List { rule, count } => {
                let runs = client.runs(rule.as_deref(), count).await?;
                match output {
                    Output::Json => output::print_json(&runs),
                    Output::Text => output::print(&tell::runs(&runs)),
                }
            }
        }
    })
}

async fn begin(
    client: &Client,
    rule: &str,
    image: Option<&str>,
    wait: bool,
    output: Output,
) -> Result<(), Failure> {
    // Listening begins before the run, so that its end cannot be missed.
    let events = if wait { Some(client.events().await?) } else { None };
    let begun: Begun = client.begin(rule, image).await?;
    match output {
        Output::Text => output::print(&format!("{rule}: {} run {}\n", begun.outcome, begun.run))?,
        Output::Json if !wait => {
            let told = serde_json::json!({ "run": begun.run, "outcome": begun.outcome });
            output::print_json(&told)?;
        }
        Output::Json => {}
    }
    let Some(events) = events else { return Ok(()) };
    let end = follow(client, events, &begun.run, output).await?;
    match output {
        Output::Json => output::print_json(&end)?,
        Output::Text => output::print(&tell::end(&end.run))?,
    }
    if end.run.outcome == "done" {
        return Ok(());
    }
    let failure = Failure::new(format!("run `{}` of rule `{rule}` ended as {}", begun.run, end.run.outcome));
    Err(failure.with_hint(format!("what it did: `{}/api/v1/sync/runs/{}`", client.server(), begun.run)))
}

/// Tells how far the run is until it has ended.
async fn follow(
    client: &Client,
    mut events: Events,
    run: &str,
    output: Output,
) -> Result<RunDetail, Failure> {
    let mut line = tell::Line::new(output);
    loop {
        match events.next().await? {
            Some(Event::Progress(progress)) if progress.run == run => line.show(&progress),
            Some(Event::Copies { run: of, changes }) if of == run => line.changes(&changes)?,
            Some(Event::Ended(ended)) if ended.id == run => break,
            Some(_) => {}
            // The server let us go, or is restarting: it is asked again how things stand.
            None => {
                let detail = client.run(run).await?;
                if detail.run.outcome != "running" {
                    break;
                }
                events = client.events().await?;
            }
        }
    }
    line.clear();
    client.run(run).await
}
