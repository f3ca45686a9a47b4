//! The requests as a value.

use std::{fmt, sync::Arc, time::Duration};

use entrepot_catalog::Catalog;
use entrepot_events::EventSender;
use entrepot_mirror::{Mirror, Purpose};
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, Semaphore};

use crate::{jobs::Jobs, metrics::RequestMetrics, section::RequestSettings};

/// How many images are looked up at a time before they are queued.
const LOOKS: usize = 4;
/// How long to wait before a second attempt at an image; each further one doubles it.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// What requests are made of.
pub struct RequestsParts {
    /// Where they are recorded.
    pub catalog: Catalog,
    /// What fetches and keeps.
    pub mirror: Mirror,
    /// Who hears of ends.
    pub events: EventSender,
    /// The section of the configuration.
    pub settings: RequestSettings,
}

/// The requests. Cheap to clone.
#[derive(Clone)]
pub struct Requests(pub(crate) Arc<RequestsInner>);

pub(crate) struct RequestsInner {
    pub(crate) catalog: Catalog,
    pub(crate) mirror: Mirror,
    pub(crate) events: EventSender,
    pub(crate) settings: RequestSettings,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) metrics: RequestMetrics,
    pub(crate) looks: Semaphore,
    /// Held while somebody asks, so that limits are counted one after the other and whoever joins finds what is there.
    pub(crate) asking: Mutex<()>,
}

impl Requests {
    /// Makes them, without any that are open.
    pub fn new(RequestsParts { catalog, mirror, events, settings }: RequestsParts) -> Self {
        Self(Arc::new(RequestsInner {
            catalog,
            mirror: mirror.on_behalf_of(Purpose::Request),
            events,
            settings,
            jobs: Arc::default(),
            metrics: RequestMetrics::default(),
            looks: Semaphore::new(LOOKS),
            asking: Mutex::default(),
        }))
    }

    /// What is in force.
    pub fn settings(&self) -> &RequestSettings {
        &self.0.settings
    }

    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
    }

    /// True while somebody waits for an image. What nobody waits for is fetched afterwards.
    pub fn are_open(&self) -> bool {
        self.0.jobs.count() > 0
    }

    /// Takes up what a server that was stopped has left.
    ///
    /// # Errors
    /// The database failed.
    pub async fn resume(&self) -> Result<(), entrepot_catalog::Error> {
        for mut record in self.0.catalog.unfinished_image_requests().await? {
            record.step.status = entrepot_catalog::ImageRequestStatus::Queued;
            self.0.jobs.note(record);
        }
        self.count_open();
        Ok(())
    }

    pub(crate) fn count_open(&self) {
        self.0.metrics.open.set(i64::try_from(self.0.jobs.count()).unwrap_or(i64::MAX));
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Requests").field("jobs", &self.0.jobs).finish_non_exhaustive()
    }
}
