//! Which refused attempts are written down: strangers can make any number of them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use entrepot_bounded_cache::BoundedCache;
use tokio::time::Instant;

/// How long the same attempt of the same sender is written down once only.
const ONCE_IN: Duration = Duration::from_secs(60);
/// How many attempts are told apart.
const REMEMBERED: u64 = 10_000;
/// How many attempts of senders without an account are written down in a minute, from all of them together.
const OF_STRANGERS: u32 = 20;

/// Refused attempts that were written down lately.
pub(crate) struct Refusals {
    recent: BoundedCache<[String; 4], ()>,
    strangers: Mutex<Minute>,
}

struct Minute {
    began: Instant,
    count: u32,
}

/// An attempt, as far as it is told from others.
pub(crate) struct AttemptKey<'a> {
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) object: &'a str,
    pub(crate) address: Option<&'a str>,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        Self {
            recent: BoundedCache::of_entries(REMEMBERED).with_lifetime(ONCE_IN),
            strangers: Mutex::new(Minute { began: Instant::now(), count: 0 }),
        }
    }

    /// Whether this attempt is to be written down.
    pub(crate) fn count(&self, attempt: &AttemptKey<'_>, is_stranger: bool) -> bool {
        let AttemptKey { actor, action, object, address } = *attempt;
        let key = [actor, action, object, address.unwrap_or_default()].map(str::to_owned);
        if self.recent.contains_key(&key) {
            return false;
        }
        self.recent.insert(key, ());
        !is_stranger || self.has_room(Instant::now())
    }

    fn has_room(&self, now: Instant) -> bool {
        let mut minute = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(minute.began) >= ONCE_IN {
            if let Some(left_out) = minute.count.checked_sub(OF_STRANGERS).filter(|left_out| *left_out > 0) {
                tracing::warn!("{left_out} refused attempts within a minute are not in the audit log");
            }
            *minute = Minute { began: now, count: 0 };
        }
        minute.count = minute.count.saturating_add(1);
        minute.count <= OF_STRANGERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(object: &str) -> AttemptKey<'_> {
        AttemptKey { actor: "anonymous", action: "login", object, address: Some("10.0.0.7") }
    }

    #[test]
    fn the_same_attempt_is_written_down_once() {
        let refusals = Refusals::new();
        assert!(refusals.count(&attempt("alice"), true));
        assert!(!refusals.count(&attempt("alice"), true));
        assert!(refusals.count(&attempt("bob"), true));
        assert!(refusals.count(&AttemptKey { address: None, ..attempt("alice") }, true));
    }

    #[test]
    fn strangers_do_not_fill_the_log() {
        let refusals = Refusals::new();
        let names: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
        let written = names.iter().filter(|name| refusals.count(&attempt(name), true)).count();
        assert_eq!(written, 20);
        assert!(
            refusals.count(&AttemptKey { actor: "account:alice", ..attempt("x") }, false),
            "accounts do not wait for them"
        );
        assert!(refusals.has_room(Instant::now() + ONCE_IN), "the next minute");
    }
}
