//! The names of webhooks.

use std::{fmt, str::FromStr};

/// The most letters of a name.
const MOST: usize = 64;

/// The name of a webhook, by which people and the log of deliveries know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookName(String);

/// The text is not the name of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("names of webhooks have letters, digits, `.`, `_` and `-`, and 64 of them at most")]
pub struct WebhookNameError;

impl WebhookName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebhookName {
    type Err = WebhookNameError;

    fn from_str(text: &str) -> Result<Self, WebhookNameError> {
        let is_fine = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
        let is_name = (1..=MOST).contains(&text.len()) && text.bytes().all(is_fine);
        if is_name { Ok(Self(text.to_owned())) } else { Err(WebhookNameError) }
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_addresses() {
        for name in ["ops", "oapi.dingtalk.com", "a-1_B"] {
            assert_eq!(name.parse::<WebhookName>().unwrap().as_str(), name);
        }
        for wrong in ["", "a b", "a/b", "机器人", &"a".repeat(65)] {
            assert_eq!(wrong.parse::<WebhookName>(), Err(WebhookNameError), "{wrong}");
        }
    }
}
