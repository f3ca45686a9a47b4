//! Tries the endpoints of a registry in order of their health, and records how they did.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::future::BoxFuture;

use crate::{
    endpoint::Endpoint,
    error::Error,
    health::{Health, Plan, Standing},
    remote::Remote,
};

impl Remote {
    /// Records that an endpoint sent wrong bytes: it is tried last for [`crate::DISTRUST`].
    pub fn distrust(&self, endpoint: Endpoint) {
        tracing::warn!(registry = %self.host(), endpoint = endpoint.0, "gave wrong bytes, is asked last for a while");
        self.health().distrust(endpoint, Instant::now());
    }

    /// Records that an endpoint is up but unusable: it is tried last for [`crate::COOLING`].
    pub(crate) fn deprioritize(&self, endpoint: Endpoint, why: &str) {
        tracing::warn!(registry = %self.host(), endpoint = endpoint.0, why, "an endpoint is asked last for a while");
        self.health().deprioritize(endpoint, Instant::now());
    }

    /// How the registry was when it was asked last.
    pub fn standing(&self) -> Standing {
        self.health().standing()
    }

    /// The endpoints to try now.
    pub(crate) fn plan(&self) -> Plan {
        self.health().plan(Instant::now(), None)
    }

    /// Tries one endpoint after another until one succeeds or gives a final answer. If none does, the error is that
    /// of the first, which should have answered.
    pub(crate) async fn try_endpoints<'a, T>(
        &'a self,
        avoid: Option<Endpoint>,
        attempt: impl Fn(Endpoint) -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let order = match self.health().plan(Instant::now(), avoid) {
            Plan::Try(order) => order,
            Plan::Fail(error) => return Err(error),
        };
        let mut first = None;
        for endpoint in order {
            let result = attempt(endpoint).await;
            match result {
                Err(error) if error.is_endpoint_specific() || self.lacks_account(endpoint, &error) => {
                    tracing::debug!(registry = %self.host(), endpoint = endpoint.0, %error, "asking the next endpoint");
                    if error.is_from_impostor() {
                        self.deprioritize(endpoint, "its answers are not a registry's");
                    }
                    first = first.or(Some(error));
                }
                answered => return answered,
            }
        }
        // The order is never empty: a registry has at least one endpoint.
        Err(first.unwrap_or(Error::NotFound))
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
