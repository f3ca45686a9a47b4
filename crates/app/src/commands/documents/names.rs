//! Turns the naming options of the command line into rewrite rules.

use std::{fmt, path::PathBuf, str::FromStr};

use entrepot_rewrite::{self as rewrite, Ignore, Map, Root, Rules};

use super::file::read_list;
use crate::failure::Failure;

/// The naming scheme, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The whole old name below the new registry.
    Prefix,
    /// The registry's alias in front of a domain.
    Alias,
    /// `/` replaced with `-`.
    Flatten,
    /// Only explicitly mapped names.
    Map,
    /// A template.
    Template(String),
}

/// Not a known naming scheme.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither prefix, alias, flatten, map, nor a template such as `{{host}}/{{repository}}`")]
pub(crate) struct NamingError(String);

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "prefix",
            Self::Alias => "alias",
            Self::Flatten => "flatten",
            Self::Map => "map",
            Self::Template(template) => template,
        })
    }
}

impl FromStr for Naming {
    type Err = NamingError;

    fn from_str(text: &str) -> Result<Self, NamingError> {
        Ok(match text {
            "prefix" => Self::Prefix,
            "alias" => Self::Alias,
            "flatten" => Self::Flatten,
            "map" => Self::Map,
            _ if text.contains('{') => Self::Template(text.to_owned()),
            _ => return Err(NamingError(text.to_owned())),
        })
    }
}

/// All naming options.
#[derive(Debug)]
pub(crate) struct NamingOptions {
    /// The root of the new names.
    pub(crate) to: Option<Root>,
    /// The naming scheme.
    pub(crate) naming: Naming,
    /// Explicit names: `OLD=NEW`.
    pub(crate) map: Vec<String>,
    /// A file of explicit names.
    pub(crate) map_file: Option<PathBuf>,
}

impl NamingOptions {
    /// The rewrite rules.
    pub(in crate::commands) fn rules(&self, ignore: Ignore) -> Result<Rules, Failure> {
        Ok(Rules { ignore, map: self.map()?, naming: self.naming()? })
    }

    /// All explicit names, including those from the file.
    pub(in crate::commands) fn pairs(&self) -> Result<Vec<String>, Failure> {
        let file = self.map_file.as_deref().map(read_list).transpose()?.unwrap_or_default();
        Ok(self.map.iter().cloned().chain(file.lines().map(str::to_owned)).collect())
    }

    fn map(&self) -> Result<Map, Failure> {
        let pairs = self.pairs()?;
        Map::read(pairs.iter().map(String::as_str)).map_err(|error| Failure::wrong(error.to_string()))
    }

    fn naming(&self) -> Result<rewrite::Naming, Failure> {
        let to = || {
            self.to.clone().ok_or_else(|| {
                Failure::wrong("where the new names begin is not said")
                    .with_hint("say it: `--to m.daocloud.io`")
            })
        };
        Ok(match &self.naming {
            // With explicit names alone, no root is needed.
            Naming::Prefix if self.to.is_none() && self.has_map() => rewrite::Naming::Map,
            Naming::Prefix => rewrite::Naming::Prefix(to()?),
            Naming::Flatten => rewrite::Naming::Flatten(to()?),
            Naming::Map if self.has_map() => rewrite::Naming::Map,
            Naming::Map => {
                return Err(
                    Failure::wrong("`--naming map` without a name").with_hint("give some: `--map OLD=NEW`")
                );
            }
            Naming::Template(template) => {
                let whole =
                    self.to.as_ref().map_or_else(|| template.clone(), |to| format!("{to}/{template}"));
                rewrite::Naming::Template(
                    whole
                        .parse()
                        .map_err(|error: rewrite::TemplateError| Failure::wrong(error.to_string()))?,
                )
            }
            Naming::Alias => {
                let to = to()?;
                if to.to_string() != to.host().as_str() {
                    return Err(Failure::wrong(format!(
                        "`{to}` has a namespace, and aliases stand in front of a domain"
                    ))
                    .with_hint(format!("leave it out: `--to {}`", to.host())));
                }
                rewrite::Naming::Alias { domain: to.host().clone(), aliases: Vec::new() }
            }
        })
    }

    fn has_map(&self) -> bool {
        !self.map.is_empty() || self.map_file.is_some()
    }
}
