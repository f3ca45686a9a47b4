//! What holds for anything that a registry may send, as functions that panic where it does not.
//!
//! The property tests below call them with inputs made for the purpose, the targets in `fuzz/` with generated ones.
//! They are built only for tests and fuzzing.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use entrepot_egress::{Exemptions, Gate};
use entrepot_oci::{Page, Repository};
use url::Url;

use crate::{
    BlobRequest, MAX_RETRY_AFTER,
    auth::{
        challenge::{self, Challenge},
        grant::Grant,
        scope::Scope,
    },
    blob::BlobPart,
    endpoint::Endpoint,
    link_header,
    listing::collect::Collect as _,
    response, retry_after, tags,
    token::{self, TokenRequest},
};

/// Any `WWW-Authenticate`: the token server is asked for rights to the wanted repository only.
pub fn challenge(header: &str) {
    for own in ["library/nginx", "a"] {
        for challenge in challenge::parse(header) {
            let Challenge { scheme, parameters } = &challenge;
            assert!(!scheme.is_empty() && scheme.to_ascii_lowercase() == *scheme, "{scheme}");
            assert!(parameters.iter().all(|(key, _)| !key.is_empty() && key.to_ascii_lowercase() == *key));
            for (scope, actions) in scopes(own) {
                let asked = scope.requested(&challenge);
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

// The scopes for one repository, and the names and actions in them.
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
    let challenges = challenge::parse(header);
    let named = challenges.iter().find_map(|one| Some((one, one.parameter("realm")?)));
    let Some((challenge, realm)) = named else { return };
    let Ok(realm) = gate.absolute(from, realm) else { return };
    let Ok(repository) = "a".parse() else { return };
    let scope = Scope::Pull(repository);
    let endpoint = Endpoint::first_link(0);
    let request = TokenRequest { from, endpoint, challenge, scope: &scope, credential: None };
    let address = token::realm_with_query(&realm, &request);
    assert!(address.origin() == realm.origin() && address.fragment().is_none(), "{address}");
    let scopes: Vec<_> = address.query_pairs().filter(|(key, _)| key == "scope").collect();
    assert!(scopes.last().is_some_and(|(_, scope)| scope.starts_with("repository:")), "{address}");
}

/// Any response of a token server: a token is one header value, kept for a minute to an hour.
pub fn token(bytes: &[u8]) {
    let Ok(Grant { header, lifetime, .. }) = token::read(bytes) else { return };
    let value = header.as_bytes();
    assert!(header.is_sensitive() && value.len() > b"Bearer ".len() && value.starts_with(b"Bearer "));
    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    assert!((60..=3600).contains(&lifetime.as_secs()), "{lifetime:?}");
}

/// Any `Link` of a page: what is taken for the next page is one of its targets.
pub fn next_page(header: &str) {
    let Some(target) = link_header::next(header) else { return };
    let is_whole = header.contains(&format!("<{target}>")) || !header.contains('<');
    assert!(!target.is_empty() && header.contains(target) && is_whole, "{header:?}: {target:?}");
}

/// Any `Content-Range` of a `206`: the bytes start at the requested offset, and end within the blob.
pub fn content_range(header: &str, from: u64, to: Option<u64>) {
    let request = BlobRequest { from, to, avoid: None };
    let Some(BlobPart::Range { range, total }) = BlobPart::range(header, request) else { return };
    assert!(range.start == from && range.start < range.end, "{header:?}: {range:?}");
    assert!(to.is_none_or(|to| range.end <= to), "{header:?}: {range:?}");
    assert!(total.is_none_or(|total| range.end <= total), "{header:?}: {range:?} of {total:?}");
}

/// Any `Retry-After`: the wait is an hour at most.
pub fn retry_after(header: &str) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    assert!(retry_after::parse(header, now).is_none_or(|wait| wait <= MAX_RETRY_AFTER), "{header:?}");
}

/// Any error body: the message is one line without hidden characters.
pub fn reason(body: &str) {
    let reason = response::reason(body);
    assert!(reason.chars().count() <= 300 && !reason.chars().any(char::is_control), "{reason:?}");
    assert!(!reason.contains(['\u{202e}', '\u{200b}', '\u{2028}', '\u{2029}', '\u{feff}']), "{reason:?}");
}

/// Any listing from a registry that ignores `n` and `last`: its pages hold only tags, are no longer than requested,
/// end, and leave nothing out.
///
/// If the registry claims that more follows, they need not end, but each page continues after the one before.
pub fn tag_pages(bytes: &[u8], limit: usize) {
    let limit = limit.clamp(1, 1000).to_string();
    let Ok(first) = Page::parse(Some(&limit), None) else { return };
    let (mut page, mut seen, mut pages) = (first, HashSet::new(), 0);
    let mut listed = tags::names();
    if listed.take(bytes).is_err() {
        return;
    }
    loop {
        let linked = tags::page_of(&listed, true, &page);
        assert!(!linked.more || linked.tags.last().is_some_and(|last| page.after() != Some(last.as_str())));
        let found = tags::page_of(&listed, false, &page);
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
