//! Sources and targets as typed: `quay.io/ascend/cann:8.5`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`,
//! `docker-archive:FILE[:TAG]`. A digest may stand behind each; in archives and layouts a whole name may stand for the tag.

use std::{fmt, path::PathBuf, str::FromStr};

use entrepot_oci::{Digest, DigestError, ImageRef, ImageRefError, Reference};
use entrepot_sync::Place;

/// The source or target of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The registry, directory or file.
    pub(super) place: Place,
    /// The image there.
    pub(super) image: ImageChoice,
}

/// The image that an endpoint names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImageChoice {
    /// None: the usual one, or all.
    Unsaid,
    /// By tag, by digest, or by both: then the digest is what is meant, and the tag is its name.
    Image {
        /// The tag if there is one, else the digest.
        name: Reference,
        /// The digest if there is one.
        digest: Option<Digest>,
    },
    /// By its whole name in an archive or layout.
    Whole(ImageRef),
}

/// The reason a text is not a valid endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    /// Not an image name.
    #[error(transparent)]
    Image(#[from] ImageRefError),
    /// The part after `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The file or directory is missing.
    #[error("`{0}:` must be followed by a path")]
    NoPath(&'static str),
}

impl Endpoint {
    /// True if images can be written there.
    pub(super) fn is_writable(&self) -> bool {
        !matches!(self.place, Place::DockerArchive(_))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        type Make = fn(PathBuf) -> Place;
        let kinds: [(&'static str, Make); 3] = [
            ("oci", Place::Layout),
            ("oci-archive", Place::OciArchive),
            ("docker-archive", Place::DockerArchive),
        ];
        for (kind, make) in kinds {
            let Some(rest) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')) else {
                continue;
            };
            let (path, image) = path(rest)?;
            if path.is_empty() {
                return Err(EndpointError::NoPath(kind));
            }
            return Ok(Self { place: make(PathBuf::from(path)), image });
        }
        // skopeo's notation is accepted too.
        registry(text.strip_prefix("docker://").unwrap_or(text))
    }
}

// The part after the last colon or `@` is a tag or a digest, unless it belongs to a path. A tag behind a name behind the
// first colon belongs to a whole name.
fn path(text: &str) -> Result<(&str, ImageChoice), EndpointError> {
    let (text, digest) = match text.rsplit_once('@').filter(|(_, end)| end.contains(':')) {
        Some((rest, digest)) => (rest, Some(digest.parse()?)),
        None => (text, None),
    };
    if let (Some((path, name)), None) = (text.split_once(':'), digest)
        && let (_, Some(_), None) = ImageRef::split(name)
        && let Ok(image) = name.parse()
    {
        return Ok((path, ImageChoice::Whole(image)));
    }
    let tag = text.rsplit_once(':').filter(|(_, end)| !end.contains('/'));
    let (path, tag) = match tag.and_then(|(path, end)| Some((path, end.parse().ok()?))) {
        Some((path, tag)) => (path, Some(Reference::Tag(tag))),
        None => (text, None),
    };
    Ok((path, chosen(tag, digest)))
}

fn chosen(tag: Option<Reference>, digest: Option<Digest>) -> ImageChoice {
    match tag.or(digest.map(Reference::Digest)) {
        Some(name) => ImageChoice::Image { name, digest },
        None => ImageChoice::Unsaid,
    }
}

fn registry(text: &str) -> Result<Endpoint, EndpointError> {
    let image: ImageRef = text.parse()?;
    let place = Place::Registry { host: image.host().clone(), repository: image.repository().clone() };
    let (_, tag, _) = ImageRef::split(text);
    let tag = image.tag().filter(|_| tag.is_some()).cloned().map(Reference::Tag);
    Ok(Endpoint { place, image: chosen(tag, image.digest().copied()) })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.image {
            ImageChoice::Unsaid => self.place.fmt(f),
            ImageChoice::Image { name, digest } => {
                f.write_str(&crate::progress::image(&self.place, name))?;
                let beside = digest.filter(|_| matches!(name, Reference::Tag(_)));
                beside.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
            ImageChoice::Whole(image) => write!(f, "{}:{image}", self.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_ends_are_read() {
        let digest = entrepot_oci::Digest::of(b"");
        for (text, expected) in [
            ("nginx".to_owned(), "docker.io/library/nginx".to_owned()),
            ("nginx:latest".to_owned(), "docker.io/library/nginx:latest".to_owned()),
            ("docker://localhost:5000/a".to_owned(), "localhost:5000/a".to_owned()),
            ("localhost:5000/a:1".to_owned(), "localhost:5000/a:1".to_owned()),
            (format!("quay.io/a/b:1@{digest}"), format!("quay.io/a/b:1@{digest}")),
            (format!("quay.io/a/b@{digest}"), format!("quay.io/a/b@{digest}")),
            (format!("oci:a:1@{digest}"), format!("oci:a:1@{digest}")),
            (
                "docker-archive:x.tar:nginx:1".to_owned(),
                "docker-archive:x.tar:docker.io/library/nginx:1".to_owned(),
            ),
            (
                "oci-archive:x.tar:r.example:5000/a:1".to_owned(),
                "oci-archive:x.tar:r.example:5000/a:1".to_owned(),
            ),
            ("oci:dir".to_owned(), "oci:dir".to_owned()),
            ("oci:/a/b:1.2".to_owned(), "oci:/a/b:1.2".to_owned()),
            ("oci:a:b/c".to_owned(), "oci:a:b/c".to_owned()),
            (format!("oci:a@{digest}"), format!("oci:a@{digest}")),
            ("oci-archive:x.tar:v1".to_owned(), "oci-archive:x.tar:v1".to_owned()),
            ("docker-archive:x.tar".to_owned(), "docker-archive:x.tar".to_owned()),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), expected, "{text}");
        }
        assert_eq!("oci:".parse::<Endpoint>().unwrap_err().to_string(), "`oci:` must be followed by a path");
        assert!("Nginx".parse::<Endpoint>().is_err() && "oci:a@sha256:1".parse::<Endpoint>().is_err());
    }

    #[test]
    fn archives_of_docker_are_only_read() {
        let writable = |text: &str| text.parse::<Endpoint>().unwrap().is_writable();
        assert!(writable("a") && writable("oci:a") && writable("oci-archive:a"));
        assert!(!writable("docker-archive:a"));
    }
}
