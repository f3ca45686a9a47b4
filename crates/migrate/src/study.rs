//! Looks into the images that move: platforms, sizes, what refers to them.
//!
//! That takes manifests, which some registries count. Where there is a budget, one image of each repository is read
//! first; the others follow only if the copies can still be made with what is left.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use entrepot_oci::{Digest, Manifest, Repository, Tag};
use entrepot_remote::{BlobRequest, Error, PullQuota, Remote};
use entrepot_sync::{Place, Plan, Registries, Step, belongs_to};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use crate::anatomy::{Anatomy, SOURCE};

/// How many images are looked into at once.
const AT_ONCE: usize = 8;

/// The largest configuration of an image that is read, in bytes.
const MAX_CONFIG: usize = 1 << 20;

/// How much is looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// As much as leaves enough of the budget for the copies.
    #[default]
    Thrifty,
    /// Everything.
    Whole,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Study {
    /// The images that were looked into.
    pub images: BTreeMap<(Place, Digest), Anatomy>,
    /// Why others could not be.
    pub failures: Vec<(Place, String)>,
    /// What the source's registry tells of its limit.
    pub budget: Option<PullQuota>,
    /// How much of that is left for others.
    pub reserve: u64,
}

/// An image that one or more tags point at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    place: Place,
    repository: Repository,
    digest: Digest,
}

/// Looks into the images of a plan.
pub async fn study(registries: &Arc<dyn Registries>, plan: &Plan, depth: Depth) -> Study {
    let mut study = Study::default();
    let Some(host) = plan.steps.first().and_then(|step| step.source.host()) else { return study };
    let Ok(registry) = registries.registry(host) else { return study };
    let remote = &registry.remote;
    study.reserve = registry.reserve.into();
    let (first, rest) = subjects(plan);
    // What is left was told when the tags were asked about.
    study.budget = remote.pull_quota();
    if depth == Depth::Thrifty && !study.affords(first.len()) {
        return study;
    }
    study.look(remote, first).await;
    study.budget = remote.pull_quota();
    if depth == Depth::Whole || study.affords(rest.len()) {
        study.look(remote, rest).await;
        study.budget = remote.pull_quota();
    }
    study
}

// One image of each repository, and the others.
fn subjects(plan: &Plan) -> (BTreeSet<Subject>, BTreeSet<Subject>) {
    let mut chosen: BTreeMap<&Place, (Tag, Subject)> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for step in &plan.steps {
        let Some((tag, subject)) = subject(step) else { continue };
        all.insert(subject.clone());
        // The last of a list is a version more often than the first is.
        if chosen.get(&step.source).is_none_or(|(known, _)| known.as_str() != "latest") {
            chosen.insert(&step.source, (tag, subject));
        }
    }
    let first: BTreeSet<Subject> = chosen.into_values().map(|(_, subject)| subject).collect();
    let rest = all.difference(&first).cloned().collect();
    (first, rest)
}

fn subject(step: &Step) -> Option<(Tag, Subject)> {
    let (Place::Registry { repository, .. }, Some(tag), Some(digest)) =
        (&step.source, &step.tag, step.digest)
    else {
        return None;
    };
    let subject = Subject { place: step.source.clone(), repository: repository.clone(), digest };
    belongs_to(tag).is_none().then(|| (tag.clone(), subject))
}

impl Study {
    // Whether the rest can be read, and everything be copied after that.
    fn affords(&self, rest: usize) -> bool {
        let Some(budget) = self.budget else { return true };
        let read: usize = self.images.values().map(|image| image.manifests).sum();
        let each = read.div_ceil(self.images.len().max(1)).max(1);
        let needed = read + 2 * each * rest;
        budget.remaining >= self.reserve + needed as u64
    }

    async fn look(&mut self, remote: &Remote, subjects: BTreeSet<Subject>) {
        let looks = stream::iter(subjects).map(|subject| async move {
            let anatomy = anatomy(remote, &subject).await;
            (subject, anatomy)
        });
        let mut looks = looks.buffer_unordered(AT_ONCE);
        while let Some((subject, anatomy)) = looks.next().await {
            match anatomy {
                Ok(anatomy) => {
                    self.images.insert((subject.place, subject.digest), anatomy);
                }
                Err(error) => self.failures.push((subject.place, error.to_string())),
            }
        }
        self.failures.sort();
    }
}

async fn anatomy(remote: &Remote, subject: &Subject) -> Result<Anatomy, Error> {
    let Subject { repository, digest, .. } = subject;
    let mut anatomy = Anatomy::default();
    let top = manifest(remote, repository, digest).await?;
    anatomy.add(&top);
    anatomy.add_children(&top);
    for child in top.manifests() {
        // An index may leave out what was not built here; the copy tells if that matters.
        match manifest(remote, repository, &child.digest).await {
            Ok(child) => anatomy.add(&child),
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    anatomy.referrers = remote.referrers(repository, digest).await.ok().map(|found| found.len());
    if let Some(config) = anatomy.config {
        let config = config_of(remote, repository, &config).await;
        if anatomy.platforms.is_empty() {
            anatomy.platforms.extend(config.platform());
        }
        let label = config.config.and_then(|inner| inner.labels?.remove(SOURCE));
        anatomy.source = anatomy.source.or(label);
    }
    Ok(anatomy)
}

async fn manifest(remote: &Remote, repository: &Repository, digest: &Digest) -> Result<Manifest, Error> {
    let fetched = remote.manifest(repository, &(*digest).into()).await?;
    Manifest::parse(&fetched.bytes, Some(&fetched.media_type)).map_err(|error| {
        entrepot_remote::InvalidResponse::NotAManifest { source: Some(Arc::new(error)) }.into()
    })
}

// The part of an image's configuration that is of interest (image-spec, config.md).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    os: String,
    architecture: String,
    config: Option<Inner>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

impl Config {
    fn platform(&self) -> Option<String> {
        (!self.os.is_empty()).then(|| format!("{}/{}", self.os, self.architecture))
    }
}

// What cannot be read says nothing.
async fn config_of(remote: &Remote, repository: &Repository, digest: &Digest) -> Config {
    let Ok(mut blob) = remote.blob(repository, digest, BlobRequest::default()).await else {
        return Config::default();
    };
    let mut bytes = Vec::new();
    while let Some(Ok(chunk)) = blob.chunks.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_CONFIG {
            return Config::default();
        }
    }
    if !digest.matches(&bytes) {
        return Config::default();
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}
