//! How a link is doing. Pure: the time is a parameter.
//!
//! A link that fails rests, longer each time, until something came over it whole. One that a registry refuses rests for that
//! registry. A link that is silent while bytes are awaited is asked last; one that is slow is not silent.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};

use entrepot_oci::Host;

use super::status::{LinkFailure, LinkState};

/// How long nothing may come while something is awaited. After that, others take over what the link was to bring.
pub const SILENCE: Duration = Duration::from_secs(2);

/// The rest after a first failure; it doubles with each that follows.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How long a link rests for a registry that refused it and did not say for how long.
const REFUSED_REST: Duration = Duration::from_secs(300);

/// Throughput is measured over at least this time.
const WINDOW: Duration = Duration::from_secs(1);

/// The state of one link.
#[derive(Default)]
pub(crate) struct LinkHealth {
    failures: u32,
    rests_until: Option<Instant>,
    last: Option<(SystemTime, LinkFailure)>,
    refusals: BTreeMap<Host, (Instant, LinkFailure)>,
    active: usize,
    waiting: usize,
    /// When something came last, or began to be awaited.
    heard: Option<Instant>,
    window: Option<(Instant, u64)>,
    speed: Option<u64>,
    /// Rises with each request.
    turn: u64,
}

impl LinkHealth {
    /// A request begins.
    pub(crate) fn begin(&mut self, turn: u64) {
        self.active += 1;
        self.turn = turn;
    }

    /// A request has ended, however it did.
    pub(crate) fn end(&mut self) {
        self.active = self.active.saturating_sub(1);
        if self.active == 0 {
            self.window = None;
        }
    }

    /// Somebody begins to wait for bytes.
    pub(crate) fn awaits(&mut self, now: Instant) {
        if self.waiting == 0 {
            self.heard = Some(now);
        }
        self.waiting += 1;
        self.window.get_or_insert((now, 0));
    }

    /// Somebody waits no longer.
    pub(crate) fn awaits_no_more(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Bytes have come.
    pub(crate) fn heard(&mut self, bytes: u64, now: Instant) {
        self.heard = Some(now);
        let (began, all) = self.window.map_or((now, bytes), |(began, all)| (began, all + bytes));
        let elapsed = now.saturating_duration_since(began);
        if elapsed < WINDOW {
            self.window = Some((began, all));
            return;
        }
        let nanos = u128::from(all) * 1_000_000_000 / elapsed.as_nanos().max(1);
        let measured = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.speed = Some(self.speed.map_or(measured, |speed| speed / 4 * 3 + measured / 4));
        self.window = Some((now, 0));
    }

    /// Whether bytes are awaited and none have come for [`SILENCE`].
    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        let since = |heard: Instant| now.saturating_duration_since(heard);
        self.waiting > 0 && self.heard.is_some_and(|heard| since(heard) >= SILENCE)
    }

    /// Something came whole. Returns true if the link was resting before.
    pub(crate) fn worked(&mut self) -> bool {
        let failures = std::mem::take(&mut self.failures);
        self.rests_until = None;
        failures > 0
    }

    /// It failed. Returns the rest, if it is the first failure in a row.
    pub(crate) fn failed(
        &mut self,
        failure: LinkFailure,
        now: Instant,
        wall: SystemTime,
    ) -> Option<Duration> {
        self.last = Some((wall, failure));
        // Requests that were under way together fail together: that is one failure.
        if self.is_resting(now) {
            return None;
        }
        let rest = FIRST_REST.saturating_mul(2u32.saturating_pow(self.failures)).min(LONGEST_REST);
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Some(now + rest);
        (self.failures == 1).then_some(rest)
    }

    /// A registry refused it, and did not refuse another link. Returns the rest, if it did not rest for the registry yet.
    pub(crate) fn refused(
        &mut self,
        host: &Host,
        failure: LinkFailure,
        wait: Option<Duration>,
        at: (Instant, SystemTime),
    ) -> Option<Duration> {
        let (now, wall) = at;
        if self.refusals.get(host).is_some_and(|(until, _)| now < *until) {
            return None;
        }
        let rest = wait.unwrap_or(REFUSED_REST);
        self.last = Some((wall, failure.clone()));
        self.refusals.insert(host.clone(), (now + rest, failure));
        Some(rest)
    }

    /// A registry answered, so that it does not refuse the link any more.
    pub(crate) fn welcomed(&mut self, host: &Host) {
        // A limit is over when its time is.
        self.refusals.retain(|refusing, (_, failure)| refusing != host || *failure == LinkFailure::Limited);
    }

    /// Whether it rests for all registries.
    fn is_resting(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// How it is, for a registry or in all.
    pub(crate) fn state(&self, host: Option<&Host>, now: Instant) -> LinkState {
        // A limit is for one kind of request, and those wait by themselves (`backoff`): the others go on.
        let is_refused =
            |(until, failure): &&(Instant, LinkFailure)| now < *until && *failure != LinkFailure::Limited;
        let refusal = host.and_then(|host| self.refusals.get(host)).filter(is_refused);
        if self.is_resting(now) {
            let is_absent = matches!(self.last, Some((_, LinkFailure::Absent)));
            if is_absent { LinkState::Absent } else { LinkState::Resting }
        } else if refusal.is_some() {
            LinkState::Resting
        } else if self.is_silent(now) {
            LinkState::Silent
        } else if self.failures > 0 {
            LinkState::OnTrial
        } else {
            LinkState::Ready
        }
    }

    /// The registries that it rests for, and why.
    pub(crate) fn refusals(&self, now: Instant) -> impl Iterator<Item = (&Host, Duration, &LinkFailure)> {
        let left = self
            .refusals
            .iter()
            .map(move |(host, (until, failure))| (host, until.saturating_duration_since(now), failure));
        left.filter(|(_, left, _)| !left.is_zero())
    }

    /// Requests under way.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// Bytes a second, as measured.
    pub(crate) fn speed(&self) -> Option<u64> {
        self.speed
    }

    /// When it was used last, as a number that rises.
    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    /// The last failure.
    pub(crate) fn last(&self) -> Option<&(SystemTime, LinkFailure)> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn hub() -> Host {
        "docker.io".parse().unwrap()
    }

    #[test]
    fn rests_double_until_something_comes_whole() {
        let (mut link, mut now, wall) = (LinkHealth::default(), Instant::now(), SystemTime::UNIX_EPOCH);
        assert_eq!(link.failed(LinkFailure::Broken, now, wall), Some(SECOND));
        // What fails during the rest belongs to the same failure.
        assert_eq!(link.failed(LinkFailure::Broken, now, wall), None);
        assert_eq!(link.state(None, now), LinkState::Resting);
        for seconds in [1, 2, 4, 8, 16, 32, 60] {
            now += seconds * SECOND;
            assert_eq!(link.state(None, now), LinkState::OnTrial, "after {seconds} s");
            assert_eq!(link.failed(LinkFailure::Broken, now, wall), None);
            assert_eq!(link.state(None, now), LinkState::Resting);
        }
        assert!(link.worked() && !link.worked());
        assert_eq!(link.state(None, now), LinkState::Ready);
        assert_eq!(link.failed(LinkFailure::Absent, now, wall), Some(SECOND));
        assert_eq!(link.state(None, now), LinkState::Absent);
    }

    // M37, M43 of research/operate.md: a link that one registry refuses is good for the others.
    #[test]
    fn a_refusal_is_for_one_registry() {
        let (mut link, now, wall) = (LinkHealth::default(), Instant::now(), SystemTime::UNIX_EPOCH);
        let quay: Host = "quay.io".parse().unwrap();
        let refused = || LinkFailure::Refused { status: 403 };
        let rest = link.refused(&hub(), refused(), Some(60 * SECOND), (now, wall));
        assert_eq!(rest, Some(60 * SECOND));
        // The same refusal again is no other one.
        assert_eq!(link.refused(&hub(), refused(), None, (now, wall)), None);
        assert_eq!(link.state(Some(&hub()), now), LinkState::Resting);
        assert_eq!(
            (link.state(Some(&quay), now), link.state(None, now)),
            (LinkState::Ready, LinkState::Ready)
        );
        assert_eq!(link.refusals(now).count(), 1);
        assert_eq!(link.state(Some(&hub()), now + 60 * SECOND), LinkState::Ready);
        assert_eq!(link.refused(&quay, refused(), None, (now, wall)), Some(REFUSED_REST));
        link.welcomed(&quay);
        assert_eq!(link.state(Some(&quay), now), LinkState::Ready);
        // A limit is for one kind of request: it is shown, and blobs go on.
        assert!(link.refused(&quay, LinkFailure::Limited, Some(SECOND), (now, wall)).is_some());
        assert_eq!((link.state(Some(&quay), now), link.refusals(now).count()), (LinkState::Ready, 2));
    }

    #[test]
    fn slow_is_not_silent_and_nobody_waiting_is_not_either() {
        let (mut link, mut now) = (LinkHealth::default(), Instant::now());
        link.begin(1);
        link.awaits(now);
        for _ in 0..60 {
            now += SILENCE - Duration::from_millis(1);
            link.heard(1, now);
        }
        assert!(!link.is_silent(now));
        assert!(link.is_silent(now + SILENCE));
        assert_eq!(link.state(None, now + SILENCE), LinkState::Silent);
        link.awaits_no_more();
        assert!(!link.is_silent(now + 60 * SILENCE));
        link.awaits(now + 60 * SILENCE);
        assert!(!link.is_silent(now + 60 * SILENCE));
    }

    #[test]
    fn speed_is_measured_while_there_is_something_to_do() {
        let (mut link, began) = (LinkHealth::default(), Instant::now());
        link.begin(1);
        link.awaits(began);
        link.heard(500_000, began + SECOND / 2);
        assert_eq!(link.speed(), None);
        link.heard(500_000, began + SECOND);
        assert_eq!(link.speed(), Some(1_000_000));
        link.awaits_no_more();
        link.end();
        // The hour without a request does not count.
        let later = began + 3600 * SECOND;
        link.begin(2);
        link.awaits(later);
        link.heard(2_000_000, later + SECOND);
        assert_eq!((link.speed(), link.active(), link.turn()), (Some(1_250_000), 1, 2));
    }
}
