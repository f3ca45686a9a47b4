//! What an account has left of a registry's pull quota. Pure: the time is a parameter.
//!
//! A registry tells it with its responses, or never. What it does not tell is unknown, and our own count is all there is.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::pull_quota::QuotaHeaders;

/// How often an account with nothing left is tried: registries do not say when a window began.
pub(crate) const PROBE: Duration = Duration::from_secs(5 * 60);
/// How long it counts what was told without a window.
const KNOWN: Duration = Duration::from_secs(10 * 60);
/// How long an account rests after a `429` that does not say for how long.
const REST: Duration = Duration::from_secs(60);
/// After this time, a pull counts half in the rate of pulls.
const HALF_LIFE: Duration = Duration::from_secs(10 * 60);

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaState {
    /// The registry does not tell.
    Unknown,
    /// It has pulls left.
    Usable,
    /// It has none left: it is tried once in a while until its window is over.
    UsedUp,
    /// The registry has refused a request as one too many, whatever is left of a quota.
    Resting,
}

/// An account's quota, for those who look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountQuota {
    /// The user name; `None` for requests without an account.
    pub account: Option<String>,
    /// How it stands.
    pub state: QuotaState,
    /// The number of pulls in a window, as told last.
    pub limit: Option<u64>,
    /// The number of pulls left: as told last, less those since.
    pub left: Option<u64>,
    /// The length of the window.
    pub window: Option<Duration>,
    /// When the window is over at the latest.
    pub resets_in: Option<Duration>,
    /// Whom the registry counts for, in its own words.
    pub source: Option<String>,
    /// True if it counts for an address although the account was used.
    pub counts_address: bool,
    /// Our own count of manifests fetched.
    pub spent: u64,
    /// Pulls in an hour, as of late.
    pub per_hour: f64,
    /// When nothing is left, if it goes on like that and the window is not over before.
    pub used_up_in: Option<Duration>,
}

/// The quota of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quota {
    limit: Option<u64>,
    remaining: Option<u64>,
    window: Option<Duration>,
    source: Option<String>,
    /// When `remaining` was told.
    told: Option<Instant>,
    /// Pulls since then.
    spent_since: u64,
    spent: u64,
    rests_until: Option<Instant>,
    probed: Option<Instant>,
    heat: Heat,
}

/// A count in which what is long ago counts little.
#[derive(Clone, Copy, Debug, Default)]
struct Heat {
    count: f64,
    at: Option<Instant>,
}

impl Quota {
    /// Takes what a response tells; `is_pull` if it is a manifest, which registries count.
    pub(crate) fn answered(&mut self, told: QuotaHeaders, is_pull: bool, now: Instant) {
        if is_pull {
            self.spent += 1;
            self.spent_since += 1;
            self.heat.add(now);
            self.rests_until = None;
        }
        self.limit = told.limit.or(self.limit);
        self.window = told.window.or(self.window);
        self.source = told.source.or(self.source.take());
        if let Some(remaining) = told.remaining {
            (self.remaining, self.told, self.spent_since) = (Some(remaining), Some(now), 0);
        }
    }

    /// The registry has refused a request as one too many.
    pub(crate) fn limited(&mut self, wait: Option<Duration>, now: Instant) {
        self.rests_until = now.checked_add(wait.unwrap_or(REST));
    }

    /// The pulls that are left; `None` is not known. After a window, all of them are back; what was told without one is not known
    /// any more after a while.
    pub(crate) fn left(&self, now: Instant) -> Option<u64> {
        let remaining = self.remaining?;
        match (self.resets_in(now), self.limit) {
            (Some(Duration::ZERO), Some(limit)) => Some(limit.max(remaining)),
            (None, _) if self.told.is_none_or(|told| now.saturating_duration_since(told) >= KNOWN) => None,
            _ => Some(remaining.saturating_sub(self.spent_since)),
        }
    }

    /// The number of pulls in a window.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// The length of the window.
    pub(crate) fn window(&self) -> Option<Duration> {
        self.window
    }

    /// When a window that began with the last word of the registry is over.
    fn resets_in(&self, now: Instant) -> Option<Duration> {
        let (told, window) = (self.told?, self.window?);
        // A window that is longer than time is none.
        Some(told.checked_add(window)?.saturating_duration_since(now))
    }

    /// Lets a manifest be asked for, or says when to try again: with nothing left, one request in a while is sent.
    pub(crate) fn may_pull(&mut self, now: Instant) -> Result<(), Duration> {
        // Without a window, the registry may mean a minute: its refusals are believed.
        if self.left(now) != Some(0) || self.window.is_none() {
            return Ok(());
        }
        // The word that nothing is left was a try as well.
        let last = self.probed.max(self.told);
        let wait = last.map_or(Duration::ZERO, |last| (last + PROBE).saturating_duration_since(now));
        if wait.is_zero() {
            self.probed = Some(now);
            return Ok(());
        }
        Err(self.resets_in(now).map_or(wait, |left| left.min(wait)))
    }

    /// How it stands, and where that leads.
    pub(crate) fn view(&self, account: Option<String>, now: Instant) -> AccountQuota {
        let (left, per_second) = (self.left(now), self.heat.per_second(now));
        let rests = self.rests_until.is_some_and(|until| now < until);
        let resets_in = self.resets_in(now).filter(|left| !left.is_zero());
        let ends = left.filter(|_| per_second > 0.0).map(|left| left as f64 / per_second);
        let ends = ends.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        AccountQuota {
            state: match left {
                Some(0) => QuotaState::UsedUp,
                _ if rests => QuotaState::Resting,
                Some(_) => QuotaState::Usable,
                None => QuotaState::Unknown,
            },
            limit: self.limit,
            left,
            window: self.window,
            resets_in,
            counts_address: account.is_some() && self.counts_address(),
            source: self.source.clone(),
            spent: self.spent,
            per_hour: per_second * 3600.0,
            used_up_in: ends.filter(|ends| resets_in.is_none_or(|resets| *ends < resets)),
            account,
        }
    }

    /// True if the registry counts for an address.
    pub(crate) fn counts_address(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.parse::<IpAddr>().is_ok())
    }
}

impl Heat {
    fn at(&self, now: Instant) -> f64 {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.count * 0.5_f64.powf(since.as_secs_f64() / HALF_LIFE.as_secs_f64())
    }

    fn add(&mut self, now: Instant) {
        *self = Self { count: self.at(now) + 1.0, at: Some(now) };
    }

    // A steady rate of r keeps the count at r × half-life ÷ ln 2.
    fn per_second(&self, now: Instant) -> f64 {
        self.at(now) * std::f64::consts::LN_2 / HALF_LIFE.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn told(limit: u64, remaining: u64) -> QuotaHeaders {
        QuotaHeaders { limit: Some(limit), remaining: Some(remaining), window: Some(6 * HOUR), source: None }
    }

    #[test]
    fn what_is_not_told_is_unknown_and_counted_by_us() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        for _ in 0..7 {
            quota.answered(QuotaHeaders::default(), true, now);
        }
        let seen = quota.view(None, now);
        assert_eq!((seen.state, seen.left, seen.spent), (QuotaState::Unknown, None, 7));
        assert_eq!((seen.used_up_in, quota.may_pull(now)), (None, Ok(())));
    }

    // operate.md row 33
    #[test]
    fn what_is_told_counts_until_more_is_told() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        quota.answered(told(100, 76), true, now);
        assert_eq!(quota.left(now), Some(76));
        let empty = QuotaHeaders { window: Some(6 * HOUR), ..QuotaHeaders::default() };
        quota.answered(empty, true, now);
        assert_eq!((quota.left(now), quota.limit()), (Some(75), Some(100)), "less what was pulled since");
        quota.answered(told(10, 9), false, now);
        assert_eq!((quota.left(now), quota.limit()), (Some(9), Some(10)), "limits change");
        assert_eq!(quota.left(now + 7 * HOUR), Some(10), "a window later, all are back");
    }

    // operate.md row 34
    #[test]
    fn with_nothing_left_one_request_in_a_while_is_sent() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        quota.answered(told(10, 0), true, now);
        assert_eq!(quota.may_pull(now), Err(PROBE));
        assert_eq!(quota.may_pull(now + PROBE / 2), Err(PROBE / 2));
        assert_eq!(quota.may_pull(now + PROBE), Ok(()));
        assert_eq!(quota.may_pull(now + PROBE), Err(PROBE), "one");
        let end = now + 6 * HOUR;
        assert_eq!(quota.may_pull(end), Ok(()));
        assert_eq!(quota.view(None, end).state, QuotaState::Usable);
        quota.answered(told(10, 3), true, now + PROBE);
        assert_eq!(quota.may_pull(now + PROBE), Ok(()), "the registry gives again");
    }

    #[test]
    fn what_was_told_without_a_window_holds_nobody_back_for_long() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        quota.answered(QuotaHeaders { window: None, ..told(2000, 0) }, true, now);
        assert_eq!((quota.left(now), quota.may_pull(now)), (Some(0), Ok(())));
        assert_eq!(quota.left(now + KNOWN), None);
    }

    // operate.md row 37
    #[test]
    fn a_refusal_without_a_quota_is_a_rest() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        quota.answered(told(100, 50), true, now);
        quota.limited(None, now);
        let seen = quota.view(None, now);
        assert_eq!((seen.state, seen.left), (QuotaState::Resting, Some(50)));
        assert_eq!(quota.view(None, now + REST).state, QuotaState::Usable);
        quota.answered(told(100, 0), true, now);
        quota.limited(Some(HOUR), now);
        assert_eq!(quota.view(None, now).state, QuotaState::UsedUp);
    }

    // operate.md row 36
    #[test]
    fn an_account_that_is_counted_as_an_address_is_seen() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        let source = |text: &str| QuotaHeaders { source: Some(text.to_owned()), ..told(100, 50) };
        quota.answered(source("203.0.113.9"), false, now);
        assert!(quota.view(Some("robot".into()), now).counts_address);
        assert!(!quota.view(None, now).counts_address, "without an account, that is as it should be");
        quota.answered(source("8c1fc5c2-7e07-4d0a-a8c5-6dbb2b7a9e0f"), false, now);
        assert!(!quota.view(Some("robot".into()), now).counts_address);
    }

    #[test]
    fn the_forecast_follows_the_rate() {
        let (mut quota, start) = (Quota::default(), Instant::now());
        let minute = Duration::from_secs(60);
        for nth in 0..120 {
            quota.answered(told(1000, 500 - u64::from(nth)), true, start + minute * nth);
        }
        let now = start + minute * 120;
        let seen = quota.view(None, now);
        assert!((50.0..70.0).contains(&seen.per_hour), "{}", seen.per_hour);
        assert_eq!(seen.used_up_in, None, "the window is over before");
        quota.answered(told(1000, 30), true, now);
        let ends = quota.view(None, now).used_up_in.unwrap();
        assert!((20..40).contains(&(ends.as_secs() / 60)), "{ends:?}");
        assert!(quota.view(None, now + HOUR * 5).per_hour < 1.0);
    }

    proptest! {
        // However a registry tells, and whatever is pulled: what is left is never more than it said, and an account with something
        // left is never held back.
        #[test]
        fn nothing_is_left_that_was_not_told(
            steps in prop::collection::vec((prop::option::of(0_u64..20), any::<bool>(), 0_u64..400), 1..100)
        ) {
            let (mut quota, mut now) = (Quota::default(), Instant::now());
            let mut last = None;
            for (remaining, is_pull, seconds) in steps {
                now += Duration::from_secs(seconds);
                let told = QuotaHeaders { limit: Some(20), remaining, window: Some(HOUR * 24), source: None };
                quota.answered(told, is_pull, now);
                last = remaining.or(last);
                prop_assert!(quota.left(now) <= last);
                prop_assert_eq!(quota.left(now).is_none(), last.is_none());
                if quota.left(now) != Some(0) {
                    prop_assert_eq!(quota.may_pull(now), Ok(()));
                }
            }
        }
    }
}
