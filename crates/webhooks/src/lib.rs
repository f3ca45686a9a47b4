//! Tells other servers of events: who wants to hear of a failed sync or a full disk names a URL, and gets a request.
//!
//! - what is written: `section` (as serde reads it), `settings` (pure: what it means), `name`
//! - one request: `message` (what is told), `words` (as a sentence), `format` and `outgoing` (as the other side wants it), `signature`;
//!   all of them pure
//! - what came of it: `answer` (what the other side says), `retry` (when to try again), both pure
//! - [`Webhooks`]: records events as deliveries and delivers them, each webhook at its own pace; `client` sends
//!
//! An event is recorded for each webhook before it is sent, so that a restart forgets none. Whoever receives one may get
//! it twice, with the same id.

#![forbid(unsafe_code)]

mod answer;
mod client;
mod error;
mod format;
mod message;
mod metrics;
mod name;
mod outgoing;
mod retry;
mod section;
mod settings;
mod signature;
mod webhooks;
mod words;
mod work;

pub use error::{Error, OpenError};
pub use format::Format;
pub use metrics::WebhookMetrics;
pub use name::{WebhookName, WebhookNameError};
pub use section::WebhookSection;
pub use settings::{SettingsFault, Webhook, wanted};
pub use webhooks::{Clock, Trial, WebhookView, Webhooks, WebhooksParts};
pub use words::MessageLanguage;
