//! One registry at several places: which of them is asked, and when the next.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::future::BoxFuture;

use crate::{
    error::Error,
    health::{Health, Plan},
    remote::Remote,
};

/// One of a registry's endpoints, in the order of [`crate::Settings::endpoints`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(pub(crate) usize);

impl Remote {
    /// Notes that an endpoint gave wrong bytes: it is asked last for [`crate::DISTRUST`].
    pub fn distrust(&self, endpoint: Endpoint) {
        tracing::warn!(registry = %self.host(), endpoint = endpoint.0, "gave wrong bytes, is asked last for a while");
        self.health().distrust(endpoint, Instant::now());
    }

    /// Notes that an endpoint is not down but no good either: others are asked first for [`crate::COOLING`].
    pub(crate) fn ask_later(&self, endpoint: Endpoint, why: &str) {
        tracing::warn!(registry = %self.host(), endpoint = endpoint.0, why, "an endpoint is asked last for a while");
        self.health().led_astray(endpoint, Instant::now());
    }

    /// Asks endpoint after endpoint until one has something to say. The first failure is what is reported if none has:
    /// it is the one of the endpoint that should have answered.
    pub(crate) async fn at_endpoints<'a, T>(
        &'a self,
        avoid: Option<Endpoint>,
        ask: impl Fn(Endpoint) -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let order = match self.health().plan(Instant::now(), avoid) {
            Plan::Ask(order) => order,
            Plan::Fail(error) => return Err(error),
        };
        let mut first = None;
        for endpoint in order {
            let result = ask(endpoint).await;
            match result {
                Err(error)
                    if error.is_the_endpoints() || self.is_for_want_of_an_account(endpoint, &error) =>
                {
                    tracing::debug!(registry = %self.host(), endpoint = endpoint.0, %error, "asking the next endpoint");
                    if error.is_an_impostors() {
                        self.ask_later(endpoint, "its answers are not a registry's");
                    }
                    first = first.or(Some(error));
                }
                answered => return answered,
            }
        }
        // The order is never empty: a registry has at least one endpoint.
        Err(first.unwrap_or(Error::NotFound))
    }

    // An endpoint that sees none of our accounts says nothing about the one that does.
    fn is_for_want_of_an_account(&self, endpoint: Endpoint, error: &Error) -> bool {
        let accounts = &self.inner().accounts;
        matches!(error, Error::Denied { status: 401 | 403, .. })
            && !accounts.is_empty()
            && !accounts.iter().any(|account| account.is_for(endpoint, None))
    }

    /// Learns from one step on the way to an answer; `home` if it was to the endpoint, not to where that sent us.
    pub(crate) fn note<T>(&self, endpoint: Endpoint, home: bool, step: &Result<T, Error>) {
        let now = Instant::now();
        match step {
            Err(error) if error.is_outage() && home => {
                tracing::warn!(registry = %self.host(), endpoint = endpoint.0, %error, "an endpoint is down");
                self.health().failed(endpoint, error.clone(), now);
            }
            Err(error) if error.is_outage() => self.health().led_astray(endpoint, now),
            _ if home => self.health().answered(endpoint),
            _ => {}
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Its methods leave nothing half done, so that a panic elsewhere does not matter.
        self.inner().health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
