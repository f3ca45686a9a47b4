//! `entrepot copy`: images by hand, from anywhere to anywhere.
//!
//! - what was typed: `end`; what that comes to: `jobs`; what became of it: `tell`

mod end;
pub(super) mod jobs;
pub(super) mod tell;

use std::sync::Arc;

use entrepot_oci::Platform;
use entrepot_sync::{Format, Limits, Registries, Shape, perform};
use tokio_util::sync::CancellationToken;

pub(crate) use end::End;

use super::session::{self, Common, Session};
use crate::{
    failure::Failure,
    output::{self, Output},
    progress::{Manner, Show},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Copy {
    /// What every such command can be told.
    pub(crate) common: Common,
    /// From where.
    pub(crate) source: End,
    /// Where to; at least one.
    pub(crate) targets: Vec<End>,
    /// Whether every tag is meant.
    pub(crate) all_tags: bool,
    /// These platforms alone; empty: all.
    pub(crate) platforms: Vec<Platform>,
    /// The form of documents; `None`: what is usual for the registry.
    pub(crate) format: Option<Format>,
    /// Whether what refers to an image travels with it.
    pub(crate) referrers: bool,
    /// How many images at once.
    pub(crate) at_once: Option<usize>,
    /// Only say what would be done.
    pub(crate) dry_run: bool,
}

/// Copies.
pub(crate) fn run(copy: Copy) -> Result<(), Failure> {
    if let Some(target) = copy.targets.iter().find(|target| !target.is_writable()) {
        return Err(Failure::wrong(format!("`{target}` cannot be written")).with_hint(
            "archives of `docker save` are only read: write `oci-archive:FILE`, which Docker loads too",
        ));
    }
    session::run(&copy.common, async |session, stop| perform_all(&copy, session, stop).await)
}

async fn perform_all(copy: &Copy, session: Session, stop: CancellationToken) -> Result<(), Failure> {
    let wanted = jobs::Wanted {
        source: &copy.source,
        targets: &copy.targets,
        all_tags: copy.all_tags,
        format: copy.format,
        shape: Shape { platforms: copy.platforms.clone(), ..Shape::default() },
        referrers: copy.referrers,
    };
    let looked = async {
        let jobs = jobs::jobs(&session, &wanted).await?;
        let seen = jobs::look(&session, &jobs).await;
        Ok::<_, Failure>((jobs, seen))
    };
    let (mut jobs, seen) = tokio::select! {
        looked = looked => looked?,
        () = stop.cancelled() => return Err(Failure::new("interrupted")),
    };
    if copy.dry_run {
        let planned = jobs::planned(&jobs, &seen);
        return match copy.common.output {
            Output::Json => output::print_json(&planned),
            Output::Text => output::print(&tell::planned(&planned)),
        };
    }
    let mut rows = jobs::settle(&mut jobs, seen);
    let limits = Limits { images: copy.at_once.unwrap_or(Limits::default().images), ..Limits::default() };
    let manner = Manner::of(copy.common.output, copy.common.verbosity);
    let (show, events) = Show::begin(manner, &jobs);
    let registries: Arc<dyn Registries> = session.registries.clone();
    rows.extend(perform(registries, jobs, limits, stop, events).await);
    show.end().await;
    let copied = tell::Copied::of(&rows);
    match copy.common.output {
        Output::Json => output::print_json(&copied)?,
        Output::Text => output::print(&tell::text(&copied))?,
    }
    copied.verdict()
}
