//! What other servers are told of.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How the other side wants it.
    WebhookFormat {
        /// Our own document, signed as Standard Webhooks has it.
        Json = "json",
        /// A robot of DingTalk (钉钉).
        Dingtalk = "dingtalk",
        /// A robot of Feishu (飞书) or Lark.
        Feishu = "feishu",
        /// A robot of WeCom (企业微信).
        Wecom = "wecom",
        /// An incoming webhook of Slack, or of what understands these.
        Slack = "slack",
    }
}

words! {
    /// The language of texts.
    WebhookLanguage {
        /// English.
        En = "en",
        /// 中文.
        Zh = "zh",
    }
}

words! {
    /// What came of a delivery.
    WebhookDeliveryStatus {
        /// It is tried, or tried again, when its time comes.
        Waiting = "waiting",
        /// The other side has taken it.
        Delivered = "delivered",
        /// The other side has not taken it, and it is not tried any more.
        Failed = "failed",
    }
}

/// A webhook of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Where it leads. Path and query are not shown: they hold the keys of chat robots.
    pub origin: String,
    /// How the other side wants it.
    pub format: WebhookFormat,
    /// The language of its texts.
    pub language: WebhookLanguage,
    /// The names of the events that it is told of.
    pub on: Vec<String>,
    /// Whether its requests are signed.
    pub signed: bool,
    /// How many deliveries wait.
    pub waiting: u64,
    /// The latest delivery.
    #[schema(required = true)]
    pub last: Option<WebhookDelivery>,
}

/// The webhooks of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookList {
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
}

/// An event on its way to a webhook, or there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// Its id, which rises with time.
    pub id: String,
    /// The webhook.
    pub webhook: String,
    /// The event's id: the same for all webhooks, and for all attempts.
    pub event: String,
    /// The event's name. New ones may come.
    pub kind: String,
    /// When the event was raised.
    pub raised: Timestamp,
    /// What came of it.
    pub status: WebhookDeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    #[schema(required = true)]
    pub next: Option<Timestamp>,
    /// When it was tried last.
    #[schema(required = true)]
    pub tried: Option<Timestamp>,
    /// The HTTP status of the last answer.
    #[schema(required = true)]
    pub answer: Option<u16>,
    /// Why the last attempt failed.
    #[schema(required = true)]
    pub problem: Option<String>,
}

/// A page of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDeliveryList {
    /// The deliveries, the latest first.
    pub deliveries: Vec<WebhookDelivery>,
    /// Whether more follow: ask again with `before` the id of the last one.
    pub more: bool,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WebhookDeliveryQuery {
    /// Only those to this webhook.
    pub webhook: Option<String>,
    /// Only those of which this came.
    #[param(value_type = Option<WebhookDeliveryStatus>)]
    pub status: Option<WebhookDeliveryStatus>,
    /// Only those before this one.
    pub before: Option<String>,
    /// How many, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookTest {
    /// Whether the other side has taken it.
    pub delivered: bool,
    /// The HTTP status of the answer, if there was one.
    #[schema(required = true)]
    pub answer: Option<u16>,
    /// Why the other side has not taken it.
    #[schema(required = true)]
    pub problem: Option<String>,
}
