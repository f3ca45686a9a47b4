//! Who sent a request, and what came of the credentials that it had.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use entrepot_access::{
    Access, Bearer, BearerError, LoginError, Principal, RegistryScopes, SessionError, SessionId, Verbs,
};
use entrepot_oci::{Digest, ErrorCode, Name};
use http::{HeaderValue, StatusCode, header};
use secrecy::SecretString;

use crate::{
    challenge::TokenFault, client::Client, cookie, error::Refusal, host, origin::Origin, peer::ListenerKind,
};

/// The longest credentials that are looked at, in bytes. Some registries' tokens serve as passwords, and are long.
const MAX_CREDENTIALS: usize = 16 << 10;
/// When to ask again after the accounts could not be read, in seconds.
pub(crate) const SOON: u64 = 5;

/// Who sent a request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Who; if their credentials were refused, what they are without any.
    pub principal: Principal,
    /// What came of the credentials.
    pub credentials: Credentials,
}

/// What came of a request's credentials.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// There were none.
    None,
    /// They were accepted.
    Accepted,
    /// They were a registry token, which allows these.
    Token(Arc<RegistryScopes>),
    /// They were the cookie of this session: the request may have been caused by a page of another site.
    Session(SessionId),
    /// They were refused.
    Refused(Arc<Rejection>),
}

/// Why credentials were refused.
#[derive(Debug)]
pub struct Rejection {
    /// The user name that was sent with the credentials; empty for a bearer token.
    pub user: String,
    /// What to tell the sender.
    pub message: String,
    /// What to do about it.
    pub kind: RejectionKind,
}

/// What the sender should do about refused credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// Send another password.
    Password,
    /// Get another registry token.
    Token,
    /// Wait.
    Wait(Duration),
    /// Nothing: accounts cannot be read at the moment.
    Unavailable,
}

/// The secret that authorizes sync runs from elsewhere than the server's machine (`api_token`).
#[derive(Clone, Debug)]
// Only the hash is kept: it reveals nothing, and comparing it takes the same time for any input.
pub struct ApiToken(Digest);

/// The facts about a request's sender.
pub(crate) struct Evidence<'a> {
    pub(crate) door: ListenerKind,
    /// The request's own addresses, and its headers.
    pub(crate) origin: Origin<'a>,
    /// True if a local address proves anything.
    pub(crate) local_counts: bool,
    /// True if a cookie is looked at.
    pub(crate) has_cookies: bool,
    /// The configured token, if any.
    pub(crate) token: Option<&'a ApiToken>,
}

/// A sender, and how long what was found out about them counts at most.
pub(crate) struct Found {
    pub(crate) sender: Sender,
    /// `None` means until something changes.
    pub(crate) lifetime: Option<Duration>,
}

impl ApiToken {
    /// Makes a token from its text in the configuration.
    pub fn new(secret: &str) -> Self {
        Self(Digest::of(secret.as_bytes()))
    }

    fn is(&self, sent: &[u8]) -> bool {
        Digest::of(sent) == self.0
    }
}

impl Sender {
    /// A sender whose principal needs no credentials, or has accepted ones.
    pub fn accepted(principal: Principal) -> Self {
        Self { principal, credentials: Credentials::Accepted }
    }

    /// Whoever sent a request without any credentials.
    pub(crate) fn at_once(evidence: &Evidence<'_>) -> Option<Self> {
        let has_none =
            evidence.door == ListenerKind::Public && evidence.sent().is_none() && !evidence.has_cookies;
        has_none.then(|| evidence.without())
    }

    /// Finds out who sent a request, by its credentials or else by what needs none. Without `access`, only the configured
    /// token is a credential.
    pub(crate) async fn of(evidence: &Evidence<'_>, access: Option<&Access>) -> Self {
        if evidence.door == ListenerKind::Control {
            return Self::accepted(Principal::OWNER);
        }
        match evidence.sent() {
            Some(sent) => Self::by_credentials(evidence, access, sent).await.sender,
            None => Self::by_cookie(evidence, access).await,
        }
    }

    /// Finds out who has these credentials.
    pub(crate) async fn by_credentials(
        evidence: &Evidence<'_>,
        access: Option<&Access>,
        sent: &HeaderValue,
    ) -> Found {
        let found = |sender| Found { sender, lifetime: None };
        let for_now = |sender| Found { sender, lifetime: Some(Duration::ZERO) };
        if evidence.is_sync_token(sent) {
            return found(Self::accepted(Principal::SYNC_TOKEN));
        }
        // Until there is anything to log in with, credentials may be those of a proxy in front.
        let Some(access) = access.filter(|access| access.is_in_use()) else {
            return for_now(evidence.without());
        };
        let outcome = match parse(sent) {
            Some(Sent::Basic { user, password }) => {
                let client = Client::at(evidence.origin.client()).address();
                let outcome = access.login(&user, &password, client).await;
                outcome
                    .map(|principal| found(Self::accepted(principal)))
                    .map_err(|error| Rejection::of_login(error).by(user))
            }
            Some(Sent::Bearer(token)) => {
                access.bearer(token).await.map(Self::bearer).map_err(Rejection::of_bearer)
            }
            None => Err(Rejection::unreadable()),
        };
        // What was refused is found out again: it may be right the next time.
        outcome.unwrap_or_else(|rejection| for_now(evidence.without().refused(rejection)))
    }

    async fn by_cookie(evidence: &Evidence<'_>, access: Option<&Access>) -> Self {
        let Some(access) = access.filter(|_| evidence.has_cookies) else { return evidence.without() };
        let Some(secret) = cookie::SESSION.read(evidence.origin.headers, evidence.origin.is_https()) else {
            return evidence.without();
        };
        match access.session(secret).await {
            Ok(session) => {
                Self { principal: session.principal, credentials: Credentials::Session(session.id) }
            }
            // The browser does not know that it has ended.
            Err(SessionError::Ended) => evidence.without(),
            Err(SessionError::Catalog(error)) => {
                evidence.without().refused(Rejection::of_login(error.into()))
            }
        }
    }

    /// Whoever sent a request about an upload with a token that has only just ended, if that is what was wrong with it.
    pub(crate) async fn of_upload(&self, headers: &http::HeaderMap, access: &Access) -> Option<Self> {
        let Credentials::Refused(rejection) = &self.credentials else { return None };
        if rejection.kind != RejectionKind::Token {
            return None;
        }
        let token = std::str::from_utf8(bearer(headers.get(header::AUTHORIZATION)?)?).ok()?;
        access.bearer_for_upload(token).await.ok().map(|bearer| Self::bearer(bearer).sender)
    }

    /// Finds out who has this password or API token, which came in a form.
    pub(crate) async fn by_password(
        access: &Access,
        user: &str,
        password: SecretString,
        client: Option<IpAddr>,
    ) -> Self {
        let found = access.login(user, &password, client).await.map(Self::accepted);
        let nobody = Self { principal: Principal::ANONYMOUS, credentials: Credentials::None };
        found.unwrap_or_else(|error| nobody.refused(Rejection::of_login(error).by(user.to_owned())))
    }

    fn refused(self, rejection: Rejection) -> Self {
        Self { credentials: Credentials::Refused(Arc::new(rejection)), ..self }
    }

    fn bearer(bearer: Bearer) -> Found {
        let credentials = match bearer.scopes {
            Some(scopes) => Credentials::Token(Arc::new(scopes)),
            None => Credentials::Accepted,
        };
        let left = |end: SystemTime| end.duration_since(SystemTime::now()).unwrap_or_default();
        let lifetime = bearer.expires.map(left);
        Found { sender: Self { principal: bearer.principal, credentials }, lifetime }
    }
}

impl Evidence<'_> {
    /// The credentials in the head of the request, if any.
    pub(crate) fn sent(&self) -> Option<&HeaderValue> {
        self.origin.headers.get(header::AUTHORIZATION)
    }

    /// What the sender is without credentials.
    fn without(&self) -> Sender {
        let principal = if self.is_local() { Principal::LOCAL } else { Principal::ANONYMOUS };
        Sender { principal, credentials: Credentials::None }
    }

    fn is_sync_token(&self, sent: &HeaderValue) -> bool {
        let Some(token) = self.token else { return false };
        bearer(sent).is_some_and(|sent| token.is(sent))
    }

    fn is_local(&self) -> bool {
        self.local_counts
            && self.origin.address.is_some_and(|address| address.to_canonical().is_loopback())
            && self.origin.host.is_some_and(host::is_loopback)
    }
}

impl Rejection {
    fn of_login(error: LoginError) -> Self {
        let kind = match &error {
            LoginError::Unconfirmed { .. } | LoginError::NoRole | LoginError::Workload(_) => {
                RejectionKind::Password
            }
            LoginError::Unavailable(_) => RejectionKind::Unavailable,
            LoginError::Wrong
            | LoginError::Token(_)
            | LoginError::TokenForSession
            | LoginError::Expired { .. } => RejectionKind::Password,
            LoginError::Throttled(wait) => RejectionKind::Wait(*wait),
            LoginError::Busy(_) => RejectionKind::Wait(Duration::from_secs(1)),
            LoginError::Catalog(_) => RejectionKind::Unavailable,
        };
        if let LoginError::Catalog(cause) = &error {
            tracing::warn!(%cause, "accounts cannot be read");
        }
        Self { user: String::new(), message: error.to_string(), kind }
    }

    fn by(self, user: String) -> Self {
        Self { user, ..self }
    }

    fn of_bearer(error: BearerError) -> Self {
        match error {
            BearerError::Login(error) => Self::of_login(error),
            error => Self { user: String::new(), message: error.to_string(), kind: RejectionKind::Token },
        }
    }

    /// The response to a request that needs credentials and had these; `scope` is what it needs.
    pub(crate) fn refusal(&self, origin: &Origin<'_>, scope: Option<(&Name, Verbs)>) -> Refusal {
        let refusal = |status, code| Refusal::new(status, code, self.message.clone());
        let log_in = |fault| {
            refusal(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized)
                .with(header::WWW_AUTHENTICATE, origin.challenge(scope, fault))
        };
        match self.kind {
            RejectionKind::Password => log_in(None),
            RejectionKind::Token => log_in(Some(TokenFault::Invalid)),
            RejectionKind::Wait(wait) => refusal(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests)
                .with(header::RETRY_AFTER, wait.as_secs().max(1)),
            RejectionKind::Unavailable => {
                refusal(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown).with(header::RETRY_AFTER, SOON)
            }
        }
    }

    fn unreadable() -> Self {
        let message = "the credentials are neither `Basic` nor `Bearer`, or damaged".to_owned();
        Self { user: String::new(), message, kind: RejectionKind::Password }
    }
}

/// Credentials as they were sent.
enum Sent<'a> {
    Basic { user: String, password: SecretString },
    Bearer(&'a str),
}

fn parse(sent: &HeaderValue) -> Option<Sent<'_>> {
    if sent.len() > MAX_CREDENTIALS {
        return None;
    }
    if let Some(token) = bearer(sent) {
        return std::str::from_utf8(token).ok().map(Sent::Bearer);
    }
    let encoded = after_scheme(sent, "Basic")?;
    let decoded = BASE64_STANDARD.decode(encoded).ok()?;
    // RFC 7617 §2: the user name ends at the first colon.
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Sent::Basic { user: user.to_owned(), password: password.into() })
}

/// Returns the bearer token of a request (RFC 6750 §2.1), unchecked.
pub(crate) fn bearer(sent: &HeaderValue) -> Option<&[u8]> {
    after_scheme(sent, "Bearer")
}

fn after_scheme<'a>(sent: &'a HeaderValue, scheme: &str) -> Option<&'a [u8]> {
    let (found, rest) = sent.as_bytes().split_at_checked(scheme.len())?;
    let rest = rest.strip_prefix(b" ")?;
    found.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use entrepot_access::Networks;
    use http::HeaderMap;

    use super::*;
    use crate::origin::Front;

    async fn who(
        door: ListenerKind,
        address: &str,
        sent: Option<&'static str>,
        token: Option<&ApiToken>,
    ) -> Principal {
        let headers =
            HeaderMap::from_iter(sent.map(|sent| (header::AUTHORIZATION, HeaderValue::from_static(sent))));
        let (address, host) = (address.parse().ok(), Some("localhost:5000"));
        let front = Front { has_tls: false, proxies: Networks::loopback(), public_url: None };
        let origin = Origin { front: &front, address, headers: &headers, host };
        let evidence = Evidence { door, origin, local_counts: true, has_cookies: true, token };
        Sender::of(&evidence, None).await.principal
    }

    #[tokio::test]
    async fn the_best_proof_counts() {
        let token = ApiToken::new("t");
        for (door, address, sent, token, principal) in [
            (ListenerKind::Control, "", None, None, Principal::OWNER),
            (ListenerKind::Control, "", Some("Bearer u"), Some(&token), Principal::OWNER),
            (ListenerKind::Public, "10.0.0.7", Some("bearer t "), Some(&token), Principal::SYNC_TOKEN),
            (ListenerKind::Public, "127.0.0.1", Some("Bearer t"), Some(&token), Principal::SYNC_TOKEN),
            (ListenerKind::Public, "127.0.0.1", None, Some(&token), Principal::LOCAL),
            (ListenerKind::Public, "127.0.0.1", Some("Bearer t"), None, Principal::LOCAL),
            (ListenerKind::Public, "10.0.0.7", None, Some(&token), Principal::ANONYMOUS),
            (ListenerKind::Public, "10.0.0.7", Some("Bearer u"), Some(&token), Principal::ANONYMOUS),
            (ListenerKind::Public, "10.0.0.7", Some("Bearer t"), None, Principal::ANONYMOUS),
            (ListenerKind::Public, "", None, None, Principal::ANONYMOUS),
        ] {
            assert_eq!(who(door, address, sent, token).await, principal, "{door:?} {address} {sent:?}");
        }
    }

    #[test]
    fn credentials_are_read_as_clients_send_them() {
        let basic = |text: &str| match parse(&HeaderValue::from_str(text).unwrap()) {
            Some(Sent::Basic { user, password }) => {
                Some(format!("{user}|{}", secrecy::ExposeSecret::expose_secret(&password)))
            }
            _ => None,
        };
        assert_eq!(basic("Basic YWxpY2U6YTpi"), Some("alice|a:b".to_owned()), "ends at the first colon");
        assert_eq!(basic("basic 5bCP5piOOuWvhueggSU="), Some("小明|密码%".to_owned()));
        assert_eq!(basic("Basic Og=="), Some("|".to_owned()));
        for bad in ["Basic", "Basic !", "Basic YWxpY2U=", "Digest x", "", "Basic /w=="] {
            assert_eq!(basic(bad), None, "{bad}");
        }
        let long = format!("Basic {}", "A".repeat(MAX_CREDENTIALS));
        assert_eq!(basic(&long), None);
    }
}
