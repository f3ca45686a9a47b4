//! The handle that everything else uses.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use entrepot_catalog::{
    Catalog, DeliveryAttempt, DeliveryFilter, DeliveryRecord, DeliveryStatus, Listing, NewDelivery,
};
use entrepot_events::{Event, EventKind, RaisedEvent};
use tokio::sync::Notify;

use crate::{
    answer::DeliveryVerdict,
    client::{Client, SendResult},
    error::{Error, OpenError},
    format::Format,
    message::{Message, UnknownEvent},
    metrics::{AttemptOutcome, WebhookMetrics},
    outgoing::outgoing,
    retry,
    settings::Webhook,
    words::MessageLanguage,
};

/// Returns the current time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What webhooks are made of.
pub struct WebhooksParts {
    /// Where deliveries are recorded.
    pub catalog: Catalog,
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
    /// The public URL of this server, which messages name.
    pub server: Option<String>,
    /// Counters.
    pub metrics: WebhookMetrics,
    /// The current time.
    pub clock: Clock,
}

/// All webhooks. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Webhooks(pub(crate) Arc<WebhooksInner>);

pub(crate) struct WebhooksInner {
    pub(crate) catalog: Catalog,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) metrics: WebhookMetrics,
    pub(crate) clock: Clock,
    server: Option<String>,
}

/// A webhook, and what it is delivered with.
pub(crate) struct Hook {
    pub(crate) webhook: Webhook,
    /// Something may be due earlier than was known.
    pub(crate) woken: Notify,
    client: Client,
}

/// A webhook as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookView {
    /// Its name.
    pub name: String,
    /// Where it leads, without path and query.
    pub origin: String,
    /// How the other side wants it.
    pub format: Format,
    /// The language of its texts.
    pub language: MessageLanguage,
    /// The events that it is told of.
    pub on: BTreeSet<EventKind>,
    /// Whether its requests are signed.
    pub is_signed: bool,
    /// How many deliveries wait.
    pub waiting: u64,
    /// The latest delivery.
    pub last: Option<DeliveryRecord>,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The HTTP status of the answer, if there was one.
    pub answer: Option<u16>,
    /// Why the other side has not taken it; `None` if it has.
    pub problem: Option<String>,
}

impl Webhooks {
    /// Sets up all webhooks. What waits for webhooks that are no longer there is forgotten.
    ///
    /// # Errors
    /// The HTTP client cannot be set up, or the catalog failed.
    pub async fn open(parts: WebhooksParts) -> Result<Self, OpenError> {
        let WebhooksParts { catalog, webhooks, server, metrics, clock } = parts;
        let names: Vec<&str> = webhooks.iter().map(|webhook| webhook.name.as_str()).collect();
        let forgotten = catalog.keep_deliveries_to(&names).await?;
        if forgotten > 0 {
            tracing::warn!(
                forgotten,
                "events that waited for webhooks that are no longer configured are forgotten"
            );
        }
        let hook = |webhook: Webhook| {
            Ok::<_, OpenError>(Hook { client: Client::new(&webhook)?, woken: Notify::new(), webhook })
        };
        let hooks = webhooks.into_iter().map(hook).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(WebhooksInner { catalog, hooks, metrics, clock, server })))
    }

    /// The webhooks, as they are written in the configuration.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn list(&self) -> Result<Vec<WebhookView>, Error> {
        let mut views = Vec::new();
        for Hook { webhook, .. } in &self.0.hooks {
            let name = webhook.name.to_string();
            let filter = DeliveryFilter { webhook: Some(name.clone()), ..DeliveryFilter::default() };
            views.push(WebhookView {
                waiting: self.0.catalog.waiting_deliveries(&name).await?,
                last: self.0.catalog.deliveries(&filter, 1).await?.rows.pop(),
                name,
                origin: webhook.origin(),
                format: webhook.format,
                language: webhook.language,
                on: webhook.on.clone(),
                is_signed: webhook.is_signed(),
            });
        }
        Ok(views)
    }

    /// Deliveries, the latest first.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Listing<DeliveryRecord>, Error> {
        Ok(self.0.catalog.deliveries(filter, limit).await?)
    }

    /// Sends a test to a webhook now, once, and says what came of it.
    ///
    /// # Errors
    /// There is no such webhook, or the catalog failed.
    pub async fn test(&self, name: &str) -> Result<Trial, Error> {
        let hook = self.0.hooks.iter().find(|hook| hook.webhook.name.as_str() == name);
        let hook = hook.ok_or_else(|| Error::UnknownWebhook(name.to_owned()))?;
        let raised = RaisedEvent { at: self.0.now(), event: Event::Test {} };
        let new = new_delivery(&raised, &new_event_id(), hook);
        let (ids, _) = self.0.catalog.add_deliveries(std::slice::from_ref(&new)).await?;
        let message =
            Message { id: &new.event, at: raised.at, server: self.0.server.as_deref(), event: raised.event };
        let sent = self.0.send(hook, &message).await;
        let attempt = self.0.attempt(sent, None);
        for id in ids {
            self.0.catalog.tried_delivery(id, &attempt).await?;
        }
        Ok(Trial { answer: attempt.answer, problem: attempt.problem })
    }

    /// Has a delivery tried once more, now.
    ///
    /// # Errors
    /// There is no such delivery, or the catalog failed.
    pub async fn redeliver(&self, id: i64) -> Result<DeliveryRecord, Error> {
        let is_there = self.0.catalog.deliver_again(id, self.0.now()).await?;
        let delivery = self.0.catalog.delivery(id).await?.filter(|_| is_there);
        let delivery = delivery.ok_or(Error::UnknownDelivery(id))?;
        let hook = self.0.hooks.iter().find(|hook| hook.webhook.name.as_str() == delivery.webhook);
        if let Some(hook) = hook {
            hook.woken.notify_one();
        }
        Ok(delivery)
    }
}

impl WebhooksInner {
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Records an event for each webhook that wants it.
    pub(crate) async fn record(&self, raised: &RaisedEvent) -> Result<(), Error> {
        let kind = raised.event.kind();
        let hooks: Vec<_> = self.hooks.iter().filter(|hook| hook.webhook.on.contains(&kind)).collect();
        let event = new_event_id();
        let next = Some(self.now());
        let new = |hook: &&Hook| NewDelivery { next, ..new_delivery(raised, &event, hook) };
        let new: Vec<_> = hooks.iter().map(new).collect();
        let (_, lost) = self.catalog.add_deliveries(&new).await?;
        if lost > 0 {
            self.metrics.lost(lost);
            tracing::warn!(lost, "too many events wait for webhooks: the oldest ones are lost");
        }
        hooks.iter().for_each(|hook| hook.woken.notify_one());
        Ok(())
    }

    /// Tries a delivery that is due, and records what came of it.
    pub(crate) async fn deliver(&self, hook: &Hook, delivery: &DeliveryRecord) -> Result<(), Error> {
        let attempt = match Message::of(delivery, self.server.as_deref()) {
            Ok(message) => {
                let sent = self.send(hook, &message).await;
                self.attempt(sent, Some(delivery.attempts + 1))
            }
            Err(error) => self.unknown(error),
        };
        if attempt.status == DeliveryStatus::Failed {
            let (webhook, event) = (&delivery.webhook, &delivery.kind);
            let problem = attempt.problem.as_deref();
            tracing::warn!(%webhook, event, problem, "an event is not delivered, and not tried any more");
        }
        Ok(self.catalog.tried_delivery(delivery.id, &attempt).await?)
    }

    async fn send(&self, hook: &Hook, message: &Message<'_>) -> SendResult {
        hook.client.send(outgoing(&hook.webhook, message, self.now())).await
    }

    // `attempts` are those that were made, with this one; `None` if it is not tried again anyway.
    fn attempt(
        &self,
        SendResult { status: answer, verdict }: SendResult,
        attempts: Option<u32>,
    ) -> DeliveryAttempt {
        let at = self.now();
        let (outcome, wait, problem) = match verdict {
            DeliveryVerdict::Taken => (AttemptOutcome::Delivered, None, None),
            DeliveryVerdict::Gone => {
                (AttemptOutcome::Failed, None, Some("status 410: nobody is there any more".to_owned()))
            }
            DeliveryVerdict::Refused { why, wait } => {
                let random = uuid::Uuid::new_v4().as_u64_pair().1;
                match attempts.and_then(|attempts| retry::wait(attempts, wait, random)) {
                    Some(wait) => (AttemptOutcome::Retried, Some(wait), Some(why)),
                    None => (AttemptOutcome::Failed, None, Some(why)),
                }
            }
        };
        self.metrics.tried(outcome);
        let status = match outcome {
            AttemptOutcome::Delivered => DeliveryStatus::Delivered,
            AttemptOutcome::Retried => DeliveryStatus::Waiting,
            AttemptOutcome::Failed => DeliveryStatus::Failed,
        };
        DeliveryAttempt { at, answer, problem, status, next: at + wait.unwrap_or_default() }
    }

    fn unknown(&self, error: UnknownEvent) -> DeliveryAttempt {
        self.metrics.tried(AttemptOutcome::Failed);
        let (at, problem) = (self.now(), Some(error.to_string()));
        DeliveryAttempt { at, answer: None, problem, status: DeliveryStatus::Failed, next: at }
    }
}

fn new_event_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

fn new_delivery(raised: &RaisedEvent, event: &str, hook: &Hook) -> NewDelivery {
    NewDelivery {
        webhook: hook.webhook.name.to_string(),
        event: event.to_owned(),
        kind: raised.event.kind().as_str().to_owned(),
        // Texts and numbers can always be written.
        body: serde_json::to_string(&raised.event).unwrap_or_default(),
        raised: raised.at,
        next: None,
    }
}
