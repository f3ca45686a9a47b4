//! Authentication: none, Basic, or Bearer with a token endpoint.

use std::collections::{BTreeSet, HashMap};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use entrepot_oci::ErrorCode;
use http::{Method, StatusCode};
use serde_json::{Map, json};

use crate::{
    answer::CorrectResponse,
    request::{Call, values},
};

/// The field in which the token endpoint returns the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenField {
    /// `token`
    Token,
    /// `access_token`
    AccessToken,
    /// Both.
    Both,
}

/// How a registry refuses a private repository to those who have not logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalStyle {
    /// As Docker Hub: with a token that says that it allows nothing, and 401 for the request.
    EmptyToken,
    /// As GHCR: with 403 instead of a token.
    NoToken,
    /// As Quay: with a token that does not say what it allows, and 401 for the request.
    OpaqueToken,
    /// As registries that hide what is private: 404 for the request.
    NotFound,
}

/// How tokens are issued (distribution-spec, token authentication). A token stays valid for the scopes it was
/// requested for, whatever `expires_in` says, until [`crate::TestRegistry::revoke_tokens`].
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The announced realm; `None` for `/token` of the registry itself.
    pub realm: Option<String>,
    /// The service of the challenge.
    pub service: String,
    /// The only user that gets tokens; `None` for everybody.
    pub user: Option<(String, String)>,
    /// The announced lifetime in seconds, which may be nonsense; `None` for no such field.
    pub expires_in: Option<i64>,
    /// The field that contains the token.
    pub field: TokenField,
    /// The only actions that are granted, whatever is requested. The token says so itself, as Docker Hub's do: it is
    /// a JWT with a dummy signature.
    pub at_most: Option<Vec<String>>,
    /// Those without a login get tokens too, for what is not private
    /// ([`crate::TestRegistry::make_private`]), which is refused to them like this.
    pub anonymous: Option<RefusalStyle>,
}

impl Default for Bearer {
    /// Tokens for everybody, with an announced lifetime of 300 seconds.
    fn default() -> Self {
        Self {
            realm: None,
            service: "testkit".to_owned(),
            user: None,
            expires_in: Some(300),
            field: TokenField::Token,
            at_most: None,
            anonymous: None,
        }
    }
}

impl Bearer {
    /// Grants only these actions, whatever is requested.
    #[must_use]
    pub fn at_most(self, actions: &[&str]) -> Self {
        Self { at_most: Some(actions.iter().map(|action| (*action).to_owned()).collect()), ..self }
    }

    /// Gives tokens for what is not private to those without a login too, and refuses the rest like this.
    #[must_use]
    pub fn anonymous(self, refusing: RefusalStyle) -> Self {
        Self { anonymous: Some(refusing), ..self }
    }

    /// Tokens for everybody, with an announced lifetime of 300 seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tokens only for this user.
    #[must_use]
    pub fn user(self, user: &str, password: &str) -> Self {
        Self { user: Some((user.to_owned(), password.to_owned())), ..self }
    }

    /// Sends clients to this URL for their tokens.
    #[must_use]
    pub fn realm(self, url: &str) -> Self {
        Self { realm: Some(url.to_owned()), ..self }
    }

    /// Announces this lifetime in seconds.
    #[must_use]
    pub fn expires_in(self, seconds: i64) -> Self {
        Self { expires_in: Some(seconds), ..self }
    }

    /// Returns the token in this field.
    #[must_use]
    pub fn field(self, field: TokenField) -> Self {
        Self { field, ..self }
    }
}

/// Who gets access.
#[derive(Debug, Default)]
pub(crate) enum Auth {
    #[default]
    Open,
    Basic(String),
    Bearer(Box<Tokens>),
}

/// Issued tokens, with their scopes.
#[derive(Debug)]
pub(crate) struct Tokens {
    rules: Bearer,
    given: HashMap<String, Vec<String>>,
    count: u64,
}

impl Auth {
    pub(crate) fn basic(user: &str, password: &str) -> Self {
        Self::Basic(basic(user, password))
    }

    pub(crate) fn bearer(rules: Bearer) -> Self {
        Self::Bearer(Box::new(Tokens { rules, given: HashMap::new(), count: 0 }))
    }

    pub(crate) fn revoke(&mut self) {
        if let Self::Bearer(tokens) = self {
            tokens.given.clear();
        }
    }

    /// The refusal, if `call` is not authorized.
    pub(crate) fn refuse(
        &self,
        call: &Call,
        url: &str,
        private: &BTreeSet<String>,
    ) -> Option<CorrectResponse> {
        let shown = call.header("authorization");
        match self {
            Self::Open => None,
            Self::Basic(wanted) if shown == Some(wanted) => None,
            Self::Basic(_) => Some(challenge("Basic realm=\"testkit\"")),
            Self::Bearer(tokens) if tokens.hides(call, private) => Some(CorrectResponse::error(
                StatusCode::NOT_FOUND,
                ErrorCode::NameUnknown,
                "there is no such repository",
            )),
            Self::Bearer(tokens) => tokens.refuse(call, shown, url),
        }
    }

    /// Handles a request to the token endpoint.
    pub(crate) fn token(&mut self, call: &Call, body: &Bytes, private: &BTreeSet<String>) -> CorrectResponse {
        match self {
            Self::Bearer(tokens) => tokens.give(call, body, private),
            _ => {
                CorrectResponse::error(StatusCode::NOT_FOUND, ErrorCode::Unknown, "no tokens are given here")
            }
        }
    }
}

impl Tokens {
    fn refuse(&self, call: &Call, shown: Option<&str>, url: &str) -> Option<CorrectResponse> {
        let wanted = scope(call);
        let granted =
            shown.and_then(|shown| shown.strip_prefix("Bearer ")).and_then(|token| self.given.get(token));
        let error = match (granted, &wanted) {
            (Some(_), None) => return None,
            (Some(granted), Some(wanted)) if granted.iter().any(|scope| covers(scope, wanted)) => {
                return None;
            }
            (Some(_), Some(_)) => ",error=\"insufficient_scope\"",
            (None, _) if shown.is_some() => ",error=\"invalid_token\"",
            (None, _) => "",
        };
        let realm = self.rules.realm.clone().unwrap_or_else(|| format!("{url}/token"));
        let scope = wanted.map(|scope| format!(",scope=\"{scope}\"")).unwrap_or_default();
        let service = &self.rules.service;
        Some(challenge(&format!("Bearer realm=\"{realm}\",service=\"{service}\"{scope}{error}")))
    }

    // True if the token does not allow this, and the registry does not say that it exists.
    fn hides(&self, call: &Call, private: &BTreeSet<String>) -> bool {
        let wanted = scope(call).filter(|scope| is_private(scope, private));
        let token = call.header("authorization").and_then(|shown| shown.strip_prefix("Bearer "));
        let granted = token.and_then(|token| self.given.get(token));
        let (Some(wanted), Some(granted)) = (wanted, granted) else { return false };
        self.rules.anonymous == Some(RefusalStyle::NotFound)
            && !granted.iter().any(|scope| covers(scope, &wanted))
    }

    fn give(&mut self, call: &Call, body: &Bytes, private: &BTreeSet<String>) -> CorrectResponse {
        let form = if call.method == Method::POST {
            String::from_utf8_lossy(body).into_owned()
        } else {
            call.query.clone()
        };
        let has_login = call.header("authorization").is_some() || call.method == Method::POST;
        let anonymous = self.rules.anonymous.filter(|_| !has_login);
        if anonymous.is_none() && !self.is_known(call, &form) {
            return challenge("Basic realm=\"testkit\"");
        }
        let asked =
            values(&form, "scope").flat_map(|scope| scope.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let (refused, asked): (Vec<_>, Vec<_>) =
            asked.partition(|scope| anonymous.is_some() && is_private(scope, private));
        if anonymous == Some(RefusalStyle::NoToken) && !refused.is_empty() {
            return CorrectResponse::error(
                StatusCode::FORBIDDEN,
                ErrorCode::Denied,
                "requested access is denied",
            );
        }
        self.count += 1;
        let (token, scopes) = match &self.rules.at_most {
            None if self.rules.anonymous == Some(RefusalStyle::EmptyToken) => {
                (jwt(self.count, &asked), asked)
            }
            None => (format!("token-{}", self.count), asked),
            Some(actions) => {
                let granted: Vec<_> =
                    asked.into_iter().filter_map(|scope| reduced(&scope, actions)).collect();
                (jwt(self.count, &granted), granted)
            }
        };
        self.given.insert(token.clone(), scopes);
        let mut answer = Map::new();
        if self.rules.field != TokenField::AccessToken {
            answer.insert("token".to_owned(), json!(token));
        }
        if self.rules.field != TokenField::Token {
            answer.insert("access_token".to_owned(), json!(token));
        }
        if let Some(seconds) = self.rules.expires_in {
            answer.insert("expires_in".to_owned(), json!(seconds));
        }
        CorrectResponse::new(StatusCode::OK).json(serde_json::to_vec(&answer).unwrap())
    }

    fn is_known(&self, call: &Call, form: &str) -> bool {
        let Some((user, password)) = &self.rules.user else { return true };
        let in_form = |key, wanted: &String| values(form, key).next().as_ref() == Some(wanted);
        let by_form =
            call.method == Method::POST && in_form("username", user) && in_form("password", password);
        by_form || call.header("authorization") == Some(basic(user, password).as_str())
    }
}

// True if the scope is for a private repository.
fn is_private(scope: &str, private: &BTreeSet<String>) -> bool {
    let named = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
    named.is_some_and(|(name, _)| private.contains(name))
}

// The scope reduced to the granted actions.
fn reduced(scope: &str, most: &[String]) -> Option<String> {
    let (on, asked) = scope.rsplit_once(':')?;
    let left: Vec<_> = asked.split(',').filter(|action| most.iter().any(|one| one == action)).collect();
    (!left.is_empty()).then(|| format!("{on}:{}", left.join(",")))
}

fn jwt(number: u64, scopes: &[String]) -> String {
    let access = scopes.iter().filter_map(|scope| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let actions: Vec<_> = actions.split(',').collect();
        Some(json!({ "type": kind, "name": name, "actions": actions }))
    });
    let claims = json!({ "jti": number.to_string(), "access": access.collect::<Vec<_>>() });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&claims.to_string()), part("signed"))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn challenge(value: &str) -> CorrectResponse {
    CorrectResponse::error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, "authentication required")
        .with("www-authenticate", value)
}

/// The scope that `call` needs; `None` if any token will do.
fn scope(call: &Call) -> Option<String> {
    if call.path == "/v2/_catalog" {
        return Some("registry:catalog:*".to_owned());
    }
    let name = call.route.as_ref().ok()?.name()?;
    let actions = match call.method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "pull,push",
    };
    Some(format!("repository:{name}:{actions}"))
}

fn covers(granted: &str, wanted: &str) -> bool {
    let (Some((granted_on, granted)), Some((wanted_on, wanted))) =
        (granted.rsplit_once(':'), wanted.rsplit_once(':'))
    else {
        return false;
    };
    let has = |action: &str| granted.split(',').any(|one| one == action || one == "*");
    granted_on == wanted_on && wanted.split(',').all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_it_lists() {
        assert!(covers("repository:a/b:pull,push", "repository:a/b:pull"));
        assert!(covers("repository:a:*", "repository:a:pull,push"));
        assert!(!covers("repository:a:pull", "repository:a:pull,push"));
        assert!(!covers("repository:b:pull", "repository:a:pull"));
    }
}
