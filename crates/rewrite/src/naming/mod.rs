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
    /// use entrepot_rewrite::{Found, Ignore, Map, Naming, Reason, Rules};
    ///
    /// let rules = Rules {
    ///     ignore: Ignore::read("redis")?,
    ///     map: Map::read(["nginx=hub.example.com/web"])?,
    ///     naming: Naming::Flatten("r.example.com/apps".parse()?),
    /// };
    /// let name = |image: &str| rules.name(&Found::from(&image.parse::<ImageRef>().unwrap()));
    /// assert_eq!(name("langgenius/dify-api:1").unwrap().name(), "r.example.com/apps/langgenius-dify-api");
    /// assert_eq!(name("nginx:1.27").unwrap().name(), "hub.example.com/web");
    /// assert_eq!(name("redis:7"), Err(Reason::Ignored));
    /// assert_eq!(name("r.example.com/apps/redis:7"), Err(Reason::AlreadyThere));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The reason why it keeps its name.
    pub fn name(&self, found: &DocumentImage) -> Result<NewName, Reason> {
        if self.ignore.holds(found) {
            return Err(Reason::Ignored);
        }
        if let Some(target) = self.map.target(found) {
            return if is_named(found, target) { Err(Reason::AlreadyThere) } else { Ok(target.clone()) };
        }
        if self.map.gives(found) || self.naming.gives(found) {
            return Err(Reason::AlreadyThere);
        }
        if found.host.name() == "localhost" {
            return Err(Reason::Local);
        }
        self.naming.name(found)
    }

    /// True if two images could get the same name, so that a whole set must be checked first.
    pub fn may_collide(&self) -> bool {
        !self.map.is_empty() || matches!(self.naming, Naming::Flatten(_) | Naming::Template(_))
    }
}

fn is_named(found: &DocumentImage, target: &NewName) -> bool {
    found.host == target.host
        && found.repository == target.repository
        && target.tag.as_ref().is_none_or(|tag| found.tag.as_ref() == Some(tag))
}

impl Naming {
    // True if this naming could have produced the name.
    fn gives(&self, found: &DocumentImage) -> bool {
        match self {
            Self::Map => false,
            Self::Prefix(root) | Self::Flatten(root) => root.holds(found),
            Self::Alias { domain, .. } => {
                let alias = found.host.as_str().strip_suffix(domain.as_str());
                found.host == *domain || alias.is_some_and(|alias| alias.ends_with('.'))
            }
            Self::Template(template) => template.gives(found),
        }
    }

    fn name(&self, found: &DocumentImage) -> Result<NewName, Reason> {
        match self {
            Self::Map => Err(Reason::Unmapped),
            Self::Prefix(root) => root.join(&found.name()),
            Self::Flatten(root) => root.join(&flat(found)),
            Self::Template(template) => template.name(found),
            Self::Alias { domain, aliases } => {
                let given =
                    aliases.iter().find(|(host, _)| *host == found.host).map(|(_, alias)| alias.as_str());
                let alias = given.or_else(|| alias(found.host.as_str())).ok_or(Reason::Unmapped)?;
                target(&format!("{alias}.{domain}"), found.repository.as_str())
            }
        }
    }
}

// The built-in alias.
fn alias(host: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(known, _)| *known == host).map(|(_, alias)| *alias)
}

// Docker Hub stores names with `library/`, but people leave it out.
fn short(found: &DocumentImage) -> &str {
    let name = found.repository.as_str();
    name.strip_prefix("library/").filter(|_| found.host.is_docker_hub()).unwrap_or(name)
}

fn flat(found: &DocumentImage) -> String {
    short(found).replace('/', "-")
}

fn target(host: &str, path: &str) -> Result<NewName, Reason> {
    let whole = || Reason::NoSuchName(format!("{host}/{path}"));
    let (host, repository) = (host.parse().map_err(|_| whole())?, path.parse().map_err(|_| whole())?);
    Ok(NewName { host, repository, tag: None })
}

#[cfg(test)]
mod tests;
