//! Where a reader goes after a login: to a page of this server and to no other. Pure.

use std::fmt;

/// The longest one.
const MAX: usize = 1024;

/// A path with its query, which a browser takes for one of this server however it reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnPath(String);

impl OwnPath {
    /// The first page.
    pub(crate) fn first() -> Self {
        Self("/".to_owned())
    }

    /// Reads one that came with a request. `//host` and `/\host` are other hosts to browsers, which also leave out tabs and
    /// line ends.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('/')?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let is_own = !rest.starts_with('/') && text.len() <= MAX && text.bytes().all(is_plain);
        // These would send the reader round in a circle, or out again.
        let page = text.split(['?', '#']).next().unwrap_or_default();
        (is_own && page != "/login" && page != "/logout").then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_server() {
        for good in ["/", "/sync", "/sync?rule=a&lang=zh", "/?image=a%2Fb", "/a//b", "/sync#r1", "/loginx"] {
            assert_eq!(OwnPath::read(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "sync",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            "\t//evil.test",
            " //evil.test",
            "https://evil.test",
            "https:/evil.test",
            "javascript:alert(1)",
            "/a b",
            "/é",
            "/x\r\nset-cookie: a=b",
            "/login",
            "/login?next=/",
            "/logout",
        ] {
            assert_eq!(OwnPath::read(bad), None, "{bad:?}");
        }
        assert_eq!(OwnPath::read(&format!("/{}", "a".repeat(MAX))), None);
    }
}
