//! What somebody is told whose pull is refused: which list, which rule, and where to ask.

use std::fmt::Write as _;

use entrepot_oci::Reference;

use crate::{
    full_name::FullName,
    rule::{ListKind, PullRule},
    rules::{PullRules, RuleRefusal},
};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct PullSubject<'a> {
    /// The repository.
    pub name: FullName<'a>,
    /// The image of it; `None` for something else of it.
    pub reference: Option<&'a Reference>,
}

impl RuleRefusal<'_> {
    /// Why, as a word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::NotListed => "not_listed",
            Self::OtherImages(_) => "other_image",
            Self::TagFirst(_) => "tag_first",
        }
    }

    /// True for what is refused by law.
    pub fn is_legal(&self) -> bool {
        matches!(self, Self::Denied(rule) if rule.notice().is_legal)
    }

    /// The rule that says so, where it is one.
    pub fn rule(&self) -> Option<&PullRule> {
        match self {
            Self::Denied(rule) | Self::OtherImages(rule) | Self::TagFirst(rule) => Some(rule),
            Self::NotListed => None,
        }
    }
}

impl PullRules {
    /// The list that refuses: that of the rule, or all lists that could have allowed it.
    pub fn refusing_list(&self, refused: &RuleRefusal<'_>) -> String {
        match refused.rule() {
            Some(rule) => rule.list().to_owned(),
            None => {
                let lists = self.lists().iter().filter(|list| list.kind == ListKind::Allow);
                lists.map(|list| list.name.as_str()).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// The fact, and `hint:` with a way out.
    pub fn message(&self, refused: &RuleRefusal<'_>, subject: PullSubject<'_>) -> String {
        let image = subject.to_string();
        let list = self.refusing_list(refused);
        let mut text = match refused {
            RuleRefusal::Denied(rule) => denied(rule, &image),
            RuleRefusal::NotListed => format!("`{image}` is not in the allow list (`{list}`)"),
            RuleRefusal::OtherImages(rule) => {
                format!(
                    "`{image}` is not in the allow list; of its repository `{list}` allows `{}`",
                    rule.pattern()
                )
            }
            RuleRefusal::TagFirst(rule) => format!(
                "`{image}` is not known to belong to what `{list}` allows of its repository, such as `{}`",
                rule.pattern()
            ),
        };
        let mut hints = Vec::new();
        if let RuleRefusal::NotListed = refused
            && let Some(near) = self.nearest(subject.name)
        {
            hints.push(format!("the nearest rule is `{}`, line {}", near.pattern(), near.line()));
        }
        if let RuleRefusal::TagFirst(_) = refused {
            hints.push("pull it by its tag first".to_owned());
        }
        hints.extend(self.contact.as_ref().map(|contact| format!("ask here: {}", contact.about(&image))));
        if !hints.is_empty() {
            let _ = write!(text, "; hint: {}", hints.join("; "));
        }
        text
    }
}

fn denied(rule: &PullRule, image: &str) -> String {
    let mut text = format!("`{image}` is denied by `{}` of `{}`", rule.pattern(), rule.list());
    let notice = rule.notice();
    if let Some(reason) = &notice.reason {
        let _ = write!(text, ": {reason}");
    }
    if let Some(notice) = &notice.notice {
        let _ = write!(text, " ({notice})");
    }
    text
}

impl std::fmt::Display for PullSubject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.reference {
            None => write!(f, "{}", self.name),
            Some(Reference::Tag(tag)) => write!(f, "{}:{tag}", self.name),
            Some(Reference::Digest(digest)) => write!(f, "{}@{digest}", self.name),
        }
    }
}
