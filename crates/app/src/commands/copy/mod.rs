//! `entrepot copy`: copies images by hand, between any two places.
//!
//! - `endpoint` parses the arguments, `jobs` turns them into jobs, `render` prints the results

mod args;
mod endpoint;
mod jobs;
pub(super) mod render;

use std::sync::Arc;

use entrepot_sync::{Registries, RunLimits, look, perform, settle};
use tokio_util::sync::CancellationToken;

pub(crate) use args::Copy;
pub(crate) use endpoint::Endpoint;

use super::session::{self, RegistryContext};
use crate::{
    failure::Failure,
    output::{self, Output},
    progress::{Show, Style},
};

/// Runs the command.
pub(crate) fn run(copy: Copy) -> Result<(), Failure> {
    if let Some(target) = copy.targets.iter().find(|target| !target.is_writable()) {
        return Err(Failure::wrong(format!("`{target}` cannot be written")).with_hint(
            "archives of `docker save` are only read: write `oci-archive:FILE`, which Docker loads too",
        ));
    }
    session::run(&copy.common, async |session, stop| perform_all(&copy, session, stop).await)
}

async fn perform_all(copy: &Copy, context: RegistryContext, stop: CancellationToken) -> Result<(), Failure> {
    let registries: Arc<dyn Registries> = context.registries.clone();
    let looked = async {
        let jobs = jobs::jobs(&context, copy).await?;
        let states = look(&registries, &jobs).await;
        Ok::<_, Failure>((jobs, states))
    };
    let (mut jobs, states) = tokio::select! {
        looked = looked => looked?,
        () = stop.cancelled() => return Err(Failure::new("interrupted")),
    };
    if copy.dry_run {
        let planned = jobs::planned(&jobs, &states);
        return match copy.common.output {
            Output::Json => output::print_json(&planned),
            Output::Text => output::print(&render::planned(&planned)),
        };
    }
    let mut rows = settle(&mut jobs, states);
    let limits =
        RunLimits { images: copy.at_once.unwrap_or(RunLimits::default().images), ..RunLimits::default() };
    let style = Style::of(copy.common.output, copy.common.verbosity);
    let (show, events) = Show::begin(style, &jobs);
    rows.extend(perform(registries, jobs, limits, stop, events).await);
    show.end().await;
    let copied = render::CopySummary::of(&rows);
    match copy.common.output {
        Output::Json => output::print_json(&copied)?,
        Output::Text => output::print(&render::text(&copied))?,
    }
    copied.verdict()
}
