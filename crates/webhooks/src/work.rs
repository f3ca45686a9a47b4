//! Records events as they come, and delivers them: each webhook one after the other, at its own pace.

use std::{future::pending, time::Duration};

use entrepot_events::{EventReceiver, RaisedEvent};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::webhooks::{Hook, Webhooks};

/// How long to wait after the catalog has failed.
const CATALOG_WAIT: Duration = Duration::from_secs(10);
/// The longest sleep: the clock of the machine may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Webhooks {
    /// Records and delivers events until `stop`. What is not delivered by then is when the next server works.
    pub async fn work(&self, mut events: EventReceiver, stop: CancellationToken) {
        let deliveries = self.0.hooks.iter().map(|hook| self.deliver_all(hook, &stop));
        tokio::join!(self.record_all(&mut events, &stop), join_all(deliveries));
    }

    async fn record_all(&self, events: &mut EventReceiver, stop: &CancellationToken) {
        loop {
            let raised = tokio::select! {
                raised = events.next() => raised,
                () = stop.cancelled() => events.try_next(),
            };
            let Some(raised) = raised else { return };
            self.record(&raised, stop).await;
            let lost = events.take_lost();
            if lost > 0 {
                self.0.metrics.lost(lost);
                tracing::warn!(lost, "too many events at once: some are lost for webhooks");
            }
        }
    }

    // Once more after a while if the catalog failed; events that come meanwhile wait in the channel.
    async fn record(&self, raised: &RaisedEvent, stop: &CancellationToken) {
        while let Err(error) = self.0.record(raised).await {
            tracing::warn!(%error, "an event for webhooks cannot be recorded");
            tokio::select! {
                () = tokio::time::sleep(CATALOG_WAIT) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn deliver_all(&self, hook: &Hook, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = self.deliver_next(hook) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    // Delivers what is due, or waits until something may be.
    async fn deliver_next(&self, hook: &Hook) {
        let next = match self.0.catalog.next_delivery(hook.webhook.name.as_str()).await {
            Ok(next) => next,
            Err(error) => return self.away(&error.into()).await,
        };
        let wait = next.as_ref().map(|next| next.next.duration_since(self.0.now()).unwrap_or_default());
        match (next, wait) {
            (Some(next), Some(Duration::ZERO)) => {
                if let Err(error) = self.0.deliver(hook, &next).await {
                    return self.away(&error).await;
                }
                tokio::time::sleep(hook.webhook.format.pause()).await;
            }
            (_, wait) => {
                let sleep = async {
                    match wait {
                        Some(wait) => tokio::time::sleep(wait.min(LONGEST_SLEEP)).await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    () = hook.woken.notified() => {}
                    () = sleep => {}
                }
            }
        }
    }

    async fn away(&self, error: &crate::error::Error) {
        tracing::warn!(%error, "deliveries to webhooks cannot be looked up or recorded");
        tokio::time::sleep(CATALOG_WAIT).await;
    }
}
