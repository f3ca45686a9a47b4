//! Image names as typed on the command line: `nginx`, `docker.io/library/nginx:1.27`, `local/app@sha256:…`.

use std::{fmt, str::FromStr};

use entrepot_api::CacheImage;
use entrepot_oci::{DigestError, ImageRef, Name, Reference, RepositoryError, TagError};

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository(pub(crate) Name);

/// A repository, or one image of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The repository.
    pub(crate) name: Name,
    /// The image; `None` means all of them.
    pub(crate) reference: Option<Reference>,
}

/// The reason a text is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageNameError {
    /// The repository name is invalid.
    #[error(transparent)]
    Name(#[from] RepositoryError),
    /// The part after the last colon is not a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The part after `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag or digest where only a repository is allowed.
    #[error("a repository is wanted here, without tag or digest")]
    NotWhole,
}

impl Selection {
    /// True if the whole repository is selected.
    pub(crate) fn is_whole(&self) -> bool {
        self.reference.is_none()
    }

    /// True if the selection includes this image.
    pub(crate) fn takes(&self, image: &CacheImage) -> bool {
        match &self.reference {
            None => true,
            Some(Reference::Tag(tag)) => image.tags.iter().any(|held| held == tag.as_str()),
            Some(Reference::Digest(digest)) => image.digest == *digest,
        }
    }
}

impl FromStr for Selection {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        let (name, tag, digest) = ImageRef::split(text);
        let (tag, digest) = (tag.map(str::parse).transpose()?, digest.map(str::parse).transpose()?);
        // If both are given, the digest wins, as in a pull.
        let reference = digest.map(Reference::Digest).or(tag.map(Reference::Tag));
        Ok(Self { name: name.parse()?, reference })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            None => self.name.fmt(f),
            Some(Reference::Tag(tag)) => write!(f, "{}:{tag}", self.name),
            Some(Reference::Digest(digest)) => write!(f, "{}@{digest}", self.name),
        }
    }
}

impl FromStr for Repository {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        match text.parse()? {
            Selection { name, reference: None } => Ok(Self(name)),
            Selection { .. } => Err(ImageNameError::NotWhole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let digest = entrepot_oci::Digest::of(b"");
        for (text, name, whole) in [
            ("nginx".to_owned(), "nginx", true),
            ("docker.io/library/nginx:1.27".to_owned(), "docker.io/library/nginx", false),
            ("localhost:5000/a".to_owned(), "localhost:5000/a", true),
            ("localhost:5000/a:b".to_owned(), "localhost:5000/a", false),
            (format!("local/app@{digest}"), "local/app", false),
        ] {
            let selection: Selection = text.parse().unwrap();
            assert_eq!((selection.name.as_str(), selection.is_whole()), (name, whole));
            assert_eq!(selection.to_string(), text);
        }
        let both: Selection = format!("a:b@{digest}").parse().unwrap();
        assert_eq!(both.reference, Some(Reference::Digest(digest)));
        for bad in ["", "A", "a:", "a@sha256:0", "a b", "a:b/"] {
            assert!(bad.parse::<Selection>().is_err(), "{bad}");
        }
        assert_eq!("a:b".parse::<Repository>(), Err(ImageNameError::NotWhole));
    }
}
