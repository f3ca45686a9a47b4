//! What images are to be called: **one** function for listing, copying and rewriting.
//!
//! - [`Rules`]: ignore list, explicit names, and a [`Naming`] for the rest
//! - [`Census`]: no two images may come to have one name

mod census;
mod map;
mod root;
mod template;

use entrepot_oci::{ALIASES, Host, Repository, Tag};

use crate::{Found, Ignore, Reason};

pub use census::{Census, Collision};
pub use map::{Map, MapError};
pub use root::{Root, RootError};
pub use template::{Template, TemplateError};

/// How new names are made.
#[derive(Clone, Debug, Default)]
pub enum Naming {
    /// Only what is mapped explicitly gets another name.
    #[default]
    Map,
    /// The whole name behind a registry's: `m.daocloud.io/docker.io/library/nginx`.
    Prefix(Root),
    /// A registry's alias in front of a domain: `docker.m.daocloud.io/library/nginx`.
    Alias {
        /// What stands behind the alias.
        domain: Host,
        /// Registries and their aliases, besides [`ALIASES`] and before them.
        aliases: Vec<(Host, String)>,
    },
    /// The registry left out, and `/` made `-`, for registries with one level: `host/ns/langgenius-dify-api`.
    Flatten(Root),
    /// As a template says.
    Template(Template),
}

/// All that decides what an image is to be called.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Images to leave alone.
    pub ignore: Ignore,
    /// Names given one by one, before any other.
    pub map: Map,
    /// How the other names are made.
    pub naming: Naming,
}

/// A new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The registry.
    pub host: Host,
    /// The repository.
    pub repository: Repository,
    /// The tag, where that changes too.
    pub tag: Option<Tag>,
}

impl Target {
    /// Host and repository.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }
}

impl Rules {
    /// What an image is to be called, or why it keeps its name.
    ///
    /// # Errors
    /// It keeps its name.
    pub fn name(&self, found: &Found) -> Result<Target, Reason> {
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

    /// Whether two images might come to have one name, so that a whole set must be looked at first.
    pub fn may_collide(&self) -> bool {
        !self.map.is_empty() || matches!(self.naming, Naming::Flatten(_) | Naming::Template(_))
    }
}

fn is_named(found: &Found, target: &Target) -> bool {
    found.host == target.host
        && found.repository == target.repository
        && target.tag.as_ref().is_none_or(|tag| found.tag.as_ref() == Some(tag))
}

impl Naming {
    // Whether a name is one that this naming gives.
    fn gives(&self, found: &Found) -> bool {
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

    fn name(&self, found: &Found) -> Result<Target, Reason> {
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

// The alias that comes with the program.
fn alias(host: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(known, _)| *known == host).map(|(_, alias)| *alias)
}

// `library/` is how Docker Hub stores names, not how people write them.
fn short(found: &Found) -> &str {
    let name = found.repository.as_str();
    name.strip_prefix("library/").filter(|_| found.host.is_docker_hub()).unwrap_or(name)
}

fn flat(found: &Found) -> String {
    short(found).replace('/', "-")
}

fn target(host: &str, path: &str) -> Result<Target, Reason> {
    let whole = || Reason::NoSuchName(format!("{host}/{path}"));
    let (host, repository) = (host.parse().map_err(|_| whole())?, path.parse().map_err(|_| whole())?);
    Ok(Target { host, repository, tag: None })
}

#[cfg(test)]
mod tests;
