//! Waiting as long as a registry asked us to (429, RFC 6585 §4). Pure: the time is passed in.
//!
//! The wait is for one account and one kind of question: Docker Hub limits manifests and counts neither `HEAD` nor
//! blobs, and an image half of whose blobs are here should not wait for a manifest that somebody else wants.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use http::Method;

use crate::endpoints::Endpoint;

/// The wait after the first 429 that does not say how long; it doubles with each that follows.
const FIRST: Duration = Duration::from_secs(1);
/// The longest of those waits, without what chance adds.
const LONGEST: Duration = Duration::from_secs(60);

/// What a limit is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) endpoint: Endpoint,
    pub(crate) account: Option<usize>,
    pub(crate) method: Method,
    /// `manifests`, `blobs`, `tags` or `referrers`.
    pub(crate) topic: String,
}

/// The waits under way; at most one for each combination of the above.
#[derive(Default)]
pub(crate) struct Limits(HashMap<Subject, Wait>);

struct Wait {
    until: Instant,
    /// How many 429 in a row did not say how long.
    unsaid: u32,
}

impl Limits {
    /// How long to wait before asking.
    pub(crate) fn left(&self, subject: &Subject, now: Instant) -> Option<Duration> {
        let left = self.0.get(subject)?.until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// It answered 429, and said how long to wait or not.
    pub(crate) fn limited(&mut self, subject: Subject, said: Option<Duration>, now: Instant) {
        let unsaid = self.0.get(&subject).map_or(0, |wait| wait.unsaid);
        let (wait, unsaid) = match said {
            Some(said) => (said, 0),
            None => (backoff(unsaid, RandomState::new().hash_one(unsaid)), unsaid.saturating_add(1)),
        };
        self.0.insert(subject, Wait { until: now + wait, unsaid });
    }

    /// It answered.
    pub(crate) fn answered(&mut self, subject: &Subject) {
        self.0.remove(subject);
    }
}

// Up to half as much again, so that those who were turned away together do not come back together.
fn backoff(unsaid: u32, chance: u64) -> Duration {
    let wait = FIRST.saturating_mul(2u32.saturating_pow(unsaid)).min(LONGEST);
    wait + wait / 200 * u32::try_from(chance % 100).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(topic: &str) -> Subject {
        Subject { endpoint: Endpoint(0), account: None, method: Method::GET, topic: topic.to_owned() }
    }

    #[test]
    fn what_was_said_is_obeyed_and_for_that_question_only() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let minute = Duration::from_secs(60);
        limits.limited(subject("manifests"), Some(minute), now);
        assert_eq!(limits.left(&subject("manifests"), now), Some(minute));
        assert_eq!(limits.left(&subject("blobs"), now), None);
        let other = Subject { account: Some(1), ..subject("manifests") };
        assert_eq!(limits.left(&other, now), None);
        assert_eq!(limits.left(&subject("manifests"), now + minute), None);
        limits.answered(&subject("manifests"));
        assert_eq!(limits.left(&subject("manifests"), now), None);
    }

    #[test]
    fn what_was_not_said_doubles_up_to_a_minute_and_scatters() {
        for (unsaid, seconds) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
            let least = Duration::from_secs(seconds);
            assert_eq!(backoff(unsaid, 0), least);
            assert!((least..least * 3 / 2).contains(&backoff(unsaid, 99)));
            assert_ne!(backoff(unsaid, 1), backoff(unsaid, 2));
        }
        let (mut limits, now) = (Limits::default(), Instant::now());
        limits.limited(subject("blobs"), None, now);
        limits.limited(subject("blobs"), None, now);
        assert!(limits.left(&subject("blobs"), now) >= Some(2 * FIRST));
        // Once it answers, all is forgotten.
        limits.answered(&subject("blobs"));
        limits.limited(subject("blobs"), None, now);
        assert!(limits.left(&subject("blobs"), now) < Some(2 * FIRST));
    }
}
