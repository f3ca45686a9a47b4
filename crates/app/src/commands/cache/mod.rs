//! `entrepot cache`: what is held, whether a server runs or not.
//!
//! - which image is meant: `names`; where to ask, in this process or the server's: `holder`
//! - what is said: `tell`, apart from how it was found

mod holder;
mod names;
mod tell;

use std::{
    io,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use entrepot_api::{CacheImage, CacheRemoval, CacheRepository};
use serde::Serialize;

use crate::{
    config::{self, Environment, Level, Log, Overrides},
    data::DataDir,
    failure::{self, Failure},
    log::{self, Verbosity},
    output::{self, Output},
    runtime, terminal,
};

use holder::Holder;
pub(crate) use names::{Repository, Selection};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Cache {
    /// The configuration file, if one is named.
    pub(crate) file: Option<PathBuf>,
    /// What goes over it.
    pub(crate) over: Overrides,
    /// How to print.
    pub(crate) output: Output,
    /// How much to say.
    pub(crate) verbosity: Verbosity,
    /// What to do.
    pub(crate) verb: Verb,
}

/// What to do with what is held.
#[derive(Debug)]
pub(crate) enum Verb {
    /// List repositories.
    Repositories {
        /// Only those whose names start with this.
        prefix: Option<String>,
    },
    /// List the images of a repository.
    Images(Repository),
    /// Count everything.
    Count,
    /// Remove something.
    Remove {
        /// What.
        what: Selection,
        /// Only say what would go.
        dry_run: bool,
        /// Do not ask.
        yes: bool,
    },
}

/// Runs the command.
pub(crate) fn run(cache: Cache) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let loaded = config::load(cache.file.as_deref(), &environment, cache.over)?;
    failure::warn(&loaded.warnings);
    let _log =
        log::start(Log { level: cache.verbosity.level(Level::Warn), ..loaded.config.log }, &environment)?;
    let data = DataDir::existing(&loaded.config.data)?;
    runtime::build()?.block_on(async {
        let holder = Holder::open(&loaded.config, &data).await?;
        let done = perform(&holder, cache.verb, cache.output).await;
        holder.close().await;
        done
    })
}

async fn perform(holder: &Holder, verb: Verb, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::Repositories { prefix } => {
            let repositories = holder.repositories(prefix.as_deref()).await?;
            print(output, &Repositories { repositories: &repositories }, || {
                tell::repositories(&repositories, now())
            })
        }
        Verb::Images(repository) => {
            let images = holder.images(&repository.0).await?;
            print(output, &Images { images: &images }, || tell::images(&images, now()))
        }
        Verb::Count => {
            let totals = holder.totals().await?;
            print(output, &totals, || tell::totals(&totals))
        }
        Verb::Remove { what, dry_run, yes } => remove(holder, &what, Care { dry_run, yes }, output).await,
    }
}

#[derive(Clone, Copy)]
struct Care {
    dry_run: bool,
    yes: bool,
}

async fn remove(holder: &Holder, what: &Selection, care: Care, output: Output) -> Result<(), Failure> {
    let Care { dry_run, yes } = care;
    if dry_run || (what.is_whole() && !yes) {
        let images: Vec<CacheImage> =
            holder.images(&what.name).await?.into_iter().filter(|image| what.takes(image)).collect();
        if images.is_empty() {
            return Err(Failure::new(format!("`{what}` is not held"))
                .with_hint(format!("see what is: `entrepot cache ls {}`", what.name)));
        }
        if dry_run {
            return print(output, &Planned { dry_run, images: &images }, || tell::planned(&images));
        }
        agree(what, images.len() as u64)?;
    }
    let removal = holder.remove(&what.name, what.reference.as_ref()).await?;
    print(output, &Removed { name: what.to_string(), removal }, || tell::removed(&removal))
}

// A whole repository is a lot to lose by a slip.
fn agree(what: &Selection, images: u64) -> Result<(), Failure> {
    let refused = || {
        Failure::wrong(format!("`{what}` is a whole repository of {}", output::counted(images, "image")))
            .with_hint("say `--yes` to remove it, or name one image: `NAME:TAG` or `NAME@DIGEST`")
    };
    if !terminal::is_person() {
        return Err(refused());
    }
    let question = format!("remove `{what}`, {}? [y/N] ", output::counted(images, "image"));
    let mut answer = String::new();
    terminal::ask(&question).and_then(|()| io::stdin().read_line(&mut answer)).map_err(|_| refused())?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::new("nothing was removed")) }
}

#[derive(Serialize)]
struct Repositories<'a> {
    repositories: &'a [CacheRepository],
}

#[derive(Serialize)]
struct Images<'a> {
    images: &'a [CacheImage],
}

#[derive(Serialize)]
struct Planned<'a> {
    dry_run: bool,
    images: &'a [CacheImage],
}

#[derive(Serialize)]
struct Removed {
    name: String,
    removal: CacheRemoval,
}

fn print(output: Output, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
    match output {
        Output::Json => output::print_json(value),
        Output::Text => output::print(&text()),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
