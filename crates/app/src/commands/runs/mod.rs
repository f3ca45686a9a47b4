//! `entrepot sync run` and `entrepot sync runs`: starts and shows the sync runs of a server.

mod syncs;
mod tell;

use std::{os::unix::net::UnixStream, path::PathBuf};

use entrepot_api::{Event, RunDetail, RunId, RunOutcome};
use secrecy::SecretString;

use crate::{
    client::{Client, Events},
    config::{self, Environment},
    data,
    failure::Failure,
    output::{self, Output},
    runtime,
};
use syncs::Syncs;

/// The default address of a server.
const USUAL_SERVER: &str = "http://127.0.0.1:5000";

/// The arguments.
#[derive(Debug)]
pub(crate) struct Runs {
    /// The server.
    pub(crate) server: Server,
    /// The API token.
    pub(crate) token: Option<SecretString>,
    /// The output format.
    pub(crate) output: Output,
    /// The subcommand.
    pub(crate) verb: Verb,
}

/// The way to find the server.
#[derive(Debug)]
pub(crate) enum Server {
    /// At this address.
    At(String),
    /// Over the socket in the configured data directory; without a socket, at the default address.
    Here {
        /// The configuration file, if given.
        file: Option<PathBuf>,
        /// The data directory, if given.
        data: Option<PathBuf>,
    },
}

/// A subcommand of `runs`.
#[derive(Debug)]
pub(crate) enum Verb {
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
pub(crate) fn run(Runs { server, token, output, verb }: Runs) -> Result<(), Failure> {
    let syncs = Syncs::of(client(server, token)?);
    runtime::build()?.block_on(async {
        match verb {
            Verb::Run { rule, image, wait } => begin(&syncs, &rule, image.as_deref(), wait, output).await,
            Verb::Cancel { run } => {
                let answer = syncs.cancel(&run).await?;
                match output {
                    Output::Json => output::print_json(&answer),
                    Output::Text => output::print(&format!("{} run {}\n", answer.outcome, answer.run)),
                }
            }
            Verb::List { rule, count } => {
                let runs = syncs.runs(rule.as_deref(), count).await?;
                match output {
                    Output::Json => output::print_json(&runs),
                    Output::Text => output::print(&tell::runs(&runs)),
                }
            }
        }
    })
}

// Try the socket first: it is private and needs no token. It may be left over from a server that has exited.
fn client(server: Server, token: Option<SecretString>) -> Result<Client, Failure> {
    let (file, data) = match server {
        Server::At(server) => return Client::at(&server, token),
        Server::Here { file, data } => (file, data),
    };
    let data = config::data_directory(file.as_deref(), &Environment::of_process(), data)?;
    let socket = data::socket(&data);
    match UnixStream::connect(&socket) {
        Ok(_) => Client::over(socket),
        Err(_) => Client::at(USUAL_SERVER, token),
    }
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
        Output::Text => output::print(&format!("{rule}: {} run {}\n", begun.outcome, begun.run))?,
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
    let mut line = tell::Line::new(output);
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
