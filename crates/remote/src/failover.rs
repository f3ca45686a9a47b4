//! Tries the endpoints of a registry over its links, in order of their health, and records how they did.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};

use crate::{
    endpoint::Endpoint,
    error::Error,
    health::{EndpointHealth, Health, LinkOrder, Plan},
    links::choose::{self, RequestPurpose},
    remote::Remote,
    trial::{LinkVerdict, Trial, TrialStep},
};

/// Asks at one endpoint, over one link.
type EndpointAttempt<'a, T> = BoxFuture<'a, (Endpoint, Result<T, Error>)>;

impl Remote {
    /// Records that an endpoint sent wrong bytes: it is tried last for [`crate::DISTRUST`].
    pub fn distrust(&self, endpoint: Endpoint) {
        tracing::warn!(registry = %self.host(), endpoint = endpoint.index, "gave wrong bytes, is asked last for a while");
        self.health().distrust(endpoint, Instant::now());
    }

    /// Records that an endpoint is up but unusable: it is tried last for [`crate::COOLING`].
    pub(crate) fn deprioritize(&self, endpoint: Endpoint, why: &str) {
        tracing::warn!(registry = %self.host(), endpoint = endpoint.index, why, "an endpoint is asked last for a while");
        self.health().deprioritize(endpoint, Instant::now());
    }

    /// How the registry was when it was asked last.
    pub fn standing(&self) -> EndpointHealth {
        self.health().standing()
    }

    /// The endpoints to try now, each over the link that is best.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_for(None, RequestPurpose::Answer)
    }

    fn plan_for(&self, avoid: Option<Endpoint>, purpose: RequestPurpose) -> Plan {
        let links = self.link_order(purpose);
        self.health().plan(Instant::now(), avoid, &links)
    }

    fn link_order(&self, purpose: RequestPurpose) -> LinkOrder {
        let now = Instant::now();
        let facts: Vec<_> = self.lanes().iter().map(|lane| lane.link.facts(self.host(), now)).collect();
        let usable = facts.iter().filter(|facts| facts.is_usable()).count();
        LinkOrder { order: choose::order(&facts, purpose), usable }
    }

    /// Tries one endpoint after another until one succeeds or gives a final answer. If none does, the error is that
    /// of the first, which should have answered.
    pub(crate) async fn try_endpoints<'a, T: 'a>(
        &'a self,
        avoid: Option<Endpoint>,
        attempt: impl Fn(Endpoint) -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.try_for(avoid, RequestPurpose::Answer, attempt).await
    }

    /// The same for a request that is for more than an answer. Where another link is free, an answer that does not come is
    /// asked for over that as well.
    pub(crate) async fn try_for<'a, T: 'a>(
        &'a self,
        avoid: Option<Endpoint>,
        purpose: RequestPurpose,
        attempt: impl Fn(Endpoint) -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let mut order = match self.plan_for(avoid, purpose) {
            Plan::Try(order) => order.into_iter().peekable(),
            Plan::Fail(error) => return Err(error),
        };
        let mut trial = Trial::default();
        let mut running: FuturesUnordered<EndpointAttempt<'a, T>> = FuturesUnordered::new();
        let begin = |endpoint| attempt(endpoint).map(move |result| (endpoint, result)).boxed();
        loop {
            while order.next_if(|endpoint| !trial.admits(*endpoint)).is_some() {}
            if running.is_empty() {
                let Some(endpoint) = order.next() else { return Err(trial.into_error()) };
                running.push(begin(endpoint));
                continue;
            }
            let may_hedge = running.len() == 1
                && purpose != RequestPurpose::Change
                && order.peek().is_some_and(|next| self.is_free(*next));
            let (endpoint, result) = tokio::select! {
                Some(answered) = running.next() => answered,
                () = tokio::time::sleep(self.patience().hedge), if may_hedge => {
                    running.extend(order.next().map(&begin));
                    continue;
                }
            };
            let Err(error) = result else {
                self.blame(&trial, endpoint);
                return result;
            };
            if let TrialStep::Believe(error) = self.doubt(&mut trial, endpoint, error) {
                return Err(error);
            }
        }
    }

    // Whether another link could take a request now.
    fn is_free(&self, endpoint: Endpoint) -> bool {
        self.lanes().len() > 1 && self.lane(endpoint.link).link.facts(self.host(), Instant::now()).is_usable()
    }

    /// Takes a failure into account.
    pub(crate) fn doubt(&self, trial: &mut Trial, endpoint: Endpoint, error: Error) -> TrialStep {
        if let LinkVerdict::LinkDown(failure) = LinkVerdict::of(&error) {
            self.lane(endpoint.link).link.failed(failure);
        }
        let goes_on = error.is_endpoint_specific() || self.lacks_account(endpoint, &error);
        if goes_on {
            tracing::debug!(registry = %self.host(), endpoint = endpoint.index, %error, "asking the next endpoint");
            if error.is_from_impostor() {
                self.deprioritize(endpoint, "its answers are not a registry's");
            }
        }
        trial.failed(endpoint, error, goes_on)
    }

    /// Takes into account that this endpoint gave what was asked for.
    pub(crate) fn blame(&self, trial: &Trial, endpoint: Endpoint) {
        self.lane(endpoint.link).link.welcomed(self.host());
        for blame in trial.blame(endpoint) {
            let link = &self.lane(blame.link).link;
            match blame.for_registry {
                Some(wait) => link.refused(self.host(), blame.failure, wait),
                None => link.failed(blame.failure),
            }
        }
    }

    // An endpoint that sees no account says nothing about one that does.
    fn lacks_account(&self, endpoint: Endpoint, error: &Error) -> bool {
        let accounts = self.accounts();
        matches!(error, Error::Denied { status: 401 | 403, .. })
            && !accounts.is_empty()
            && !accounts.iter().any(|account| account.is_for(endpoint, None))
    }

    /// Records the result of one hop. `at_endpoint` says whether it went to the endpoint itself rather than to a
    /// redirect target.
    pub(crate) fn record<T>(&self, endpoint: Endpoint, at_endpoint: bool, step: &Result<T, Error>) {
        let now = Instant::now();
        match step {
            Err(error) if error.is_outage() && at_endpoint => {
                let (endpoint_host, hint) = (self.endpoint(endpoint).host_str(), error.hint());
                let error_text = error.whole();
                tracing::warn!(registry = %self.host(), endpoint = endpoint_host, error = error_text, hint, "an endpoint is down");
                self.health().failed(endpoint, error.clone(), now);
            }
            Err(error) if error.is_outage() => self.health().deprioritize(endpoint, now),
            _ if at_endpoint => self.health().answered(endpoint),
            _ => {}
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Its methods leave it consistent, so a panic elsewhere does not matter.
        self.inner().health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
