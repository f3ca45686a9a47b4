//! Rules about pulls as the JSON API has them. Pure.

use std::time::SystemTime;

use entrepot_api as api;
use entrepot_oci::Reference;
use entrepot_policy::{Explanation, FullName, ListKind, ListSummary, PullRules, PullSubject, RuleRefusal};

use crate::rules_in_force::{CurrentRules, LoadFault};

pub(crate) fn status(current: &CurrentRules, fault: Option<(SystemTime, LoadFault)>) -> api::PullRules {
    api::PullRules {
        lists: current.rules.lists().iter().map(list).collect(),
        contact: current.rules.contact().map(ToString::to_string),
        since: current.since.into(),
        refused: fault.map(|(at, LoadFault { problem, hint })| api::RefusedConfig {
            at: at.into(),
            problem,
            hint,
        }),
    }
}

fn list(list: &ListSummary) -> api::PullRuleList {
    api::PullRuleList {
        name: list.name.clone(),
        kind: match list.kind {
            ListKind::Allow => api::PullRuleKind::Allow,
            ListKind::Deny => api::PullRuleKind::Deny,
        },
        rules: list.rules as u64,
    }
}

/// Which rule decides about an image, or, without a reference, about a repository.
pub fn decision(
    rules: &PullRules,
    name: FullName<'_>,
    reference: Option<&Reference>,
) -> api::PullRuleDecision {
    let (explanation, wanted) = (rules.explain(name, reference), PullSubject { name, reference });
    let told = rules.told(&explanation, wanted);
    let (detail, hint) = match told.split_once("; hint: ") {
        Some((detail, hint)) => (detail.to_owned(), Some(hint.to_owned())),
        None => (told, None),
    };
    let rule = match &explanation {
        Explanation::Allowed(rule) => *rule,
        Explanation::Refused(refused) => refused.rule(),
        Explanation::SomeImages => None,
    };
    let list = match &explanation {
        Explanation::Refused(refused) => Some(rules.refusing_list(refused)),
        Explanation::Allowed(_) | Explanation::SomeImages => rule.map(|rule| rule.list().to_owned()),
    };
    api::PullRuleDecision {
        image: wanted.to_string(),
        allowed: matches!(explanation, Explanation::Allowed(_)),
        reason: reason(&explanation),
        list,
        rule: rule.map(|rule| rule.pattern().to_string()),
        line: rule.map(|rule| rule.line() as u64),
        detail,
        hint,
    }
}

fn reason(explanation: &Explanation<'_>) -> api::PullRuleReason {
    match explanation {
        Explanation::Allowed(Some(_)) => api::PullRuleReason::Allowed,
        Explanation::Allowed(None) => api::PullRuleReason::NoAllowList,
        Explanation::SomeImages => api::PullRuleReason::SomeImages,
        Explanation::Refused(RuleRefusal::Denied(_)) => api::PullRuleReason::Denied,
        Explanation::Refused(RuleRefusal::NotListed) => api::PullRuleReason::NotListed,
        Explanation::Refused(RuleRefusal::OtherImages(_)) => api::PullRuleReason::OtherImage,
        Explanation::Refused(RuleRefusal::TagFirst(_)) => api::PullRuleReason::TagFirst,
    }
}

/// What is told about an image that was pushed here.
pub(crate) fn hosted(image: String) -> api::PullRuleDecision {
    api::PullRuleDecision {
        detail: format!("`{image}` was pushed here: the rules are about what others have"),
        image,
        allowed: true,
        reason: api::PullRuleReason::Hosted,
        list: None,
        rule: None,
        line: None,
        hint: None,
    }
}
