//! The state of a download that its readers share: how far it may be read, from which file, and how it ended.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use entrepot_blobs::Mapping;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Host};
use futures_util::{StreamExt, stream};
use tokio::sync::{Notify, watch};

use super::{segments::NEAR, written_ranges::WrittenRanges};
use crate::{
    error::Error,
    served::{BlobStream, Cut},
};

/// Bytes withheld at the end until the digest is verified, so that wrong content never makes a complete answer.
pub(crate) const WITHHELD: u64 = 32 << 10;
/// The most bytes handed to a client at a time.
const FRAME: u64 = 1 << 20;

/// One download, as its readers see it.
pub(crate) struct Fill {
    pub(crate) digest: Digest,
    /// The repositories that were asked for it, all of one upstream. They all get the blob.
    keys: Mutex<Vec<RepoKey>>,
    state: watch::Sender<FillState>,
    asked: AskedRanges,
}

/// Ranges that readers want and that the download has not heard of yet.
#[derive(Default)]
struct AskedRanges {
    ranges: Mutex<Vec<Range<u64>>>,
    added: Notify,
}

struct FillState {
    phase: Phase,
    growth: Growth,
    /// Somebody reads ahead of the first gap, and wants to hear of bytes there too.
    has_reader_ahead: bool,
    /// It is no longer among the running fills; what was kept of it is in the store.
    is_over: bool,
}

/// How far a download is.
#[derive(Default)]
pub(super) struct Growth {
    pub(super) written: WrittenRanges,
    /// The upstream takes requests for ranges, so that any of them can be fetched first.
    pub(super) ranges: bool,
}

#[derive(Clone)]
enum Phase {
    Connecting,
    Growing(FillContent),
    Verified(FillContent),
    Failed(FillFailure),
}

/// Somebody who waits for a fill. A fill of unknown size goes on as long as there is one.
pub(crate) struct Waiter {
    pub(crate) fill: Arc<Fill>,
    watch: watch::Receiver<FillState>,
}

/// The size of a blob, and the file that it is read from.
#[derive(Clone)]
pub(crate) struct FillContent {
    pub(crate) size: u64,
    /// `None` only for the empty blob.
    pub(crate) mapping: Option<Mapping>,
}

/// Why a fill ended without its blob.
#[derive(Clone, Debug)]
pub(crate) enum FillFailure {
    /// There is no space to keep it: pass it through.
    NoSpace,
    /// Nobody waited for it any more. Somebody who has come meanwhile may begin anew.
    Abandoned,
    /// The upstream did not give it: the answer to those who wait.
    Refused(Error),
}

impl Fill {
    pub(super) fn new(digest: Digest, key: RepoKey) -> Self {
        let (phase, growth) = (Phase::Connecting, Growth::default());
        let state = watch::channel(FillState { phase, growth, has_reader_ahead: false, is_over: false }).0;
        Self { digest, keys: Mutex::new(vec![key]), state, asked: AskedRanges::default() }
    }

    /// Has the download give the blob to another repository of its upstream as well.
    pub(super) fn add_key(&self, key: &RepoKey) {
        let mut keys = self.lock();
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }

    /// True if this repository is among those that get the blob.
    pub(crate) fn is_for(&self, key: &RepoKey) -> bool {
        self.lock().contains(key)
    }

    /// True if the download is from that upstream.
    pub(crate) fn is_from(&self, host: &Host) -> bool {
        self.lock().first().is_some_and(|key| matches!(&key.origin, Origin::Upstream(of) if of == host))
    }

    /// True once all bytes have come and are verified; only their commit is still under way.
    pub(crate) fn is_verified(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::Verified(_))
    }

    pub(super) fn waiter(self: &Arc<Self>) -> Waiter {
        Waiter { fill: Arc::clone(self), watch: self.state.subscribe() }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::Failed(_))
    }

    /// The repositories that get the blob.
    pub(super) fn keys(&self) -> Vec<RepoKey> {
        self.lock().clone()
    }

    /// The bytes of `range` as they arrive. The range must lie within the content. One that begins far ahead of what is there
    /// is fetched first.
    pub(crate) fn read(self: &Arc<Self>, content: &FillContent, range: Range<u64>) -> BlobStream {
        let Some(mapping) = content.mapping.clone() else {
            return BlobStream { mapping: None, frames: stream::empty().boxed() };
        };
        let withheld = if self.is_far_ahead(&range) { 0 } else { WITHHELD };
        let reader = FillReader {
            watch: self.state.subscribe(),
            bytes: mapping.bytes().clone(),
            at: range.start,
            end: range.end,
            unverified: content.size.saturating_sub(withheld),
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

    /// Whether `range` begins far ahead of the bytes that are there, so that it is not waited for but asked for. Such a
    /// range is never a blob that a client could verify, and one that reaches to the end is sent without waiting for that.
    fn is_far_ahead(&self, range: &Range<u64>) -> bool {
        let mut is_far = false;
        self.state.send_if_modified(|state| {
            let front = state.growth.written.contiguous();
            let is_ahead = matches!(state.phase, Phase::Growing(_)) && range.start > front;
            is_far = is_ahead && state.growth.ranges && range.start - front >= NEAR;
            state.has_reader_ahead |= is_ahead;
            false
        });
        if is_far {
            lock(&self.asked.ranges).push(range.clone());
            self.asked.added.notify_one();
        }
        is_far
    }

    /// Waits for ranges that readers want first.
    pub(super) async fn asked(&self) -> Vec<Range<u64>> {
        self.asked.added.notified().await;
        std::mem::take(&mut *lock(&self.asked.ranges))
    }

    /// Tells readers that bytes will come, and where.
    pub(super) fn begin(&self, content: FillContent, growth: Growth) {
        self.state.send_modify(|state| (state.phase, state.growth) = (Phase::Growing(content), growth));
    }

    /// Lets readers read bytes that were written, but not yet the last [`WITHHELD`] of the blob.
    pub(super) fn reveal(&self, written: Range<u64>) {
        self.state.send_if_modified(|state| {
            let front = state.growth.written.contiguous();
            state.growth.written.add(written);
            state.has_reader_ahead || state.growth.written.contiguous() > front
        });
    }

    /// Lets readers read everything.
    pub(super) fn verified(&self, content: FillContent) {
        self.state.send_modify(|state| state.phase = Phase::Verified(content));
    }

    /// Waits until there is neither a waiter nor a reader.
    pub(super) async fn abandoned(&self) {
        self.state.closed().await;
    }

    /// Ends all answers that read from it.
    pub(super) fn fail(&self, failure: FillFailure) {
        self.state.send_modify(|state| state.phase = Phase::Failed(failure));
    }

    /// Notes that its task has ended. If that happened before it was verified, by a panic, readers get an error.
    pub(super) fn end(&self) {
        self.state.send_modify(|state| {
            if matches!(state.phase, Phase::Connecting | Phase::Growing(_)) {
                state.phase = Phase::Failed(FillFailure::Refused(Error::Store));
            }
            state.is_over = true;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RepoKey>> {
        lock(&self.keys)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FillState {
    /// The offset past the last byte that may be read from `at` on; of what is not verified, none from `unverified` on.
    fn readable(&self, at: u64, unverified: u64) -> u64 {
        match &self.phase {
            Phase::Verified(content) => content.size,
            _ => self.growth.written.end_of_run(at).min(unverified),
        }
    }
}

impl Waiter {
    /// Waits until its task has ended.
    pub(crate) async fn until_over(mut self) {
        // The sender lives in the fill.
        let _ = self.watch.wait_for(|state| state.is_over).await;
    }

    /// Waits until the upstream has answered.
    pub(crate) async fn started(mut self) -> Result<(Arc<Fill>, FillContent), FillFailure> {
        let state = self.watch.wait_for(|state| !matches!(state.phase, Phase::Connecting)).await;
        let phase = state.map(|state| state.phase.clone());
        match phase {
            Ok(Phase::Growing(content) | Phase::Verified(content)) => Ok((self.fill, content)),
            Ok(Phase::Failed(failure)) => Err(failure),
            // The sender lives in the fill.
            Ok(Phase::Connecting) | Err(_) => Err(FillFailure::Refused(Error::Store)),
        }
    }
}

/// One client's position in a growing file.
struct FillReader {
    watch: watch::Receiver<FillState>,
    bytes: Bytes,
    at: u64,
    end: u64,
    /// What lies behind this is read only once the blob is verified.
    unverified: u64,
}

impl FillReader {
    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        if self.at >= self.end {
            return None;
        }
        let (at, unverified) = (self.at, self.unverified);
        let ready = |state: &FillState| {
            state.readable(at, unverified) > at || matches!(state.phase, Phase::Failed(_))
        };
        let readable = match self.watch.wait_for(ready).await {
            Ok(state) => state.readable(at, unverified),
            Err(_) => at,
        };
        if readable <= at {
            return Some(Err(Cut));
        }
        let until = readable.min(self.end).min(at + FRAME);
        self.at = until;
        // A mapping is no longer than the address space.
        Some(Ok(self.bytes.slice(at as usize..until as usize)))
    }
}
