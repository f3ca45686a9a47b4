//! Query parameters outside of routes, and the query as it may be logged.

use std::borrow::Cow;

/// Parameters whose values may be logged; any other might be a secret.
const LOGGED: [&str; 5] = ["ns", "n", "last", "digest", "artifactType"];

/// Returns the first value of `key`, decoded as form data (WHATWG URL §5): `+` is a space.
pub(crate) fn find<'a>(query: &'a str, key: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == key).then_some(value))
}

/// Returns the first value of `key`, unless it is empty.
pub(crate) fn text(query: &str, key: &str) -> Option<String> {
    find(query, key).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// Returns the loggable part of the query, with its `?`; empty if there is none.
pub(crate) fn for_log(query: &str) -> String {
    let mut out = String::new();
    for pair in query.split('&') {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if LOGGED.contains(&name) {
            out.push(if out.is_empty() { '?' } else { '&' });
            out.push_str(pair);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_and_decodes() {
        assert_eq!(find("a=1&last=sha256%3Aab&last=2", "last").unwrap(), "sha256:ab");
        assert_eq!(find("a", "a").unwrap(), "");
        assert_eq!(find("a=b+c%2B", "a").unwrap(), "b c+");
        assert_eq!(find("", "a"), None);
    }

    #[test]
    fn logs_only_what_is_no_secret() {
        assert_eq!(for_log("ns=docker.io&token=hunter2&n=5"), "?ns=docker.io&n=5");
        assert_eq!(for_log("token=hunter2"), "");
        assert_eq!(for_log(""), "");
    }
}
