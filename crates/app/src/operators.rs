//! What operators are told: by webhooks, of what happens; and by traces, where time goes.

use std::{sync::Arc, time::SystemTime};

use entrepot_events::EventReceiver;
use entrepot_server::PublicUrl;
use entrepot_webhooks::{WebhookMetrics, Webhooks, WebhooksParts};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, failure::Failure, syncing::ReloadSource, traces::Traces};

/// Tells operators of events.
pub(crate) struct Operators {
    /// The webhooks.
    pub(crate) webhooks: Webhooks,
    raised: EventReceiver,
    traces: Traces,
}

impl Operators {
    /// What tells them by this configuration; its metrics are added to `registry`.
    ///
    /// # Errors
    /// HTTP cannot be set up, or what waits to be delivered cannot be read.
    pub(crate) async fn open(
        config: &Config,
        source: &ReloadSource,
        (raised, traces): (EventReceiver, Traces),
        registry: &mut Registry,
    ) -> Result<Self, Failure> {
        let metrics = WebhookMetrics::default();
        metrics.register(registry);
        traces.register(registry);
        let opened = Webhooks::open(WebhooksParts {
            catalog: source.catalog.clone(),
            webhooks: config.webhooks.meant.clone(),
            server: config.public_url.as_ref().map(PublicUrl::text),
            metrics,
            clock: Arc::new(SystemTime::now),
        });
        let webhooks = opened.await.map_err(|error| Failure::because("cannot set up webhooks", &error))?;
        Ok(Self { webhooks, raised, traces })
    }

    /// Works until `stop`.
    pub(crate) async fn tell(self, stop: CancellationToken) {
        let Self { webhooks, raised, traces } = self;
        tokio::join!(webhooks.work(raised, stop.clone()), traces.send(stop));
    }
}
