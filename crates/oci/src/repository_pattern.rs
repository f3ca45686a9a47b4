//! Patterns of repository names, as access rules and limits are written with.

use std::{fmt, str::FromStr};

use crate::wildcard::matches_wildcard;

/// Maximum length in bytes.
const MAX: usize = 255;

/// A pattern of full repository names, such as `docker.io/library/**`.
///
/// A segment is literal, or has `*` for any text within that segment. The last segment may be `**` for all that follows,
/// at least one segment. Names are compared in lower case.
///
/// ```
/// use entrepot_oci::RepositoryPattern;
///
/// let pattern: RepositoryPattern = "docker.io/acme/**".parse()?;
/// assert!(pattern.matches("docker.io/acme/web/app"));
/// assert!(!pattern.matches("docker.io/acme"));
/// # Ok::<(), entrepot_oci::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryPattern(Box<str>);

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty, too long, or has an empty segment.
    #[error(
        "a pattern is a repository name with its registry, such as `docker.io/library/nginx` or `quay.io/acme/**`"
    )]
    Form,
    /// It has a character that no repository name has.
    #[error("a pattern has lower-case letters, digits, `.`, `_`, `-`, `:`, `/` and `*` only")]
    Characters,
    /// `**` stands somewhere else than at the end, or beside other characters.
    #[error("`**` may only be the last segment, as in `quay.io/acme/**`")]
    Rest,
    /// It has a tag or digest.
    #[error("a pattern names repositories, without tag or digest")]
    Tag,
}

impl RepositoryPattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the full name of a repository matches: its registry and name, or the name alone for hosted ones.
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut name) = (self.0.split('/'), name.split('/'));
        loop {
            match (pattern.next(), name.next()) {
                (Some("**"), Some(_)) | (None, None) => return true,
                (Some(wanted), Some(found)) if matches_wildcard(wanted, found) => {}
                _ => return false,
            }
        }
    }

    /// True if every name that `other` matches is matched by this pattern, too. False where that cannot be told from
    /// their texts.
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix("**") {
            Some(prefix) if !prefix.contains('*') => {
                other.0.len() > prefix.len() && other.0.starts_with(prefix)
            }
            _ => self == other || !other.0.contains('*') && self.matches(&other.0),
        }
    }
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > MAX || text.split('/').any(str::is_empty) {
            return Err(PatternError::Form);
        }
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-:/*".contains(&byte);
        if text.contains('@') {
            return Err(PatternError::Tag);
        }
        if !text.bytes().all(is_allowed) {
            return Err(PatternError::Characters);
        }
        let mut segments = text.split('/').rev();
        let last = segments.next().unwrap_or_default();
        if last != "**" && last.contains("**") || segments.clone().any(|segment| segment.contains("**")) {
            return Err(PatternError::Rest);
        }
        // Only a registry has a port, and a name follows it.
        if last.contains(':') {
            return Err(PatternError::Tag);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> RepositoryPattern {
        text.parse().unwrap()
    }

    #[test]
    fn matches_whole_names() {
        for (text, name, matches) in [
            ("docker.io/library/nginx", "docker.io/library/nginx", true),
            ("docker.io/library/nginx", "docker.io/library/nginx/x", false),
            ("docker.io/library/nginx", "docker.io/library", false),
            ("docker.io/library/*", "docker.io/library/nginx", true),
            ("docker.io/library/*", "docker.io/library/a/b", false),
            ("docker.io/library/*", "docker.io/library", false),
            ("docker.io/*/nginx", "docker.io/bitnami/nginx", true),
            ("docker.io/library/**", "docker.io/library/a/b", true),
            ("docker.io/library/**", "docker.io/library", false),
            ("docker.io/library/**", "docker.io/library2/a", false),
            ("**", "local/app", true),
            ("*.gcr.io/**", "us.gcr.io/a/b", true),
            ("*.gcr.io/**", "gcr.io/a/b", false),
            ("quay.io:8443/a", "quay.io:8443/a", true),
            ("local/team-*-x*", "local/team-a-b-x1", true),
            ("local/team-*-x*", "local/team-x", false),
        ] {
            assert_eq!(pattern(text).matches(name), matches, "{text} {name}");
        }
    }

    #[test]
    fn covers_what_it_certainly_covers() {
        for (text, other, covers) in [
            ("**", "docker.io/a/**", true),
            ("docker.io/**", "docker.io/a/**", true),
            ("docker.io/**", "docker.io/a", true),
            ("docker.io/a/**", "docker.io/**", false),
            ("docker.io/a/**", "docker.io/a", false),
            ("docker.io/*", "docker.io/a", true),
            ("docker.io/*", "docker.io/*", true),
            ("docker.io/*", "docker.io/a*", false),
            ("docker.io/a", "docker.io/**", false),
        ] {
            assert_eq!(pattern(text).covers(&pattern(other)), covers, "{text} {other}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, error) in [
            ("", PatternError::Form),
            ("/a", PatternError::Form),
            ("a//b", PatternError::Form),
            ("a/", PatternError::Form),
            ("A/b", PatternError::Characters),
            ("a b", PatternError::Characters),
            ("a/**/b", PatternError::Rest),
            ("a/x**", PatternError::Rest),
            ("docker.io/library/nginx:1.27", PatternError::Tag),
            ("docker.io/nginx@sha256:00", PatternError::Tag),
        ] {
            assert_eq!(text.parse::<RepositoryPattern>(), Err(error), "{text}");
        }
        assert_eq!("a".repeat(256).parse::<RepositoryPattern>(), Err(PatternError::Form));
    }
}
