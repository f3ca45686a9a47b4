//! Turns the arguments into jobs for the copy engine.

use entrepot_oci::{Digest, Host, ImageRef, Reference, Tag};
use entrepot_sync::{
    CopyAction, CopyImage, CopyJob, CopyRequest, CopyTarget, Format, JobState, PackedImage, Place,
    TargetState, contents, packed,
};
use serde::Serialize;

use super::{
    args::Copy,
    endpoint::{Endpoint, ImageChoice},
};
use crate::{
    commands::{session::RegistryContext, tags},
    failure::Failure,
    progress,
};

/// The most names of images in a hint.
const SHOWN: usize = 8;

/// The planned action for one image at one target.
#[derive(Debug, Serialize)]
pub(super) struct PlannedCopy {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) digest: Option<String>,
    pub(super) action: ActionName,
}

/// The action, as named in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ActionName {
    /// The target has the image already.
    UpToDate,
    /// The target does not have the image.
    Copy,
    /// The target has something else, or the same in another format.
    Update,
}

impl From<CopyAction> for ActionName {
    fn from(action: CopyAction) -> Self {
        match action {
            CopyAction::UpToDate => Self::UpToDate,
            CopyAction::Copy => Self::Copy,
            CopyAction::Update => Self::Update,
        }
    }
}

/// One job for each image.
pub(super) async fn jobs(context: &RegistryContext, copy: &Copy) -> Result<Vec<CopyJob>, Failure> {
    let mut ends = [&copy.source].into_iter().chain(&copy.targets);
    if copy.all_tags
        && let Some(end) = ends.find(|end| end.image != ImageChoice::Unsaid)
    {
        return Err(Failure::wrong(format!("`{end}` is one image, and `--all-tags` means all"))
            .with_hint("leave out tags and digests, or `--all-tags`"));
    }
    let images = match &copy.source.image {
        ImageChoice::Image { name, digest } => vec![CopyImage { name: name.clone(), digest: *digest }],
        ImageChoice::Whole(image) => vec![named(&copy.source.place, image).await?],
        ImageChoice::Unsaid => unnamed(context, copy).await?,
    };
    let request = CopyRequest {
        source: copy.source.place.clone(),
        images,
        targets: copy.targets.iter().map(target).collect::<Result<_, Failure>>()?,
        format: copy.format,
        platforms: copy.platforms.clone(),
        referrers: copy.referrers,
    };
    request.jobs(|host| usual(context, host))
}

fn target(end: &Endpoint) -> Result<CopyTarget, Failure> {
    let (name, digest) = match &end.image {
        ImageChoice::Unsaid => (None, None),
        ImageChoice::Image { name, digest } => (Some(name.clone()), *digest),
        ImageChoice::Whole(image) => {
            let tag = image.reference();
            let hint = format!("name the image by its tag: `{}`", progress::image(&end.place, &tag));
            return Err(Failure::wrong(format!("`{end}` has a whole name, and a tag is what is written"))
                .with_hint(hint));
        }
    };
    Ok(CopyTarget { place: end.place.clone(), name, digest })
}

// The image of an archive or layout with this whole name.
async fn named(place: &Place, image: &ImageRef) -> Result<CopyImage, Failure> {
    let all = packed(place).await?;
    let is_meant = |one: &&PackedImage| {
        one.name.as_deref().and_then(|name| name.parse::<ImageRef>().ok()).is_some_and(|name| name == *image)
    };
    match all.iter().find(is_meant) {
        Some(found) => Ok(CopyImage { name: image.reference(), digest: Some(found.digest) }),
        None => Err(Failure::new(format!("there is no image `{image}` in `{place}`"))
            .with_hint(format!("it has {}", listed(&all)))),
    }
}

// What images of an archive are called, as many as fit a line.
fn listed(all: &[PackedImage]) -> String {
    let called = |one: &PackedImage| one.name.clone().unwrap_or_else(|| one.digest.to_string());
    let names: Vec<String> = all.iter().take(SHOWN).map(called).collect();
    match (names.is_empty(), all.len() > names.len()) {
        (true, _) => "no images".to_owned(),
        (false, more) => names.join(", ") + if more { ", …" } else { "" },
    }
}

fn usual(context: &RegistryContext, host: &Host) -> Result<Format, Failure> {
    context.registry(host).map(|registry| registry.format)
}

// The images to copy if none is named: `latest` from a registry, the only image from anywhere else.
async fn unnamed(context: &RegistryContext, copy: &Copy) -> Result<Vec<CopyImage>, Failure> {
    let place = &copy.source.place;
    if let Place::Registry { host, repository } = place {
        if !copy.all_tags {
            return Ok(vec![Reference::Tag(Tag::latest()).into()]);
        }
        let tags = tags::list(context, host, repository).await?;
        if tags.is_empty() {
            return Err(Failure::new(format!("`{place}` has no tags")));
        }
        return Ok(tags.into_iter().map(|tag| Reference::Tag(tag).into()).collect());
    }
    let found = contents(place).await?;
    match found.as_slice() {
        [] => return Err(Failure::new(format!("there is no image in `{place}`"))),
        [_] => {}
        several if copy.all_tags => ambiguous(place, several, &packed(place).await?)?,
        several => {
            let all = packed(place).await?;
            let fact = format!("there are {} images in `{place}`", several.len());
            let which = all
                .iter()
                .find_map(|one| one.name.clone())
                .map_or_else(|| progress::image(place, &several[0]), |name| format!("{place}:{name}"));
            let hint = format!("say which, as in `{which}`, or `--all-tags`; there are {}", listed(&all));
            return Err(Failure::wrong(fact).with_hint(hint));
        }
    }
    Ok(found.into_iter().map(CopyImage::from).collect())
}

// An image with a name is listed by its digest if others have its tag: then its name would be lost.
fn ambiguous(place: &Place, listed: &[Reference], all: &[PackedImage]) -> Result<(), Failure> {
    let is_by_tag = |name: &str| {
        let tag = name.rsplit_once(':').map_or(name, |(_, tag)| tag).parse::<Tag>();
        tag.is_ok_and(|tag| listed.contains(&Reference::Tag(tag)))
    };
    let is_by_digest = |one: &&PackedImage| listed.contains(&Reference::Digest(one.digest));
    let names = all.iter().filter(is_by_digest).filter_map(|one| one.name.as_deref());
    let names: Vec<&str> = names.filter(|name| !is_by_tag(name)).collect();
    let Some(first) = names.first() else { return Ok(()) };
    let hint = format!("copy them one by one, as in `{place}:{first}`, or all of them with `entrepot load`");
    Err(Failure::wrong(format!("several images in `{place}` have the same tag: {}", names.join(", ")))
        .with_hint(hint))
}

/// The planned action for each job and target.
pub(super) fn planned(jobs: &[CopyJob], states: &[JobState]) -> Vec<PlannedCopy> {
    let each = jobs.iter().zip(states).flat_map(|(job, state)| {
        job.targets.iter().zip(&state.targets).map(|(target, TargetState { action, .. })| PlannedCopy {
            source: progress::image(&job.source, &job.reference),
            target: progress::image(&target.place, &target.reference),
            digest: state.digest.as_ref().map(Digest::to_string),
            action: (*action).into(),
        })
    });
    each.collect()
}
