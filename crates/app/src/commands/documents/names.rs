//! From what was typed about new names to the rules for them.

use std::{fmt, path::PathBuf, str::FromStr};

use entrepot_rewrite::{self as rewrite, Ignore, Map, Root, Rules};

use super::file::read_list;
use crate::failure::Failure;

/// How new names are made, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The whole name behind the registry's.
    Prefix,
    /// A registry's alias in front of a domain.
    Alias,
    /// `/` made `-`.
    Flatten,
    /// Only what is mapped.
    Map,
    /// A template.
    Template(String),
}

/// No such naming.
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

/// All that was typed about new names.
#[derive(Debug)]
pub(crate) struct Names {
    /// Where they begin.
    pub(crate) to: Option<Root>,
    /// How they are made.
    pub(crate) naming: Naming,
    /// Names given one by one: `OLD=NEW`.
    pub(crate) map: Vec<String>,
    /// A file of such.
    pub(crate) map_file: Option<PathBuf>,
}

impl Names {
    /// The rules.
    pub(in crate::commands) fn rules(&self, ignore: Ignore) -> Result<Rules, Failure> {
        Ok(Rules { ignore, map: self.map()?, naming: self.naming()? })
    }

    /// All names that are given one by one, from the file too.
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
            // Pairs alone are enough.
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
