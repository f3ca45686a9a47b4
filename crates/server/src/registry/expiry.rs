//! The warning before an API token ends: Podman and skopeo log it (RFC 7234 §5.5, code 299). Pure.

use std::time::{Duration, SystemTime};

use entrepot_access::{Carries, Principal};
use entrepot_api::Timestamp;
use http::HeaderValue;

use crate::headers;

/// How long before its end a token is warned about.
pub(crate) const BEFORE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The value of `Warning` for a sender whose API token ends soon.
pub(crate) fn warning(principal: &Principal, now: impl FnOnce() -> SystemTime) -> Option<HeaderValue> {
    let Carries::Token(token) = &principal.carries else { return None };
    let ends = token.ends?;
    let left = ends.duration_since(now()).unwrap_or_default();
    if left > BEFORE {
        return None;
    }
    // The name is anybody's text; a header takes quotes and other letters badly.
    let name: String = token
        .name
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || " ._-".contains(*letter))
        .collect();
    let at = Timestamp::from(ends);
    Some(headers::value(format!("299 - \"the API token {} ({name}) ends at {at}\"", token.id)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use entrepot_access::{Account, HeldToken, Identity, Role};

    use super::*;

    fn holder(name: &str, ends: Option<u64>) -> Principal {
        let account = Account { id: 1, name: "ci".parse().unwrap(), role: Role::User, groups: Vec::new() };
        let held = HeldToken {
            id: "0123456789".parse().unwrap(),
            name: name.to_owned(),
            scopes: "pull:**".parse().unwrap(),
            ends: ends.map(at),
        };
        Principal { identity: Identity::Account(Arc::new(account)), carries: Carries::Token(Arc::new(held)) }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_warned_about_in_its_last_week() {
        let week = BEFORE.as_secs();
        let told = |ends| warning(&holder("build \"x\"\r\n", ends), || at(1000));
        assert_eq!(told(None), None);
        assert_eq!(told(Some(1001 + week)), None);
        let expected = "299 - \"the API token 0123456789 (build x) ends at 1970-01-08T00:16:40Z\"";
        assert_eq!(told(Some(1000 + week)).unwrap(), expected);
        assert!(told(Some(900)).is_some(), "over already, and used by a registry token");
        assert_eq!(warning(&Principal::ANONYMOUS, || at(0)), None);
    }
}
