//! Runs one job: reads the image's manifests once and delivers it to all its places concurrently.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use entrepot_oci::{Digest, ImageConfig, MAX_CONFIG_BYTES, Platform, Reference};
use tokio::{sync::OwnedSemaphorePermit, task::JoinSet, time::timeout};

use super::{
    blob::Blob,
    blobs::{BlobStake, BlobTarget},
    deliver::{Delivery, blobs},
    failure,
    memory::{ContentId, ContentKind, ContentPlace, ContentTaker},
    progress::Tally,
    reading::{BlobOrigin, BlobReader, Mark},
    run::{CopyRun, TargetResult},
    shared::{SharedRead, read_once},
    walk::{Referrers, Walk, WalkError},
};
use crate::{
    CopyFailure, JobOutcome, Place, Shape,
    endpoints::{EndpointError, ImageSource, Sink},
    shape::{self, ManifestNode},
};

/// The time a job keeps its slot after its first target is done, so that slow targets do not delay the next image.
const GRACE: Duration = Duration::from_secs(5);

/// Targets at the same place that want the same shape.
struct Group {
    place: Place,
    shape: Shape,
    has_referrers: bool,
    targets: Vec<usize>,
}

/// A group with its sink, image and referrers.
struct GroupDelivery {
    group: Group,
    sink: Arc<Sink>,
    root: Arc<ManifestNode>,
    referrers: Vec<Arc<ManifestNode>>,
}

impl GroupDelivery {
    fn blobs(&self) -> HashMap<Digest, u64> {
        let mut documents = self.root.documents();
        documents.extend(self.referrers.iter().flat_map(ManifestNode::documents));
        blobs(&documents)
    }
}

struct JobContext {
    run: Arc<CopyRun>,
    number: usize,
    began: Instant,
    tally: Arc<Tally>,
}

/// Runs a job and settles all its targets.
pub(super) async fn work(run: Arc<CopyRun>, number: usize, slot: OwnedSemaphorePermit) {
    let tally = Arc::new(Tally::new(run.events.clone(), number));
    tally.started();
    let work = Arc::new(JobContext { run, number, began: Instant::now(), tally });
    let mut early = JoinSet::new();
    work.look_ahead(&mut early);
    let groups = work.groups();
    let looked = work.look(&groups).await;
    match looked {
        Ok((source, image, referrers)) => {
            let wanted = work.shaped(&source, groups, &image, &referrers).await;
            work.deliver(&source, image.digest, wanted, slot).await;
        }
        Err(outcome) => groups.iter().for_each(|group| work.settle(group, &outcome)),
    }
}

impl JobContext {
    fn settle(&self, group: &Group, outcome: &JobOutcome) {
        for target in &group.targets {
            let ended = TargetResult { outcome: outcome.clone(), digest: None, took: self.began.elapsed() };
            self.run.settle(self.number, *target, ended);
        }
    }

    // Checks whether the places are new while the source is queried.
    fn look_ahead(&self, early: &mut JoinSet<()>) {
        for target in &self.run.jobs[self.number].targets {
            let (run, place) = (Arc::clone(&self.run), target.place.clone());
            early.spawn(async move {
                run.is_new(&place).await;
            });
        }
    }

    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (index, target) in self.run.jobs[self.number].targets.iter().enumerate() {
            let same = |group: &&mut Group| {
                group.place == target.place
                    && group.shape == target.shape
                    && group.has_referrers == target.referrers
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.targets.push(index),
                None => groups.push(Group {
                    place: target.place.clone(),
                    shape: target.shape.clone(),
                    has_referrers: target.referrers,
                    targets: vec![index],
                }),
            }
        }
        groups
    }

    async fn look(
        &self,
        groups: &[Group],
    ) -> Result<(Arc<ImageSource>, Arc<ManifestNode>, Referrers), JobOutcome> {
        let job = &self.run.jobs[self.number];
        let source = self.run.source(&job.source).await;
        let source = source.map_err(|error| JobOutcome::Failed(failure::at_source(&job.source, &error)))?;
        let reference = job.digest.map_or_else(|| job.reference.clone(), Reference::Digest);
        let walk =
            Walk::new(&source, groups.iter().map(|group| &group.shape).collect(), job.attached.as_deref());
        let image = walk.image(&reference).await.map_err(|error| self.not_there(&source, &error))?;
        let referrers = match groups.iter().any(|group| group.has_referrers) {
            true => walk.referrers(&image).await.map_err(|error| failure::of_walk(job, &error))?,
            false => Referrers::new(),
        };
        drop(walk);
        Ok((source, image, referrers))
    }

    fn not_there(&self, source: &ImageSource, error: &WalkError) -> JobOutcome {
        let job = &self.run.jobs[self.number];
        let names = source.names().filter(|_| error.end().is_some_and(EndpointError::is_not_found));
        let Some(names) = names else { return failure::of_walk(job, error) };
        let hint = match names.as_slice() {
            [] => "the images in it have no names; name one by its digest".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        let what = format!("`{}` has no image `{}`", job.source, job.reference);
        JobOutcome::Failed(CopyFailure { what, hint: Some(hint), at_source: true })
    }

    // The image in each group's shape; groups that cannot have theirs are settled.
    async fn shaped(
        &self,
        source: &Arc<ImageSource>,
        groups: Vec<Group>,
        image: &Arc<ManifestNode>,
        referrers: &Referrers,
    ) -> Vec<GroupDelivery> {
        let mut wanted = Vec::new();
        let platform = self.platform(source, &groups, image).await;
        for mut group in groups {
            let root = match in_shape(image, platform.as_ref(), &group.shape) {
                Ok(root) => root,
                Err(failed) => {
                    self.settle(&group, &JobOutcome::Failed(failed));
                    continue;
                }
            };
            self.refuse_other_digests(&mut group, root.digest);
            if group.targets.is_empty() {
                continue;
            }
            match self.run.sink(&group.place).await {
                Ok(sink) => {
                    let referrers = if group.has_referrers { about(&root, referrers) } else { Vec::new() };
                    wanted.push(GroupDelivery { group, sink, root, referrers });
                }
                Err(error) => {
                    self.settle(&group, &JobOutcome::Failed(failure::at_place(&group.place, &error)));
                }
            }
        }
        wanted
    }

    // Settles the targets that are named with a digest that the image would not have there.
    fn refuse_other_digests(&self, group: &mut Group, digest: Digest) {
        let targets = &self.run.jobs[self.number].targets;
        let (wrong, right): (Vec<usize>, Vec<usize>) = group
            .targets
            .iter()
            .partition(|target| targets[**target].digest.is_some_and(|wanted| wanted != digest));
        group.targets = right;
        for target in wrong {
            let outcome = JobOutcome::Failed(failure::of_other_digest(&targets[target], &digest));
            let ended = TargetResult { outcome, digest: None, took: self.began.elapsed() };
            self.run.settle(self.number, target, ended);
        }
    }

    // The platform of an image that is not an index, if any group filters by platform.
    async fn platform(
        &self,
        source: &Arc<ImageSource>,
        groups: &[Group],
        image: &ManifestNode,
    ) -> Result<Option<Platform>, CopyFailure> {
        let config = image.manifest.config().filter(|config| config.media_type.contains("image"));
        let is_asked = groups.iter().any(|group| !group.shape.platforms.is_empty());
        let Some(config) = config.filter(|config| is_asked && config.size <= MAX_CONFIG_BYTES as u64) else {
            return Ok(None);
        };
        let blob = Blob { digest: config.digest, size: config.size };
        let origin = BlobOrigin { source: Arc::clone(source), blob, tally: Arc::clone(&self.tally) };
        let mut reading = BlobReader::new(origin, Mark::start(blob));
        let mut text = Vec::new();
        loop {
            match reading.next().await {
                Ok(Some(piece)) => text.extend_from_slice(&piece.bytes),
                Ok(None) => return Ok(ImageConfig::parse(&text).and_then(ImageConfig::into_platform)),
                Err(error) => return Err(failure::at_source(&self.run.jobs[self.number].source, &error)),
            }
        }
    }

    async fn deliver(
        self: &Arc<Self>,
        source: &Arc<ImageSource>,
        image: Digest,
        delivery: Vec<GroupDelivery>,
        slot: OwnedSemaphorePermit,
    ) {
        let mut reads = JoinSet::new();
        let stakes = self.share(source, &delivery, &mut reads);
        let mut deliveries = JoinSet::new();
        for (delivery, stakes) in delivery.into_iter().zip(stakes) {
            let (work, source) = (Arc::clone(self), Arc::clone(source));
            deliveries.spawn(async move { work.one(source, image, delivery, stakes).await });
        }
        deliveries.join_next().await;
        let rest = async { while deliveries.join_next().await.is_some() {} };
        tokio::pin!(rest);
        if timeout(GRACE, &mut rest).await.is_err() {
            drop(slot);
            rest.await;
        }
        while reads.join_next().await.is_some() {}
    }

    async fn one(
        &self,
        source: Arc<ImageSource>,
        image: Digest,
        wanted: GroupDelivery,
        stakes: HashMap<Digest, BlobStake>,
    ) {
        let bringer = self.bringer(&wanted).await;
        let GroupDelivery { group, root, referrers, .. } = wanted;
        let (run, tally) = (Arc::clone(&self.run), Arc::clone(&self.tally));
        let (job, began, targets) = (self.number, self.began, group.targets);
        let delivery =
            Delivery { run, job, began, source, tally, image, root, referrers, targets, bringer, stakes };
        delivery.run().await;
    }

    // Prepares one read per blob, which all groups that need it can join.
    fn share(
        &self,
        source: &Arc<ImageSource>,
        delivery: &[GroupDelivery],
        reads: &mut JoinSet<()>,
    ) -> Vec<HashMap<Digest, BlobStake>> {
        let mut takers: HashMap<Blob, Vec<usize>> = HashMap::new();
        for (taker, delivery) in delivery.iter().enumerate() {
            for (digest, size) in delivery.blobs() {
                takers.entry(Blob { digest, size }).or_default().push(taker);
            }
        }
        self.tally.sized(takers.keys().map(|blob| blob.size).sum());
        let spots: Vec<ContentPlace> =
            delivery.iter().map(|delivery| ContentPlace::of(&delivery.group.place)).collect();
        let mut stakes: Vec<HashMap<Digest, BlobStake>> = delivery.iter().map(|_| HashMap::new()).collect();
        for (blob, takers) in takers {
            let (shared, ballots) = SharedRead::new(takers.len());
            let origin = BlobOrigin { source: Arc::clone(source), blob, tally: Arc::clone(&self.tally) };
            reads.spawn(read_once(shared, origin, Arc::clone(&self.run.room)));
            let places = takers.iter().map(|taker| ContentTaker {
                spot: &spots[*taker],
                mounts: delivery[*taker].sink.may_mount(),
            });
            let claims =
                self.run.memory.claim_all(ContentId { kind: ContentKind::Blob, digest: blob.digest }, places);
            for ((taker, ballot), claim) in takers.iter().zip(ballots).zip(claims) {
                stakes[*taker].insert(blob.digest, BlobStake { claim, ballot });
            }
        }
        stakes
    }

    async fn bringer(&self, delivery: &GroupDelivery) -> BlobTarget {
        let job = &self.run.jobs[self.number];
        let spot = ContentPlace::of(&delivery.group.place);
        BlobTarget {
            sink: Arc::clone(&delivery.sink),
            beside: ContentPlace::of(&job.source).mountable(&spot).cloned(),
            spot,
            memory: Arc::clone(&self.run.memory),
            room: Arc::clone(&self.run.room),
            is_new: self.run.is_new(&delivery.group.place).await,
        }
    }
}

// The image in a shape. `platform` is that of an image that is not an index, if known.
fn in_shape(
    image: &Arc<ManifestNode>,
    platform: Result<&Option<Platform>, &CopyFailure>,
    shape: &Shape,
) -> Result<Arc<ManifestNode>, CopyFailure> {
    let (wanted, there) = (&shape.platforms, platform.map_err(Clone::clone)?.as_ref());
    let is_for = |there: &Platform| wanted.is_empty() || wanted.iter().any(|one| shape::is_for(there, one));
    if let Some(there) = there.filter(|there| !is_for(there)) {
        let (wanted, there) = (wanted.clone(), vec![there.clone()]);
        return Err(failure::of_shape(&shape::ShapeError::Platform { wanted, there }));
    }
    shape::apply(image, shape).map_err(|error| failure::of_shape(&error))
}

// The referrers of manifests that are kept unchanged, and referrers of those; subjects come first.
fn about(root: &Arc<ManifestNode>, referrers: &Referrers) -> Vec<Arc<ManifestNode>> {
    let mut subjects: Vec<Digest> = root.documents().iter().map(|node| node.digest).collect();
    let mut found: Vec<Arc<ManifestNode>> = Vec::new();
    while let Some(subject) = subjects.pop() {
        for referrer in referrers.get(&subject).into_iter().flatten() {
            subjects.push(referrer.digest);
            found.push(Arc::clone(referrer));
        }
    }
    found
}
