//! Verifies that both sides have the same tags, digests and referrers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use entrepot_oci::{Digest, Manifest};
use entrepot_remote::Error;
use entrepot_sync::{Place, Plan, PlanAction, PlanStep, Registries, belongs_to};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

/// The number of images queried at once.
const AT_ONCE: usize = 8;

/// The result of the comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// True if both sides have the same.
    pub equal: bool,
    /// The totals.
    pub counts: VerifyCounts,
    /// Every tag; differing ones first.
    pub tags: Vec<TagPair>,
    /// Referrers missing at the target.
    pub referrers: Vec<MissingReferrer>,
}

/// The totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyCounts {
    /// Tags with the same digest.
    pub equal: usize,
    /// Tags of images recorded as converted.
    pub converted: usize,
    /// Tags that differ at the target.
    pub different: usize,
    /// Tags missing at the target.
    pub missing: usize,
    /// Tags that could not be compared.
    pub unknown: usize,
    /// Referrers present at the target.
    pub referrers: usize,
}

/// A tag on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagPair {
    /// The source.
    pub source: String,
    /// The target.
    pub target: String,
    /// The digest at the source.
    pub here: Option<Digest>,
    /// The digest at the target.
    pub there: Option<Digest>,
    /// The result.
    #[serde(flatten)]
    pub standing: TagComparison,
}

/// The result for a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum TagComparison {
    /// The target has something else.
    Different,
    /// The target does not have it.
    Missing,
    /// It could not be compared.
    Unknown {
        /// The reason.
        what: String,
    },
    /// The same image in another format, according to the record of a copy.
    Converted,
    /// The same digest.
    Equal,
}

/// A referrer missing at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingReferrer {
    /// The image.
    pub image: String,
    /// The referrer; `None` if a list was not available.
    pub referrer: Option<Digest>,
    /// The problem.
    pub what: String,
}

impl TagComparison {
    /// The name of the result.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Missing => "missing",
            Self::Unknown { .. } => "unknown",
            Self::Converted => "converted",
            Self::Equal => "equal",
        }
    }
}

/// Compares both sides; `copies` is the engine's plan.
pub async fn verify(registries: &Arc<dyn Registries>, copies: &Plan) -> Proof {
    let mut tags: Vec<TagPair> = copies.steps.iter().filter_map(pair).collect();
    tags.sort_by(|a, b| a.standing.cmp(&b.standing).then_with(|| a.source.cmp(&b.source)));
    let (found, missing) = referrers(registries, copies).await;
    Proof::new(tags, found, missing)
}

impl Proof {
    /// Computes the totals. A tag counts as equal only if it was compared: unknown ones count against equality.
    fn new(tags: Vec<TagPair>, found: usize, referrers: Vec<MissingReferrer>) -> Self {
        let mut counts = VerifyCounts { referrers: found, ..VerifyCounts::default() };
        for pair in &tags {
            let counter = match pair.standing {
                TagComparison::Different => &mut counts.different,
                TagComparison::Missing => &mut counts.missing,
                TagComparison::Unknown { .. } => &mut counts.unknown,
                TagComparison::Converted => &mut counts.converted,
                TagComparison::Equal => &mut counts.equal,
            };
            *counter += 1;
        }
        let lacking = counts.different + counts.missing + counts.unknown + referrers.len();
        Self { equal: lacking == 0, counts, tags, referrers }
    }
}

fn pair(step: &PlanStep) -> Option<TagPair> {
    let standing = match &step.action {
        PlanAction::UpToDate | PlanAction::Verified | PlanAction::Referrers => TagComparison::Equal,
        PlanAction::SameByRecord => TagComparison::Converted,
        PlanAction::Copy => TagComparison::Missing,
        PlanAction::Update { .. } | PlanAction::Kept => TagComparison::Different,
        PlanAction::Failed { what, .. } => TagComparison::Unknown { what: what.clone() },
        PlanAction::Extra => return None,
    };
    let with = |place: &Place, tag: Option<&entrepot_oci::Tag>| match tag {
        Some(tag) => format!("{place}:{tag}"),
        None => place.to_string(),
    };
    Some(TagPair {
        source: with(&step.source, step.tag.as_ref()),
        target: with(&step.target, step.target_tag.as_ref()),
        here: step.digest,
        there: step.before,
        standing,
    })
}

// Only for images with the same digest on both sides: referrers are not valid for converted ones.
async fn referrers(registries: &Arc<dyn Registries>, copies: &Plan) -> (usize, Vec<MissingReferrer>) {
    let mut images: BTreeMap<(Place, Place, Digest), String> = BTreeMap::new();
    for step in &copies.steps {
        let is_image = step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_none());
        if let (true, Some(digest), PlanAction::UpToDate | PlanAction::Verified) =
            (is_image, step.digest, &step.action)
        {
            let name = format!("{}@{digest}", step.target);
            images.insert((step.source.clone(), step.target.clone(), digest), name);
        }
    }
    let asks = images.into_iter().map(|((source, target, digest), image)| async move {
        let (here, there) = futures_util::future::join(
            listed(registries, &source, &digest),
            listed(registries, &target, &digest),
        )
        .await;
        let here = match (here, &there) {
            (Ok(mut here), Ok(there)) => {
                // A list may name manifests that are gone, or that refer to something else.
                for lacking in here.difference(there).copied().collect::<Vec<_>>() {
                    if !refers(registries, &source, &lacking, &digest).await {
                        here.remove(&lacking);
                    }
                }
                Ok(here)
            }
            (here, _) => here,
        };
        (image, here, there)
    });
    let (mut found, mut missing) = (0, Vec::new());
    let mut answers = stream::iter(asks).buffered(AT_ONCE);
    while let Some((image, here, there)) = answers.next().await {
        match (here, there) {
            (Ok(here), Ok(there)) => {
                found += here.intersection(&there).count();
                missing.extend(here.difference(&there).map(|digest| MissingReferrer {
                    image: image.clone(),
                    referrer: Some(*digest),
                    what: format!("`{digest}` refers to it at the source, and is not there"),
                }));
            }
            (Err(what), _) | (_, Err(what)) => missing.push(MissingReferrer { image, referrer: None, what }),
        }
    }
    (found, missing)
}

async fn listed(
    registries: &Arc<dyn Registries>,
    place: &Place,
    digest: &Digest,
) -> Result<BTreeSet<Digest>, String> {
    let Place::Registry { host, repository } = place else { return Ok(BTreeSet::new()) };
    let registry = registries.registry(host).map_err(|error| error.to_string())?;
    match registry.remote.referrers(repository, digest).await {
        Ok(found) => Ok(found.into_iter().map(|referrer| referrer.digest).collect()),
        Err(Error::NotFound) => Ok(BTreeSet::new()),
        Err(error) => Err(format!("`{host}` does not say what refers to it: {error}")),
    }
}

// Also true if that is not known.
async fn refers(
    registries: &Arc<dyn Registries>,
    place: &Place,
    referrer: &Digest,
    subject: &Digest,
) -> bool {
    let Place::Registry { host, repository } = place else { return false };
    let Ok(registry) = registries.registry(host) else { return true };
    match registry.remote.manifest(repository, &(*referrer).into()).await {
        Ok(fetched) => Manifest::parse(&fetched.bytes, Some(&fetched.media_type))
            .is_ok_and(|manifest| manifest.subject().is_some_and(|about| about.digest == *subject)),
        Err(error) => !matches!(error, Error::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(action: PlanAction) -> PlanStep {
        let place =
            |host: &str| Place::Registry { host: host.parse().unwrap(), repository: "a/b".parse().unwrap() };
        PlanStep {
            rule: "b".to_owned(),
            source: place("docker.io"),
            tag: Some("1".parse().unwrap()),
            digest: Some(Digest::of(b"here")),
            target: place("ghcr.io"),
            target_tag: Some("1".parse().unwrap()),
            before: Some(Digest::of(b"there")),
            action,
        }
    }

    fn proof(actions: impl IntoIterator<Item = PlanAction>, missing: Vec<MissingReferrer>) -> Proof {
        Proof::new(actions.into_iter().filter_map(|action| pair(&step(action))).collect(), 0, missing)
    }

    #[test]
    fn only_what_was_seen_to_be_the_same_is_equal() {
        let failed =
            PlanAction::Failed { what: "it does not answer".to_owned(), hint: None, at_source: false };
        for (action, equal, word) in [
            (PlanAction::UpToDate, true, "equal"),
            (PlanAction::Verified, true, "equal"),
            (PlanAction::Referrers, true, "equal"),
            (PlanAction::SameByRecord, true, "converted"),
            (PlanAction::Copy, false, "missing"),
            (PlanAction::Update { backup: None }, false, "different"),
            // The tag never changes, and something else is there.
            (PlanAction::Kept, false, "different"),
            (failed, false, "unknown"),
        ] {
            let proof = proof([PlanAction::UpToDate, action.clone()], Vec::new());
            assert_eq!((proof.equal, proof.tags[1].standing.word()), (equal, word), "{action:?}");
        }
    }

    #[test]
    fn a_referrer_that_is_missing_or_unknown_is_not_equal() {
        for referrer in [Some(Digest::of(b"signature")), None] {
            let missing = MissingReferrer { image: "a".to_owned(), referrer, what: "missing".to_owned() };
            let proof = proof([PlanAction::UpToDate], vec![missing]);
            assert_eq!((proof.equal, proof.counts.equal), (false, 1));
        }
    }

    #[test]
    fn a_tag_that_nobody_asked_for_is_none_of_its_business() {
        let proof = proof([PlanAction::Extra], Vec::new());
        assert!(proof.equal && proof.tags.is_empty());
    }
}
