//! `entrepot cache`: lists, removes and verifies cached images, with or without a running server.
//!
//! - `work` follows evictions and scrubs; `pins` is for what stays; `simulate` replays pulls and needs no mirror
//! - `names` parses image names; `holder` works in this process or asks the server; `verify` is the one operation with rules of
//!   its own
//! - `render` formats the results, separate from the lookup

mod clock;
mod holder;
mod holder_work;
mod names;
mod pins;
mod print;
mod render;
mod render_work;
mod simulate;
mod verify;
mod work;

use std::{io, path::PathBuf};

use entrepot_api::{CacheImage, CacheRemoval, CacheRepository};
use serde::Serialize;

use crate::{
    config::{self, Environment, Level, Log, Overrides},
    data::DataDir,
    failure::{self, Failure},
    log::{self, Verbosity},
    output::{self, Output, sentence},
    runtime, terminal,
};

use clock::now;
use holder::CacheBackend;
pub(crate) use names::{Repository, Selection};
pub(crate) use pins::{NewPin, Pins};
use print::print;
pub(crate) use simulate::TraceSource;
pub(crate) use verify::Repair;
pub(crate) use work::{Eviction, Scrub};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Cache {
    /// The configuration file, if given.
    pub(crate) file: Option<PathBuf>,
    /// Settings that override the file.
    pub(crate) over: Overrides,
    /// The output format.
    pub(crate) output: Output,
    /// The log verbosity.
    pub(crate) verbosity: Verbosity,
    /// The subcommand.
    pub(crate) operation: CacheOperation,
}

/// A subcommand of `cache`.
#[derive(Debug)]
pub(crate) enum CacheOperation {
    /// List repositories.
    Repositories {
        /// Only repositories whose names start with this.
        prefix: Option<String>,
    },
    /// List the images of a repository.
    Images(Repository),
    /// Count everything.
    Count,
    /// Compare stored bytes with records.
    Verify(Repair),
    /// Remove a repository or an image.
    Remove {
        /// The images to remove.
        what: Selection,
        /// Only print what would be removed.
        dry_run: bool,
        /// Do not ask for confirmation.
        yes: bool,
    },
    /// Evict images.
    Evict(Eviction),
    /// Pin an image.
    Pin(NewPin),
    /// End pins.
    Unpin(Pins),
    /// List pins.
    Pins(Pins),
    /// What a larger disk would have saved.
    Savings,
    /// Hash all that is held again.
    Scrub(Scrub),
    /// Replay pulls.
    Simulate(TraceSource),
}

/// Runs the command.
pub(crate) fn run(cache: Cache) -> Result<(), Failure> {
    if let CacheOperation::Simulate(source) = &cache.operation {
        return simulate::simulate(source, cache.output);
    }
    let environment = Environment::of_process();
    let loaded = config::load(cache.file.as_deref(), &environment, cache.over)?;
    failure::warn(&loaded.warnings);
    let _log = log::start(
        Log { level: cache.verbosity.level(Level::Warn), ..loaded.config.log },
        None,
        &environment,
    )?;
    let data = DataDir::existing(&loaded.config.data)?;
    runtime::build()?.block_on(async {
        let holder = CacheBackend::open(&loaded.config, &data).await?;
        let done = perform(&holder, cache.operation, cache.output).await;
        holder.close().await;
        done
    })
}

async fn perform(backend: &CacheBackend, operation: CacheOperation, output: Output) -> Result<(), Failure> {
    match operation {
        CacheOperation::Repositories { prefix } => {
            let repositories = backend.repositories(prefix.as_deref()).await?;
            print(output, &Repositories { repositories: &repositories }, || {
                render::repositories(&repositories, now())
            })
        }
        CacheOperation::Images(repository) => {
            let images = backend.images(&repository.0).await?;
            print(output, &Images { images: &images }, || render::images(&images, now()))
        }
        CacheOperation::Count => {
            let totals = backend.totals().await?;
            print(output, &totals, || render::totals(&totals))
        }
        CacheOperation::Verify(repair) => verify::verify(backend, repair, output).await,
        CacheOperation::Remove { what, dry_run, yes } => {
            remove(backend, &what, RemovalOptions { dry_run, yes }, output).await
        }
        CacheOperation::Evict(what) => work::evict(backend, what, output).await,
        CacheOperation::Pin(new) => pins::pin(backend, new, output).await,
        CacheOperation::Unpin(which) => pins::unpin(backend, &which, output).await,
        CacheOperation::Pins(which) => pins::list(backend, &which, output).await,
        CacheOperation::Savings => {
            let savings = backend.savings().await?;
            print(output, &savings, || render_work::savings(&savings))
        }
        CacheOperation::Scrub(what) => work::scrub(backend, what, output).await,
        CacheOperation::Simulate(source) => simulate::simulate(&source, output),
    }
}

#[derive(Clone, Copy)]
struct RemovalOptions {
    dry_run: bool,
    yes: bool,
}

async fn remove(
    backend: &CacheBackend,
    what: &Selection,
    care: RemovalOptions,
    output: Output,
) -> Result<(), Failure> {
    let RemovalOptions { dry_run, yes } = care;
    if dry_run || (what.is_whole() && !yes) {
        let images: Vec<CacheImage> =
            backend.images(&what.name).await?.into_iter().filter(|image| what.takes(image)).collect();
        // A repository may have blobs alone.
        if images.is_empty() && !what.is_whole() {
            return Err(Failure::new(format!("`{what}` is not held"))
                .with_hint(format!("see what is: `entrepot cache ls {}`", what.name)));
        }
        if dry_run {
            return print(output, &EvictionPreview { dry_run, images: &images }, || render::planned(&images));
        }
        agree(what, images.len() as u64)?;
    }
    let removal = backend.remove(&what.name, what.reference.as_ref()).await?;
    print(output, &RemovalReport { name: what.to_string(), removal }, || render::removed(&removal))
}

// Removing a whole repository by accident would be costly, so ask.
fn agree(what: &Selection, images: u64) -> Result<(), Failure> {
    let refused = || {
        Failure::wrong(format!("`{what}` is a whole repository of {}", output::counted(images, "image")))
            .with_hint("say `--yes` to remove it, or name one image: `NAME:TAG` or `NAME@DIGEST`")
    };
    if !terminal::is_person() {
        return Err(refused());
    }
    let images = output::amount(images, "image");
    let question = sentence!("remove `{what}`, {images}? [y/N] ", what = what, images = images);
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
struct EvictionPreview<'a> {
    dry_run: bool,
    images: &'a [CacheImage],
}

#[derive(Serialize)]
struct RemovalReport {
    name: String,
    removal: CacheRemoval,
}
