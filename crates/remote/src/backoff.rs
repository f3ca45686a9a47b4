//! Waiting after a registry answered `429` (RFC 6585 §4). Pure: the time is a parameter.
//!
//! A wait applies to one endpoint over one link, one account and one kind of request: Docker Hub limits manifests and counts neither `HEAD` nor
//! blobs, and a half-finished image should not wait for a manifest that somebody else wants.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use http::Method;

use crate::endpoint::Endpoint;

/// The wait after the first `429` without `Retry-After`; it doubles with each that follows.
const FIRST: Duration = Duration::from_secs(1);
/// The longest of those waits, without the random part.
const LONGEST: Duration = Duration::from_secs(60);

/// What a wait applies to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BackoffKey {
    pub(crate) endpoint: Endpoint,
    pub(crate) account: Option<usize>,
    pub(crate) method: Method,
    /// `manifests`, `blobs`, `tags` or `referrers`.
    pub(crate) topic: String,
}

/// The current waits, at most one for each key.
#[derive(Default)]
pub(crate) struct Backoff(HashMap<BackoffKey, Wait>);

struct Wait {
    until: Instant,
    /// The number of consecutive `429` responses without `Retry-After`.
    unannounced: u32,
}

impl Backoff {
    /// How long to wait before the next request; `None` if it may be sent now.
    pub(crate) fn left(&self, key: &BackoffKey, now: Instant) -> Option<Duration> {
        let left = self.0.get(key)?.until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Records a `429` response, with its `Retry-After` if it had one.
    pub(crate) fn limited(&mut self, key: BackoffKey, retry_after: Option<Duration>, now: Instant) {
        let unannounced = self.0.get(&key).map_or(0, |wait| wait.unannounced);
        let (wait, unannounced) = match retry_after {
            Some(retry_after) => (retry_after, 0),
            None => (
                backoff(unannounced, RandomState::new().hash_one(unannounced)),
                unannounced.saturating_add(1),
            ),
        };
        self.0.insert(key, Wait { until: now + wait, unannounced });
    }

    /// Records any other response, which ends the wait.
    pub(crate) fn answered(&mut self, key: &BackoffKey) {
        self.0.remove(key);
    }
}

// Adds up to half of the wait, so that clients turned away together do not return together.
fn backoff(unannounced: u32, chance: u64) -> Duration {
    let wait = FIRST.saturating_mul(2u32.saturating_pow(unannounced)).min(LONGEST);
    wait + wait / 200 * u32::try_from(chance % 100).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(topic: &str) -> BackoffKey {
        BackoffKey {
            endpoint: Endpoint::first_link(0),
            account: None,
            method: Method::GET,
            topic: topic.to_owned(),
        }
    }

    #[test]
    fn retry_after_is_obeyed_for_that_kind_of_request_only() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let minute = Duration::from_secs(60);
        backoff.limited(key("manifests"), Some(minute), now);
        assert_eq!(backoff.left(&key("manifests"), now), Some(minute));
        assert_eq!(backoff.left(&key("blobs"), now), None);
        let other = BackoffKey { account: Some(1), ..key("manifests") };
        assert_eq!(backoff.left(&other, now), None);
        assert_eq!(backoff.left(&key("manifests"), now + minute), None);
        backoff.answered(&key("manifests"));
        assert_eq!(backoff.left(&key("manifests"), now), None);
    }

    #[test]
    fn waits_without_retry_after_double_up_to_a_minute_and_scatter() {
        for (unannounced, seconds) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
            let least = Duration::from_secs(seconds);
            assert_eq!(backoff(unannounced, 0), least);
            assert!((least..least * 3 / 2).contains(&backoff(unannounced, 99)));
            assert_ne!(backoff(unannounced, 1), backoff(unannounced, 2));
        }
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.limited(key("blobs"), None, now);
        backoff.limited(key("blobs"), None, now);
        assert!(backoff.left(&key("blobs"), now) >= Some(2 * FIRST));
        // Once it answers, all is forgotten.
        backoff.answered(&key("blobs"));
        backoff.limited(key("blobs"), None, now);
        assert!(backoff.left(&key("blobs"), now) < Some(2 * FIRST));
    }
}
