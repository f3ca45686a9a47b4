//! A range of a download that one connection fetches. Pure: the time is a parameter.

use std::{
    ops::Range,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use entrepot_remote::SILENCE;
use tokio::sync::Notify;

/// How often the time for a first byte doubles.
const LONGEST_DOUBLED: u32 = 4;

/// A range that one connection fetches. Its end may move towards the front meanwhile, but never into what the connection has
/// claimed: so no byte is written twice.
pub(super) struct Segment {
    pub(super) start: u64,
    began: Instant,
    /// How long no bytes may come.
    patience: Duration,
    at: AtomicU64,
    claim: Mutex<Claim>,
    /// Told when nothing is left to be claimed.
    ended: Notify,
}

/// How far a connection has got.
pub(super) struct Claim {
    /// What has come and is being written.
    pub(super) claimed: u64,
    /// The offset past the last byte.
    pub(super) end: u64,
    /// When bytes came last.
    pub(super) moved: Option<Instant>,
}

impl Segment {
    /// A segment of which nothing has come; `in_vain` says how often that was so before.
    pub(super) fn new(range: Range<u64>, in_vain: u32, now: Instant) -> Self {
        Self {
            start: range.start,
            began: now,
            patience: SILENCE * 2u32.pow(in_vain.min(LONGEST_DOUBLED)),
            at: AtomicU64::new(range.start),
            claim: Mutex::new(Claim { claimed: range.start, end: range.end, moved: None }),
            ended: Notify::new(),
        }
    }

    /// The offset of the first byte that is not written yet.
    pub(super) fn at(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// The offset past the last byte.
    pub(super) fn end(&self) -> u64 {
        self.claim().end
    }

    /// Claims the next bytes, at most `length`, to be written. Returns where they belong.
    pub(super) fn take(&self, length: u64, now: Instant) -> Range<u64> {
        let mut claim = self.claim();
        let from = claim.claimed;
        claim.claimed = from.saturating_add(length).min(claim.end.max(from));
        claim.moved = Some(now);
        from..claim.claimed
    }

    /// Notes that everything before `to` is written.
    pub(super) fn advance(&self, to: u64) {
        self.at.store(to, Ordering::Release);
    }

    /// Whether nothing is left to be claimed.
    pub(super) fn has_ended(&self) -> bool {
        let claim = self.claim();
        claim.claimed >= claim.end
    }

    /// Waits until nothing is left to be claimed, because others took the rest. For one task at a time.
    pub(super) async fn ended(&self) {
        while !self.has_ended() {
            self.ended.notified().await;
        }
    }

    /// Bytes a second, so far.
    pub(super) fn speed(&self, now: Instant) -> u64 {
        let claimed = self.claim().claimed;
        self.speed_of(claimed, now)
    }

    /// The same, of what is claimed up to there.
    pub(super) fn speed_of(&self, claimed: u64, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.began).as_millis().max(1);
        let bytes = u128::from(claimed - self.start);
        u64::try_from(bytes * 1000 / elapsed).unwrap_or(u64::MAX)
    }

    /// Whether no bytes have come for too long.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        let moved = self.claim().moved;
        self.is_silent_since(moved, now)
    }

    /// The same, if bytes came last at `moved`.
    pub(super) fn is_silent_since(&self, moved: Option<Instant>, now: Instant) -> bool {
        now.saturating_duration_since(moved.unwrap_or(self.began)) >= self.patience
    }

    /// Whether bytes have come lately.
    pub(super) fn is_flowing(&self, now: Instant) -> bool {
        self.claim().moved.is_some_and(|moved| now.saturating_duration_since(moved) < SILENCE)
    }

    /// Ends it at `cut`, or where its claim ends, if that is farther. Returns what is cut off.
    pub(super) fn cut(&self, cut: u64) -> Range<u64> {
        let mut claim = self.claim();
        let cut = cut.max(claim.claimed).min(claim.end);
        let rest = cut..claim.end;
        claim.end = cut;
        if claim.claimed >= cut {
            self.ended.notify_one();
        }
        rest
    }

    /// How far it has got.
    pub(super) fn claim(&self) -> MutexGuard<'_, Claim> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
