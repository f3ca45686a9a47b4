//! Limits on failed logins, for each account and for each address. Pure, apart from its own memory.
//!
//! A delay and never a lock: whoever knows the password gets in, also while somebody else is guessing. The same wrong
//! secret counts once, because clients repeat it.

use std::{collections::HashMap, hash::Hash, time::Duration};

use entrepot_oci::Digest;
use tokio::time::Instant;

/// Failures that cost nothing.
const FREE: u32 = 5;
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(60);
/// How long failures are remembered.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// How many keys are remembered; the ones that failed longest ago are forgotten first.
const MAX_KEYS: usize = 10_000;
/// How many wrong secrets of a key are told apart.
const MAX_SECRETS: usize = 8;

/// Failed logins by key, such as an account's name or an address.
#[derive(Debug)]
pub(crate) struct Failures<K> {
    by_key: HashMap<K, FailedLogins>,
}

#[derive(Debug)]
struct FailedLogins {
    count: u32,
    last: Instant,
    /// The hashes of the latest wrong secrets.
    secrets: Vec<Digest>,
}

impl<K: Hash + Eq + Clone> Failures<K> {
    pub(crate) fn new() -> Self {
        Self { by_key: HashMap::new() }
    }

    /// How long the next attempt has to wait.
    pub(crate) fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let failed = self.by_key.get(key).filter(|failed| now.duration_since(failed.last) < MEMORY)?;
        let delay = delay(failed.count)?;
        delay.checked_sub(now.duration_since(failed.last)).filter(|left| !left.is_zero())
    }

    /// Records a failure. `secret` is a hash of what was sent.
    pub(crate) fn record(&mut self, key: K, secret: Digest, now: Instant) {
        self.make_room(now);
        let failed =
            self.by_key.entry(key).or_insert(FailedLogins { count: 0, last: now, secrets: Vec::new() });
        if now.duration_since(failed.last) >= MEMORY {
            (failed.count, failed.secrets) = (0, Vec::new());
        }
        if failed.secrets.contains(&secret) {
            return;
        }
        failed.count = failed.count.saturating_add(1);
        failed.last = now;
        if failed.secrets.len() == MAX_SECRETS {
            failed.secrets.remove(0);
        }
        failed.secrets.push(secret);
    }

    /// Forgets the failures of a key, after a login.
    pub(crate) fn forget(&mut self, key: &K) {
        self.by_key.remove(key);
    }

    fn make_room(&mut self, now: Instant) {
        if self.by_key.len() < MAX_KEYS {
            return;
        }
        self.by_key.retain(|_, failed| now.duration_since(failed.last) < MEMORY);
        while self.by_key.len() >= MAX_KEYS {
            let Some(oldest) =
                self.by_key.iter().min_by_key(|(_, failed)| failed.last).map(|(key, _)| key.clone())
            else {
                return;
            };
            self.by_key.remove(&oldest);
        }
    }
}

/// One second after the sixth failure, then twice as long each time.
fn delay(count: u32) -> Option<Duration> {
    let beyond = count.checked_sub(FREE + 1)?;
    Some(Duration::from_secs(1 << beyond.min(6)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn delays_grow_and_end() {
        let delays: Vec<_> = (5..14).map(|count| delay(count).map(|delay| delay.as_secs())).collect();
        let expected = [None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(60), Some(60)];
        assert_eq!(delays, expected);
    }

    #[test]
    fn a_secret_that_is_repeated_counts_once() {
        let (mut failures, now) = (Failures::new(), Instant::now());
        for _ in 0..100 {
            failures.record("alice", wrong(1), now);
        }
        assert_eq!(failures.wait(&"alice", now), None);
        for number in 2..=6 {
            failures.record("alice", wrong(number), now);
        }
        assert_eq!(failures.wait(&"alice", now), Some(Duration::from_secs(1)));
        assert_eq!(failures.wait(&"alice", now + Duration::from_secs(1)), None);
        assert_eq!(failures.wait(&"bob", now), None, "others do not wait");
        failures.forget(&"alice");
        failures.record("alice", wrong(7), now);
        assert_eq!(failures.wait(&"alice", now), None);
    }

    #[test]
    fn failures_are_forgotten() {
        let (mut failures, now) = (Failures::new(), Instant::now());
        for number in 0..20 {
            failures.record("alice", wrong(number), now);
        }
        assert!(failures.wait(&"alice", now).is_some());
        let later = now + MEMORY;
        assert_eq!(failures.wait(&"alice", later), None);
        failures.record("alice", wrong(0), later);
        assert_eq!(failures.wait(&"alice", later), None);
    }

    #[test]
    fn memory_is_bounded() {
        let (mut failures, now) = (Failures::new(), Instant::now());
        for number in 0..u32::try_from(MAX_KEYS).unwrap() + 10 {
            failures.record(number, wrong(number), now + Duration::from_millis(number.into()));
        }
        assert_eq!(failures.by_key.len(), MAX_KEYS);
        assert!(!failures.by_key.contains_key(&0), "the oldest went first");
    }
}
