//! The requests that are open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use entrepot_catalog::{ImageRequestRecord, ImageRequestStatus, ImageRequestStep};
use entrepot_mirror::Rate;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::queue::{QueuePosition, place};

/// A request as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestState {
    /// What is recorded of it.
    pub record: ImageRequestRecord,
    /// Where it is in the queue.
    pub position: QueuePosition,
    /// Bytes a second, while they come.
    pub rate: Option<u64>,
}

/// Follows a request.
#[derive(Debug)]
pub struct RequestWatch {
    first: Option<RequestState>,
    later: Option<(watch::Receiver<ImageRequestRecord>, Arc<Jobs>)>,
}

/// The requests that are open, in their order.
#[derive(Debug)]
pub(crate) struct Jobs {
    open: Mutex<BTreeMap<i64, OpenRequest>>,
    all: Mutex<Rate>,
    since: Instant,
    /// Told when a request comes or goes.
    pub(crate) changed: Notify,
}

#[derive(Debug)]
struct OpenRequest {
    told: watch::Sender<ImageRequestRecord>,
    cancel: CancellationToken,
    rate: Rate,
}

/// A request whose turn has come.
#[derive(Debug)]
pub(crate) struct StartedRequest {
    pub(crate) record: ImageRequestRecord,
    pub(crate) cancel: CancellationToken,
}

impl RequestState {
    /// True if it has ended.
    pub fn has_ended(&self) -> bool {
        self.record.finished.is_some()
    }
}

impl RequestWatch {
    pub(crate) fn of_record(record: ImageRequestRecord) -> Self {
        Self {
            first: Some(RequestState { record, position: QueuePosition::default(), rate: None }),
            later: None,
        }
    }

    /// How the request is: at once the first time, and then after each change. `None` once its end was told.
    pub async fn next(&mut self) -> Option<RequestState> {
        if let Some(first) = self.first.take() {
            if first.has_ended() {
                self.later = None;
            }
            return Some(first);
        }
        let (later, jobs) = self.later.as_mut()?;
        // One that is dropped with the server has no more to tell.
        if later.changed().await.is_err() {
            self.later = None;
            return None;
        }
        let record = later.borrow_and_update().clone();
        let state = jobs.told(record);
        if state.has_ended() {
            self.later = None;
        }
        Some(state)
    }

    /// How the request is at this moment, without waiting; its place changes also when others end.
    pub fn now(&self) -> Option<RequestState> {
        let (later, jobs) = self.later.as_ref()?;
        Some(jobs.told(later.borrow().clone()))
    }
}

impl Default for Jobs {
    fn default() -> Self {
        let (open, all) = (Mutex::default(), Mutex::default());
        Self { open, all, since: Instant::now(), changed: Notify::new() }
    }
}

impl Jobs {
    /// Notes a request, or that more or fewer ask for it.
    pub(crate) fn note(&self, record: ImageRequestRecord) {
        let mut open = self.open();
        match open.get(&record.id) {
            Some(job) => job.told.send_modify(|known| known.askers = record.askers),
            None => {
                let (id, cancel) = (record.id, CancellationToken::new());
                open.insert(
                    id,
                    OpenRequest { told: watch::channel(record).0, cancel, rate: Rate::default() },
                );
            }
        }
        drop(open);
        self.changed.notify_one();
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open().len()
    }

    /// The one that is open for this image and these platforms.
    pub(crate) fn open_as(&self, image: &str, platforms: &str) -> Option<i64> {
        let open = self.open();
        let is_it = |job: &&OpenRequest| {
            let record = job.told.borrow();
            record.image == image && record.platforms == platforms
        };
        open.iter().find(|(_, job)| is_it(job)).map(|(id, _)| *id)
    }

    /// The first one that waits; it does not wait any more.
    pub(crate) fn take(&self) -> Option<StartedRequest> {
        let open = self.open();
        let waits = |job: &&OpenRequest| job.told.borrow().step.status == ImageRequestStatus::Queued;
        let job = open.values().find(waits)?;
        job.told.send_modify(|record| {
            record.step.status = ImageRequestStatus::Running;
            record.started.get_or_insert_with(SystemTime::now);
        });
        let record = job.told.borrow().clone();
        Some(StartedRequest { record, cancel: job.cancel.clone() })
    }

    /// Those that have waited since before a moment.
    pub(crate) fn waiting_since_before(&self, moment: SystemTime) -> Vec<i64> {
        let open = self.open();
        let is_late = |record: &ImageRequestRecord| {
            record.step.status == ImageRequestStatus::Queued && record.created < moment
        };
        open.values()
            .map(|job| job.told.borrow())
            .filter(|record| is_late(record))
            .map(|record| record.id)
            .collect()
    }

    /// Notes how far a request is, and that `came` bytes have come for it since the last time.
    pub(crate) fn step(&self, id: i64, step: ImageRequestStep, came: u64) {
        let now = self.since.elapsed();
        let mut open = self.open();
        let Some(job) = open.get_mut(&id) else { return };
        job.rate.add(came, now);
        self.all().add(came, now);
        job.told.send_modify(|record| record.step = step);
    }

    /// Tells the end of a request, and forgets it. Returns it, if it was open.
    pub(crate) fn end(
        &self,
        id: i64,
        end: impl FnOnce(&mut ImageRequestRecord),
    ) -> Option<ImageRequestRecord> {
        let mut open = self.open();
        let ended = open.remove(&id).map(|job| {
            job.told.send_modify(end);
            job.told.borrow().clone()
        });
        // What came for those before says nothing about the next ones, which may come much later.
        if open.is_empty() {
            *self.all() = Rate::default();
        }
        drop(open);
        self.changed.notify_one();
        ended
    }

    /// Stops a request. Returns whether its turn had come: then whoever fetches it tells its end.
    pub(crate) fn cancel(&self, id: i64) -> bool {
        let open = self.open();
        let Some(job) = open.get(&id) else { return false };
        let is_running = job.told.borrow().step.status == ImageRequestStatus::Running;
        job.cancel.cancel();
        is_running
    }

    /// Follows a request that is open.
    pub(crate) fn watch(self: &Arc<Self>, id: i64) -> Option<RequestWatch> {
        let mut later = self.open().get(&id)?.told.subscribe();
        let first = later.borrow_and_update().clone();
        Some(RequestWatch { first: Some(self.told(first)), later: Some((later, Arc::clone(self))) })
    }

    /// A request as it is now, with its place.
    pub(crate) fn told(&self, record: ImageRequestRecord) -> RequestState {
        let now = self.since.elapsed();
        let mut open = self.open();
        if record.finished.is_some() || !open.contains_key(&record.id) {
            return RequestState { record, position: QueuePosition::default(), rate: None };
        }
        let records: Vec<ImageRequestRecord> = open.values().map(|job| job.told.borrow().clone()).collect();
        let rate = self.all().at(now);
        let place = place(&records.iter().collect::<Vec<_>>(), record.id, rate);
        let job = open.get_mut(&record.id);
        let of_it = job.map(|job| (job.told.borrow().clone(), job.rate.at(now)));
        let (record, rate) = of_it.unwrap_or((record, None));
        let rate = rate.filter(|_| record.step.status == ImageRequestStatus::Running);
        RequestState { record, position: place, rate }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<i64, OpenRequest>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, Rate> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
