//! From the plan to copies.

use std::{path::Path, sync::Arc};

use entrepot_oci::{Digest, Reference};
use entrepot_relay::{Entry, Plan};
use entrepot_sync::{
    Done, Failure as Broken, Format, Job, Limits, Outcome, Place, Registries, Row, Shape, Target, perform,
};
use tokio_util::sync::CancellationToken;

use super::Manner;
use crate::{
    commands::{
        copy::jobs::{look, settle},
        session::{Common, Session},
    },
    failure::Failure,
    progress::{self, Show},
};

/// A copy for each image of a plan, from its registry to where it is to go.
pub(super) fn to_registry(session: &Session, plan: &Plan, manner: &Manner) -> Result<Vec<Job>, Failure> {
    let job = |entry: &Entry| {
        let target = at_registry(session, entry, manner)?;
        Ok(job(at(entry), entry.source.reference(), target))
    };
    plan.entries.iter().map(job).collect()
}

/// The same into an archive, where their names are for now what `tag` says.
pub(super) fn to_archive(
    plan: &Plan,
    manner: &Manner,
    archive: &Path,
    tag: impl Fn(usize) -> Reference,
) -> Vec<Job> {
    let job = |(number, entry): (usize, &Entry)| {
        let place = Place::OciArchive(archive.to_owned());
        let target = target((place, tag(number)), shape(entry, manner, Format::Keep), manner);
        job(at(entry), entry.source.reference(), target)
    };
    plan.entries.iter().enumerate().map(job).collect()
}

/// A copy for each image of a plan from a place that has it under a digest.
pub(super) fn from_place(
    session: &Session,
    plan: &Plan,
    manner: &Manner,
    (place, digests): (&Place, &[Digest]),
) -> Result<Vec<Job>, Failure> {
    let job = |(entry, digest): (&Entry, &Digest)| {
        let target = at_registry(session, entry, manner)?;
        Ok(job(place.clone(), Reference::Digest(*digest), target))
    };
    plan.entries.iter().zip(digests).map(job).collect()
}

fn job(source: Place, reference: Reference, target: Target) -> Job {
    let digest = match &reference {
        Reference::Digest(digest) => Some(*digest),
        Reference::Tag(_) => None,
    };
    Job { rule: String::new(), source, reference, digest, attached: None, targets: vec![target] }
}

fn at(entry: &Entry) -> Place {
    Place::Registry { host: entry.source.host().clone(), repository: entry.source.repository().clone() }
}

fn at_registry(session: &Session, entry: &Entry, manner: &Manner) -> Result<Target, Failure> {
    let usual = session.registry(entry.target.host())?.format;
    let (host, repository) = (entry.target.host().clone(), entry.target.repository().clone());
    let place = Place::Registry { host, repository };
    Ok(target((place, entry.put_as()), shape(entry, manner, usual), manner))
}

fn shape(entry: &Entry, manner: &Manner, usual: Format) -> Shape {
    // A part of an image has another digest than the one by which files name it.
    let platforms = if entry.is_pinned() { Vec::new() } else { manner.platforms.clone() };
    Shape { platforms, format: manner.format.unwrap_or(usual), ..Shape::default() }
}

fn target((place, reference): (Place, Reference), shape: Shape, manner: &Manner) -> Target {
    Target { place, reference, shape, referrers: manner.referrers, before: None, backup: None }
}

/// Does these copies, one for each image of the plan; a row for each, in its order. What is at its target already is not
/// copied again.
pub(super) async fn perform_all(
    session: &Session,
    plan: &Plan,
    mut jobs: Vec<Job>,
    (manner, common): (&Manner, &Common),
    stop: CancellationToken,
) -> Result<Vec<Row>, Failure> {
    let targets: Vec<(Place, Reference)> = jobs
        .iter()
        .flat_map(|job| &job.targets)
        .map(|target| (target.place.clone(), target.reference.clone()))
        .collect();
    let seen = tokio::select! {
        seen = look(session, &jobs) => seen,
        () = stop.cancelled() => return Err(Failure::new("interrupted")),
    };
    let mut rows = settle(&mut jobs, seen);
    let limits = Limits { images: manner.at_once.unwrap_or(Limits::default().images), ..Limits::default() };
    let (show, events) = Show::begin(progress::Manner::of(common.output, common.verbosity), &jobs);
    let registries: Arc<dyn Registries> = session.registries.clone();
    rows.extend(perform(registries, jobs, limits, stop, events).await);
    show.end().await;
    let mut ordered = Vec::with_capacity(rows.len());
    for (entry, (place, reference)) in plan.entries.iter().zip(targets) {
        let own = rows.iter().position(|row| row.target == place && row.target_reference == reference);
        ordered.extend(own.map(|own| as_named(entry, rows.swap_remove(own))));
    }
    Ok(ordered)
}

// A digest by which files name an image must be its digest there.
fn as_named(entry: &Entry, mut row: Row) -> Row {
    if let (Outcome::Done(Done { digest, .. }), Some(pinned)) = (&row.outcome, entry.source.digest())
        && digest != pinned
    {
        row.outcome = Outcome::Failed(Broken {
            what: format!("it is {digest} there, and files name it as {pinned}"),
            hint: Some(
                "this registry takes images in another form only: name the image by its tag alone".to_owned(),
            ),
            at_source: false,
        });
    }
    row
}
