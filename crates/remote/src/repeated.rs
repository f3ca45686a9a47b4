//! Takes an account's secrets out of what a registry says. Pure.
//!
//! Some registries and proxies repeat in an error what they were sent, and their words are told to clients, on pages and
//! in logs.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;

use crate::{credential::Credential, error::Error};

/// What stands where a secret was.
const HIDDEN: &str = "***";

/// The shortest secret that is looked for, in bytes: a shorter one is found everywhere, and protects nothing.
const SHORTEST: usize = 4;

/// The shortest word after the name of a scheme that is taken for a credential, in bytes.
const SHORTEST_TOKEN: usize = 20;

impl Error {
    /// The same error, without the account's password in the registry's words.
    pub(crate) fn without_secrets_of(self, credential: &Credential) -> Self {
        match self {
            Self::Denied { status, reason } => {
                Self::Denied { status, reason: without_secrets(reason, credential) }
            }
            other => other,
        }
    }
}

fn without_secrets(reason: String, credential: &Credential) -> String {
    let password = credential.password.expose_secret();
    let basic = BASE64_STANDARD.encode(format!("{}:{password}", credential.username));
    without(without(reason, password), &basic)
}

fn without(reason: String, secret: &str) -> String {
    if secret.len() < SHORTEST {
        return reason;
    }
    let reason = reason.replace(secret, HIDDEN);
    // Words are cut off at some length, which may be in the middle of it.
    let is_left = |length: &usize| secret.is_char_boundary(*length) && reason.ends_with(&secret[..*length]);
    match (SHORTEST..secret.len()).rev().find(is_left) {
        Some(length) => reason[..reason.len() - length].to_owned() + HIDDEN,
        None => reason,
    }
}

/// A word of a registry, unless it is what follows `Basic` or `Bearer` in a header and looks like a credential.
pub(crate) fn word_after<'a>(before: &str, word: &'a str) -> &'a str {
    let scheme = before.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_scheme = scheme.eq_ignore_ascii_case("basic") || scheme.eq_ignore_ascii_case("bearer");
    if is_scheme && word.len() >= SHORTEST_TOKEN && !word.contains("realm=") { HIDDEN } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(password: &str) -> Credential {
        Credential { username: "me".into(), password: password.into(), namespace: None, endpoint: None }
    }

    #[test]
    fn what_a_registry_repeats_is_not_passed_on() {
        let basic = BASE64_STANDARD.encode("me:s3cret/pw");
        for (reason, told) in [
            ("DENIED: wrong login me:s3cret/pw".to_owned(), "DENIED: wrong login me:***"),
            (format!("you sent `{basic}` and s3cret/pw"), "you sent `***` and ***"),
            ("it was cut off: s3cret".to_owned(), "it was cut off: ***"),
            ("nothing of it: s3".to_owned(), "nothing of it: s3"),
            (String::new(), ""),
        ] {
            let denied = Error::Denied { status: 403, reason };
            let Error::Denied { reason, .. } = denied.without_secrets_of(&credential("s3cret/pw")) else {
                panic!("another error");
            };
            assert_eq!(reason, told);
        }
    }

    #[test]
    fn a_password_of_a_letter_does_not_blot_out_everything() {
        assert_eq!(without("a banana".to_owned(), "a"), "a banana");
    }

    #[test]
    fn credentials_after_the_name_of_a_scheme_are_hidden() {
        let token = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln";
        assert_eq!(word_after("Bearer", token), HIDDEN);
        assert_eq!(word_after("`basic", token), HIDDEN);
        assert_eq!(word_after("the", token), token);
        for word in ["authentication", "token", r#"realm="https://auth.example.com/token""#] {
            assert_eq!(word_after("Bearer", word), word);
        }
    }
}
