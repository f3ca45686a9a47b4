//! The rights that a token says it has (claim `access` of distribution's JWT).
//!
//! Docker Hub gives everybody a token with fewer rights than were requested, and only the token says so.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    access: Vec<AccessClaim>,
}

#[derive(Deserialize)]
struct AccessClaim {
    r#type: String,
    name: String,
    actions: Vec<String>,
}

/// Whether `token` says that it lacks rights of `scope`. Tokens that say nothing about it, or not in this form, are
/// left for the registry to judge.
pub(crate) fn lacks(token: &str, scope: &str) -> bool {
    let Some((_, wanted)) = scope.rsplit_once(':') else { return false };
    let Some(given) = actions(token, scope) else { return false };
    !wanted.split(',').all(|action| given.iter().any(|one| one == action || one == "*"))
}

/// The actions that `token` allows on the resource of `scope`; `None` if it does not say.
pub(crate) fn actions(token: &str, scope: &str) -> Option<Vec<String>> {
    let claims = read(token)?;
    let (kind, rest) = scope.split_once(':')?;
    let (name, _) = rest.rsplit_once(':')?;
    let here = claims.access.into_iter().filter(|one| one.r#type == kind && one.name == name);
    Some(here.flat_map(|one| one.actions).collect())
}

fn read(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn only_a_token_that_says_so_lacks_something() {
        let wanted = "repository:team/app:pull,push";
        let of = |actions: &str| {
            token(&format!(
                r#"{{"access":[{{"type":"repository","name":"team/app","actions":[{actions}]}}]}}"#
            ))
        };
        for (token, lacking) in [
            (of(r#""pull","push""#), false),
            (of(r#""*""#), false),
            (of(r#""pull""#), true),
            (of(""), true),
            (token(r#"{"access":[]}"#), true),
            (token(r#"{"access":[{"type":"repository","name":"team/other","actions":["*"]}]}"#), true),
            (token(r#"{"access":null}"#), false),
            (token(r#"{"sub":"me"}"#), false),
            (token(r#"{"access":"all"}"#), false),
            ("opaque".to_owned(), false),
            ("a.b.c".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(lacks(&token, wanted), lacking, "{token}");
        }
    }
}
