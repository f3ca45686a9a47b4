//! Inspects the images that move: platforms, sizes, referrers.
//!
//! This pulls manifests, which some registries count. If there is a budget, one image of each repository is read first;
//! the others follow only if enough is left for the copies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use entrepot_oci::{Digest, Manifest, Repository, Tag};
use entrepot_remote::{Error, InvalidResponse, PullQuota, Remote};
use entrepot_sync::{Place, Plan, PlanStep, Registries, belongs_to, image_config};
use futures_util::{StreamExt as _, stream};

use crate::image_summary::{ImageSummary, SOURCE};

/// The number of images inspected at once.
const AT_ONCE: usize = 8;

/// The extent of the inspection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Only as many images as leave enough of the pull budget for the copies.
    #[default]
    Thrifty,
    /// All images, whatever that costs.
    Whole,
}

/// The result of the inspection.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// A summary of each inspected image.
    pub images: BTreeMap<(Place, Digest), ImageSummary>,
    /// The repositories with unreadable images, and the reasons.
    pub failures: Vec<(Place, String)>,
    /// The pull budget of the source, if the registry reports one.
    pub budget: Option<PullQuota>,
    /// The part of the budget to leave for others.
    pub reserve: u64,
}

/// An image that one or more tags point at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    place: Place,
    repository: Repository,
    digest: Digest,
}

/// Inspects the images of a plan.
pub async fn inspect(registries: &Arc<dyn Registries>, plan: &Plan, depth: Depth) -> Inspection {
    let mut inspection = Inspection::default();
    let Some(host) = plan.steps.first().and_then(|step| step.source.host()) else { return inspection };
    let Ok(registry) = registries.registry(host) else { return inspection };
    let remote = &registry.remote;
    inspection.reserve = registry.reserve.into();
    let (first, rest) = subjects(plan);
    // The registry reported the remaining budget when the tags were queried.
    inspection.budget = remote.pull_quota();
    if depth == Depth::Thrifty && !inspection.affords(first.len()) {
        return inspection;
    }
    inspection.look(remote, first).await;
    inspection.budget = remote.pull_quota();
    if depth == Depth::Whole || inspection.affords(rest.len()) {
        inspection.look(remote, rest).await;
        inspection.budget = remote.pull_quota();
    }
    inspection
}

// One image of each repository, and all others.
fn subjects(plan: &Plan) -> (BTreeSet<Subject>, BTreeSet<Subject>) {
    let mut chosen: BTreeMap<&Place, (Tag, Subject)> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for step in &plan.steps {
        let Some((tag, subject)) = subject(step) else { continue };
        all.insert(subject.clone());
        // The last tag of a list is more likely a version than the first.
        if chosen.get(&step.source).is_none_or(|(known, _)| known.as_str() != "latest") {
            chosen.insert(&step.source, (tag, subject));
        }
    }
    let first: BTreeSet<Subject> = chosen.into_values().map(|(_, subject)| subject).collect();
    let rest = all.difference(&first).cloned().collect();
    (first, rest)
}

fn subject(step: &PlanStep) -> Option<(Tag, Subject)> {
    let (Place::Registry { repository, .. }, Some(tag), Some(digest)) =
        (&step.source, &step.tag, step.digest)
    else {
        return None;
    };
    let subject = Subject { place: step.source.clone(), repository: repository.clone(), digest };
    belongs_to(tag).is_none().then(|| (tag.clone(), subject))
}

impl Inspection {
    // True if the budget is enough to read the rest and then copy everything.
    fn affords(&self, rest: usize) -> bool {
        let Some(budget) = self.budget else { return true };
        let read: usize = self.images.values().map(|image| image.manifests).sum();
        let each = read.div_ceil(self.images.len().max(1)).max(1);
        let needed = read + 2 * each * rest;
        budget.remaining >= self.reserve + needed as u64
    }

    async fn look(&mut self, remote: &Remote, subjects: BTreeSet<Subject>) {
        let looks = stream::iter(subjects).map(|subject| async move {
            let summary = summarize(remote, &subject).await;
            (subject, summary)
        });
        let mut looks = looks.buffer_unordered(AT_ONCE);
        while let Some((subject, summary)) = looks.next().await {
            match summary {
                Ok(summary) => {
                    self.images.insert((subject.place, subject.digest), summary);
                }
                Err(error) => self.failures.push((subject.place, reason(&error))),
            }
        }
        self.failures.sort();
    }
}

// What is wrong with a document says more than that it is not a manifest.
fn reason(error: &Error) -> String {
    match error {
        Error::Invalid(InvalidResponse::NotAManifest { source: Some(why) }) => why.to_string(),
        other => other.to_string(),
    }
}

async fn summarize(remote: &Remote, subject: &Subject) -> Result<ImageSummary, Error> {
    let Subject { repository, digest, .. } = subject;
    let mut summary = ImageSummary::default();
    let top = manifest(remote, repository, digest).await?;
    summary.add(&top);
    summary.add_children(&top);
    for child in top.manifests() {
        // An index may list platforms that were never pushed; the copy reports it if that matters.
        match manifest(remote, repository, &child.digest).await {
            Ok(child) => summary.add(&child),
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    summary.referrers = remote.referrers(repository, digest).await.ok().map(|found| found.len());
    if let Some(config) = summary.config {
        // An unreadable configuration is treated as empty.
        let config = image_config(remote, repository, &config).await.ok().flatten().unwrap_or_default();
        if summary.platforms.is_empty() {
            summary.platforms.extend(config.platform().map(ToString::to_string));
        }
        summary.source = summary.source.or_else(|| config.labels.get(SOURCE).cloned());
    }
    Ok(summary)
}

async fn manifest(remote: &Remote, repository: &Repository, digest: &Digest) -> Result<Manifest, Error> {
    let fetched = remote.manifest(repository, &(*digest).into()).await?;
    let parsed = Manifest::parse(&fetched.bytes, Some(&fetched.media_type));
    parsed
        .and_then(|manifest| manifest.require_known_content().map(|()| manifest))
        .map_err(|error| InvalidResponse::NotAManifest { source: Some(Arc::new(error)) }.into())
}
