//! Fetches what was asked for, one image after the other or a few at a time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{
    ImageRequestEnd, ImageRequestRecord, ImageRequestStatus, ImageRequestStep, NewPin, Origin, PinSource,
    RepoKey,
};
use entrepot_events::{Event, RequestDone, RequestResult};
use entrepot_mirror::{BlobArrival, WholeImage};
use entrepot_oci::{Descriptor, Digest, ImageRef, Platform, Reference};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    fault::{FetchFailure, RequestFault},
    jobs::StartedRequest,
    requests::{PAUSE, Requests},
};

/// How many blobs of an image are fetched at a time; the mirror divides large ones among connections.
const BLOBS: usize = 3;
/// How often an image is tried in all, if what went wrong may pass.
const ATTEMPTS: u32 = 4;
/// How often it is looked whether somebody has waited too long.
const SWEEP: Duration = Duration::from_secs(60);
/// How often it is written down how far an image is.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

impl Requests {
    /// Fetches what is asked for until it is told to stop. What is under way then goes on after a restart.
    pub async fn work(&self, stop: CancellationToken) {
        let mut running: JoinSet<()> = JoinSet::new();
        loop {
            self.sweep().await;
            while running.len() < self.0.settings.at_once {
                let Some(turn) = self.0.jobs.take() else { break };
                let this = self.clone();
                running.spawn(async move { this.perform(turn).await });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.jobs.changed.notified() => {}
                Some(_) = running.join_next() => {}
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
    }

    // Requests that have waited too long leave the queue.
    async fn sweep(&self) {
        let Some(moment) = SystemTime::now().checked_sub(self.0.settings.wait) else { return };
        for id in self.0.jobs.waiting_since_before(moment) {
            let detail = "its turn did not come in time";
            let end = failed(ImageRequestStatus::Canceled, &RequestFault::Lapsed.because(detail));
            if let Err(error) = self.settle(id, end).await {
                tracing::warn!(%error, "the end of a request cannot be recorded");
            }
        }
    }

    async fn perform(&self, turn: StartedRequest) {
        let id = turn.record.id;
        let end = tokio::select! {
            end = self.fetched(&turn) => end,
            () = turn.cancel.cancelled() => ended(ImageRequestStatus::Canceled),
        };
        if let Err(error) = self.settle(id, end).await {
            tracing::warn!(%error, "the end of a request cannot be recorded");
        }
    }

    async fn fetched(&self, turn: &StartedRequest) -> ImageRequestEnd {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let failure = match Fetch::of(self, turn) {
                Some(fetch) => match fetch.all().await {
                    Ok(()) => return ended(ImageRequestStatus::Done),
                    Err(failure) => failure,
                },
                None => RequestFault::NotFound.because("this is not the name of an image any more"),
            };
            match failure.pause(pause).filter(|_| attempt < ATTEMPTS) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return failed(ImageRequestStatus::Failed, &failure),
            }
            pause *= 2;
        }
        ended(ImageRequestStatus::Failed)
    }

    /// Records the end of a request, and tells it.
    pub(crate) async fn settle(&self, id: i64, end: ImageRequestEnd) -> Result<(), entrepot_catalog::Error> {
        let (catalog, now) = (&self.0.catalog, SystemTime::now());
        let recorded = catalog.image_request_ended(id, &end, now).await;
        self.0.metrics.ended(end.status);
        let told = self.0.jobs.end(id, |record| {
            record.step.status = end.status;
            (record.error, record.detail) = (end.error, end.detail);
            record.finished = Some(now);
        });
        if let Some(event) = told.as_ref().and_then(event) {
            self.0.events.raise(event);
        }
        self.count_open();
        recorded?;
        // Those of the last day count for what a client may ask.
        let ended_before = now.checked_sub(2 * crate::queue::DAY).unwrap_or(SystemTime::UNIX_EPOCH);
        let before = id.saturating_sub(i64::from(self.0.settings.remembered));
        catalog.trim_image_requests(before, ended_before).await?;
        Ok(())
    }
}

/// An image that is being fetched.
struct Fetch<'a> {
    requests: &'a Requests,
    id: i64,
    image: &'a str,
    key: RepoKey,
    reference: Reference,
    platforms: Vec<Platform>,
    progress: Mutex<FetchProgress>,
}

/// How far it is.
struct FetchProgress {
    step: ImageRequestStep,
    /// Bytes that are here, of each blob.
    blobs: HashMap<Digest, u64>,
    written: Instant,
}

impl<'a> Fetch<'a> {
    // `None` if what is recorded is no image: it was recorded by another version.
    fn of(requests: &'a Requests, turn: &'a StartedRequest) -> Option<Self> {
        let record = &turn.record;
        let image: ImageRef = record.image.parse().ok()?;
        let origin = Origin::Upstream(image.host().clone());
        let platforms = record.platforms.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let step = ImageRequestStep { bytes_done: 0, ..record.step.clone() };
        let written = Instant::now();
        Some(Self {
            requests,
            id: record.id,
            image: &record.image,
            key: RepoKey { origin, repository: image.repository().clone() },
            reference: image.reference(),
            platforms,
            progress: Mutex::new(FetchProgress { step, blobs: HashMap::new(), written }),
        })
    }

    async fn all(&self) -> Result<(), FetchFailure> {
        let mirror = &self.requests.0.mirror;
        let whole = mirror.whole_image(&self.key, &self.reference, &self.platforms).await?;
        // The tag may have moved since it was asked for.
        self.requests.fits(self.image, &whole, true).map_err(|error| match error {
            crate::error::Error::TooLarge { .. } => RequestFault::TooLarge.because(error.to_string()),
            error => RequestFault::NoPlatform.because(error.to_string()),
        })?;
        self.begun(&whole);
        self.write().await;
        let blobs = stream::iter(whole.blobs.clone()).map(Ok::<_, FetchFailure>);
        blobs.try_for_each_concurrent(BLOBS, |blob| async move { self.blob(&blob).await }).await?;
        self.pin(whole.digest).await?;
        mirror.keep_manifests(&self.key, &self.reference, &whole).await?;
        self.write().await;
        Ok(())
    }

    // Who asked may need some days until they pull it.
    async fn pin(&self, digest: Digest) -> Result<(), FetchFailure> {
        let keep_for = self.requests.0.settings.keep_for;
        if keep_for.is_zero() {
            return Ok(());
        }
        let pin = NewPin {
            key: self.key.clone(),
            digest,
            source: PinSource::Requested,
            held_by: self.id.to_string(),
            reason: format!("request for `{}`", self.image),
            expires: SystemTime::now().checked_add(keep_for),
        };
        Ok(self.requests.0.mirror.pin(&[pin]).await?)
    }

    fn begun(&self, whole: &WholeImage) {
        let step = ImageRequestStep {
            status: ImageRequestStatus::Running,
            digest: Some(whole.digest),
            bytes_total: Some(whole.size()),
            bytes_done: 0,
        };
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.blobs.clear();
        progress.step = step.clone();
        self.requests.0.jobs.step(self.id, step, 0);
    }

    async fn blob(&self, blob: &Descriptor) -> Result<(), FetchFailure> {
        let mirror = &self.requests.0.mirror;
        let told = |bytes| self.come(&blob.digest, bytes, true);
        let kept = mirror.keep_blob(&self.key, &blob.digest, told).await?;
        let digest = blob.digest;
        match kept {
            BlobArrival::Before | BlobArrival::Now => self.come(&digest, blob.size, false),
            BlobArrival::NoSpace => {
                return Err(RequestFault::NoSpace.because(format!("there is no space to keep `{digest}`")));
            }
            BlobArrival::Damaged => {
                let detail = format!("what is stored as `{digest}` has another digest");
                return Err(RequestFault::Damaged.because(detail));
            }
        }
        if self.is_due() {
            self.write().await;
        }
        Ok(())
    }

    // Bytes of a blob are here; those that came from a registry count for the rate.
    fn come(&self, digest: &Digest, bytes: u64, is_new: bool) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let known = progress.blobs.entry(*digest).or_default();
        // An attempt that begins anew takes nothing back.
        let came = bytes.saturating_sub(*known);
        *known = (*known).max(bytes);
        let done = progress.blobs.values().copied().fold(0, u64::saturating_add);
        progress.step.bytes_done = done.min(progress.step.bytes_total.unwrap_or(u64::MAX));
        let step = progress.step.clone();
        drop(progress);
        let came = if is_new { came } else { 0 };
        self.requests.0.metrics.bytes.inc_by(came);
        self.requests.0.jobs.step(self.id, step, came);
    }

    fn is_due(&self) -> bool {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.written.elapsed() >= WRITTEN_EVERY
    }

    async fn write(&self) {
        let step = {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.written = Instant::now();
            progress.step.clone()
        };
        let written = self.requests.0.catalog.image_request_step(self.id, &step, SystemTime::now()).await;
        if let Err(error) = written {
            tracing::warn!(%error, "how far a request is cannot be recorded");
        }
    }
}

// What operators hear of an end.
fn event(record: &ImageRequestRecord) -> Option<Event> {
    let result = match record.step.status {
        ImageRequestStatus::Done => RequestResult::Done,
        ImageRequestStatus::Failed => RequestResult::Failed,
        ImageRequestStatus::Canceled => RequestResult::Cancelled,
        ImageRequestStatus::Queued | ImageRequestStatus::Running => return None,
    };
    let (id, image, problem) = (record.id.to_string(), record.image.clone(), record.detail.clone());
    Some(Event::RequestDone(RequestDone { id, image, result, problem }))
}

/// An end without a failure.
pub(crate) fn ended(status: ImageRequestStatus) -> ImageRequestEnd {
    ImageRequestEnd { status, error: None, detail: None }
}

fn failed(status: ImageRequestStatus, failure: &FetchFailure) -> ImageRequestEnd {
    let error = Some(failure.fault.as_str().to_owned());
    ImageRequestEnd { status, error, detail: Some(failure.detail.clone()) }
}
