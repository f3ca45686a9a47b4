//! Names for a manifest within a repository: a tag or a digest.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Digest, DigestError};

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec, §pulling manifests). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

/// The text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 128 letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`")]
pub struct TagError;

impl Tag {
    /// The default tag, `latest`.
    pub fn latest() -> Self {
        Self("latest".into())
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let bytes = text.as_bytes();
        let first = bytes.first().ok_or(TagError)?;
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let rest = bytes[1..].iter().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        if bytes.len() <= 128 && is_word(first) && rest { Ok(Self(text.into())) } else { Err(TagError) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The `<tag-or-digest>` of a manifest request.
///
/// ```
/// use entrepot_oci::{Digest, Reference};
///
/// assert!(matches!("1.27".parse()?, Reference::Tag(_)));
/// let digest = Digest::of(b"a manifest");
/// assert_eq!(digest.to_string().parse::<Reference>()?, Reference::Digest(digest));
/// # Ok::<(), entrepot_oci::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A tag, which may move.
    Tag(Tag),
    /// A digest, which identifies the content.
    Digest(Digest),
}

/// Why a text is neither tag nor digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has a colon, so it was parsed as a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It has no colon, so it was parsed as a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        // A tag cannot contain a colon; a digest always does.
        Ok(if text.contains(':') { Self::Digest(text.parse()?) } else { Self::Tag(text.parse()?) })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tag_from_digest() {
        assert_eq!("1.27".parse(), Ok(Reference::Tag("1.27".parse().unwrap())));
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse(), Ok(Reference::Digest(digest)));
        assert!("sha256:zz".parse::<Reference>().is_err());
    }

    #[test]
    fn tags_have_bounds() {
        for good in ["a", "_x", "V1.0-rc_1", "0"] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a b", "ü", "a+b"] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
        assert!("a".repeat(128).parse::<Tag>().is_ok());
        assert!("a".repeat(129).parse::<Tag>().is_err());
    }
}
