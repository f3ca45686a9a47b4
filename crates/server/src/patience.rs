//! Time limits for clients that do not read their responses.
//!
//! Engines stop reading for a minute or more while they unpack, so a pause alone does not cut a client. A client that
//! keeps others from being served, because memory or connections are short, gets less time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// Bytes that count as progress: more than HTTP/2's own pings add up to.
const ENOUGH: u64 = 4 << 10;
/// Time that a shortage lasts after it was seen.
const SEEN: Duration = Duration::from_secs(15);

/// Time limits for a client that makes almost no progress. The default is for production; tests use shorter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// While nothing is short.
    pub always: Duration,
    /// While there are no file descriptors for other connections.
    pub while_full: Duration,
    /// While there is no memory for other responses; for clients that hold some.
    pub while_short: Duration,
    /// The interval between checks.
    pub check: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            always: Duration::from_secs(5 * 60),
            while_full: Duration::from_secs(30),
            while_short: Duration::from_secs(10),
            check: Duration::from_secs(5),
        }
    }
}

/// The resources that are short at the moment.
pub(crate) struct ResourceShortage {
    patience: Patience,
    start: Instant,
    // End of the shortage, in milliseconds since the start.
    memory: AtomicU64,
    connections: AtomicU64,
}

impl ResourceShortage {
    pub(crate) fn none(patience: Patience) -> Self {
        Self { patience, start: Instant::now(), memory: AtomicU64::new(0), connections: AtomicU64::new(0) }
    }

    /// The interval between checks of a connection.
    pub(crate) fn check(&self) -> Duration {
        self.patience.check
    }

    /// Records that there was no memory for a response.
    pub(crate) fn of_memory(&self, now: Instant) {
        self.memory.store(self.at(now + SEEN), Ordering::Relaxed);
    }

    /// Records that there was no descriptor for a connection.
    pub(crate) fn of_connections(&self, now: Instant) {
        self.connections.store(self.at(now + SEEN), Ordering::Relaxed);
    }

    /// Returns the current time limit for a client without progress; `holds` if it keeps responses in memory.
    pub(crate) fn patience(&self, holds: bool, now: Instant) -> Duration {
        let now = self.at(now);
        if holds && now < self.memory.load(Ordering::Relaxed) {
            self.patience.while_short
        } else if now < self.connections.load(Ordering::Relaxed) {
            self.patience.while_full
        } else {
            self.patience.always
        }
    }

    fn at(&self, time: Instant) -> u64 {
        u64::try_from((time - self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Tracks the time that a client has made almost no progress.
pub(crate) struct ClientSilence {
    taken: u64,
    since: Instant,
}

impl ClientSilence {
    pub(crate) fn none() -> Self {
        Self { taken: 0, since: Instant::now() }
    }

    /// Checks a connection: `waits` if data waits for the client, `taken` is the number of bytes it has ever taken.
    /// Returns the time without progress.
    pub(crate) fn look(&mut self, waits: bool, taken: u64, now: Instant) -> Duration {
        if !waits || taken - self.taken >= ENOUGH {
            (self.taken, self.since) = (taken, now);
        }
        now - self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A21
    #[test]
    fn silence_is_taking_nothing_of_what_is_there() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut silence = ClientSilence { taken: 0, since: start };
        assert_eq!(silence.look(true, 0, start + minute), minute);
        // Pings are not progress.
        assert_eq!(silence.look(true, 500, start + 2 * minute), 2 * minute);
        assert_eq!(silence.look(true, 500 + ENOUGH, start + 3 * minute), Duration::ZERO);
        // No data waits for it: an upload, or a download that has not arrived yet.
        assert_eq!(silence.look(false, 500 + ENOUGH, start + 9 * minute), Duration::ZERO);
        assert_eq!(silence.look(true, 500 + ENOUGH, start + 10 * minute), minute);
    }

    // A21
    #[test]
    fn patience_is_shorter_with_those_who_are_in_the_way() {
        let (patience, now) = (Patience::default(), Instant::now());
        let shortage = ResourceShortage::none(patience);
        let both = |at| (shortage.patience(true, at), shortage.patience(false, at));
        assert_eq!(both(now), (patience.always, patience.always));
        shortage.of_memory(now);
        assert_eq!(both(now), (patience.while_short, patience.always));
        shortage.of_connections(now);
        assert_eq!(both(now), (patience.while_short, patience.while_full));
        assert_eq!(both(now + SEEN), (patience.always, patience.always));
    }

    // A21: engines pause for a minute or more while they unpack; that must not cut them.
    #[test]
    fn engines_may_pause() {
        let patience = Patience::default();
        assert_eq!(patience.always, Duration::from_secs(300));
        assert!(patience.while_short < patience.while_full && patience.while_full < patience.always);
    }
}
