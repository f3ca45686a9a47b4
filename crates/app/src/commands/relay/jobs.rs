//! From the plan to copies.

use std::sync::Arc;

use entrepot_oci::{Digest, Reference};
use entrepot_relay::{Entry, Plan};
use entrepot_sync::{
    Done, Failure as Broken, Job, Limits, Outcome, Place, Row, Shape, Target, World, perform,
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

/// Copies all images of a plan; a row for each, in its order. What is at its target already is not copied again.
pub(super) async fn copy(
    session: &Session,
    plan: &Plan,
    manner: &Manner,
    (common, stop): (&Common, CancellationToken),
) -> Result<Vec<Row>, Failure> {
    let jobs: Vec<Job> =
        plan.entries.iter().map(|entry| job(session, entry, manner)).collect::<Result<_, _>>()?;
    perform_all(session, jobs, manner, (common, stop)).await.map(|rows| ordered(plan, rows))
}

/// Does these jobs, as far as there is something to be done.
pub(super) async fn perform_all(
    session: &Session,
    mut jobs: Vec<Job>,
    manner: &Manner,
    (common, stop): (&Common, CancellationToken),
) -> Result<Vec<Row>, Failure> {
    let seen = tokio::select! {
        seen = look(session, &jobs) => seen,
        () = stop.cancelled() => return Err(Failure::new("interrupted")),
    };
    let mut rows = settle(&mut jobs, seen);
    let limits = Limits { images: manner.at_once.unwrap_or(Limits::default().images), ..Limits::default() };
    let (show, events) = Show::begin(progress::Manner::of(common.output, common.verbosity), &jobs);
    let world: Arc<dyn World> = session.world.clone();
    rows.extend(perform(world, jobs, limits, stop, events).await);
    show.end().await;
    Ok(rows)
}

fn job(session: &Session, entry: &Entry, manner: &Manner) -> Result<Job, Failure> {
    Ok(Job {
        rule: String::new(),
        source: Place::Registry {
            host: entry.source.host().clone(),
            repository: entry.source.repository().clone(),
        },
        reference: entry.source.reference(),
        digest: digest(&entry.source.reference()),
        targets: vec![target(session, entry, manner)?],
    })
}

/// Where an image goes, and in which form.
pub(super) fn target(session: &Session, entry: &Entry, manner: &Manner) -> Result<Target, Failure> {
    let usual = session.registry(entry.target.host())?.format;
    // A part of an image has another digest than the one by which files name it.
    let platforms = if entry.is_pinned() { Vec::new() } else { manner.platforms.clone() };
    Ok(Target {
        place: place(entry),
        reference: entry.put_as(),
        shape: Shape { platforms, format: manner.format.unwrap_or(usual), ..Shape::default() },
        referrers: manner.referrers,
        before: None,
        backup: None,
    })
}

fn place(entry: &Entry) -> Place {
    Place::Registry { host: entry.target.host().clone(), repository: entry.target.repository().clone() }
}

fn digest(reference: &Reference) -> Option<Digest> {
    match reference {
        Reference::Digest(digest) => Some(*digest),
        Reference::Tag(_) => None,
    }
}

/// The rows in the order of the plan. A digest by which files name an image must be its digest there.
pub(super) fn ordered(plan: &Plan, mut rows: Vec<Row>) -> Vec<Row> {
    let mut ordered = Vec::with_capacity(rows.len());
    for entry in &plan.entries {
        let (place, reference) = (place(entry), entry.put_as());
        let own = rows.iter().position(|row| row.target == place && row.target_reference == reference);
        let Some(mut row) = own.map(|own| rows.swap_remove(own)) else { continue };
        if let (Outcome::Done(Done { digest, .. }), Some(pinned)) = (&row.outcome, entry.source.digest())
            && digest != pinned
        {
            row.outcome = Outcome::Failed(Broken {
                what: format!("it is `{digest}` there, and files name it as `{pinned}`"),
                hint: Some(
                    "this registry takes images in another form only: name the image by its tag alone"
                        .to_owned(),
                ),
                at_source: false,
            });
        }
        ordered.push(row);
    }
    ordered
}
