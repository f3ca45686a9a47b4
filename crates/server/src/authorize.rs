//! May the sender of a registry API request do this?
//!
//! [`Question::decide`] is pure: whether an upstream gives the repository to everybody is an input. [`admit`] finds that out
//! where it matters, and asks whether a limit stands against the request.

use entrepot_access::{Access, Carries, Principal, Verb, Verbs, Visibility, WrongCredentials};
use entrepot_mirror::{AnonymousAccess, Mirror, RepoKey};
use entrepot_oci::{ErrorCode, Method, Name};
use http::{StatusCode, header};

use crate::{
    action::Action,
    challenge::TokenFault,
    error::Refusal,
    limits::LimitedClient,
    origin::Origin,
    permit::Permit,
    policy::Decision,
    rule_admission::{PullCheck, RuledRepository},
    sender::{Credentials, RejectionKind, Sender},
    state::ServerState,
};

/// What a decision is about.
pub(crate) struct Question<'a> {
    pub(crate) sender: &'a Sender,
    pub(crate) action: &'a Action<'a>,
    pub(crate) method: Method,
    /// The repository: as the client named it, and what that means.
    pub(crate) repository: Option<(&'a Name, &'a RepoKey)>,
    pub(crate) origin: &'a Origin<'a>,
    /// What the rules allowed last to this connection.
    pub(crate) ruled: &'a RuledRepository,
}

impl Question<'_> {
    /// Whom limits are asked about.
    pub(crate) fn asker(&self) -> LimitedClient<'_> {
        LimitedClient { principal: &self.sender.principal, address: self.origin.client() }
    }

    /// Lets the request pass, or says what is missing. `upstream` is what the repository's upstream gives to everybody.
    pub(crate) fn decide(&self, access: &Access, upstream: Visibility) -> Result<(), Refusal> {
        let rules = access.rules();
        let Some((name, key)) = self.repository else { return self.ping(access) };
        let needed = needed(self.action, self.method);
        let is_read = !needed.any.has(Verb::Delete) && needed.any.has(Verb::Pull);
        match &self.sender.credentials {
            // A client that sends a password for another registry still gets what everybody gets, also while failed
            // logins are slowed down or accounts cannot be read. A bad token is sent back: there is a new one.
            Credentials::Refused(rejection)
                if !is_read
                    || rejection.kind == RejectionKind::Token
                    || rules.wrong_credentials == WrongCredentials::Refused =>
            {
                return Err(rejection.refusal(self.origin, Some((name, needed.asked_for))));
            }
            _ => {}
        }
        let full = key.full_name();
        let visibility = match upstream {
            Visibility::Public => rules.visibility(&full),
            Visibility::Private => Visibility::Private,
        };
        let rights = rules.rights(&self.sender.principal, &full, visibility);
        let is_enough = |verbs: Verbs| !verbs.intersection(needed.any).is_empty();
        // Each on its own: before a push, some clients look with a token for pulls, which a right to push allows as well.
        let is_asked_for = match &self.sender.credentials {
            Credentials::Token(scopes) => is_enough(scopes.on(name)),
            Credentials::None | Credentials::Accepted | Credentials::Session(_) | Credentials::Refused(_) => {
                true
            }
        };
        if is_enough(rights) && is_asked_for {
            return Ok(());
        }
        Err(match &self.sender.credentials {
            Credentials::Refused(rejection) => rejection.refusal(self.origin, Some((name, needed.asked_for))),
            _ => self.missing(name, needed.asked_for),
        })
    }

    // The upstream is asked, or waited for, only if its answer decides.
    async fn ask(&self, access: &Access, mirror: &Mirror) -> Result<(), Refusal> {
        let Some((_, key)) = self.repository else { return self.decide(access, Visibility::Public) };
        if self.decide(access, Visibility::Private).is_ok() {
            return Ok(());
        }
        self.decide(access, Visibility::Public)?;
        self.decide(access, visibility(mirror.verdict(key, self.action.probe()).await?))
    }

    // Docker's daemon learns here, and only here, that it may log in.
    fn ping(&self, access: &Access) -> Result<(), Refusal> {
        let is_local = self.sender.principal == Principal::LOCAL && !access.rules().local.is_empty();
        match &self.sender.credentials {
            Credentials::Refused(rejection) => Err(rejection.refusal(self.origin, None)),
            Credentials::Accepted | Credentials::Session(_) | Credentials::Token(_) => Ok(()),
            // Programs on this machine need no login, and nobody does while there is nothing to log in with.
            Credentials::None if is_local || !access.is_in_use() => Ok(()),
            Credentials::None => Err(log_in(self.origin)),
        }
    }

    // The same whether the repository exists or not: whoever may not read it must not learn that.
    fn missing(&self, name: &Name, asked_for: Verbs) -> Refusal {
        let (message, fault) = match &self.sender.credentials {
            Credentials::None => {
                (format!("`{asked_for}` on `{name}` needs a login; hint: `docker login`"), None)
            }
            _ => (refused(&self.sender.principal, name, asked_for), Some(TokenFault::Insufficient)),
        };
        let code = if fault.is_some() { ErrorCode::Denied } else { ErrorCode::Unauthorized };
        Refusal::new(StatusCode::UNAUTHORIZED, code, message)
            .with(header::WWW_AUTHENTICATE, self.origin.challenge(Some((name, asked_for)), fault))
    }
}

/// Lets somebody list repositories, or asks for a login where nobody may pull without one: clients send their password only
/// when they are asked for it.
pub(crate) fn admit_to_list(access: &Access, sender: &Sender, origin: &Origin<'_>) -> Result<(), Refusal> {
    let rules = access.rules();
    if rules.anonymous.has(Verb::Pull) || !access.is_in_use() {
        return Ok(());
    }
    let is_local = sender.principal == Principal::LOCAL && rules.local.has(Verb::Pull);
    match &sender.credentials {
        Credentials::Refused(rejection) => Err(rejection.refusal(origin, None)),
        Credentials::None if !is_local => Err(log_in(origin)),
        Credentials::None | Credentials::Accepted | Credentials::Session(_) | Credentials::Token(_) => Ok(()),
    }
}

fn log_in(origin: &Origin<'_>) -> Refusal {
    let message = "log in, or ask for a token without; hint: `docker login`";
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
    refusal.with(header::WWW_AUTHENTICATE, origin.challenge(None, None))
}

// Says nothing that depends on the repository, which may not exist.
fn refused(principal: &Principal, name: &Name, asked_for: Verbs) -> String {
    let who = principal.label();
    let hint = match &principal.carries {
        Carries::Token(token) => {
            format!(
                "the API token `{}` carries `{}`, and its account what an admin grants",
                token.name, token.scopes
            )
        }
        Carries::All => "an admin can grant it".to_owned(),
    };
    format!("{who} may not `{asked_for}` on `{name}`; hint: {hint}")
}

/// Lets a request pass, or says why not: first whether its sender may, then whether the rules allow it to anybody, then
/// whether a limit stands against it.
pub(crate) async fn admit(state: &ServerState, question: &Question<'_>) -> Result<Permit, Refusal> {
    let repository = question.repository.map(|(_, key)| key);
    let (action, ruled) = (question.action, question.ruled);
    // Whoever is banned may still find out that they are: clients begin with `/v2/`.
    if state.limits.has_bans() && *action != Action::Ping {
        state.limits.check_ban(&question.asker())?;
    }
    let is_asked = match &state.access {
        Some(access) => {
            let known = repository.map(|key| state.mirror.known_verdict(key, action.probe()));
            let known = known.unwrap_or(Some(AnonymousAccess::Public));
            question.decide(access, known.map_or(Visibility::Public, visibility))?;
            known.is_none().then_some(access)
        }
        None => None,
    };
    if let Some(key) = repository {
        state.rules.admit(&state.mirror, &PullCheck { action, key, ruled }).await?;
    }
    // Only now, so that no upstream is asked about what is refused anyway. Boxed because it is large, and rarely runs.
    if let Some(access) = is_asked {
        Box::pin(question.ask(access, &state.mirror)).await?;
    }
    let permit = match state.policy.decide(question.sender, question.action, repository) {
        Decision::Allow(permit) => permit,
        Decision::Refuse(refusal) => return Err(refusal),
    };
    if state.limits.are_none() {
        return Ok(permit);
    }
    if !state.limits.has_noticed_proxy()
        && let Some(address) = question.origin.passed_on_by()
    {
        state.limits.notice_proxy(address);
    }
    let wants = (question.action, question.method);
    let held = Box::pin(state.limits.admit(&question.asker(), wants)).await?;
    Ok(permit.with(held))
}

fn visibility(verdict: AnonymousAccess) -> Visibility {
    match verdict {
        AnonymousAccess::Public => Visibility::Public,
        AnonymousAccess::Private => Visibility::Private,
    }
}

/// The rights that an action needs.
struct NeededRights {
    /// One of these is enough.
    any: Verbs,
    /// What a client is told to ask for.
    asked_for: Verbs,
}

fn needed(action: &Action<'_>, method: Method) -> NeededRights {
    let one = |verb| NeededRights { any: Verbs::NONE.with(verb), asked_for: Verbs::NONE.with(verb) };
    let push = Verbs::NONE.with(Verb::Push);
    match action {
        // Clients look before they push, also those that may only push.
        Action::Pull(_) if method == Method::Head => {
            NeededRights { any: push.with(Verb::Pull), asked_for: Verbs::NONE.with(Verb::Pull) }
        }
        Action::Ping
        | Action::Pull(_)
        | Action::ListTags
        | Action::ListReferrers(_)
        | Action::ListRepositories => one(Verb::Pull),
        Action::Push | Action::Mount { .. } => NeededRights { any: push, asked_for: push.with(Verb::Pull) },
        Action::Delete(_) => one(Verb::Delete),
    }
}
