//! A run confined to one image, or to one tag of whatever the rule copies.

use std::fmt;

use entrepot_oci::Tag;
use entrepot_sync::{
    Place,
    rules::{RuleSource, SyncRule},
};

use crate::error::Error;

/// What a run is confined to. The default is the whole rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunScope {
    /// Only this source repository.
    pub source: Option<Place>,
    /// Only this tag.
    pub tag: Option<Tag>,
}

impl RunScope {
    /// Whether it is the whole rule.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// `rule` with only the sources and tags of this part.
    pub(crate) fn of(&self, rule: &SyncRule) -> Result<SyncRule, Error> {
        let mut rule = rule.clone();
        if let Some(wanted) = &self.source {
            rule.sources.retain(|RuleSource { place, .. }| place == wanted);
            if rule.sources.is_empty() {
                return Err(Error::NotItsSource { rule: rule.name, image: wanted.to_string() });
            }
        }
        if let Some(tag) = &self.tag {
            let only = rule.tags.only(tag.clone());
            rule.tags = only.ok_or_else(|| Error::NotItsTag { rule: rule.name.clone(), tag: tag.clone() })?;
        }
        Ok(rule)
    }

    /// Whether a run of this part does everything that a run of `other` would.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let source = self.source.is_none() || self.source == other.source;
        source && (self.tag.is_none() || self.tag == other.tag)
    }
}

/// As people write it: `quay.io/ascend/cann:8.0`, `quay.io/ascend/cann`, `*:8.0`.
impl fmt::Display for RunScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{source}")?,
            None => f.write_str("*")?,
        }
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(repository: Option<&str>, tag: Option<&str>) -> RunScope {
        let place = |repository: &str| Place::Registry {
            host: "quay.io".parse().unwrap(),
            repository: repository.parse().unwrap(),
        };
        RunScope { source: repository.map(place), tag: tag.map(|tag| tag.parse().unwrap()) }
    }

    #[test]
    fn a_whole_covers_its_parts() {
        let (whole, image, tag) = (part(None, None), part(Some("a"), None), part(Some("a"), Some("1")));
        assert!(whole.covers(&image) && whole.covers(&tag) && image.covers(&tag) && tag.covers(&tag));
        assert!(!image.covers(&whole) && !tag.covers(&image) && !image.covers(&part(Some("b"), None)));
        assert!(part(None, Some("1")).covers(&tag) && !tag.covers(&part(None, Some("1"))));
        assert!(whole.is_whole() && !tag.is_whole());
    }

    #[test]
    fn it_is_written_as_people_write_it() {
        assert_eq!(part(Some("a/b"), Some("1")).to_string(), "quay.io/a/b:1");
        assert_eq!(part(Some("a/b"), None).to_string(), "quay.io/a/b");
        assert_eq!(part(None, Some("1")).to_string(), "*:1");
    }
}
