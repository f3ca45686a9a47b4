//! The language of a client, by the variables that it sends. Pure.

use std::borrow::Cow;

/// The language of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientLanguage {
    /// English, unless something else is said.
    #[default]
    English,
    /// 中文.
    Chinese,
}

impl ClientLanguage {
    /// The language after a client has sent a variable: clients send those of their locale, the most general first.
    pub(crate) fn heard(self, variable: &str, value: &str) -> Self {
        match variable {
            "LANG" | "LC_ALL" | "LC_MESSAGES" if value.starts_with("zh") => Self::Chinese,
            "LC_ALL" | "LC_MESSAGES" => Self::English,
            _ => self,
        }
    }

    /// A text in this language, as far as its sentences are known.
    pub(crate) fn said(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::English => Cow::Borrowed(text),
            Self::Chinese => entrepot_chinese::said(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_of_a_client_says_it() {
        let english = ClientLanguage::default();
        assert_eq!(english.heard("LANG", "zh_CN.UTF-8"), ClientLanguage::Chinese);
        assert_eq!(english.heard("LANG", "en_US.UTF-8"), ClientLanguage::English);
        assert_eq!(english.heard("TERM", "zh"), ClientLanguage::English);
        assert_eq!(ClientLanguage::Chinese.heard("LC_MESSAGES", "C"), ClientLanguage::English);
        assert_eq!(ClientLanguage::Chinese.heard("LC_TIME", "en_US.UTF-8"), ClientLanguage::Chinese);
    }

    #[test]
    fn a_refusal_is_said_in_it() {
        assert_eq!(ClientLanguage::English.said("the command is not UTF-8"), "the command is not UTF-8");
        assert_eq!(ClientLanguage::Chinese.said("the command is not UTF-8"), "命令不是 UTF-8");
    }
}
