//! Accounts, and how their holders log in.

use base64::{Engine, prelude::BASE64_STANDARD};
use entrepot_access::{AccountName, Audit, Grant};

/// Everybody's, where a test says nothing else.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Requests for another host than loopback are not local.
pub(crate) const AWAY: (&str, &str) = ("host", "m.test");

/// Who makes the accounts.
pub(crate) fn by() -> Audit {
    Audit { actor: "owner".to_owned(), address: None, request_id: None }
}

pub(crate) fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

pub(crate) fn grant(to: &str, repositories: &str, may: &str) -> Grant {
    Grant {
        to: to.parse().unwrap(),
        repositories: vec![repositories.parse().unwrap()],
        may: may.parse().unwrap(),
    }
}

/// The credentials of an account.
pub(crate) fn basic(user: &str) -> String {
    basic_with(user, PASSWORD)
}

/// A user name with a password or token of its own.
pub(crate) fn basic_with(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}
