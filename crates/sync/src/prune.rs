//! Extra tags that somebody looks at before they go: what they are now, and removing exactly those.

use std::sync::Arc;

use entrepot_oci::{Digest, Reference, Tag};
use entrepot_remote::{Error as RemoteError, Refusal};
use futures_util::{StreamExt as _, stream};

use crate::{
    CopyFailure, Place, Plan, PlanAction, Registries,
    look::head,
    rules::{Prune, SyncRule},
};

/// The number of tags that are looked at or removed at a time.
const AT_ONCE: usize = 8;

/// A tag that no rule writes, and what it led to when it was listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExtraTag {
    /// The repository.
    pub place: Place,
    /// The tag.
    pub tag: Tag,
    /// What it led to.
    pub digest: Digest,
}

/// What became of a tag that was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PruneResult {
    /// It is removed, or was gone already.
    Removed,
    /// It is left alone: it leads elsewhere than when it was listed, a rule writes it now, or that cannot be told.
    Kept,
    /// It could not be removed.
    Failed(CopyFailure),
}

impl SyncRule {
    /// True if tags that it does not write are listed at one of its destinations.
    pub fn lists_extra_tags(&self) -> bool {
        let destinations = self.sources.iter().flat_map(|source| &source.destinations);
        destinations.map(|to| to.terms.prune).any(|prune| prune == Prune::Review)
    }
}

/// The extra tags of a plan, with what they lead to. One whose registry does not say that is left out. Sorted.
pub async fn extra_tags(registries: &Arc<dyn Registries>, plan: &Plan) -> Vec<ExtraTag> {
    let looks = extras(plan).map(|(place, tag)| async move {
        let digest = head(registries, &place, &Reference::Tag(tag.clone())).await?;
        Some(ExtraTag { place, tag, digest })
    });
    let found = stream::iter(looks).buffer_unordered(AT_ONCE).filter_map(async |found| found);
    let mut found: Vec<_> = found.collect().await;
    found.sort();
    found
}

/// Removes the `listed` tags that are still what they were: extra by this plan, which was made just now, and leading to the
/// same digest.
pub async fn prune(
    registries: &Arc<dyn Registries>,
    plan: &Plan,
    listed: Vec<ExtraTag>,
) -> Vec<(ExtraTag, PruneResult)> {
    let still: Vec<(Place, Tag)> = extras(plan).collect();
    let removals = listed.into_iter().map(|one| {
        let is_extra = still.iter().any(|(place, tag)| *place == one.place && *tag == one.tag);
        async move {
            let pruned = if is_extra { remove_if_same(registries, &one).await } else { PruneResult::Kept };
            (one, pruned)
        }
    });
    stream::iter(removals).buffer_unordered(AT_ONCE).collect().await
}

fn extras(plan: &Plan) -> impl Iterator<Item = (Place, Tag)> {
    let steps = plan.steps.iter().filter(|step| step.action == PlanAction::Extra);
    steps.filter_map(|step| Some((step.target.clone(), step.target_tag.clone()?)))
}

async fn remove_if_same(registries: &Arc<dyn Registries>, one: &ExtraTag) -> PruneResult {
    let ExtraTag { place, tag, digest } = one;
    if head(registries, place, &Reference::Tag(tag.clone())).await != Some(*digest) {
        return PruneResult::Kept;
    }
    match remove_tag(registries, place, tag).await {
        Ok(()) => PruneResult::Removed,
        Err(failure) => PruneResult::Failed(failure),
    }
}

/// Removes a tag; one that is gone already is removed.
pub(crate) async fn remove_tag(
    registries: &Arc<dyn Registries>,
    place: &Place,
    tag: &Tag,
) -> Result<(), CopyFailure> {
    let Place::Registry { host, repository } = place else { return Ok(()) };
    let failed = |what: String, hint: Option<&str>| CopyFailure {
        what,
        hint: hint.map(str::to_owned),
        at_source: false,
    };
    let registry = registries.registry(host).map_err(|error| failed(error.to_string(), None))?;
    match registry.remote.delete_tag(repository, tag).await {
        // Another client was first.
        Ok(()) | Err(RemoteError::NotFound) => Ok(()),
        Err(error) => Err(match error.refusal() {
            Some(Refusal::Unsupported) => failed(
                format!("`{host}` does not remove single tags"),
                Some("remove it where the registry is looked after, or leave `prune` at `off`"),
            ),
            Some(Refusal::Rights) => failed(
                format!("no right to remove tags at `{place}`"),
                Some("give the account that right, or leave `prune` at `off`"),
            ),
            _ => failed(format!("`{}` could not be removed: {error}", place.with_tag(tag)), None),
        }),
    }
}
