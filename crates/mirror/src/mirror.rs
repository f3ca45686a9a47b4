//! The mirror: what it is made of, how it starts and how it stops.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, RepoKey};
use entrepot_events::EventSender;
use entrepot_oci::{Descriptor, Digest, Name, Reference};
use entrepot_policy::Offer;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    budget::Budget,
    clock::Clock,
    error::Error,
    eviction::Eviction,
    fill::{Fills, context::FillContext},
    holdings::{self, Holdings},
    memory::Memory,
    metrics::MirrorMetrics,
    names::{NameResolver, RegistryHint, ResolvedRepository},
    one_job::OneJob,
    pull_counts::PullCounts,
    purpose::Purpose,
    scrub_report::{ScrubProgress, ScrubReport},
    served::{BlobHead, HeldManifest, ManifestHead},
    settings::{MirrorSettings, SettingsError, UpstreamParts},
    single_flight::SingleFlight,
    tasks::Tasks,
    uploads::{FINISH_GRACE, Uploads},
    upstream::Upstreams,
    verdict::{AnonymousAccess, Question},
};

/// How often pulls are recorded and abandoned uploads deleted.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

// Bytes of a push that could not be finished are freed within a minute.
const _: () = assert!(HOUSEKEEPING.as_secs() + FINISH_GRACE.as_secs() < 60);

/// The most lists of referrers that are made at a time: one may be long, and lives until its page is written.
const LISTS: usize = 2;

/// How long stopping waits for work under way.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that a mirror is made of.
pub struct MirrorParts {
    /// The `mirror` section of the configuration.
    pub settings: MirrorSettings,
    /// The registries that are mirrored.
    pub upstreams: Vec<UpstreamParts>,
    /// The prefixes that take pushes, such as `local/`.
    pub hosted: Vec<String>,
    /// The store of bytes.
    pub blobs: Blobs,
    /// The store of records.
    pub catalog: Catalog,
    /// The counters that it counts with.
    pub metrics: MirrorMetrics,
    /// Where it is told what operators want to hear.
    pub events: EventSender,
    /// The clock that it reads.
    pub clock: Clock,
}

/// The mirror, asked for a purpose. Cheap to clone.
#[derive(Clone)]
pub struct Mirror(pub(crate) Arc<MirrorInner>, pub(crate) Purpose);

pub(crate) struct MirrorInner {
    pub(crate) names: NameResolver,
    pub(crate) lists_hosted: bool,
    pub(crate) upstreams: Upstreams,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) fills: Fills,
    pub(crate) uploads: Uploads,
    pub(crate) manifests: SingleFlight<(RepoKey, Reference), Result<Arc<HeldManifest>, Error>>,
    pub(crate) heads: SingleFlight<(RepoKey, Reference), Result<ManifestHead, Error>>,
    pub(crate) blob_heads: SingleFlight<(RepoKey, Digest), Result<BlobHead, Error>>,
    pub(crate) listings: SingleFlight<(RepoKey, Digest), UpstreamReferrers>,
    /// Questions whether a repository is public.
    pub(crate) questions: SingleFlight<Question, Result<AnonymousAccess, Error>>,
    /// Each bounds a list of referrers in memory.
    pub(crate) list_permits: Arc<Semaphore>,
    pub(crate) pulls: PullCounts,
    pub(crate) eviction: Eviction,
    pub(crate) scrub: OneJob<ScrubProgress, ScrubReport>,
    /// How often all that is held is hashed, if ever, and how many bytes a second.
    pub(crate) scrub_every: Option<Duration>,
    pub(crate) scrub_rate: u64,
    pub(crate) metrics: MirrorMetrics,
    pub(crate) events: EventSender,
    pub(crate) clock: Clock,
    /// What is on offer now.
    pub(crate) offer: ArcSwap<Offer>,
    pub(crate) tasks: Tasks,
    /// How long what an upstream said counts without it.
    pub(crate) stale_for: Duration,
    stopping: CancellationToken,
}

/// The referrers that an upstream listed.
pub(crate) type UpstreamReferrers = Result<Arc<[Descriptor]>, Error>;

impl Mirror {
    /// Makes a mirror and begins its background work: [`Mirror::open`] and [`Mirror::begin`].
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub async fn start(parts: MirrorParts) -> Result<Self, SettingsError> {
        let mirror = Self::open(parts)?;
        mirror.begin(async |_, _| true).await;
        Ok(mirror)
    }

    /// Begins the background work: goes on with downloads and uploads that a restart cut off, and from then on records pulls
    /// and deletes abandoned uploads every half minute, evicts what has to go, and verifies what is held once a day. A download
    /// goes on only if `may_go_on` still allows its blob.
    pub async fn begin(&self, may_go_on: impl AsyncFn(&RepoKey, &Digest) -> bool) {
        self.note_accounts().await;
        self.0.fills.resume(&self.0.upstreams, may_go_on).await;
        self.0.uploads.resume().await;
        self.0.tasks.spawn(self.clone().housekeeping());
        self.0.tasks.spawn(self.clone().healing());
        self.0.tasks.spawn(self.clone().evicting());
        self.0.tasks.spawn(self.clone().scrubbing());
    }

    /// Makes a mirror without background work of its own: enough to look at what is held while no server runs. Later
    /// requests do their background work on the runtime that this is called in.
    ///
    /// # Errors
    /// Settings that cannot be used.
    ///
    /// # Panics
    /// Called outside of a Tokio runtime.
    pub fn open(parts: MirrorParts) -> Result<Self, SettingsError> {
        let MirrorParts { settings, upstreams, hosted, blobs, catalog, metrics, events, clock } = parts;
        let (tasks, stopping, memory) = (Tasks::new(), CancellationToken::new(), Arc::new(Memory::new()));
        let names = NameResolver::new(settings.default_upstream.clone(), hosted)
            .with_domain(settings.domain.as_deref())
            .with_own_names(&settings.own_names)
            .with_own_addresses(&settings.own_addresses);
        let names = upstreams.iter().fold(names, |names, upstream| {
            names.with_upstream(upstream.remote.host().clone(), upstream.alias.as_deref())
        });
        let eviction = Eviction::new(settings.limits()?);
        let holdings = Arc::new(Holdings::new(holdings::Parts {
            blobs,
            catalog,
            room: Arc::clone(&eviction.room),
            memory: Arc::clone(&memory),
            clock: clock.clone(),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
        }));
        let max_blob_size = settings.max_blob_size.as_u64();
        let context = FillContext {
            holdings: Arc::clone(&holdings),
            room: Arc::clone(&eviction.room),
            metrics: metrics.clone(),
            stopping: stopping.clone(),
            connections: settings.segments.max(1),
            max_blob_size,
        };
        let inner = MirrorInner {
            names,
            lists_hosted: settings.catalog,
            upstreams: Upstreams::new(&settings, upstreams)?,
            fills: Fills::new(context, Arc::clone(&memory), tasks.clone()),
            uploads: Uploads::new(Arc::clone(&holdings), max_blob_size),
            holdings,
            memory,
            manifests: SingleFlight::new(tasks.clone()),
            heads: SingleFlight::new(tasks.clone()),
            blob_heads: SingleFlight::new(tasks.clone()),
            listings: SingleFlight::new(tasks.clone()),
            questions: SingleFlight::new(tasks.clone()),
            list_permits: Arc::new(Semaphore::new(LISTS)),
            pulls: PullCounts::default(),
            eviction,
            scrub: OneJob::default(),
            scrub_every: settings.scrub,
            scrub_rate: settings.scrub_rate.as_u64(),
            metrics,
            events,
            clock,
            offer: ArcSwap::default(),
            tasks,
            stale_for: settings.stale_for,
            stopping,
        };
        Ok(Self(Arc::new(inner), Purpose::Client))
    }

    /// The repository that a name means.
    ///
    /// # Errors
    /// [`Error::NotAnUpstream`], [`Error::NotAnAlias`], [`Error::TwoRegistries`] or [`Error::NotARepository`].
    pub fn locate(&self, name: &Name, hint: RegistryHint<'_>) -> Result<ResolvedRepository, Error> {
        self.0.names.locate(name, hint)
    }

    /// How names are read, for pages that tell readers what to write.
    pub fn names(&self) -> &NameResolver {
        &self.0.names
    }

    /// Checks that everything an answer needs is there.
    ///
    /// # Errors
    /// [`Error::Store`] or [`Error::StoreDown`] if the catalog or the blob store does not answer.
    pub async fn ready(&self) -> Result<(), Error> {
        self.0.holdings.ping().await
    }

    /// The accounts of upstreams have changed. They may answer otherwise now, and what an account brings from now on may be
    /// private also when the account is gone.
    pub fn accounts_changed(&self) {
        self.0.memory.refusals.clear();
        let mirror = self.clone();
        self.0.tasks.spawn(async move { mirror.note_accounts().await });
    }

    /// The memory that answers may take until clients have read them.
    pub fn budget(&self) -> &Budget {
        &self.0.memory.budget
    }

    /// Stops: downloads note how far they are, pulls are recorded, and the catalog is closed. Waits a few seconds at most.
    pub async fn shutdown(&self) {
        self.0.stopping.cancel();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.0.tasks.finished()).await.is_err() {
            tracing::info!("an upstream keeps us waiting; stopping without it");
        }
        self.record_pulls().await;
        self.0.holdings.close().await;
    }

    async fn housekeeping(self) {
        let mut tick = tokio::time::interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                () = self.0.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.tidy().await;
        }
    }

    /// Does the work of every half minute now: records pulls, deletes uploads and partial files whose time is up, and aborts
    /// what a killed process left unfinished in an object store.
    pub async fn tidy(&self) {
        self.record_pulls().await;
        let now = self.0.clock.now();
        self.0.holdings.count_changes().await;
        self.trim_verdicts().await;
        self.trim_pins_and_ghosts().await;
        self.0.uploads.expire(now).await;
        self.0.fills.expire(now).await;
        self.0.holdings.abort_unfinished().await;
    }

    /// Whether the mirror was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// Waits until the mirror is told to stop.
    pub(crate) async fn stopping(&self) {
        self.0.stopping.cancelled().await;
    }

    /// Records the pulls that were counted in memory.
    pub(crate) async fn record_pulls(&self) {
        let returned = self.0.holdings.record_pulls(self.0.pulls.take()).await;
        self.0.metrics.came_back(returned);
    }
}
