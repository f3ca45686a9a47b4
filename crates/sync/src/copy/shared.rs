//! One read of a blob for all targets that want it.
//!
//! Each target has a [`Ballot`]: it joins, and is given a [`Feed`], or lets it be. When all have decided, or those that
//! joined have waited long enough for the others, [`pour`] reads the blob once into a short queue for each. A target that
//! keeps the others waiting is left behind; its feed goes on with a read of its own.

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
    feed::Feed,
    reading::{Mark, Origin, PIECE, Piece, Reading},
};
use crate::ends::EndError;

/// The pieces in a target's queue.
const QUEUE: usize = 4;

/// How long targets that are ready wait for others to decide.
const GRACE: Duration = Duration::from_secs(5);

/// How long a target may keep the others waiting: this, and half of the time since the read began. One that is not half as
/// fast as the others is left behind, then; targets that take turns at being the slowest are not.
const BEHIND: Duration = Duration::from_secs(5);
const BEHIND_PART: u32 = 2;

/// What a target's queue is filled with: pieces, or why there will be no more of them.
pub(super) type Item = Result<Piece, EndError>;

/// A read that targets can join.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    undecided: usize,
    lanes: Vec<mpsc::Sender<Item>>,
    /// When the first joined.
    since: Option<Instant>,
    is_closed: bool,
}

/// A target's right to join a read. Dropped, it has decided not to.
pub(super) struct Ballot(Arc<Shared>);

impl Shared {
    /// A read for `count` targets.
    pub(super) fn new(count: usize) -> (Arc<Self>, Vec<Ballot>) {
        let state = State { undecided: count, lanes: Vec::new(), since: None, is_closed: false };
        let shared = Arc::new(Self { state: Mutex::new(state), changed: Notify::new() });
        let ballots = (0..count).map(|_| Ballot(Arc::clone(&shared))).collect();
        (shared, ballots)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Waits until it is known who wants to read, and closes the list.
    async fn lanes(&self) -> Vec<mpsc::Sender<Item>> {
        loop {
            let until = {
                let mut state = self.lock();
                let until = state.since.map(|since| since + GRACE);
                if state.undecided == 0 || until.is_some_and(|until| until <= Instant::now()) {
                    state.is_closed = true;
                    return mem::take(&mut state.lanes);
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
    /// Wants to read it. Too late, the feed has a read of its own.
    pub(super) fn join(self, origin: Origin, room: Arc<Semaphore>) -> Feed {
        let mut state = self.0.lock();
        if state.is_closed {
            return Feed::own(origin, room);
        }
        let (lane, queue) = mpsc::channel(QUEUE);
        state.lanes.push(lane);
        state.since.get_or_insert_with(Instant::now);
        Feed::shared(origin, room, queue)
    }
}

impl Drop for Ballot {
    fn drop(&mut self) {
        self.0.lock().undecided -= 1;
        self.0.changed.notify_one();
    }
}

/// The most pieces that are counted for one blob: there is always room for as many, so that none waits forever.
pub(super) const MAX_WEIGHT: u32 = 64;

/// The pieces that a large blob is counted with on each of its connections: a queue, and as much again in what the
/// connection itself keeps ready, which grows with what comes at once.
const LARGE: usize = 2 * QUEUE;

/// The memory that reading a blob takes, in pieces.
pub(super) fn weight(size: u64, lanes: usize) -> u32 {
    let pieces = size.div_ceil(PIECE as u64).clamp(1, LARGE as u64);
    u32::try_from(pieces * (lanes as u64 + 1)).unwrap_or(MAX_WEIGHT).min(MAX_WEIGHT)
}

/// Reads a blob for all who joined.
pub(super) async fn pour(shared: Arc<Shared>, origin: Origin, room: Arc<Semaphore>) {
    let mut lanes: Vec<Lane> = shared.lanes().await.into_iter().map(Lane::new).collect();
    if lanes.is_empty() {
        origin.tally.dealt(origin.blob, origin.blob.size);
        return;
    }
    // It is never closed.
    let _room = room.acquire_many(weight(origin.blob.size, lanes.len())).await;
    let mut reading = Reading::new(origin.clone(), Mark::start(origin.blob));
    let began = Instant::now();
    while !lanes.is_empty() {
        match reading.next().await {
            Ok(Some(piece)) => {
                origin.tally.dealt(origin.blob, piece.after.at);
                hand_out(&mut lanes, &piece, began).await;
            }
            Ok(None) => return,
            Err(error) => {
                for lane in lanes {
                    // Those that are behind find out by themselves.
                    drop(lane.queue.try_send(Err(error.clone())));
                }
                return;
            }
        }
    }
}

struct Lane {
    queue: mpsc::Sender<Item>,
    /// How long the others have waited for it.
    waited: Duration,
}

impl Lane {
    fn new(queue: mpsc::Sender<Item>) -> Self {
        Self { queue, waited: Duration::ZERO }
    }
}

// Gives a piece to each lane. While some have room and others do not, the latter use up their time.
async fn hand_out(lanes: &mut Vec<Lane>, piece: &Piece, began: Instant) {
    let (mut full, mut ready) = (Vec::new(), Vec::new());
    for lane in mem::take(lanes) {
        match lane.queue.try_send(Ok(piece.clone())) {
            Ok(()) => ready.push(lane),
            Err(mpsc::error::TrySendError::Full(_)) => full.push(lane),
            // The target failed; it has said so.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
    if ready.is_empty() {
        // They are all equally slow up to here, and nobody is kept waiting.
        ready.extend(first_with_room(&mut full, piece).await);
    }
    let allowed = BEHIND + began.elapsed() / BEHIND_PART;
    let waiting: FuturesUnordered<_> =
        full.into_iter().map(|lane| wait(lane, piece.clone(), allowed)).collect();
    ready.extend(waiting.filter_map(future::ready).collect::<Vec<_>>().await);
    *lanes = ready;
}

// Takes out the first lane that has room again, with the piece in it; `None` if its target failed.
async fn first_with_room(full: &mut Vec<Lane>, piece: &Piece) -> Option<Lane> {
    if full.is_empty() {
        return None;
    }
    let reserving = full.iter().map(|lane| Box::pin(lane.queue.reserve()));
    let (reserved, index, others) = future::select_all(reserving).await;
    drop(others);
    let has_room = reserved.map(|room| room.send(Ok(piece.clone()))).is_ok();
    let lane = full.swap_remove(index);
    has_room.then_some(lane)
}

// Waits for room in a lane; `None` for one that failed or used up its time.
async fn wait(lane: Lane, piece: Piece, allowed: Duration) -> Option<Lane> {
    let began = Instant::now();
    let left = allowed.saturating_sub(lane.waited);
    let sent = tokio::time::timeout(left, lane.queue.send(Ok(piece))).await.ok()?;
    sent.ok()?;
    Some(Lane { waited: lane.waited + began.elapsed(), ..lane })
}
