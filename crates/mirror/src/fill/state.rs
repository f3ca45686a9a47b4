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
use tokio::sync::watch;

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
    state: watch::Sender<State>,
}

#[derive(Clone)]
struct State {
    phase: Phase,
    /// Bytes from the start that may be read.
    visible: u64,
    /// It is no longer among the running fills; what was kept of it is in the store.
    is_over: bool,
}

#[derive(Clone)]
enum Phase {
    Connecting,
    Growing(Content),
    Verified(Content),
    Failed(Failure),
}

/// Somebody who waits for a fill. A fill of unknown size goes on as long as there is one.
pub(crate) struct Waiter {
    pub(crate) fill: Arc<Fill>,
    watch: watch::Receiver<State>,
}

/// The size of a blob, and the file that it is read from.
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
    NoSpace,
    /// Nobody waited for it any more. Somebody who has come meanwhile may begin anew.
    Abandoned,
    /// The upstream did not give it: the answer to those who wait.
    Refused(Error),
}

impl Fill {
    pub(super) fn new(digest: Digest, key: RepoKey) -> Self {
        let state = State { phase: Phase::Connecting, visible: 0, is_over: false };
        Self { digest, keys: Mutex::new(vec![key]), state: watch::channel(state).0 }
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

    /// The bytes of `range` as they arrive. The range must lie within the content.
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

    /// Tells readers that bytes will come, and where.
    pub(super) fn begin(&self, content: Content) {
        self.state.send_modify(|state| state.phase = Phase::Growing(content));
    }

    /// Lets readers read the first `contiguous` bytes, but not yet the last [`WITHHELD`] of `size`.
    pub(super) fn reveal(&self, contiguous: u64, size: u64) {
        let visible = contiguous.min(size.saturating_sub(WITHHELD));
        self.state.send_if_modified(|state| {
            let grew = visible > state.visible && matches!(state.phase, Phase::Growing(_));
            if grew {
                state.visible = visible;
            }
            grew
        });
    }

    /// Lets readers read everything.
    pub(super) fn verified(&self, content: Content) {
        self.state.send_modify(|state| {
            state.visible = content.size;
            state.phase = Phase::Verified(content);
        });
    }

    /// Waits until there is neither a waiter nor a reader.
    pub(super) async fn abandoned(&self) {
        self.state.closed().await;
    }

    /// Ends all answers that read from it.
    pub(super) fn fail(&self, failure: Failure) {
        self.state.send_modify(|state| state.phase = Phase::Failed(failure));
    }

    /// Notes that its task has ended. If that happened before it was verified, by a panic, readers get an error.
    pub(super) fn end(&self) {
        self.state.send_modify(|state| {
            if matches!(state.phase, Phase::Connecting | Phase::Growing(_)) {
                state.phase = Phase::Failed(Failure::Refused(Error::Store));
            }
            state.is_over = true;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RepoKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Waits until its task has ended.
    pub(crate) async fn until_over(mut self) {
        // The sender lives in the fill.
        let _ = self.watch.wait_for(|state| state.is_over).await;
    }

    /// Waits until the upstream has answered.
    pub(crate) async fn started(mut self) -> Result<(Arc<Fill>, Content), Failure> {
        let state = self.watch.wait_for(|state| !matches!(state.phase, Phase::Connecting)).await;
        let phase = state.map(|state| state.phase.clone());
        match phase {
            Ok(Phase::Growing(content) | Phase::Verified(content)) => Ok((self.fill, content)),
            Ok(Phase::Failed(failure)) => Err(failure),
            // The sender lives in the fill.
            Ok(Phase::Connecting) | Err(_) => Err(Failure::Refused(Error::Store)),
        }
    }
}

/// One client's position in a growing file.
struct Reader {
    watch: watch::Receiver<State>,
    bytes: Bytes,
    at: u64,
    end: u64,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
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
