//! Explicit new names.

use std::collections::HashMap;

use entrepot_oci::{ImageRef, Tag};

use super::{NewName, is_named};
use crate::DocumentImage;

/// Explicit new names, for repositories or for single tags.
#[derive(Clone, Debug, Default)]
pub struct Map {
    repositories: HashMap<String, NewName>,
    tags: HashMap<(String, Tag), NewName>,
}

/// Why a pair of names is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Not a pair.
    #[error("`{0}` is not `OLD=NEW`")]
    NotAPair(String),
    /// One of the two is not an image name.
    #[error("`{name}` is not an image name: {why}")]
    Name {
        /// The text as written.
        name: String,
        /// Why it is not a name.
        why: String,
    },
    /// A digest identifies content and cannot be renamed.
    #[error("`{0}` has a digest; write the name without it")]
    Digest(String),
    /// The new name has a tag, the old one has none.
    #[error("`{0}` sets a tag without saying which tag it replaces")]
    OnlyNewTag(String),
    /// The same old name appears twice.
    #[error("`{0}` is mapped to two names")]
    Twice(String),
    /// A second run would rename the result of the first.
    #[error("`{0}` is both an old and a new name")]
    Chain(String),
}

impl Map {
    /// Parses `OLD=NEW` pairs, one per item; blank items and those that start with `#` are skipped.
    ///
    /// ```
    /// use entrepot_rewrite::Map;
    ///
    /// assert!(Map::read(["# comment", "nginx=hub.example.com/web", "redis:7=hub.example.com/redis:stable"]).is_ok());
    /// let error = Map::read(["nginx=hub.example.com/web:1"]).unwrap_err();
    /// assert_eq!(error.to_string(), "`hub.example.com/web:1` sets a tag without saying which tag it replaces");
    /// ```
    ///
    /// # Errors
    /// A pair is malformed, or contradicts another one.
    pub fn read<'p>(pairs: impl IntoIterator<Item = &'p str>) -> Result<Self, MapError> {
        let mut map = Self::default();
        for pair in pairs.into_iter().map(str::trim).filter(|pair| !pair.is_empty() && !pair.starts_with('#'))
        {
            let (old, new) = pair.split_once('=').ok_or_else(|| MapError::NotAPair(pair.to_owned()))?;
            map.add(old.trim(), new.trim())?;
        }
        map.without_chains()
    }

    fn add(&mut self, old: &str, new: &str) -> Result<(), MapError> {
        let (from, from_tag) = name(old)?;
        let (to, to_tag) = name(new)?;
        if to_tag.is_some() && from_tag.is_none() {
            return Err(MapError::OnlyNewTag(new.to_owned()));
        }
        let target = NewName { host: to.host, repository: to.repository, tag: to_tag };
        let key = from.name();
        let known = match from_tag {
            Some(tag) => self.tags.insert((key, tag), target),
            None => self.repositories.insert(key, target),
        };
        known.map_or(Ok(()), |_| Err(MapError::Twice(old.to_owned())))
    }

    fn without_chains(self) -> Result<Self, MapError> {
        for target in self.targets() {
            let found = DocumentImage {
                host: target.host.clone(),
                repository: target.repository.clone(),
                tag: target.tag.clone(),
                digest: None,
                is_open: false,
            };
            if self.target(&found).is_some_and(|next| !is_named(&found, next)) {
                return Err(MapError::Chain(found.name()));
            }
        }
        Ok(self)
    }

    fn targets(&self) -> impl Iterator<Item = &NewName> {
        self.repositories.values().chain(self.tags.values())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.repositories.is_empty() && self.tags.is_empty()
    }

    pub(super) fn target(&self, image: &DocumentImage) -> Option<&NewName> {
        let name = image.name();
        let tag = image.tag.clone().or_else(|| (image.digest.is_none() && !image.is_open).then(Tag::latest));
        let by_tag = tag.and_then(|tag| self.tags.get(&(name.clone(), tag)));
        by_tag.or_else(|| self.repositories.get(&name))
    }

    pub(super) fn gives(&self, image: &DocumentImage) -> bool {
        self.targets().any(|target| is_named(image, target))
    }
}

// The name, and its tag if one is written.
fn name(text: &str) -> Result<(DocumentImage, Option<Tag>), MapError> {
    let image: ImageRef = text.parse().map_err(|error: entrepot_oci::ImageRefError| MapError::Name {
        name: text.to_owned(),
        why: error.to_string(),
    })?;
    if image.digest().is_some() {
        return Err(MapError::Digest(text.to_owned()));
    }
    let has_tag = text.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let tag = image.tag().filter(|_| has_tag).cloned();
    Ok((DocumentImage::from(&image), tag))
}
