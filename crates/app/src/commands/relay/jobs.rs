//! Turns the plan into copies.

use std::{path::Path, sync::Arc};

use entrepot_oci::{Digest, Reference};
use entrepot_relay::{Plan, StackImage};
use entrepot_sync::{
    CopyJob, CopyResult, Format, JobTarget, Place, Registries, RunLimits, Shape, look, perform, settle,
};
use tokio_util::sync::CancellationToken;

use super::{
    args::CopyOptions,
    render::{self, RenderContext},
};
use crate::{
    commands::session::{self, RegistryContext},
    failure::Failure,
    log::Verbosity,
    output::{self, Output},
    progress::{Show, Style},
};

/// Copies each image of a plan from its registry to its target.
pub(super) fn to_registry(
    context: &RegistryContext,
    plan: &Plan,
    options: &CopyOptions,
) -> Result<Vec<CopyJob>, Failure> {
    let job = |entry: &StackImage| {
        let target = at_registry(context, entry, options)?;
        Ok(job(at(entry), entry.source.reference(), target))
    };
    plan.entries.iter().map(job).collect()
}

/// The same into an archive, with temporary names from `tag`.
pub(super) fn to_archive(
    plan: &Plan,
    options: &CopyOptions,
    archive: &Path,
    tag: impl Fn(usize) -> Reference,
) -> Vec<CopyJob> {
    let job = |(number, entry): (usize, &StackImage)| {
        let place = Place::OciArchive(archive.to_owned());
        let target = target(place, tag(number), shape(entry, options, Format::Keep), options);
        job(at(entry), entry.source.reference(), target)
    };
    plan.entries.iter().enumerate().map(job).collect()
}

/// A place that holds the images of a plan, in its order, under these digests.
pub(super) struct LoadedImages<'a> {
    pub(super) place: &'a Place,
    pub(super) digests: &'a [Digest],
}

/// Copies each image of a plan from a loaded archive.
pub(super) fn from_place(
    context: &RegistryContext,
    plan: &Plan,
    options: &CopyOptions,
    loaded: &LoadedImages<'_>,
) -> Result<Vec<CopyJob>, Failure> {
    let job = |(entry, digest): (&StackImage, &Digest)| {
        let target = at_registry(context, entry, options)?;
        Ok(job(loaded.place.clone(), Reference::Digest(*digest), target))
    };
    plan.entries.iter().zip(loaded.digests).map(job).collect()
}

fn job(source: Place, reference: Reference, target: JobTarget) -> CopyJob {
    let digest = match &reference {
        Reference::Digest(digest) => Some(*digest),
        Reference::Tag(_) => None,
    };
    CopyJob { rule: String::new(), source, reference, digest, attached: None, targets: vec![target] }
}

fn at(entry: &StackImage) -> Place {
    Place::Registry { host: entry.source.host().clone(), repository: entry.source.repository().clone() }
}

fn at_registry(
    context: &RegistryContext,
    entry: &StackImage,
    options: &CopyOptions,
) -> Result<JobTarget, Failure> {
    let usual = context.registry(entry.target.host())?.format;
    let (host, repository) = (entry.target.host().clone(), entry.target.repository().clone());
    let place = Place::Registry { host, repository };
    let target = target(place, entry.put_as(), shape(entry, options, usual), options);
    // What files name by its digest must have it there too.
    Ok(JobTarget { digest: entry.source.digest().copied(), ..target })
}

fn shape(entry: &StackImage, options: &CopyOptions, usual: Format) -> Shape {
    // Selecting platforms would change the digest that the files pin.
    let platforms = if entry.is_pinned() { Vec::new() } else { options.platforms.clone() };
    Shape { platforms, format: options.format.unwrap_or(usual), ..Shape::default() }
}

fn target(place: Place, reference: Reference, shape: Shape, options: &CopyOptions) -> JobTarget {
    JobTarget {
        place,
        reference,
        shape,
        source_name: None,
        digest: None,
        referrers: options.referrers,
        before: None,
        backup: None,
    }
}

/// Prints the plan and runs its copies; returns a row for each image, in the plan's order.
pub(super) fn copied(
    context: &RenderContext<'_>,
    options: &CopyOptions,
    jobs: impl FnOnce(&RegistryContext) -> Result<Vec<CopyJob>, Failure>,
) -> Result<Vec<CopyResult>, Failure> {
    let mut rows = Vec::new();
    if context.plan.entries.is_empty() {
        return Ok(rows);
    }
    if context.common.output == Output::Text && context.common.verbosity != Verbosity::Quiet {
        output::print(&format!("{}\n", render::plan_text(context)))?;
    }
    session::run(context.common, async |session, stop| {
        let copies = Copies { jobs: jobs(&session)?, limits: options.limits() };
        rows = perform_all(&session, context, copies, stop).await?;
        Ok(())
    })?;
    Ok(rows)
}

/// The copies, one for each image of a plan.
struct Copies {
    jobs: Vec<CopyJob>,
    limits: RunLimits,
}

// Images already at their target are not copied again.
async fn perform_all(
    context: &RegistryContext,
    relay: &RenderContext<'_>,
    Copies { mut jobs, limits }: Copies,
    stop: CancellationToken,
) -> Result<Vec<CopyResult>, Failure> {
    let registries: Arc<dyn Registries> = context.registries.clone();
    let targets: Vec<(Place, Reference)> = jobs
        .iter()
        .flat_map(|job| &job.targets)
        .map(|target| (target.place.clone(), target.reference.clone()))
        .collect();
    let states = tokio::select! {
        states = look(&registries, &jobs) => states,
        () = stop.cancelled() => return Err(Failure::new("interrupted")),
    };
    let mut rows = settle(&mut jobs, states);
    let (show, events) = Show::begin(Style::of(relay.common.output, relay.common.verbosity), &jobs);
    rows.extend(perform(registries, jobs, limits, stop, events).await);
    show.end().await;
    let mut ordered = Vec::with_capacity(rows.len());
    for (place, reference) in targets {
        let own = rows.iter().position(|row| row.target == place && row.target_reference == reference);
        ordered.extend(own.map(|own| rows.swap_remove(own)));
    }
    Ok(ordered)
}
