//! The order in which endpoints are tried, each over the registry's links. Pure: the time is a parameter.
//!
//! An endpoint that is down, or redirects to a host that is, is tried last for [`COOLING`]; one that sent wrong bytes
//! for [`DISTRUST`]. If all are down, one request every [`PROBE_INTERVAL`] is sent.

use std::time::{Duration, Instant};

use crate::{endpoint::Endpoint, error::Error};

/// How long an endpoint is tried last after it did not connect, did not respond or responded with 5xx.
pub const COOLING: Duration = Duration::from_secs(30);

/// How long an endpoint is tried last after it sent wrong bytes.
pub const DISTRUST: Duration = Duration::from_secs(300);

/// The time between two requests to a registry whose endpoints are all down.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The number of consecutive failures after which an endpoint counts as down. After fewer it is tried last.
pub const FAILURES: u32 = 3;

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Try these in this order until one succeeds.
    Try(Vec<Endpoint>),
    /// All endpoints are down and were probed just now: fail with this error.
    Fail(Error),
}

/// How a registry was when it was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointHealth {
    /// It was not asked yet.
    Unknown,
    /// An endpoint answered, or has not failed often.
    Up,
    /// No endpoint answered, again and again.
    Down,
}

/// The links in the order in which they are to be tried.
#[derive(Clone, Debug)]
pub(crate) struct LinkOrder {
    /// Each link once.
    pub(crate) order: Vec<usize>,
    /// How many of them, from the first, are fit for use.
    pub(crate) usable: usize,
}

/// The health of a registry's endpoints, over each of its links.
pub(crate) struct Health {
    /// The states of the first endpoint, then those of the second.
    states: Vec<EndpointState>,
    links: usize,
    probed: Option<Instant>,
}

#[derive(Clone, Default)]
struct EndpointState {
    asked: bool,
    outage: Option<Outage>,
    later_until: Option<Instant>,
}

#[derive(Clone)]
struct Outage {
    until: Instant,
    error: Error,
    failures: u32,
}

impl Health {
    pub(crate) fn new(endpoints: usize, links: usize) -> Self {
        Self { states: vec![EndpointState::default(); endpoints * links], links, probed: None }
    }

    /// The endpoints to try now; `avoid` comes last. `links` has the links in the order in which they are to be tried; those
    /// from `usable` on come only after everything else.
    pub(crate) fn plan(&mut self, now: Instant, avoid: Option<Endpoint>, links: &LinkOrder) -> Plan {
        if let Some((coolest, error)) = self.all_down(now) {
            let too_soon = self.probed.is_some_and(|probed| now < probed + PROBE_INTERVAL);
            if too_soon {
                return Plan::Fail(error);
            }
            self.probed = Some(now);
            return Plan::Try(vec![coolest]);
        }
        let indexes = 0..self.states.len() / self.links;
        let over_links = |index| links.order.iter().map(move |link| Endpoint { index, link: *link });
        let mut order: Vec<Endpoint> = indexes.flat_map(over_links).collect();
        let is_usable = |endpoint: &Endpoint| links.order[..links.usable].contains(&endpoint.link);
        // The sort is stable: equals stay in the order of the configuration, and then in that of the links.
        order.sort_by_key(|endpoint| {
            (Some(*endpoint) == avoid, !is_usable(endpoint), self.states[self.place(*endpoint)].rank(now))
        });
        Plan::Try(order)
    }

    /// Records a response.
    pub(crate) fn answered(&mut self, endpoint: Endpoint) {
        if let Some(state) = self.state(endpoint) {
            state.asked = true;
            state.outage = None;
        }
    }

    /// Records an outage.
    pub(crate) fn failed(&mut self, endpoint: Endpoint, error: Error, now: Instant) {
        if let Some(state) = self.state(endpoint) {
            let failures = state.outage.as_ref().map_or(0, |outage| outage.failures) + 1;
            state.asked = true;
            state.outage = Some(Outage { until: now + COOLING, error, failures });
        }
    }

    /// Records that an endpoint is up but sends unusable responses, is too slow, or redirects to a host that is down.
    /// It is tried last for a while.
    pub(crate) fn deprioritize(&mut self, endpoint: Endpoint, now: Instant) {
        self.deprioritize_until(endpoint, now + COOLING);
    }

    /// Records wrong bytes.
    pub(crate) fn distrust(&mut self, endpoint: Endpoint, now: Instant) {
        self.deprioritize_until(endpoint, now + DISTRUST);
    }

    fn deprioritize_until(&mut self, endpoint: Endpoint, until: Instant) {
        if let Some(state) = self.state(endpoint) {
            state.later_until = state.later_until.max(Some(until));
        }
    }

    fn state(&mut self, endpoint: Endpoint) -> Option<&mut EndpointState> {
        let place = self.place(endpoint);
        self.states.get_mut(place)
    }

    fn place(&self, endpoint: Endpoint) -> usize {
        endpoint.index * self.links + endpoint.link
    }

    /// How the registry was when it was asked last, however long ago.
    pub(crate) fn standing(&self) -> EndpointHealth {
        let is_down =
            |state: &EndpointState| state.outage.as_ref().is_some_and(|outage| outage.failures >= FAILURES);
        // Over links that were not used, nothing is known.
        let is_down_over = |over_links: &[EndpointState]| {
            let mut asked = over_links.iter().filter(|state| state.asked).peekable();
            asked.peek().is_some() && asked.all(is_down)
        };
        if self.states.chunks(self.links).all(is_down_over) {
            EndpointHealth::Down
        } else if self.states.iter().any(|state| state.asked) {
            EndpointHealth::Up
        } else {
            EndpointHealth::Unknown
        }
    }

    // If all are down: the one that has been down longest, and its last error.
    fn all_down(&self, now: Instant) -> Option<(Endpoint, Error)> {
        let down = |state: &'_ EndpointState| {
            state.outage(now).filter(|outage| outage.failures >= FAILURES).cloned()
        };
        let outages: Option<Vec<Outage>> = self.states.iter().map(down).collect();
        let (index, outage) = outages?.into_iter().enumerate().min_by_key(|(_, outage)| outage.until)?;
        Some((Endpoint { index: index / self.links, link: index % self.links }, outage.error))
    }
}

impl EndpointState {
    fn outage(&self, now: Instant) -> Option<&Outage> {
        self.outage.as_ref().filter(|outage| now < outage.until)
    }

    fn rank(&self, now: Instant) -> u8 {
        let later = self.later_until.is_some_and(|until| now < until);
        if self.outage(now).is_some() { 2 } else { u8::from(later) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: Error = Error::Failing { status: 503, retry_after: None };

    fn one_link() -> LinkOrder {
        LinkOrder { order: vec![0], usable: 1 }
    }

    fn order(health: &mut Health, now: Instant, avoid: Option<usize>) -> Vec<usize> {
        match health.plan(now, avoid.map(Endpoint::first_link), &one_link()) {
            Plan::Try(order) => order.into_iter().map(|endpoint| endpoint.index).collect(),
            Plan::Fail(_) => Vec::new(),
        }
    }

    #[test]
    fn the_worse_come_later_for_a_while() {
        let (mut health, now) = (Health::new(3, 1), Instant::now());
        assert_eq!(order(&mut health, now, None), [0, 1, 2]);
        health.failed(Endpoint::first_link(0), BROKEN, now);
        health.distrust(Endpoint::first_link(1), now);
        assert_eq!(order(&mut health, now, None), [2, 1, 0]);
        assert_eq!(order(&mut health, now, Some(2)), [1, 0, 2]);
        assert_eq!(order(&mut health, now + COOLING, None), [0, 2, 1]);
        assert_eq!(order(&mut health, now + DISTRUST, None), [0, 1, 2]);
    }

    #[test]
    fn one_probe_per_interval_when_all_are_down() {
        let (mut health, now) = (Health::new(2, 1), Instant::now());
        for _ in 0..FAILURES {
            assert_eq!(order(&mut health, now, None).len(), 2);
            health.failed(Endpoint::first_link(0), BROKEN, now);
            health.failed(Endpoint::first_link(1), BROKEN, now + Duration::from_millis(1));
        }
        let now = now + Duration::from_millis(2);
        assert_eq!(order(&mut health, now, None), [0]);
        assert!(matches!(
            health.plan(now, None, &one_link()),
            Plan::Fail(Error::Failing { status: 503, .. })
        ));
        health.failed(Endpoint::first_link(0), BROKEN, now);
        // The next look goes to the other one.
        assert_eq!(order(&mut health, now + PROBE_INTERVAL, None), [1]);
        health.answered(Endpoint::first_link(1));
        assert_eq!(order(&mut health, now + PROBE_INTERVAL, None), [1, 0]);
    }

    #[test]
    fn each_endpoint_is_tried_over_the_links_in_their_order() {
        let (mut health, now) = (Health::new(2, 3), Instant::now());
        let links = LinkOrder { order: vec![2, 0, 1], usable: 2 };
        let order = |health: &mut Health, avoid| match health.plan(now, avoid, &links) {
            Plan::Try(order) => order.into_iter().map(|at| (at.index, at.link)).collect(),
            Plan::Fail(_) => Vec::new(),
        };
        assert_eq!(order(&mut health, None), [(0, 2), (0, 0), (1, 2), (1, 0), (0, 1), (1, 1)]);
        // What failed over one link may work over another.
        health.failed(Endpoint { index: 0, link: 2 }, BROKEN, now);
        let avoid = Some(Endpoint { index: 0, link: 0 });
        assert_eq!(order(&mut health, avoid), [(1, 2), (1, 0), (0, 2), (0, 1), (1, 1), (0, 0)]);
        // One probe, over the link that failed first, once it is down over all of them.
        for place in 0..6 {
            for _ in 0..FAILURES {
                health.failed(Endpoint { index: place / 3, link: place % 3 }, BROKEN, now);
            }
        }
        assert_eq!(order(&mut health, None), [(0, 0)]);
        assert_eq!(order(&mut health, None), []);
    }

    #[test]
    fn a_registry_is_down_when_no_endpoint_answers() {
        let (mut health, now) = (Health::new(2, 1), Instant::now());
        assert_eq!(health.standing(), EndpointHealth::Unknown);
        for endpoint in [0, 1] {
            for _ in 0..FAILURES {
                assert_ne!(health.standing(), EndpointHealth::Down);
                health.failed(Endpoint::first_link(endpoint), BROKEN, now);
            }
        }
        assert_eq!(health.standing(), EndpointHealth::Down);
        health.answered(Endpoint::first_link(1));
        assert_eq!(health.standing(), EndpointHealth::Up);
    }

    #[test]
    fn a_single_distrusted_endpoint_is_still_tried() {
        let (mut health, now) = (Health::new(1, 1), Instant::now());
        health.distrust(Endpoint::first_link(0), now);
        health.deprioritize(Endpoint::first_link(0), now);
        assert_eq!(order(&mut health, now, Some(0)), [0]);
    }
}
