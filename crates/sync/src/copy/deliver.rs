//! Delivers one image to one place in one shape. Sends only what is missing: blobs first, then manifests from the
//! leaves up, and tags last.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use entrepot_oci::{Digest, Reference};
use entrepot_remote::Refusal;
use futures_util::future::{join_all, try_join_all};
use tokio::task::JoinSet;

use super::{
    blob::Blob,
    blobs::{BlobStake, BlobTarget},
    failure,
    memory::{Claim, ContentId, ContentKind, ContentTaker, changed},
    progress::Tally,
    reading::BlobOrigin,
    run::{CopyRun, TargetResult},
    send::{SendError, SendOutcome},
};
use crate::{
    CopySuccess, JobOutcome, JobTarget, Shape,
    endpoints::{AcceptedManifest, EndpointError, ImageSource, Sink},
    shape::ManifestNode,
};

/// Delivery of one image to one place, in one shape.
pub(super) struct Delivery {
    pub(super) run: Arc<CopyRun>,
    pub(super) job: usize,
    pub(super) began: Instant,
    pub(super) source: Arc<ImageSource>,
    pub(super) tally: Arc<Tally>,
    /// The digest at the source.
    pub(super) image: Digest,
    /// The image as the place should have it.
    pub(super) root: Arc<ManifestNode>,
    /// Its referrers, subjects before the manifests that refer to them.
    pub(super) referrers: Vec<Arc<ManifestNode>>,
    /// Indexes of the job's targets: names at the same place.
    pub(super) targets: Vec<usize>,
    pub(super) bringer: BlobTarget,
    pub(super) stakes: HashMap<Digest, BlobStake>,
}

/// Bytes of a delivery's blobs, by how they got there.
#[derive(Clone, Copy, Debug, Default)]
struct MovedBytes {
    written: u64,
    mounted: u64,
    present: u64,
    /// True if any manifest was put.
    manifests: bool,
}

/// The result for one of the image's names.
#[derive(Clone, Copy, Debug)]
struct NameResult {
    /// True for the first name, which the bytes are attributed to.
    is_first: bool,
    changed: bool,
}

impl Delivery {
    /// Delivers the image and settles the targets.
    pub(super) async fn run(mut self) {
        let brought = match self.is_up_to_date() {
            true => Ok(MovedBytes { present: self.size(), ..MovedBytes::default() }),
            false => self.bring(false).await,
        };
        self.stakes.clear();
        let moved = match brought {
            Ok(moved) => moved,
            Err(fault) => return self.targets.iter().for_each(|target| self.fail(*target, &fault)),
        };
        let named = join_all(self.targets.iter().map(|target| self.named(*target))).await;
        let healed = self.heal(&named).await;
        let listed = self.refer().await;
        for (index, (target, mut named)) in self.targets.iter().zip(named).enumerate() {
            if let (Err(_), Some(again)) = (&named, &healed) {
                named = match again {
                    Ok(_) => self.named(*target).await,
                    Err(fault) => Err(fault.clone()),
                };
            }
            match named.and_then(|changed| listed.clone().map(|referrers| changed || referrers)) {
                Ok(changed) => {
                    let named = NameResult { is_first: index == 0, changed };
                    self.succeed(*target, moved, named).await;
                }
                Err(fault) => self.fail(*target, &fault),
            }
        }
    }

    fn target(&self, target: usize) -> &JobTarget {
        &self.run.jobs[self.job].targets[target]
    }

    fn sink(&self) -> &Sink {
        &self.bringer.sink
    }

    fn shape(&self) -> Option<&Shape> {
        self.targets.first().map(|target| &self.target(*target).shape)
    }

    // True if all names point at it already, according to the plan.
    fn is_up_to_date(&self) -> bool {
        self.referrers.is_empty()
            && self.targets.iter().all(|target| self.target(*target).before == Some(self.root.digest))
    }

    fn documents(&self) -> Vec<Arc<ManifestNode>> {
        let mut seen = HashSet::new();
        let all = self.referrers.iter().flat_map(ManifestNode::documents);
        self.root.documents().into_iter().chain(all).filter(|node| seen.insert(node.digest)).collect()
    }

    fn size(&self) -> u64 {
        blobs(&self.documents()).values().sum()
    }

    // Brings everything except the names. `anew` if content believed to be there is missing.
    async fn bring(&mut self, anew: bool) -> Result<MovedBytes, SendError> {
        let documents = self.documents();
        let there = match anew {
            true => self.forget(&documents),
            false => self.there(&documents).await.map_err(SendError::Target)?,
        };
        let lacking: Vec<Arc<ManifestNode>> =
            documents.iter().filter(|node| !there.contains(&node.digest)).map(Arc::clone).collect();
        let all = blobs(&documents);
        let wanted = blobs(&lacking);
        self.stakes.retain(|digest, _| wanted.contains_key(digest));
        let mut moved = MovedBytes::default();
        for (digest, size) in all.iter().filter(|(digest, _)| !wanted.contains_key(*digest)) {
            self.bringer.memory.learn(&self.bringer.spot, ContentKind::Blob, digest);
            moved.present += size;
        }
        self.bring_blobs(&wanted, &mut moved).await?;
        moved.manifests = self.bring_manifests(&lacking).await?;
        Ok(moved)
    }

    fn forget(&mut self, documents: &[Arc<ManifestNode>]) -> HashSet<Digest> {
        self.bringer.is_new = false;
        for node in documents {
            self.bringer.memory.forget(&self.bringer.spot, ContentKind::Manifest, &node.digest);
            for blob in node.blobs() {
                self.bringer.memory.forget(&self.bringer.spot, ContentKind::Blob, &blob.digest);
            }
        }
        HashSet::new()
    }

    // The manifests at the target; everything below them is there too.
    async fn there(&self, documents: &[Arc<ManifestNode>]) -> Result<HashSet<Digest>, EndpointError> {
        let (memory, spot) = (&self.bringer.memory, &self.bringer.spot);
        let is_there = |digest: Digest| async move {
            if memory.holds(spot, ContentKind::Manifest, &digest) {
                return Ok(true);
            }
            let is_there = !self.bringer.is_new && self.sink().has_manifest(&digest).await?;
            if is_there {
                memory.learn(spot, ContentKind::Manifest, &digest);
            }
            Ok::<bool, EndpointError>(is_there)
        };
        let found = try_join_all(documents.iter().map(|node| is_there(node.digest))).await?;
        let mut there = HashSet::new();
        for (node, _) in documents.iter().zip(found).filter(|(_, found)| *found) {
            there.extend(node.documents().iter().map(|below| below.digest));
        }
        Ok(there)
    }

    async fn bring_blobs(
        &mut self,
        wanted: &HashMap<Digest, u64>,
        moved: &mut MovedBytes,
    ) -> Result<(), SendError> {
        let mut tasks = JoinSet::new();
        for (digest, size) in wanted {
            let (source, tally) = (Arc::clone(&self.source), Arc::clone(&self.tally));
            let blob = Blob { digest: *digest, size: *size };
            let (bringer, stake) = (self.bringer.clone(), self.stakes.remove(digest));
            let origin = BlobOrigin { source, blob, tally };
            tasks.spawn(async move { (blob, bringer.bring(origin, stake).await) });
        }
        while let Some(ended) = tasks.join_next().await {
            // The panic was reported; the task brought nothing.
            let Ok((blob, brought)) = ended else { return Err(SendError::Target(EndpointError::NotFound)) };
            match brought.map_err(|fault| fault.about(blob))? {
                SendOutcome::Present => moved.present += blob.size,
                SendOutcome::Mounted => moved.mounted += blob.size,
                SendOutcome::Written => moved.written += blob.size,
            }
        }
        Ok(())
    }

    // Images concurrently, then the indexes over them. Excludes the root, which is put under its names, and referrers.
    async fn bring_manifests(&self, lacking: &[Arc<ManifestNode>]) -> Result<bool, SendError> {
        let below: HashSet<Digest> = self.root.documents().iter().map(|node| node.digest).collect();
        let is_below =
            |node: &&Arc<ManifestNode>| below.contains(&node.digest) && node.digest != self.root.digest;
        let (images, indexes): (Vec<_>, Vec<_>) =
            lacking.iter().filter(is_below).partition(|node| node.children.is_empty());
        let mut changed =
            !try_join_all(images.into_iter().map(|node| self.put(node, false))).await?.is_empty();
        for index in indexes {
            self.put(index, false).await?;
            changed = true;
        }
        Ok(changed)
    }

    /// Puts a manifest by digest, unless another task does. `listed` if nothing else there leads to it.
    async fn put(&self, node: &ManifestNode, listed: bool) -> Result<AcceptedManifest, SendError> {
        let (memory, spot) = (&self.bringer.memory, &self.bringer.spot);
        loop {
            match memory.claim(
                ContentId { kind: ContentKind::Manifest, digest: node.digest },
                ContentTaker { spot, mounts: false },
            ) {
                Claim::Held => return Ok(AcceptedManifest::Whole),
                Claim::Busy(change) => changed(change).await,
                Claim::Mine(duty, _) => {
                    let reference = Reference::Digest(node.digest);
                    let put = self.sink().put_manifest(&reference, node, listed).await;
                    let kept = put.map_err(SendError::Target)?;
                    duty.done();
                    return Ok(kept);
                }
            }
        }
    }

    // If the registry reports missing content after all, checks and brings everything again, once.
    async fn heal(&mut self, named: &[Result<bool, SendError>]) -> Option<Result<MovedBytes, SendError>> {
        let is_incomplete = named.iter().any(|named| match named {
            Err(SendError::Target(EndpointError::Registry(error))) => {
                error.refusal() == Some(Refusal::Incomplete)
            }
            _ => false,
        });
        match is_incomplete {
            true => Some(self.bring(true).await),
            false => None,
        }
    }

    async fn named(&self, target: usize) -> Result<bool, SendError> {
        let named = super::names::name(self.sink(), self.target(target), &self.root)
            .await
            .map_err(SendError::Target)?;
        self.bringer.memory.learn(&self.bringer.spot, ContentKind::Manifest, &self.root.digest);
        Ok(named)
    }

    // Puts the referrers, now that the image is there.
    async fn refer(&self) -> Result<bool, SendError> {
        let mut changed = false;
        for referrer in &self.referrers {
            if self.bringer.memory.holds(&self.bringer.spot, ContentKind::Manifest, &referrer.digest) {
                continue;
            }
            for below in referrer.documents().iter().filter(|node| node.digest != referrer.digest) {
                self.put(below, false).await?;
            }
            if self.put(referrer, true).await? == AcceptedManifest::Unlisted {
                let _alone = self.run.lists.lock().await;
                super::names::list(self.sink(), referrer).await.map_err(SendError::Target)?;
            }
            changed = true;
        }
        Ok(changed)
    }

    async fn succeed(&self, target: usize, moved: MovedBytes, NameResult { is_first, changed }: NameResult) {
        if let Some(shape) = self.shape().filter(|shape| **shape != Shape::default()) {
            self.run.registries.cache().remember(&self.image, shape, &self.root.digest).await;
        }
        let (written, mounted, present) = match is_first {
            true => (moved.written, moved.mounted, moved.present),
            // For further names, everything is there already.
            false => (0, 0, moved.written + moved.mounted + moved.present),
        };
        let changed = changed || moved.manifests || written + mounted > 0;
        let done = CopySuccess { digest: self.root.digest, changed, written, mounted, present };
        self.run.settle(self.job, target, self.ended(JobOutcome::Done(done)));
    }

    fn ended(&self, outcome: JobOutcome) -> TargetResult {
        TargetResult { outcome, digest: Some(self.image), took: self.began.elapsed() }
    }

    fn fail(&self, target: usize, error: &SendError) {
        let source = &self.run.jobs[self.job].source;
        let outcome = failure::of_fault(source, self.target(target), error);
        self.run.settle(self.job, target, self.ended(outcome));
    }
}

/// The blobs of these manifests, with their sizes.
pub(super) fn blobs(documents: &[Arc<ManifestNode>]) -> HashMap<Digest, u64> {
    documents.iter().flat_map(|node| node.blobs()).map(|blob| (blob.digest, blob.size)).collect()
}
