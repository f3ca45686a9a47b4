//! Patterns of images: of repositories, with or without a tag or digest.

use std::{fmt, str::FromStr};

use entrepot_oci::{
    Digest, DigestError, Host, HostError, ImageRef, PatternError, Repository, RepositoryError,
    RepositoryPattern, Tag, TagError, matches_wildcard,
};

/// A pattern of images: `docker.io/library/nginx`, `quay.io/acme/*`, `ghcr.io/acme/**`, with a tag
/// (`docker.io/library/nginx:1.*`) or a digest. It begins with a registry, and `docker.io/nginx` means
/// `docker.io/library/nginx`, as everywhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern {
    written: Box<str>,
    repositories: RepositoryPattern,
    images: Images,
}

/// Which images of a repository a pattern is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Images {
    All,
    /// Those of a tag, which may have `*` for any text.
    Tag(Box<str>),
    Digest(Digest),
}

/// Why a text is not a pattern of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImagePatternError {
    /// It does not begin with a registry, so it would match nothing.
    #[error("a rule begins with a registry, as in `docker.io/library/nginx` or `docker.io/acme/**`")]
    NoRegistry,
    /// It names a registry and nothing of it.
    #[error("this names a registry and no image of it; for all of them write `/**` behind it")]
    OnlyRegistry,
    /// The part before the first slash.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The part between.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// No repository can have such a name.
    #[error("no repository can have this name: {0}")]
    Never(RepositoryError),
    /// The part after the last colon.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The part after `@`.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It has both a tag and a digest.
    #[error("a rule has a tag or a digest, not both")]
    TagAndDigest,
}

impl ImagePattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The repositories that it is for.
    pub fn repositories(&self) -> &RepositoryPattern {
        &self.repositories
    }

    pub(crate) fn images(&self) -> &Images {
        &self.images
    }
}

impl Images {
    pub(crate) fn has_tag(&self, tag: &Tag) -> bool {
        match self {
            Self::All => true,
            Self::Tag(pattern) => matches_wildcard(pattern, tag.as_str()),
            Self::Digest(_) => false,
        }
    }

    pub(crate) fn has_digest(&self, digest: &Digest) -> bool {
        match self {
            Self::All => true,
            Self::Digest(wanted) => wanted == digest,
            Self::Tag(_) => false,
        }
    }
}

impl FromStr for ImagePattern {
    type Err = ImagePatternError;

    fn from_str(text: &str) -> Result<Self, ImagePatternError> {
        let (name, tag, digest) = ImageRef::split(text);
        let images = match (tag, digest) {
            (None, None) => Images::All,
            (Some(tag), None) => Images::Tag(tag_pattern(tag)?),
            (None, Some(digest)) => Images::Digest(digest.parse()?),
            (Some(_), Some(_)) => return Err(ImagePatternError::TagAndDigest),
        };
        Ok(Self { written: text.into(), repositories: repositories(name)?, images })
    }
}

// A tag with stars is one if it is one with something in their place.
fn tag_pattern(text: &str) -> Result<Box<str>, TagError> {
    text.replace('*', "a").parse::<Tag>().map(|_| text.into())
}

fn repositories(name: &str) -> Result<RepositoryPattern, ImagePatternError> {
    let (first, rest) = match name.split_once('/') {
        Some((first, rest)) => (first, rest),
        None if name == "**" => return Ok(name.parse()?),
        None if Host::looks_like_one(name) => return Err(ImagePatternError::OnlyRegistry),
        None => return Err(ImagePatternError::NoRegistry),
    };
    let host = if first.contains('*') {
        first.to_ascii_lowercase()
    } else if Host::looks_like_one(first) {
        first.parse::<Host>()?.to_string()
    } else {
        return Err(ImagePatternError::NoRegistry);
    };
    // A rule that can match nothing is a mistake, and whoever wrote it believes that it counts.
    let sample = rest.replace("**", "a").replace('*', "a");
    let pattern = if host == "docker.io" && !rest.contains('/') && rest != "**" {
        format!("{host}/library/{rest}")
    } else {
        format!("{host}/{rest}")
    };
    let pattern: RepositoryPattern = pattern.parse()?;
    sample.parse::<Repository>().map_err(ImagePatternError::Never)?;
    Ok(pattern)
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_images_have() {
        for (text, repositories) in [
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("docker.io/*", "docker.io/library/*"),
            ("docker.io/**", "docker.io/**"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx"),
            ("Quay.io/a/b", "quay.io/a/b"),
            ("quay.io:443/a", "quay.io/a"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("*.gcr.io/**", "*.gcr.io/**"),
            ("**", "**"),
            ("ghcr.io/acme/tool-*", "ghcr.io/acme/tool-*"),
        ] {
            let pattern: ImagePattern = text.parse().unwrap();
            assert_eq!((pattern.repositories().as_str(), pattern.as_str()), (repositories, text));
        }
    }

    // operate.md row 3
    #[test]
    fn what_matches_nothing_is_a_mistake() {
        use ImagePatternError as E;
        let digest = Digest::of(b"");
        for (text, error) in [
            ("nginx".to_owned(), E::NoRegistry),
            ("library/nginx".into(), E::NoRegistry),
            ("library/**".into(), E::NoRegistry),
            (String::new(), E::NoRegistry),
            ("docker.io".into(), E::OnlyRegistry),
            ("a..b/c".into(), E::Host(HostError)),
            ("docker.io/a/**/b".into(), E::Pattern(PatternError::Rest)),
            ("docker.io/".into(), E::Pattern(PatternError::Form)),
            ("docker.io/Nginx".into(), E::Pattern(PatternError::Characters)),
            ("docker.io/a/-b".into(), E::Never(RepositoryError::Characters)),
            ("quay.io/a/b..*".into(), E::Never(RepositoryError::Characters)),
            (format!("docker.io/nginx:1@{digest}"), E::TagAndDigest),
            ("https://docker.io/nginx".into(), E::Host(HostError)),
        ] {
            assert_eq!(text.parse::<ImagePattern>(), Err(error), "{text}");
        }
        for bad in ["docker.io/nginx:", "docker.io/nginx:.1", "docker.io/nginx:a b"] {
            assert!(matches!(bad.parse::<ImagePattern>(), Err(E::Tag(_))), "{bad}");
        }
        assert!(matches!("docker.io/nginx@sha256:1".parse::<ImagePattern>(), Err(E::Digest(_))));
    }

    #[test]
    fn tags_may_have_stars() {
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let images = |text: &str| text.parse::<ImagePattern>().unwrap().images;
        assert!(images("docker.io/nginx:1.*").has_tag(&tag("1.27")));
        assert!(!images("docker.io/nginx:1.*").has_tag(&tag("latest")));
        assert!(images("docker.io/nginx").has_tag(&tag("latest")));
        let digest = Digest::of(b"");
        let by_digest = images(&format!("docker.io/nginx@{digest}"));
        assert!(by_digest.has_digest(&digest) && !by_digest.has_digest(&Digest::of(b"x")));
        assert!(!by_digest.has_tag(&tag("latest")) && images("docker.io/nginx").has_digest(&digest));
    }
}
