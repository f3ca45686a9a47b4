//! Why somebody may do something or may not, in words. Pure.

use entrepot_access::{
    Access, Carries, ExplainedSubject, Explanation, GrantOrigin, Principal, RightOrigin, Verb, Visibility,
};
use entrepot_api::{AccessExplanation, ExplanationReason, Grant as GrantView, Timestamp};

use crate::account_views as views;

/// What was asked.
pub(crate) struct AccessQuestion<'a> {
    pub(crate) access: &'a Access,
    pub(crate) who: &'a ExplainedSubject,
    pub(crate) verb: Verb,
    pub(crate) repository: &'a str,
    pub(crate) visibility: Visibility,
}

/// The answer as the JSON API has it.
pub(crate) fn view(question: &AccessQuestion<'_>, explanation: Explanation) -> AccessExplanation {
    let said = said(question, explanation);
    AccessExplanation {
        principal: question.who.to_string(),
        action: question.verb.to_string(),
        repository: question.repository.to_owned(),
        private: question.visibility == Visibility::Private,
        allowed: said.hint.is_none(),
        reason: said.reason,
        grant: said.grant,
        detail: said.detail,
        hint: said.hint,
    }
}

/// A reason in words; one with a hint is a refusal.
struct ReasonText {
    reason: ExplanationReason,
    grant: Option<GrantView>,
    detail: String,
    hint: Option<String>,
}

fn said(question: &AccessQuestion<'_>, explanation: Explanation) -> ReasonText {
    let refused =
        |reason, detail: String, hint: String| ReasonText { reason, grant: None, detail, hint: Some(hint) };
    match explanation {
        Explanation::Allowed(rule, principal) => {
            let detail = match &principal.carries {
                Carries::All => told(&rule),
                Carries::Token(token) => {
                    format!("{}, and the API token `{}` carries it by its scopes", told(&rule), token.name)
                }
            };
            ReasonText { reason: reason(&rule), grant: grant(question, rule), detail, hint: None }
        }
        Explanation::AllowedAnyway(rule, principal) => {
            let detail = format!("{}, with or without a login; {}", told(&rule), not_carried(&principal));
            ReasonText { reason: reason(&rule), grant: grant(question, rule), detail, hint: None }
        }
        Explanation::NotCarried(rule, principal) => {
            let detail = format!("{}; but {}", told(&rule), not_carried(&principal));
            let hint = format!("make a token with the scope `{}:{}`", question.verb, question.repository);
            ReasonText {
                grant: grant(question, rule),
                ..refused(ExplanationReason::NotCarried, detail, hint)
            }
        }
        Explanation::NotGranted { is_private } => not_granted(question, is_private),
        Explanation::Disabled(name) => refused(
            ExplanationReason::Disabled,
            format!(
                "the account `{name}` is disabled, or has not been confirmed by where it comes from lately"
            ),
            format!("`entrepot account enable {name}`"),
        ),
        Explanation::Expired(end) => refused(
            ExplanationReason::Expired,
            format!("the API token expired at {}", Timestamp::from(end)),
            "make another one: `entrepot token create`".to_owned(),
        ),
    }
}

fn not_granted(question: &AccessQuestion<'_>, is_private: bool) -> ReasonText {
    let kind = if is_private { "the repository is private, and " } else { "" };
    let hint = match question.who {
        ExplainedSubject::Local => "list it in `access.local`, or log in".to_owned(),
        ExplainedSubject::Token(_) => grant_command("account:NAME", question),
        who => grant_command(&who.to_string(), question),
    };
    ReasonText {
        reason: ExplanationReason::NotGranted,
        grant: None,
        detail: format!("{kind}nothing gives `{}` to {}", question.verb, question.who),
        hint: Some(hint),
    }
}

fn grant_command(to: &str, question: &AccessQuestion<'_>) -> String {
    format!("`entrepot access grants add --to '{to}' --may {} '{}'`", question.verb, question.repository)
}

fn reason(rule: &RightOrigin) -> ExplanationReason {
    match rule {
        // Nobody asks about the owner.
        RightOrigin::Owner | RightOrigin::Local => ExplanationReason::Local,
        RightOrigin::Anonymous => ExplanationReason::Anonymous,
        RightOrigin::Role(_) => ExplanationReason::Role,
        RightOrigin::Grant(_) | RightOrigin::Workload => ExplanationReason::Grant,
    }
}

fn told(rule: &RightOrigin) -> String {
    match rule {
        RightOrigin::Owner => "whoever can open the local socket may do everything".to_owned(),
        RightOrigin::Local => {
            "`access.local`, or its default, gives it to programs on this machine".to_owned()
        }
        RightOrigin::Workload => "`access.workloads` gives it to this CI job".to_owned(),
        RightOrigin::Anonymous => "`access.anonymous`, or its default, gives it to anybody".to_owned(),
        RightOrigin::Role(role) => format!("the role `{role}` has it without a grant"),
        RightOrigin::Grant(origin @ GrantOrigin::Configuration(_)) => {
            format!("the grant `{}` of the configuration, below `access.grants`", origin.id())
        }
        RightOrigin::Grant(GrantOrigin::Api(record)) => {
            format!(
                "the grant `{}`, made by {} at {}",
                record.id,
                record.created_by,
                Timestamp::from(record.created)
            )
        }
    }
}

fn not_carried(principal: &Principal) -> String {
    match &principal.carries {
        Carries::All => "the credential does not carry it".to_owned(),
        Carries::Token(token) => {
            format!("the API token `{}` does not carry it: its scopes are `{}`", token.name, token.scopes)
        }
    }
}

fn grant(question: &AccessQuestion<'_>, rule: RightOrigin) -> Option<GrantView> {
    let RightOrigin::Grant(origin) = rule else { return None };
    let all = question.access.grants().into_iter();
    all.into_iter().find(|(_, known)| *known == origin).map(|(grant, origin)| views::grant(&grant, origin))
}
