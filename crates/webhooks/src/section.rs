//! An entry of the section `webhooks` of the configuration.

use secrecy::SecretString;
use serde::Deserialize;

use crate::{format::Format, words::MessageLanguage};

/// A webhook as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSection {
    /// Where to send to. The addresses of chat robots have their key in them, so it is kept as a secret.
    pub url: SecretString,
    /// Its name; left out, the host of the URL.
    #[serde(default)]
    pub name: Option<String>,
    /// What requests are signed with.
    #[serde(default)]
    pub secret: Option<SecretString>,
    /// How the other side wants it.
    #[serde(default)]
    pub format: Format,
    /// The events to tell; left out, all of them.
    #[serde(default)]
    pub on: Option<Vec<String>>,
    /// The language of the texts; left out, that of those who use the format.
    #[serde(default)]
    pub language: Option<MessageLanguage>,
    /// Whether the URL may lead to a private address.
    #[serde(default)]
    pub private_network: bool,
}
