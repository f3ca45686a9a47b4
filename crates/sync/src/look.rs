//! Queries the sources and targets of jobs that were requested by hand.

use std::sync::Arc;

use entrepot_oci::{Digest, Reference};
use futures_util::{StreamExt as _, future::join_all, stream};

use crate::{
    CopyJob, JobTarget, Place, Registries, Shape,
    plan::{CopyAction, JobState, TargetState},
};

/// The number of jobs queried at once.
const AT_ONCE: usize = 16;

/// The state of each job, by one `HEAD` at its source and one at each target; where a registry does not say the digest,
/// by its manifest, as rules compare. Failed queries count as missing: the copy
/// itself will report the reason.
pub async fn look(registries: &Arc<dyn Registries>, jobs: &[CopyJob]) -> Vec<JobState> {
    let states = stream::iter(jobs).map(async |job| {
        let digest = match job.digest {
            Some(digest) => Some(digest),
            None => head(registries, &job.source, &job.reference).await,
        };
        let targets = job.targets.iter().map(|target| at(registries, digest, target));
        JobState { digest, targets: join_all(targets).await }
    });
    states.buffered(AT_ONCE).collect().await
}

async fn at(registries: &Arc<dyn Registries>, source: Option<Digest>, target: &JobTarget) -> TargetState {
    let wanted = match &source {
        Some(source) if target.shape != Shape::default() => {
            registries.cache().converted(source, &target.shape).await
        }
        _ => source,
    };
    let digest = head(registries, &target.place, &target.reference).await;
    // What is there may be the image, and not the one that the target is named with: then the copy is refused.
    let wanted = wanted.filter(|wanted| target.digest.is_none_or(|only| only == *wanted));
    TargetState { digest, action: CopyAction::of(wanted, digest) }
}

pub(crate) async fn head(
    registries: &Arc<dyn Registries>,
    place: &Place,
    reference: &Reference,
) -> Option<Digest> {
    let Place::Registry { host, repository } = place else { return None };
    let registry = match registries.registry(host) {
        Ok(registry) => registry,
        Err(error) => {
            tracing::debug!(%error, %place, "cannot be asked");
            return None;
        }
    };
    let digest = async {
        match registry.remote.head_manifest(repository, reference).await?.digest {
            Some(digest) => Ok(digest),
            None => registry.remote.manifest(repository, reference).await.map(|fetched| fetched.digest),
        }
    };
    match digest.await {
        Ok(digest) => Some(digest),
        Err(error) => {
            tracing::debug!(%error, %place, "cannot be asked");
            None
        }
    }
}
