//! Full image references as people write them: `docker.io/library/nginx:1.27@sha256:…`.

use std::{fmt, str::FromStr};

use crate::{Digest, DigestError, Host, HostError, Reference, Repository, RepositoryError, Tag, TagError};

/// An image reference with defaults filled in: Docker Hub, `library/`, and the tag `latest` if there is
/// neither tag nor digest.
///
/// ```
/// use entrepot_oci::Image;
///
/// let image: Image = "nginx:1.27".parse()?;
/// assert_eq!(image.to_string(), "docker.io/library/nginx:1.27");
/// let image: Image = "localhost:5000/team/app".parse()?;
/// assert_eq!(image.tag().map(|tag| tag.as_str()), Some("latest"));
/// # Ok::<(), entrepot_oci::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    host: Host,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// Why a text is not an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The part before the first slash.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The part before tag and digest.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The part after the last colon.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The part after `@`.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Image {
    /// The registry.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The repository on that registry.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, written or implied.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to request from the registry: the digest if there is one, since it is more specific.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(*digest),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag(Tag::latest()),
        }
    }

    /// Splits `NAME[:TAG][@DIGEST]` without validating the parts; a colon before a `/` belongs to a port.
    pub fn split(text: &str) -> (&str, Option<&str>, Option<&str>) {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag), digest),
            _ => (rest, None, digest),
        }
    }

    /// The repository `name` on `host`, with `library/` added for single-part names on Docker Hub.
    pub fn repository_on(host: &Host, name: &str) -> Result<Repository, RepositoryError> {
        if host.is_docker_hub() && !name.contains('/') {
            format!("library/{name}").parse()
        } else {
            name.parse()
        }
    }
}

impl FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let (name, tag, digest) = Self::split(text);
        let (tag, digest) = (tag.map(str::parse).transpose()?, digest.map(str::parse).transpose()?);
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if Host::looks_like_one(host) => (host.parse()?, path),
            _ => (Host::docker_hub(), name),
        };
        let repository = Self::repository_on(&host, path)?;
        let tag = tag.or_else(|| digest.is_none().then(Tag::latest));
        Ok(Self { host, repository, tag, digest })
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_is_left_out() {
        for (text, whole) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x/y:t", "localhost:5000/x/y:t"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
        ] {
            assert_eq!(text.parse::<Image>().unwrap().to_string(), whole);
        }
    }

    #[test]
    fn keeps_tag_and_digest() {
        let digest = Digest::of(b"");
        let image: Image = format!("quay.io/a/b:1@{digest}").parse().unwrap();
        assert_eq!(image.reference(), Reference::Digest(digest));
        assert_eq!(image.to_string(), format!("quay.io/a/b:1@{digest}"));
        assert!(format!("a@{digest}").parse::<Image>().unwrap().tag().is_none());
    }

    #[test]
    fn refuses_what_is_not_one() {
        for bad in ["", "UPPER", "a b", "a:", "a@sha256:1", "http://x/y", "a.io//b", "x/"] {
            assert!(bad.parse::<Image>().is_err(), "{bad}");
        }
    }
}
