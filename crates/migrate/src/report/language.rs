//! The language of a report.

use std::borrow::Cow;

use entrepot_chinese::{printed, said};

use super::text::counted;

/// The language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportLanguage {
    /// English.
    English,
    /// 中文.
    Chinese,
}

/// A sentence in a language, with what stands at its places: `sentence!(language, "{count} to copy", count = 3)`.
macro_rules! sentence {
    ($language:expr, $english:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        let chinese = $language.sentence($english, || {
            vec![$((stringify!($name), ToString::to_string(&$value))),*]
        });
        chinese.unwrap_or_else(|| std::fmt::format(format_args!($english $(, $name = $value)*)))
    }};
}

pub(super) use sentence;

impl ReportLanguage {
    /// A sentence, unless it is to be said in English.
    pub(super) fn sentence<'a>(
        self,
        english: &str,
        values: impl FnOnce() -> Vec<(&'a str, String)>,
    ) -> Option<String> {
        match self {
            Self::English => None,
            Self::Chinese => printed::sentence(english, &values()),
        }
    }

    /// A fact, hint or task.
    pub(super) fn told(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::English => Cow::Borrowed(text),
            Self::Chinese => said(text),
        }
    }

    /// A word that stands alone.
    pub(super) fn word(self, english: &str) -> String {
        let chinese = match self {
            Self::English => None,
            Self::Chinese => printed::word(english),
        };
        chinese.unwrap_or(english).to_owned()
    }

    /// A number with its noun.
    pub(super) fn amount(self, count: usize, noun: &str) -> String {
        let chinese = match self {
            Self::English => None,
            Self::Chinese => printed::amount(count as u64, noun),
        };
        chinese.unwrap_or_else(|| counted(count, noun))
    }
}
