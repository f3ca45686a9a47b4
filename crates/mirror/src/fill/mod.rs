//! Filling: the one download of a blob that any number of clients read while it runs.
//!
//! - [`Fill`] is what clients see: how much may be read, and a file mapping to read it from
//! - `run` performs it, `lanes` shares the work among connections, `ledger` knows what is there and survives restarts
//! - `ceiling` says how long a blob may be
//! - a fill belongs to no client: all may leave, and it finishes. Only where nobody knows how much is to come, it ends when
//!   nobody waits for it

pub(crate) mod ceiling;
mod lanes;
mod ledger;
mod run;
mod writer;

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_blobs::{Mapping, StageId};
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Host};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{BlobStream, Cut, Error, Mirror};

/// Bytes kept back at the end until the digest is confirmed: whoever gets wrong bytes gets them short.
pub(crate) const WITHHELD: u64 = 32 << 10;
/// Bytes handed to a client at a time.
const FRAME: u64 = 1 << 20;

/// How long a partial file waits for somebody to ask for its blob again.
const KEPT_PARTIAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The fills under way.
pub(crate) struct Fills {
    /// By digest alone: the bytes are the same whichever upstream they come from, and so is the partial file.
    running: Mutex<HashMap<Digest, Arc<Fill>>>,
    segments: usize,
    stopping: CancellationToken,
}

/// One download and its readers' view of it.
pub(crate) struct Fill {
    pub(crate) digest: Digest,
    /// The repositories that were asked for it; they all get a link to it.
    links: Mutex<Vec<RepoKey>>,
    state: watch::Sender<State>,
}

#[derive(Clone)]
struct State {
    phase: Phase,
    /// Bytes from the start that may be read.
    visible: u64,
    /// It is off the map: whatever is kept of it can be found elsewhere.
    is_over: bool,
}

#[derive(Clone)]
enum Phase {
    Connecting,
    Flowing(Content),
    Verified(Content),
    Failed(Failure),
}

/// A place among those who wait for a fill. As long as there is one, it is wanted.
pub(crate) struct Place {
    pub(crate) fill: Arc<Fill>,
    watch: watch::Receiver<State>,
}

/// The blob as its readers need it.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) size: u64,
    /// `None` only for the empty blob.
    pub(crate) mapping: Option<Mapping>,
}

/// Why a fill ended without its blob.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// There is no space to keep it: pass it through.
    NoRoom,
    /// Nobody waited for it any more. Whoever has come meanwhile may begin anew.
    Deserted,
    /// The upstream did not give it.
    Refused(Error),
}

impl Fills {
    pub(crate) fn new(segments: usize, stopping: CancellationToken) -> Self {
        Self { running: Mutex::default(), segments: segments.max(1), stopping }
    }

    /// A place at the running fill of a blob.
    pub(crate) fn running(&self, digest: &Digest) -> Option<Place> {
        self.lock().get(digest).filter(|fill| !fill.has_failed()).map(|fill| fill.place())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Fill>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mirror {
    /// Joins the download of a blob or starts it; `None` if one has just ended and the blob is here, or one has begun that
    /// this repository has no part in. Who joins one that another repository began must know that its own has the blob too.
    pub(crate) fn fill(&self, host: &Host, key: &RepoKey, digest: &Digest) -> Option<Place> {
        let mut running = self.0.fills.lock();
        if let Some(fill) = running.get(digest).filter(|fill| !fill.has_failed()) {
            return fill.is_from(host).then(|| {
                fill.link(key);
                fill.place()
            });
        }
        if self.0.memory.links.contains_key(&(key.clone(), *digest)) {
            return None;
        }
        let fill = Arc::new(Fill::new(*digest, key.clone()));
        let place = fill.place();
        running.insert(*digest, Arc::clone(&fill));
        drop(running);
        let guard = Running { mirror: self.clone(), fill };
        let (mirror, host, key) = (self.clone(), host.clone(), key.clone());
        self.0.tasks.spawn(async move { run::run(&mirror, &host, &key, &guard.fill).await });
        Some(place)
    }

    /// Takes up the downloads that were cut off by a restart; throws away what cannot be taken up.
    pub(crate) async fn resume_fills(&self) {
        let staged = self.0.blobs.list_staged().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "unfinished downloads could not be looked for");
            Vec::new()
        });
        for (id, _) in staged {
            let StageId::Fill(digest) = id else { continue };
            match self.noted(&digest).await {
                Some(key) if self.upstream_of(&key).is_some() => {
                    if let Some(host) = self.upstream_of(&key) {
                        tracing::info!(%key, %digest, "an unfinished download is taken up");
                        self.fill(&host, &key, &digest);
                    }
                }
                _ => run::discard(self, digest).await,
            }
        }
    }

    /// Throws away what is left of downloads that failed and that nobody has asked for since.
    pub(crate) async fn expire_fills(&self, now: SystemTime) {
        for (id, modified) in self.0.blobs.list_staged().await.unwrap_or_default() {
            let StageId::Fill(digest) = id else { continue };
            let idle = now.duration_since(modified).is_ok_and(|idle| idle > KEPT_PARTIAL);
            if idle && self.0.fills.running(&digest).is_none() {
                run::discard(self, digest).await;
            }
        }
    }

    async fn noted(&self, digest: &Digest) -> Option<RepoKey> {
        let staged = self.0.blobs.staged(&StageId::Fill(*digest)).await.ok()??;
        ledger::Note::read(&staged.note().await.ok()??)?.key()
    }

    fn upstream_of(&self, key: &RepoKey) -> Option<Host> {
        match &key.origin {
            Origin::Upstream(host) if self.0.upstreams.contains_key(host) => Some(host.clone()),
            _ => None,
        }
    }
}

/// Takes the fill off the map when its task ends, also by panic, and lets nobody wait for ever.
struct Running {
    mirror: Mirror,
    fill: Arc<Fill>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.mirror.0.fills.lock();
        // One that failed may have a successor by now.
        if running.get(&self.fill.digest).is_some_and(|fill| Arc::ptr_eq(fill, &self.fill)) {
            running.remove(&self.fill.digest);
        }
        drop(running);
        self.fill.abandon();
    }
}

impl Fill {
    fn new(digest: Digest, key: RepoKey) -> Self {
        let state = State { phase: Phase::Connecting, visible: 0, is_over: false };
        Self { digest, links: Mutex::new(vec![key]), state: watch::channel(state).0 }
    }

    fn link(&self, key: &RepoKey) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if !links.contains(key) {
            links.push(key.clone());
        }
    }

    /// Whether the download is for this repository among others.
    pub(crate) fn is_for(&self, key: &RepoKey) -> bool {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Whether it is a download from that upstream.
    pub(crate) fn is_from(&self, host: &Host) -> bool {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        // They all are of one upstream.
        links.first().is_some_and(|key| matches!(&key.origin, Origin::Upstream(of) if of == host))
    }

    /// Whether all bytes are here and right, and only being kept.
    pub(crate) fn is_verified(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::Verified(_))
    }

    fn place(self: &Arc<Self>) -> Place {
        Place { fill: Arc::clone(self), watch: self.state.subscribe() }
    }

    fn has_failed(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::Failed(_))
    }

    fn links(&self) -> Vec<RepoKey> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bytes of `range` as they come; the range must lie within the content.
    pub(crate) fn read(self: &Arc<Self>, content: &Content, range: Range<u64>) -> BlobStream {
        let Some(mapping) = content.mapping.clone() else {
            return BlobStream { mapping: None, frames: stream::empty().boxed() };
        };
        let reader = Reader {
            watch: self.state.subscribe(),
            bytes: mapping.bytes().clone(),
            at: range.start,
            end: range.end,
        };
        let frames = stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.next().await? {
                Ok(bytes) => Some((Ok(bytes), Some(reader))),
                Err(cut) => Some((Err(cut), None)),
            }
        });
        BlobStream { mapping: Some(mapping), frames: frames.boxed() }
    }

    fn flow(&self, content: Content) {
        self.state.send_modify(|state| state.phase = Phase::Flowing(content));
    }

    /// Lets readers go as far as the bytes are there, the last of them excepted.
    fn reveal(&self, contiguous: u64, size: u64) {
        let visible = contiguous.min(size.saturating_sub(WITHHELD));
        self.state.send_if_modified(|state| {
            let grew = visible > state.visible && matches!(state.phase, Phase::Flowing(_));
            if grew {
                state.visible = visible;
            }
            grew
        });
    }

    fn verified(&self, content: Content) {
        self.state.send_modify(|state| {
            state.visible = content.size;
            state.phase = Phase::Verified(content);
        });
    }

    /// Waits until nobody waits for it.
    async fn deserted(&self) {
        self.state.closed().await;
    }

    fn failed(&self, failure: Failure) {
        self.state.send_modify(|state| state.phase = Phase::Failed(failure));
    }

    fn abandon(&self) {
        self.state.send_modify(|state| {
            if matches!(state.phase, Phase::Connecting | Phase::Flowing(_)) {
                state.phase = Phase::Failed(Failure::Refused(Error::Store));
            }
            state.is_over = true;
        });
    }
}

impl Place {
    /// Waits until it is off the map.
    pub(crate) async fn until_over(mut self) {
        // The sender lives in the fill.
        let _ = self.watch.wait_for(|state| state.is_over).await;
    }

    /// Waits until the upstream has answered.
    pub(crate) async fn started(mut self) -> Result<(Arc<Fill>, Content), Failure> {
        let state = self.watch.wait_for(|state| !matches!(state.phase, Phase::Connecting)).await;
        let phase = state.map(|state| state.phase.clone());
        match phase {
            Ok(Phase::Flowing(content) | Phase::Verified(content)) => Ok((self.fill, content)),
            Ok(Phase::Failed(failure)) => Err(failure),
            // The sender lives in the fill.
            Ok(Phase::Connecting) | Err(_) => Err(Failure::Refused(Error::Store)),
        }
    }
}

/// One client's place in a growing file.
struct Reader {
    watch: watch::Receiver<State>,
    bytes: bytes::Bytes,
    at: u64,
    end: u64,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<bytes::Bytes, Cut>> {
        if self.at >= self.end {
            return None;
        }
        let at = self.at;
        let ready = |state: &State| state.visible > at || matches!(state.phase, Phase::Failed(_));
        let visible = match self.watch.wait_for(ready).await {
            Ok(state) => state.visible,
            Err(_) => at,
        };
        if visible <= at {
            return Some(Err(Cut));
        }
        let until = visible.min(self.end).min(at + FRAME);
        self.at = until;
        // A mapping is no longer than the address space.
        Some(Ok(self.bytes.slice(at as usize..until as usize)))
    }
}
