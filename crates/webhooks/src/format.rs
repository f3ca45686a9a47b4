//! How the other side wants it.

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::words::MessageLanguage;

/// How the other side wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Our own document, signed as Standard Webhooks has it.
    #[default]
    Json,
    /// A robot of DingTalk (钉钉).
    Dingtalk,
    /// A robot of Feishu (飞书) or Lark.
    Feishu,
    /// A robot of WeCom (企业微信).
    Wecom,
    /// An incoming webhook of Slack, or of what understands these, such as Mattermost.
    Slack,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Format {
    /// As it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Dingtalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::Wecom => "wecom",
            Self::Slack => "slack",
        }
    }

    /// The language of those who use it.
    pub(crate) fn language(self) -> MessageLanguage {
        match self {
            Self::Json | Self::Slack => MessageLanguage::English,
            Self::Dingtalk | Self::Feishu | Self::Wecom => MessageLanguage::Chinese,
        }
    }

    /// True if requests can be signed.
    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Self::Json | Self::Dingtalk | Self::Feishu)
    }

    /// The pause after a request: the robots of DingTalk and WeCom take 20 a minute, that of Feishu 100, Slack's one a second.
    pub(crate) fn pause(self) -> Duration {
        match self {
            Self::Json => Duration::ZERO,
            Self::Dingtalk | Self::Wecom => Duration::from_secs(3),
            Self::Feishu | Self::Slack => Duration::from_secs(1),
        }
    }
}
