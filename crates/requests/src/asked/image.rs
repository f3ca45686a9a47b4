//! An image that can be pulled from here, as it was written.

use entrepot_catalog::{Origin, RepoKey};
use entrepot_mirror::{Error, NameResolver, RegistryHint as By};
use entrepot_oci::{Host, ImageRef, ImageRefError, Name, Reference, Tag};

/// An image that can be pulled from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    key: RepoKey,
    tag: Option<String>,
    digest: Option<String>,
    reference: Reference,
}

/// What a name means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An image that can be pulled from here.
    Image(Image),
    /// One on a registry that is not mirrored.
    Elsewhere(Host),
    /// It is not the name of an image.
    Invalid(ImageRefError),
}

impl Meaning {
    /// What a name means here.
    pub(super) fn of(text: &str, names: &NameResolver) -> Self {
        Self::read(text, names).unwrap_or_else(Self::Invalid)
    }

    fn read(text: &str, names: &NameResolver) -> Result<Self, ImageRefError> {
        let (name, tag, digest) = ImageRef::split(text);
        let image: ImageRef = text.parse()?;
        let reference = match (image.digest(), tag) {
            (Some(digest), _) => Reference::Digest(*digest),
            (None, Some(_)) => image.reference(),
            (None, None) => Reference::Tag(Tag::latest()),
        };
        let of = |key| {
            Self::Image(Image {
                key,
                tag: tag.map(str::to_owned),
                digest: digest.map(str::to_owned),
                reference,
            })
        };
        let is_hosted = names.hosted_prefixes().iter().any(|prefix| name.starts_with(prefix.as_str()));
        if is_hosted && name.parse::<Name>()?.split_host().is_none() {
            return Ok(of(RepoKey { origin: Origin::Hosted, repository: name.parse()? }));
        }
        let whole: Name = format!("{}/{}", image.host(), image.repository()).parse()?;
        Ok(match names.locate(&whole, By::default()) {
            Ok(target) => of(target.key),
            Err(Error::NotAnUpstream { host }) => Self::Elsewhere(host),
            Err(_) => of(RepoKey {
                origin: Origin::Upstream(image.host().clone()),
                repository: image.repository().clone(),
            }),
        })
    }
}

impl Image {
    /// The repository.
    pub fn key(&self) -> &RepoKey {
        &self.key
    }

    /// What of it: what was written, or `latest`.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Its registry; `None` for one that was pushed here.
    pub fn upstream(&self) -> Option<&Host> {
        match &self.key.origin {
            Origin::Upstream(host) => Some(host),
            Origin::Hosted => None,
        }
    }

    /// The whole name without tag and digest: `docker.io/library/nginx`, or `local/app`.
    pub fn repository(&self) -> String {
        self.key.to_string()
    }

    /// The whole name with what was written behind it.
    pub fn name(&self) -> String {
        format!("{}{}", self.repository(), self.suffix())
    }

    /// The whole name with a tag or a digest, for clients that imply none.
    pub fn explicit(&self) -> String {
        if self.tag.is_none() && self.digest.is_none() {
            return format!("{}:latest", self.repository());
        }
        self.name()
    }

    /// The name as people write it: `nginx:1.27` for one of Docker Hub.
    pub fn familiar(&self) -> String {
        let repository = self.repository();
        let name = repository.strip_prefix("docker.io/").unwrap_or(&repository);
        format!("{}{}", name.strip_prefix("library/").unwrap_or(name), self.suffix())
    }

    /// Its last part, which names a service well.
    pub fn short(&self) -> &str {
        self.key.repository.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// True for an image of Docker Hub.
    pub fn is_of_docker_hub(&self) -> bool {
        self.upstream().is_some_and(Host::is_docker_hub)
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}"));
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}"));
        format!("{}{}", tag.unwrap_or_default(), digest.unwrap_or_default())
    }
}
