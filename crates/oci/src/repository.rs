//! Repository names: the `<name>` of the distribution spec.

use std::{fmt, str::FromStr, sync::Arc};

/// Maximum length in bytes. Most clients limit host and name together to 255.
const MAX: usize = 255;

/// A repository name such as `library/nginx`, matching
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`
/// (distribution-spec, §pulling manifests). Cheap to clone.
///
/// ```
/// use entrepot_oci::{Repository, RepositoryError};
///
/// let repository: Repository = "library/nginx".parse()?;
/// assert_eq!(repository.parts().collect::<Vec<_>>(), ["library", "nginx"]);
/// assert_eq!("library/Nginx".parse::<Repository>(), Err(RepositoryError::Characters));
/// # Ok::<(), RepositoryError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository(Arc<str>);

/// Why a text is not a repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// Longer than 255 bytes.
    #[error("a repository name has at most 255 characters")]
    Length,
    /// A forbidden character or arrangement of separators.
    #[error(
        "a repository name is made of lower-case letters and digits, with single `.`, `_`, `__` or dashes \
         between them, in parts separated by `/`"
    )]
    Characters,
}

impl Repository {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between slashes; at least one.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        if text.len() > MAX {
            return Err(RepositoryError::Length);
        }
        if text.split('/').all(is_part) { Ok(Self(text.into())) } else { Err(RepositoryError::Characters) }
    }
}

fn is_part(part: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    // Each request asks, and most parts are one word.
    if bytes.iter().all(is_word) {
        return true;
    }
    if !is_word(first) || !is_word(last) {
        return false;
    }
    bytes.split(is_word).all(|separator| match separator {
        [] | b"." | b"_" | b"__" => true,
        other => other.iter().all(|byte| *byte == b'-'),
    })
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_grammar_takes() {
        for good in ["a", "library/nginx", "a.b/c_d/e__f/g---h", "0/1", "a-b.c_d"] {
            assert_eq!(good.parse::<Repository>().unwrap().as_str(), good);
        }
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", "é", "a b", "a/../b",
            "a\0",
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(256).parse::<Repository>() == Err(RepositoryError::Length));
        assert!("a".repeat(255).parse::<Repository>().is_ok());
    }
}
