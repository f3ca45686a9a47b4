//! Webhooks as the JSON API has them. Pure.

use entrepot_api as api;
use entrepot_catalog::{DeliveryRecord, DeliveryStatus, Listing};
use entrepot_events::EventKind;
use entrepot_webhooks::{Format, MessageLanguage, Trial, WebhookView};

pub(crate) fn webhooks(webhooks: Vec<WebhookView>) -> api::WebhookList {
    api::WebhookList { webhooks: webhooks.into_iter().map(webhook).collect() }
}

fn webhook(webhook: WebhookView) -> api::Webhook {
    api::Webhook {
        name: webhook.name,
        origin: webhook.origin,
        format: match webhook.format {
            Format::Json => api::WebhookFormat::Json,
            Format::Dingtalk => api::WebhookFormat::Dingtalk,
            Format::Feishu => api::WebhookFormat::Feishu,
            Format::Wecom => api::WebhookFormat::Wecom,
            Format::Slack => api::WebhookFormat::Slack,
        },
        language: match webhook.language {
            MessageLanguage::English => api::WebhookLanguage::En,
            MessageLanguage::Chinese => api::WebhookLanguage::Zh,
        },
        on: webhook.on.iter().map(EventKind::to_string).collect(),
        signed: webhook.is_signed,
        waiting: webhook.waiting,
        last: webhook.last.map(delivery),
    }
}

pub(crate) fn deliveries(page: Listing<DeliveryRecord>) -> api::WebhookDeliveryList {
    api::WebhookDeliveryList { deliveries: page.rows.into_iter().map(delivery).collect(), more: page.more }
}

pub(crate) fn delivery(record: DeliveryRecord) -> api::WebhookDelivery {
    let is_waiting = record.status == DeliveryStatus::Waiting;
    api::WebhookDelivery {
        id: record.id.to_string(),
        webhook: record.webhook,
        event: record.event,
        kind: record.kind,
        raised: record.raised.into(),
        status: match record.status {
            DeliveryStatus::Waiting => api::WebhookDeliveryStatus::Waiting,
            DeliveryStatus::Delivered => api::WebhookDeliveryStatus::Delivered,
            DeliveryStatus::Failed => api::WebhookDeliveryStatus::Failed,
        },
        attempts: record.attempts,
        next: is_waiting.then(|| record.next.into()),
        tried: record.tried.map(Into::into),
        answer: record.answer,
        problem: record.problem,
    }
}

pub(crate) fn status_named(word: &str) -> Option<DeliveryStatus> {
    use DeliveryStatus::{Delivered, Failed, Waiting};
    [Waiting, Delivered, Failed].into_iter().find(|status| status.as_str() == word)
}

pub(crate) fn trial(trial: Trial) -> api::WebhookTest {
    api::WebhookTest { delivered: trial.problem.is_none(), answer: trial.answer, problem: trial.problem }
}
