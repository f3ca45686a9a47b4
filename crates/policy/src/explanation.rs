//! Which rule decides about an image, for whoever writes lists and for whoever is refused.

use entrepot_oci::Reference;

use crate::{
    full_name::FullName,
    message::PullSubject,
    rule::PullRule,
    rules::{Decision, PullRules, RuleRefusal, Ruling},
};

/// What decides about an image, or about a repository.
#[derive(Clone, Copy, Debug)]
pub enum Explanation<'a> {
    /// It may be pulled, by this rule, or because there is no allow list.
    Allowed(Option<&'a PullRule>),
    /// It may not.
    Refused(RuleRefusal<'a>),
    /// Some images of the repository may be pulled.
    SomeImages,
}

impl PullRules {
    /// Which rule decides.
    pub fn explain(&self, name: FullName<'_>, reference: Option<&Reference>) -> Explanation<'_> {
        let of = self.of(name);
        match (of.ruling(), reference) {
            (Ruling::Allowed(by), _) => Explanation::Allowed(by),
            (Ruling::Refused(why), _) => Explanation::Refused(why),
            (Ruling::ByImage, None) => Explanation::SomeImages,
            (Ruling::ByImage, Some(reference)) => match of.named(reference) {
                Decision::Allowed(by) => Explanation::Allowed(by),
                Decision::Refused(why) => Explanation::Refused(why),
            },
        }
    }

    /// The same in a sentence, with `hint:` and a way out where something is refused.
    pub fn told(&self, explanation: &Explanation<'_>, subject: PullSubject<'_>) -> String {
        match explanation {
            Explanation::Allowed(Some(rule)) => {
                format!(
                    "`{subject}` is allowed by `{}`, line {} of `{}`",
                    rule.pattern(),
                    rule.line(),
                    rule.list()
                )
            }
            Explanation::Allowed(None) => {
                format!("`{subject}` is allowed: no rule denies it, and there is no allow list")
            }
            Explanation::Refused(refused) => self.message(refused, subject),
            Explanation::SomeImages => {
                format!(
                    "some images of `{subject}` may be pulled; hint: add a tag to see whether that one may"
                )
            }
        }
    }
}
