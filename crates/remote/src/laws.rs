//! What holds for anything that a registry may say, as functions that panic where it does not.
//!
//! Each law is said once and asked twice: by the property tests below, with inputs made for it, and by the targets in
//! `fuzz/`, with whatever they come upon. That is why this is built for tests and for fuzzing, and never else.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use entrepot_egress::{Exemptions, Gate};
use entrepot_oci::{Page, Repository};
use url::Url;

use crate::{
    BlobAsk, MAX_RETRY_AFTER, answer,
    auth::{self, Grant, challenge::Challenge, scope::Scope, token::TokenAsk},
    blob::Part,
    link,
    listing::Collect as _,
    retry_after, tags,
};

/// Any `WWW-Authenticate`: what is asked of the token server is about the repository that is wanted, and nothing else.
pub fn challenge(header: &str) {
    for own in ["library/nginx", "a"] {
        for challenge in auth::challenge::parse(header) {
            let Challenge { scheme, parameters } = &challenge;
            assert!(!scheme.is_empty() && scheme.to_ascii_lowercase() == *scheme, "{scheme}");
            assert!(parameters.iter().all(|(key, _)| !key.is_empty() && key.to_ascii_lowercase() == *key));
            for (scope, actions) in scopes(own) {
                let asked = scope.asked(&challenge);
                assert_eq!(asked.len(), actions.len(), "{asked:?}");
                for (scope, (own, actions)) in asked.iter().zip(actions) {
                    let parts = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
                    let (name, given) = parts.unwrap_or_default();
                    assert!(name.parse::<Repository>().is_ok(), "a token is asked for {scope:?}");
                    assert!(name == own || name.ends_with(&format!("/{own}")), "{scope:?} for {own:?}");
                    assert!(given == actions || (actions, given) == ("delete", "*"), "{scope:?}");
                }
            }
        }
    }
}

// What is asked for one repository, and the names and actions that it is about.
fn scopes(own: &str) -> Vec<(Scope, Vec<(&str, &'static str)>)> {
    let (Ok(repository), Ok(from)) = (own.parse::<Repository>(), "from/there".parse()) else {
        return Vec::new();
    };
    let mount = Scope::Mount { to: repository.clone(), from };
    vec![
        (Scope::Pull(repository.clone()), vec![(own, "pull")]),
        (Scope::Push(repository.clone()), vec![(own, "pull,push")]),
        (mount, vec![(own, "pull,push"), ("from/there", "pull")]),
        (Scope::Delete(repository), vec![(own, "delete")]),
    ]
}

/// Any challenge by the server at `from`: the address of its token server stays as the gate took it, and asks for
/// rights to a repository.
pub fn realm(from: &Url, header: &str) {
    let gate = Gate::new(Exemptions::new(std::slice::from_ref(from)));
    let challenges = auth::challenge::parse(header);
    let named = challenges.iter().find_map(|one| Some((one, one.parameter("realm")?)));
    let Some((challenge, realm)) = named else { return };
    let Ok(realm) = gate.absolute(from, realm) else { return };
    let Ok(repository) = "a".parse() else { return };
    let scope = Scope::Pull(repository);
    let ask = TokenAsk { from, challenge, scope: &scope, credential: None };
    let address = auth::token::realm_with_query(&realm, &ask);
    assert!(address.origin() == realm.origin() && address.fragment().is_none(), "{address}");
    let scopes: Vec<_> = address.query_pairs().filter(|(key, _)| key == "scope").collect();
    assert!(scopes.last().is_some_and(|(_, scope)| scope.starts_with("repository:")), "{address}");
}

/// Any answer of a token server: a token is one header value, kept for a minute at least and an hour at most.
pub fn token(bytes: &[u8]) {
    let Ok(Grant { header, lifetime }) = auth::token::read(bytes) else { return };
    let value = header.as_bytes();
    assert!(header.is_sensitive() && value.len() > b"Bearer ".len() && value.starts_with(b"Bearer "));
    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    assert!((60..=3600).contains(&lifetime.as_secs()), "{lifetime:?}");
}

/// Any `Link` of a page: what is taken for the next page is one of its targets.
pub fn next_page(header: &str) {
    let Some(target) = link::next(header) else { return };
    assert!(header.contains(&format!("<{target}>")), "{header:?}: {target:?}");
}

/// Any `Content-Range` of a `206`: the bytes start where they were asked for, and end where something does.
pub fn content_range(header: &str, from: u64, to: Option<u64>) {
    let ask = BlobAsk { from, to, avoid: None };
    let Some(Part::Range { range, total }) = Part::range(header, ask) else { return };
    assert!(range.start == from && range.start < range.end, "{header:?}: {range:?}");
    assert!(to.is_none_or(|to| range.end <= to), "{header:?}: {range:?}");
    assert!(total.is_none_or(|total| range.end <= total), "{header:?}: {range:?} of {total:?}");
}

/// Any `Retry-After`: nobody makes us wait for more than an hour.
pub fn retry_after(header: &str) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    assert!(retry_after::parse(header, now).is_none_or(|wait| wait <= MAX_RETRY_AFTER), "{header:?}");
}

/// Any error body: what becomes of it is one line that is what it looks like.
pub fn reason(body: &str) {
    let reason = answer::reason(body);
    assert!(reason.chars().count() <= 300 && !reason.chars().any(char::is_control), "{reason:?}");
    assert!(!reason.contains(['\u{202e}', '\u{200b}', '\u{2028}', '\u{2029}', '\u{feff}']), "{reason:?}");
}

/// Any listing from a registry that pays no heed to `n` and `last`: its pages hold only tags, are no longer than was
/// asked for, come to an end, and leave nothing out.
///
/// Where it claims that more follows, they need not end, but each goes on from where it stopped.
pub fn tag_pages(bytes: &[u8], limit: usize) {
    let limit = limit.clamp(1, 1000).to_string();
    let Ok(first) = Page::parse(Some(&limit), None) else { return };
    let (mut page, mut seen, mut pages) = (first, HashSet::new(), 0);
    let mut listed = tags::names();
    if listed.take(bytes).is_err() {
        return;
    }
    loop {
        let linked = tags::cut(&listed, true, &page);
        assert!(!linked.more || linked.tags.last().is_some_and(|last| page.after() != Some(last.as_str())));
        let found = tags::cut(&listed, false, &page);
        assert!(found.tags.len() <= page.limit(), "{} of {}", found.tags.len(), page.limit());
        assert!(!found.more || !found.tags.is_empty(), "there is said to be more behind nothing");
        pages += 1;
        assert!(pages <= listed.len() + 1, "the pages do not end");
        let last = found.tags.last().map(|last| last.as_str().to_owned());
        seen.extend(found.tags);
        match Page::parse(Some(&limit), last.as_deref()).ok().filter(|_| found.more) {
            Some(next) => page = next,
            None => break,
        }
    }
    let all: HashSet<_> = listed.iter().filter_map(|tag| tag.parse().ok()).collect();
    assert_eq!(seen, all);
}

#[cfg(test)]
#[path = "laws_tests.rs"]
mod tests;
