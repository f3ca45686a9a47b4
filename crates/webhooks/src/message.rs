//! What is told of an event. Pure.

use std::time::{SystemTime, UNIX_EPOCH};

use entrepot_catalog::DeliveryRecord;
use entrepot_events::Event;
use serde::Serialize;

use crate::words::{self, MessageLanguage};

/// The version of the document. Fields may come without a new one.
const VERSION: u32 = 1;

/// An event on its way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The event's id.
    pub(crate) id: &'a str,
    /// When it was raised.
    pub(crate) at: SystemTime,
    /// By which server, if that has a public URL.
    pub(crate) server: Option<&'a str>,
    /// The event.
    pub(crate) event: Event,
}

/// A recorded event was written by another version, which knows events that this one does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this version does not know the event")]
pub(crate) struct UnknownEvent;

#[derive(Serialize)]
struct EventDocument<'a> {
    version: u32,
    id: &'a str,
    timestamp: String,
    server: Option<&'a str>,
    text: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl<'a> Message<'a> {
    /// What a delivery tells.
    pub(crate) fn of(delivery: &'a DeliveryRecord, server: Option<&'a str>) -> Result<Self, UnknownEvent> {
        let event = serde_json::from_str(&delivery.body).map_err(|_| UnknownEvent)?;
        Ok(Self { id: &delivery.event, at: delivery.raised, server, event })
    }

    /// All of it, for programs.
    pub(crate) fn document(&self, language: MessageLanguage) -> String {
        let document = EventDocument {
            version: VERSION,
            id: self.id,
            timestamp: humantime::format_rfc3339_seconds(self.at).to_string(),
            server: self.server,
            text: words::sentence(&self.event, language),
            event: &self.event,
        };
        // Texts and numbers can always be written.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// A sentence, for people.
    pub(crate) fn sentence(&self, language: MessageLanguage) -> String {
        let sentence = words::sentence(&self.event, language);
        match self.server {
            Some(server) => format!("[entrepot {server}] {sentence}"),
            None => format!("[entrepot] {sentence}"),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entrepot_events::DiskLow;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_document_is_the_one_that_is_described() {
        let message = Message {
            id: "018f",
            at: UNIX_EPOCH + Duration::from_secs(1_777_638_896),
            server: Some("https://m.example.com"),
            event: Event::DiskLow(DiskLow { free: 5 << 30, size: 100 << 30 }),
        };
        let document: Value = serde_json::from_str(&message.document(MessageLanguage::English)).unwrap();
        assert_eq!(
            document,
            json!({
                "version": 1,
                "id": "018f",
                "timestamp": "2026-05-01T12:34:56Z",
                "server": "https://m.example.com",
                "text": "the disk is nearly full: 5.0 GiB of 100.0 GiB are free",
                "type": "disk.low",
                "data": {"free": 5_368_709_120_u64, "size": 107_374_182_400_u64},
            })
        );
        assert_eq!(
            message.sentence(MessageLanguage::Chinese),
            "[entrepot https://m.example.com] 磁盘将满：共 100.0 GiB，剩余 5.0 GiB"
        );
        let nameless = Message { server: None, ..message };
        assert!(nameless.sentence(MessageLanguage::English).starts_with("[entrepot] the disk"));
    }
}
