//! Turns the arguments into jobs for the copy engine.

use entrepot_oci::{Digest, Host, Reference, Tag};
use entrepot_sync::{
    CopyAction, CopyRequest, CopyTarget, Format, Job, JobState, Place, TargetState, contents,
};
use serde::Serialize;

use super::{args::Copy, endpoint::Endpoint};
use crate::{
    commands::{session::Session, tags},
    failure::Failure,
    progress::image,
};

/// The planned action for one image at one target.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) digest: Option<String>,
    pub(super) action: Action,
}

/// The action, as named in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    /// The target has the image already.
    UpToDate,
    /// The target does not have the image.
    Copy,
    /// The target has something else, or the same in another format.
    Update,
}

impl From<CopyAction> for Action {
    fn from(action: CopyAction) -> Self {
        match action {
            CopyAction::UpToDate => Self::UpToDate,
            CopyAction::Copy => Self::Copy,
            CopyAction::Update => Self::Update,
        }
    }
}

/// One job for each image.
pub(super) async fn jobs(session: &Session, copy: &Copy) -> Result<Vec<Job>, Failure> {
    let mut ends = [&copy.source].into_iter().chain(&copy.targets);
    if copy.all_tags
        && let Some(end) = ends.find(|end| end.reference.is_some())
    {
        return Err(Failure::wrong(format!("`{end}` is one image, and `--all-tags` means all"))
            .with_hint("leave out tags and digests, or `--all-tags`"));
    }
    let references = match &copy.source.reference {
        Some(reference) => vec![reference.clone()],
        None => unnamed(session, copy).await?,
    };
    let target = |end: &Endpoint| CopyTarget { place: end.place.clone(), reference: end.reference.clone() };
    let request = CopyRequest {
        source: copy.source.place.clone(),
        references,
        targets: copy.targets.iter().map(target).collect(),
        format: copy.format,
        platforms: copy.platforms.clone(),
        referrers: copy.referrers,
    };
    request.jobs(|host| usual(session, host))
}

fn usual(session: &Session, host: &Host) -> Result<Format, Failure> {
    session.registry(host).map(|registry| registry.format)
}

// The images to copy if none is named: `latest` from a registry, the only image from anywhere else.
async fn unnamed(session: &Session, copy: &Copy) -> Result<Vec<Reference>, Failure> {
    let place = &copy.source.place;
    if let Place::Registry { host, repository } = place {
        if !copy.all_tags {
            return Ok(vec![Reference::Tag(Tag::latest())]);
        }
        let tags = tags::list(session, host, repository).await?;
        if tags.is_empty() {
            return Err(Failure::new(format!("`{place}` has no tags")));
        }
        return Ok(tags.into_iter().map(Reference::Tag).collect());
    }
    let found = contents(place).await?;
    match found.as_slice() {
        [] => Err(Failure::new(format!("there is no image in `{place}`"))),
        [_] => Ok(found),
        _ if copy.all_tags => Ok(found),
        several => {
            let names: Vec<String> = several.iter().take(5).map(ToString::to_string).collect();
            let more = if several.len() > names.len() { ", …" } else { "" };
            Err(Failure::wrong(format!("there are {} images in `{place}`", several.len())).with_hint(
                format!(
                    "say which, as in `{}`, or `--all-tags`; there are {}{more}",
                    image(place, &several[0]),
                    names.join(", "),
                ),
            ))
        }
    }
}

/// The planned action for each job and target.
pub(super) fn planned(jobs: &[Job], states: &[JobState]) -> Vec<Planned> {
    let each = jobs.iter().zip(states).flat_map(|(job, state)| {
        job.targets.iter().zip(&state.targets).map(|(target, TargetState { action, .. })| Planned {
            source: image(&job.source, &job.reference),
            target: image(&target.place, &target.reference),
            digest: state.digest.as_ref().map(Digest::to_string),
            action: (*action).into(),
        })
    });
    each.collect()
}
