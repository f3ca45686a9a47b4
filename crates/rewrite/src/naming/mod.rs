//! New names of images, shared by listing, copying and rewriting.
//!
//! - [`Rules`]: ignore list, explicit names, and a [`Naming`] for the rest
//! - [`Census`]: detects two images that would get the same name

mod census;
mod map;
mod root;
mod template;

use entrepot_oci::{ALIASES, Host, Repository, Tag};

use crate::{DocumentImage, Ignore, Reason};

pub use census::{Census, Collision};
pub use map::{Map, MapError};
pub use root::{Root, RootError};
pub use template::{Template, TemplateError};

/// The scheme for new names.
#[derive(Clone, Debug, Default)]
pub enum Naming {
    /// Only explicitly mapped images get a new name.
    #[default]
    Map,
    /// The full name after a registry: `m.daocloud.io/docker.io/library/nginx`.
    Prefix(Root),
    /// The registry's alias before a domain: `docker.m.daocloud.io/library/nginx`.
    Alias {
        /// The domain after the alias.
        domain: Host,
        /// Registries and their aliases; they take precedence over [`ALIASES`].
        aliases: Vec<(Host, String)>,
    },
    /// Without the registry, and with `/` replaced by `-`, for single-level registries: `host/ns/langgenius-dify-api`.
    Flatten(Root),
    /// According to a template.
    Template(Template),
}

/// Everything that determines an image's new name.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Images to leave alone.
    pub ignore: Ignore,
    /// Explicit names, which take precedence.
    pub map: Map,
    /// The scheme for all other images.
    pub naming: Naming,
}

/// A new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    /// The registry.
    pub host: Host,
    /// The repository.
    pub repository: Repository,
    /// The tag, if it changes too.
    pub tag: Option<Tag>,
}

impl NewName {
    /// Host and repository, as `HOST/REPOSITORY`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }
}

impl Rules {
    /// The new name of an image.
    ///
    /// ```
    /// use entrepot_oci::ImageRef;
    /// use entrepot_rewrite::{DocumentImage, Ignore, Map, Naming, Reason, Rules};
    ///
    /// let rules = Rules {
    ///     ignore: Ignore::read("redis")?,
    ///     map: Map::read(["nginx=hub.example.com/web"])?,
    ///     naming: Naming::Flatten("r.example.com/apps".parse()?),
    /// };
    /// let name = |image: &str| rules.name(&DocumentImage::from(&image.parse::<ImageRef>().unwrap()));
    /// assert_eq!(name("langgenius/dify-api:1").unwrap().name(), "r.example.com/apps/langgenius-dify-api");
    /// assert_eq!(name("nginx:1.27").unwrap().name(), "hub.example.com/web");
    /// assert_eq!(name("redis:7"), Err(Reason::Ignored));
    /// assert_eq!(name("r.example.com/apps/redis:7"), Err(Reason::AlreadyThere));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The reason why it keeps its name.
    pub fn name(&self, image: &DocumentImage) -> Result<NewName, Reason> {
        if self.ignore.holds(image) {
            return Err(Reason::Ignored);
        }
        if let Some(target) = self.map.target(image) {
            return if is_named(image, target) { Err(Reason::AlreadyThere) } else { Ok(target.clone()) };
        }
        if self.map.gives(image) || self.naming.gives(image) {
            return Err(Reason::AlreadyThere);
        }
        if image.host.name() == "localhost" {
            return Err(Reason::Local);
        }
        self.naming.name(image)
    }

    /// True if two images could get the same name, so that a whole set must be checked first.
    pub fn may_collide(&self) -> bool {
        !self.map.is_empty() || matches!(self.naming, Naming::Flatten(_) | Naming::Template(_))
    }
}

fn is_named(image: &DocumentImage, name: &NewName) -> bool {
    image.host == name.host
        && image.repository == name.repository
        && name.tag.as_ref().is_none_or(|tag| image.tag.as_ref() == Some(tag))
}

impl Naming {
    // True if this naming could have produced the name.
    fn gives(&self, image: &DocumentImage) -> bool {
        match self {
            Self::Map => false,
            Self::Prefix(root) | Self::Flatten(root) => root.holds(image),
            Self::Alias { domain, .. } => {
                let alias = image.host.as_str().strip_suffix(domain.as_str());
                image.host == *domain || alias.is_some_and(|alias| alias.ends_with('.'))
            }
            Self::Template(template) => template.gives(image),
        }
    }

    fn name(&self, image: &DocumentImage) -> Result<NewName, Reason> {
        match self {
            Self::Map => Err(Reason::Unmapped),
            Self::Prefix(root) => root.join(&image.name()),
            Self::Flatten(root) => root.join(&flat(image)),
            Self::Template(template) => template.name(image),
            Self::Alias { domain, aliases } => {
                let given =
                    aliases.iter().find(|(host, _)| *host == image.host).map(|(_, alias)| alias.as_str());
                let alias = given.or_else(|| alias(image.host.as_str())).ok_or(Reason::Unmapped)?;
                target(&format!("{alias}.{domain}"), image.repository.as_str())
            }
        }
    }
}

// The built-in alias.
fn alias(host: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(known, _)| *known == host).map(|(_, alias)| *alias)
}

// Docker Hub stores names with `library/`, but people leave it out.
fn short(image: &DocumentImage) -> &str {
    let name = image.repository.as_str();
    name.strip_prefix("library/").filter(|_| image.host.is_docker_hub()).unwrap_or(name)
}

fn flat(image: &DocumentImage) -> String {
    short(image).replace('/', "-")
}

fn target(host: &str, path: &str) -> Result<NewName, Reason> {
    let whole = || Reason::NoSuchName(format!("{host}/{path}"));
    let (host, repository) = (host.parse().map_err(|_| whole())?, path.parse().map_err(|_| whole())?);
    Ok(NewName { host, repository, tag: None })
}

#[cfg(test)]
mod tests;
