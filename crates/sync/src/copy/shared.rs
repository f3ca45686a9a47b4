//! One read of a blob for all targets that need it.
//!
//! Each target has a [`Ballot`]: it joins and gets a [`BlobStream`], or drops it. When all have decided, or those that
//! joined have waited long enough, [`read_once`] reads the blob into a short queue for each. A target that delays the
//! others is left behind; its stream continues with its own read.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, future, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    time::Instant,
};

use super::{
    blob_stream::BlobStream,
    reading::{BlobOrigin, BlobReader, Mark, Piece},
    weight::{Item, QUEUE_LENGTH, weight},
};

/// The time that targets which have joined wait for the others to decide.
const GRACE: Duration = Duration::from_secs(5);

/// The time a target may delay the others: this, plus half of the time since the read began. So a target less than half
/// as fast as the others is left behind, but targets that take turns being the slowest are not.
const BEHIND: Duration = Duration::from_secs(5);
const BEHIND_PART: u32 = 2;

/// A read that targets can join.
pub(super) struct SharedRead {
    state: Mutex<ReadState>,
    changed: Notify,
}

struct ReadState {
    undecided: usize,
    queues: Vec<mpsc::Sender<Item>>,
    /// The time the first target joined.
    since: Option<Instant>,
    is_closed: bool,
}

/// A target's right to join a read. Dropping it declines.
pub(super) struct Ballot(Arc<SharedRead>);

impl SharedRead {
    /// A read for `count` targets.
    pub(super) fn new(count: usize) -> (Arc<Self>, Vec<Ballot>) {
        let state = ReadState { undecided: count, queues: Vec::new(), since: None, is_closed: false };
        let shared = Arc::new(Self { state: Mutex::new(state), changed: Notify::new() });
        let ballots = (0..count).map(|_| Ballot(Arc::clone(&shared))).collect();
        (shared, ballots)
    }

    fn lock(&self) -> MutexGuard<'_, ReadState> {
        // A panic cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Waits until it is known which targets join, and closes the list.
    async fn queues(&self) -> Vec<mpsc::Sender<Item>> {
        loop {
            let until = {
                let mut state = self.lock();
                let until = state.since.map(|since| since + GRACE);
                if state.undecided == 0 || until.is_some_and(|until| until <= Instant::now()) {
                    state.is_closed = true;
                    return mem::take(&mut state.queues);
                }
                until
            };
            let changed = self.changed.notified();
            match until {
                Some(until) => drop(tokio::time::timeout_at(until, changed).await),
                None => changed.await,
            }
        }
    }
}

impl Ballot {
    /// Joins the read. If it is too late, the stream gets its own read.
    pub(super) fn join(self, origin: BlobOrigin, room: Arc<Semaphore>) -> BlobStream {
        let mut state = self.0.lock();
        if state.is_closed {
            return BlobStream::own(origin, room);
        }
        let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
        state.queues.push(sender);
        state.since.get_or_insert_with(Instant::now);
        BlobStream::shared(origin, room, receiver)
    }
}

impl Drop for Ballot {
    fn drop(&mut self) {
        self.0.lock().undecided -= 1;
        self.0.changed.notify_one();
    }
}

/// Reads a blob for all targets that joined.
pub(super) async fn read_once(shared: Arc<SharedRead>, origin: BlobOrigin, room: Arc<Semaphore>) {
    let mut queues: Vec<Queue> = shared.queues().await.into_iter().map(Queue::new).collect();
    if queues.is_empty() {
        origin.tally.dealt(origin.blob, origin.blob.size);
        return;
    }
    // The semaphore is never closed.
    let _room = room.acquire_many(weight(origin.blob.size, queues.len())).await;
    let mut reading = BlobReader::new(origin.clone(), Mark::start(origin.blob));
    let began = Instant::now();
    while !queues.is_empty() {
        match reading.next().await {
            Ok(Some(piece)) => {
                origin.tally.dealt(origin.blob, piece.after.at);
                hand_out(&mut queues, &piece, began).await;
            }
            Ok(None) => return,
            Err(error) => {
                for queue in queues {
                    // A target with a full queue gets the error from its own read.
                    drop(queue.sender.try_send(Err(error.clone())));
                }
                return;
            }
        }
    }
}

struct Queue {
    sender: mpsc::Sender<Item>,
    /// The time the others have waited for it.
    waited: Duration,
}

impl Queue {
    fn new(sender: mpsc::Sender<Item>) -> Self {
        Self { sender, waited: Duration::ZERO }
    }
}

// Puts a piece into each queue. While some have room, the full ones use up their allowance.
async fn hand_out(queues: &mut Vec<Queue>, piece: &Piece, began: Instant) {
    let (mut full, mut ready) = (Vec::new(), Vec::new());
    for queue in mem::take(queues) {
        match queue.sender.try_send(Ok(piece.clone())) {
            Ok(()) => ready.push(queue),
            Err(mpsc::error::TrySendError::Full(_)) => full.push(queue),
            // The target failed and has reported it.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
    if ready.is_empty() {
        // All are equally slow so far, and nobody is kept waiting.
        ready.extend(first_with_room(&mut full, piece).await);
    }
    let allowed = BEHIND + began.elapsed() / BEHIND_PART;
    let waiting: FuturesUnordered<_> =
        full.into_iter().map(|queue| wait(queue, piece.clone(), allowed)).collect();
    ready.extend(waiting.filter_map(future::ready).collect::<Vec<_>>().await);
    *queues = ready;
}

// Takes out the first queue with room, after adding the piece; `None` if its target failed.
async fn first_with_room(full: &mut Vec<Queue>, piece: &Piece) -> Option<Queue> {
    if full.is_empty() {
        return None;
    }
    let reserving = full.iter().map(|queue| Box::pin(queue.sender.reserve()));
    let (reserved, index, others) = future::select_all(reserving).await;
    drop(others);
    let has_room = reserved.map(|room| room.send(Ok(piece.clone()))).is_ok();
    let queue = full.swap_remove(index);
    has_room.then_some(queue)
}

// Waits for room in a queue; `None` if the target failed or used up its allowance.
async fn wait(queue: Queue, piece: Piece, allowed: Duration) -> Option<Queue> {
    let began = Instant::now();
    let left = allowed.saturating_sub(queue.waited);
    let sent = tokio::time::timeout(left, queue.sender.send(Ok(piece))).await.ok()?;
    sent.ok()?;
    Some(Queue { waited: queue.waited + began.elapsed(), ..queue })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use entrepot_oci::Digest;

    use super::*;
    use crate::copy::blob::Blob;

    const ALLOWED: Duration = Duration::from_secs(60);

    fn piece() -> Piece {
        let bytes = Bytes::from_static(b"x");
        Piece { after: Mark::start(Blob { digest: Digest::of(&bytes), size: 1 }), bytes }
    }

    #[tokio::test]
    async fn what_the_others_wait_for_a_target_adds_up() {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(Ok(piece())).unwrap();
        let queue = Queue { waited: ALLOWED / 2, sender };
        let slow = async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            receiver.recv().await.unwrap().unwrap();
        };
        let (queue, ()) = future::join(wait(queue, piece(), ALLOWED), slow).await;
        let queue = queue.unwrap();
        assert!(queue.waited >= ALLOWED / 2 + Duration::from_millis(2), "{:?}", queue.waited);
        // It is full again, and nothing of what it may use is left.
        let exhausted = Queue { waited: ALLOWED, ..queue };
        assert!(wait(exhausted, piece(), ALLOWED).await.is_none());
    }
}
