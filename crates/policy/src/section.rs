//! The section `rules` of the configuration.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    contact::Contact,
    rule::{ListKind, Notice, RuleList, WrittenRule},
};

/// The status of what is denied by law (RFC 7725).
const LEGAL: u16 = 451;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// The section as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSection {
    /// What may be pulled, besides what the files allow.
    pub allow: Vec<String>,
    /// What may not be pulled.
    pub deny: Vec<DenyRule>,
    /// Files with patterns of what may be pulled.
    pub files: Vec<String>,
    /// Files with patterns of what may not be pulled.
    pub deny_files: Vec<String>,
    /// Where to ask for what is refused.
    pub contact: Option<String>,
    /// For how long it is recorded who pulled what; nothing is, if it is left out.
    #[serde(with = "humantime_serde")]
    pub pulled_by: Option<Duration>,
}

/// A rule of `deny`: a pattern alone, or with what is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyRule {
    image: String,
    reason: Option<String>,
    notice: Option<String>,
    status: Option<u16>,
}

/// A mistake in the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionFault {
    /// The keys that lead to it, below `rules`.
    pub path: Vec<String>,
    /// The fact.
    pub what: String,
}

impl RulesSection {
    /// The lists that are written in the section itself. Those of files come beside them.
    ///
    /// # Errors
    /// The first mistake.
    pub fn lists(&self) -> Result<Vec<RuleList>, SectionFault> {
        let allow = self.allow.iter().enumerate().map(|(at, text)| {
            written(text, at, Notice::default()).map_err(|what| fault(&["allow", &at.to_string()], what))
        });
        let deny = self.deny.iter().enumerate().map(|(at, rule)| {
            rule.written(at).map_err(|SectionFault { path, what }| {
                let path = path.iter().map(String::as_str).filter(|key| *key != "image");
                fault(&["deny", &at.to_string()].into_iter().chain(path).collect::<Vec<_>>(), what)
            })
        });
        let allow = list("rules.allow", ListKind::Allow, allow.collect::<Result<_, _>>()?);
        let deny = list("rules.deny", ListKind::Deny, deny.collect::<Result<_, _>>()?);
        Ok(allow.into_iter().chain(deny).collect())
    }

    /// Where to ask.
    ///
    /// # Errors
    /// It is not one line.
    pub fn contact(&self) -> Result<Option<Contact>, SectionFault> {
        self.contact.as_ref().map(|text| text.parse().map_err(|error| fault(&["contact"], error))).transpose()
    }
}

impl DenyRule {
    /// A pattern, with what is told.
    pub fn new(image: String, notice: Notice) -> Self {
        let Notice { reason, notice, is_legal } = notice;
        Self { image, reason, notice, status: is_legal.then_some(LEGAL) }
    }

    /// The rule that it means, the nth of its list.
    ///
    /// # Errors
    /// The first mistake, with its key.
    pub fn written(&self, at: usize) -> Result<WrittenRule, SectionFault> {
        let notice = self.notice()?;
        written(&self.image, at, notice).map_err(|what| fault(&["image"], what))
    }

    fn notice(&self) -> Result<Notice, SectionFault> {
        for (key, text) in [("reason", &self.reason), ("notice", &self.notice)] {
            let is_line =
                |text: &String| !text.chars().any(char::is_control) && text.chars().count() <= LONGEST_REASON;
            if !text.as_ref().is_none_or(is_line) {
                return Err(fault(&[key], "this is one line of 500 characters at most"));
            }
        }
        let is_legal = match self.status {
            None | Some(403) => false,
            Some(LEGAL) => true,
            Some(_) => {
                return Err(fault(&["status"], "this is 403, or 451 for what is denied by law"));
            }
        };
        Ok(Notice { reason: self.reason.clone(), notice: self.notice.clone(), is_legal })
    }
}

fn written(text: &str, at: usize, notice: Notice) -> Result<WrittenRule, String> {
    let pattern = text.trim().parse().map_err(|error| format!("`{text}` is not a rule: {error}"))?;
    Ok(WrittenRule { pattern, line: at + 1, notice })
}

fn list(name: &str, kind: ListKind, rules: Vec<WrittenRule>) -> Option<RuleList> {
    (!rules.is_empty()).then(|| RuleList { name: name.to_owned(), kind, rules })
}

fn fault(path: &[&str], what: impl ToString) -> SectionFault {
    SectionFault { path: path.iter().map(|key| (*key).to_owned()).collect(), what: what.to_string() }
}

impl<'de> Deserialize<'de> for DenyRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            image: String,
            reason: Option<String>,
            notice: Option<String>,
            status: Option<u16>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = DenyRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern, or keys with `image`")
            }

            fn visit_str<E>(self, image: &str) -> Result<DenyRule, E> {
                Ok(DenyRule { image: image.to_owned(), ..DenyRule::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DenyRule, A::Error> {
                let Keys { image, reason, notice, status } =
                    Keys::deserialize(MapAccessDeserializer::new(map))?;
                Ok(DenyRule { image, reason, notice, status })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
