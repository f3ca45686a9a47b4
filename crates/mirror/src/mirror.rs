//! The mirror itself: what it is made of, how it starts and how it stops.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, RepoKey};
use entrepot_oci::{Descriptor, Digest, Host, Name, Reference};
use entrepot_remote::Remote;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    Asked, Budget, Clock, Error, HeldManifest, ManifestHead, Metrics, Names, Settings, Target, Upstream,
    fill::Fills,
    flights::Flights,
    freshness::Policy,
    memory::Memory,
    store::store_failed,
    stripes::Stripes,
    tasks::Tasks,
    uploads::{SPOILED, Uploads},
    uses::Uses,
};

/// How often pulls are written down and abandoned uploads looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

// What was pushed under a wrong digest is gone within a minute.
const _: () = assert!(HOUSEKEEPING.as_secs() + SPOILED.as_secs() < 60);

/// How many lists of referrers are made at a time: a list may be long, and lives until its page is written.
const LISTS: usize = 2;

/// How long stopping waits for what is under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a mirror is made of.
pub struct Parts {
    /// The `mirror` section.
    pub settings: Settings,
    /// The registries that are mirrored.
    pub upstreams: Vec<Upstream>,
    /// The prefixes that take pushes, such as `local/`.
    pub hosted: Vec<String>,
    /// Where bytes are.
    pub blobs: Blobs,
    /// Where records are.
    pub catalog: Catalog,
    /// What is counted.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: Clock,
}

/// A glob in a freshness rule that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a freshness rule of `{host}` is not a glob")]
pub struct RuleError {
    /// The upstream whose rule it is.
    pub host: Host,
    /// What is wrong with it.
    #[source]
    pub source: globset::Error,
}

/// The mirror. Cheap to clone.
#[derive(Clone)]
pub struct Mirror(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) names: Names,
    pub(crate) upstreams: HashMap<Host, Source>,
    pub(crate) blobs: Blobs,
    pub(crate) catalog: Catalog,
    pub(crate) memory: Memory,
    pub(crate) uses: Uses,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) fetches: Flights<(RepoKey, Reference), Result<Arc<HeldManifest>, Error>>,
    pub(crate) heads: Flights<(RepoKey, Reference), Result<ManifestHead, Error>>,
    pub(crate) listings: Flights<(RepoKey, Digest), Listed>,
    /// Who may make a list of referrers.
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) fills: Fills,
    pub(crate) uploads: Uploads,
    pub(crate) max_blob_size: u64,
    pub(crate) stripes: Arc<Stripes>,
    pub(crate) tasks: Tasks,
    stopping: CancellationToken,
}

/// What an upstream said refers to a manifest.
pub(crate) type Listed = Result<Arc<[Descriptor]>, Error>;

/// An upstream as the verbs need it.
pub(crate) struct Source {
    pub(crate) remote: Remote,
    pub(crate) policy: Policy,
    /// Bytes that all downloads together have brought from it.
    pub(crate) brought: Arc<AtomicU64>,
}

impl Mirror {
    /// Puts the parts together and begins to work: [`Mirror::open`] and [`Mirror::begin`].
    ///
    /// # Errors
    /// A freshness rule that is not a glob.
    pub async fn start(parts: Parts) -> Result<Self, RuleError> {
        let mirror = Self::open(parts)?;
        mirror.begin().await;
        Ok(mirror)
    }

    /// Begins what goes on without being asked: downloads that a restart cut off are taken up, pulls are written
    /// down, abandoned uploads are removed.
    pub async fn begin(&self) {
        self.resume_fills().await;
        self.0.uploads.take_up().await;
        self.0.tasks.spawn(self.clone().housekeeping());
    }

    /// Puts the parts together and does nothing by itself: for looking at what is held while no server runs. What it
    /// does in the background later on, it does on the runtime that this is called in.
    ///
    /// # Errors
    /// A freshness rule that is not a glob.
    ///
    /// # Panics
    /// Called outside of a Tokio runtime.
    pub fn open(parts: Parts) -> Result<Self, RuleError> {
        let tasks = Tasks::new();
        let stopping = CancellationToken::new();
        let stripes = Arc::new(Stripes::default());
        let names = Names::new(parts.settings.default_upstream.clone(), parts.hosted)
            .with_domain(parts.settings.domain.as_deref());
        let names = parts.upstreams.iter().fold(names, |names, upstream| {
            names.with_upstream(upstream.remote.host().clone(), upstream.alias.as_deref())
        });
        let upstreams = parts.upstreams.into_iter().map(|upstream| {
            let host = upstream.remote.host().clone();
            let policy = Policy::new(&parts.settings, &upstream.freshness);
            let policy = policy.map_err(|source| RuleError { host: host.clone(), source })?;
            Ok((host, Source { remote: upstream.remote, policy, brought: Arc::default() }))
        });
        let inner = Inner {
            names,
            upstreams: upstreams.collect::<Result<_, RuleError>>()?,
            memory: Memory::new(),
            uses: Uses::default(),
            fetches: Flights::new(tasks.clone()),
            heads: Flights::new(tasks.clone()),
            listings: Flights::new(tasks.clone()),
            turns: Arc::new(Semaphore::new(LISTS)),
            fills: Fills::new(parts.settings.segments, stopping.clone()),
            uploads: Uploads::new(parts.blobs.clone(), parts.settings.max_blob_size.as_u64()),
            max_blob_size: parts.settings.max_blob_size.as_u64(),
            blobs: parts.blobs,
            catalog: parts.catalog,
            metrics: parts.metrics,
            clock: parts.clock,
            stripes,
            tasks,
            stopping,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Where a name leads.
    ///
    /// # Errors
    /// [`Error::NotAnUpstream`] or [`Error::NotARepository`].
    pub fn locate(&self, name: &Name, asked: Asked<'_>) -> Result<Target, Error> {
        self.0.names.locate(name, asked)
    }

    /// Whether everything that an answer needs is there.
    ///
    /// # Errors
    /// [`Error::Store`] if not.
    pub async fn ready(&self) -> Result<(), Error> {
        self.0.catalog.ping().await.map_err(store_failed)
    }

    /// The memory that answers may take until clients have read them.
    pub fn budget(&self) -> &Budget {
        &self.0.memory.budget
    }

    /// Stops: downloads note how far they got, pulls are written down, the catalog is closed.
    pub async fn shutdown(&self) {
        self.0.stopping.cancel();
        if tokio::time::timeout(PATIENCE, self.0.tasks.finished()).await.is_err() {
            tracing::info!("an upstream keeps us waiting; stopping without it");
        }
        self.0.uses.flush(&self.0.catalog).await;
        self.0.catalog.close().await;
    }

    /// The upstream of that name. Keys are only made by [`Mirror::locate`], which knows no others.
    pub(crate) fn source(&self, host: &Host) -> Result<&Source, Error> {
        self.0.upstreams.get(host).ok_or_else(|| Error::NotAnUpstream { host: host.clone() })
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

    /// Does now what is done every half minute: writes pulls down, throws away what nobody will come back for.
    pub async fn tidy(&self) {
        self.0.uses.flush(&self.0.catalog).await;
        let now = self.0.clock.now();
        self.0.uploads.expire(now).await;
        self.expire_fills(now).await;
    }
}
