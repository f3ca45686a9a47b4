//! May the sender of a registry API request do this? Pure, but for the limits that may stand against it.

use entrepot_access::{Access, Principal, Verb, Verbs};
use entrepot_mirror::RepoKey;
use entrepot_oci::{ErrorCode, Method, Name};
use http::{StatusCode, header};

use crate::{
    action::Action,
    challenge::TokenFault,
    error::Refusal,
    origin::Origin,
    permit::Permit,
    policy::Decision,
    sender::{Credentials, RejectionKind, Sender},
    state::State,
};

/// What a decision is about.
pub(crate) struct Question<'a> {
    pub(crate) sender: &'a Sender,
    pub(crate) action: &'a Action<'a>,
    pub(crate) method: Method,
    /// The repository: as the client named it, and what that means.
    pub(crate) repository: Option<(&'a Name, &'a RepoKey)>,
    pub(crate) origin: &'a Origin<'a>,
}

impl Question<'_> {
    /// Lets the request pass, or says what is missing.
    pub(crate) fn decide(&self, access: &Access) -> Result<(), Refusal> {
        let rules = access.rules();
        let Some((name, key)) = self.repository else { return self.ping(access) };
        let needed = needed(self.action, self.method);
        let is_read = !needed.any.has(Verb::Delete) && needed.any.has(Verb::Pull);
        match &self.sender.credentials {
            // A client that sends a password for another registry still gets what everybody gets, also while failed
            // logins are slowed down or accounts cannot be read. A bad token is sent back: there is a new one.
            Credentials::Refused(rejection) if !is_read || rejection.kind == RejectionKind::Token => {
                return Err(rejection.refusal(self.origin, Some((name, needed.asked_for))));
            }
            _ => {}
        }
        let full = key.to_string();
        let rights = rules.rights(&self.sender.principal, &full, rules.visibility(&full));
        let allowed = match &self.sender.credentials {
            Credentials::Token(scopes) => rights.intersection(scopes.on(name)),
            Credentials::None | Credentials::Accepted | Credentials::Session(_) | Credentials::Refused(_) => {
                rights
            }
        };
        if !allowed.intersection(needed.any).is_empty() {
            return Ok(());
        }
        Err(match &self.sender.credentials {
            Credentials::Refused(rejection) => rejection.refusal(self.origin, Some((name, needed.asked_for))),
            _ => self.missing(name, needed.asked_for),
        })
    }

    // Docker's daemon learns here, and only here, that it may log in.
    fn ping(&self, access: &Access) -> Result<(), Refusal> {
        let is_local = self.sender.principal == Principal::LOCAL && !access.rules().local.is_empty();
        match &self.sender.credentials {
            Credentials::Refused(rejection) => Err(rejection.refusal(self.origin, None)),
            Credentials::Accepted | Credentials::Session(_) | Credentials::Token(_) => Ok(()),
            // Programs on this machine need no login, and nobody does while there is nothing to log in with.
            Credentials::None if is_local || !access.is_in_use() => Ok(()),
            Credentials::None => {
                let message = "log in, or ask for a token without; hint: `docker login`";
                let refusal = Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
                Err(refusal.with(header::WWW_AUTHENTICATE, self.origin.challenge(None, None)))
            }
        }
    }

    // The same whether the repository exists or not: whoever may not read it must not learn that.
    fn missing(&self, name: &Name, asked_for: Verbs) -> Refusal {
        let (message, fault) = match &self.sender.credentials {
            Credentials::None => {
                (format!("`{asked_for}` on `{name}` needs a login; hint: `docker login`"), None)
            }
            _ => {
                let who = self.sender.principal.label();
                let message = format!("{who} may not `{asked_for}` on `{name}`; hint: an admin can grant it");
                (message, Some(TokenFault::Insufficient))
            }
        };
        let code = if fault.is_some() { ErrorCode::Denied } else { ErrorCode::Unauthorized };
        Refusal::new(StatusCode::UNAUTHORIZED, code, message)
            .with(header::WWW_AUTHENTICATE, self.origin.challenge(Some((name, asked_for)), fault))
    }
}

/// Lets a request pass, or says why not: first whether its sender may, then whether a limit stands against it.
pub(crate) fn admit(state: &State, question: &Question<'_>) -> Result<Permit, Refusal> {
    if let Some(access) = &state.access {
        question.decide(access)?;
    }
    let repository = question.repository.map(|(_, key)| key);
    match state.policy.decide(question.sender, question.action, repository) {
        Decision::Allow(permit) => Ok(permit),
        Decision::Refuse(refusal) => Err(refusal),
    }
}

/// The rights that an action needs.
struct Needed {
    /// One of these is enough.
    any: Verbs,
    /// What a client is told to ask for.
    asked_for: Verbs,
}

fn needed(action: &Action<'_>, method: Method) -> Needed {
    let one = |verb| Needed { any: Verbs::NONE.with(verb), asked_for: Verbs::NONE.with(verb) };
    let push = Verbs::NONE.with(Verb::Push);
    match action {
        // Clients look before they push, also those that may only push.
        Action::Pull(_) if method == Method::Head => {
            Needed { any: push.with(Verb::Pull), asked_for: Verbs::NONE.with(Verb::Pull) }
        }
        Action::Ping
        | Action::Pull(_)
        | Action::ListTags
        | Action::ListReferrers(_)
        | Action::ListRepositories => one(Verb::Pull),
        Action::Push | Action::Mount { .. } => Needed { any: push, asked_for: push.with(Verb::Pull) },
        Action::Delete(_) => one(Verb::Delete),
    }
}
