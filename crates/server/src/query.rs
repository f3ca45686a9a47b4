//! Query parameters that are no part of a route, and which of them may be seen in a log.

use std::borrow::Cow;

/// The parameters whose values may be logged; any other might be a secret.
const LOGGED: [&str; 5] = ["ns", "n", "last", "digest", "artifactType"];

/// The first value of `key`, decoded as forms are (WHATWG URL §5): a `+` is a space.
pub(crate) fn find<'a>(query: &'a str, key: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == key).then_some(value))
}

/// The query as it may be logged, its `?` included; empty if nothing of it may.
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
