//! Checked rules.

use std::{collections::BTreeSet, sync::Arc};

use entrepot_oci::{Platform, Tag, TagError};
use globset::GlobSet;

use super::{
    filter::TagFilter,
    schedule::Schedule,
    section::{Prune, Referrers},
    template::{BackupTemplate, TagTemplate},
};
use crate::{Format, Place, Shape};

/// A valid set of rules: names are unique, there are no copy loops, and no two rules are known to write one tag.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    pub(super) rules: Vec<SyncRule>,
    // The destinations of rules that were left out.
    pub(super) elsewhere: BTreeSet<Place>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct SyncRule {
    /// Its name, unique in the set.
    pub name: String,
    /// The heading in the guide.
    pub title: Option<String>,
    /// The section of the guide that it belongs to.
    pub category: Option<String>,
    /// Notes for readers of the guide.
    pub notes: Vec<String>,
    /// Notes for readers of the guide on which address to use.
    pub usage: Vec<String>,
    /// The sources, each with its destinations.
    pub sources: Vec<RuleSource>,
    /// The tags it copies.
    pub tags: TagFilter,
    /// The schedule; `None` means it runs only by hand.
    pub schedule: Option<Schedule>,
    /// True if it is no error that no tag matches.
    pub allow_empty: bool,
}

/// A repository that a rule copies from.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// The repository.
    pub place: Place,
    /// The destinations; at least one.
    pub destinations: Vec<Destination>,
}

/// A repository that a rule copies to.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The names of tags there; `None` means the same as at the source.
    pub place: Place,
    /// The terms of the copy; the same for all sources of a rule.
    pub terms: Arc<CopyTerms>,
}

/// The terms of copies to a destination.
#[derive(Clone, Debug)]
pub struct CopyTerms {
    /// A note for readers of the guide.
    pub note: Option<String>,
    /// The tags of the rule that it gets.
    pub tag: Option<TagTemplate>,
    /// The tags of the rule that it gets.
    pub tags: TagFilter,
    /// The platforms it gets; empty means all.
    pub platforms: Vec<Platform>,
    /// The media types it accepts, if the rule says so.
    pub format: Option<Format>,
    /// The policy for copying referrers.
    pub referrers: Referrers,
    /// True if the attestations that BuildKit adds to an index are kept.
    pub attestations: bool,
    /// Tags that are never overwritten.
    pub immutable: Option<GlobSet>,
    /// The tag that keeps an overwritten image.
    pub backup: Option<BackupTemplate>,
    /// The policy for tags that no rule writes there.
    pub prune: Prune,
}

impl CopyTerms {
    /// The shape of images there; `usual` is the default format of its registry.
    pub fn shape(&self, usual: Format) -> Shape {
        Shape {
            platforms: self.platforms.clone(),
            format: self.format.unwrap_or(usual),
            without_attestations: !self.attestations,
        }
    }

    /// The name there of a tag of the source.
    ///
    /// # Errors
    /// The name is not a valid tag.
    pub fn name_of(&self, tag: &Tag) -> Result<Tag, TagError> {
        self.tag.as_ref().map_or_else(|| Ok(tag.clone()), |template| template.fill(tag))
    }

    /// True if the tag is never overwritten there.
    pub fn is_immutable(&self, tag: &Tag) -> bool {
        self.immutable.as_ref().is_some_and(|patterns| patterns.is_match(tag.as_str()))
    }
}

/// No rule has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`")]
pub struct UnknownRule {
    /// The name.
    pub name: String,
    /// All existing names.
    pub known: Vec<String>,
}

impl RuleSet {
    /// The rules, in the order written.
    pub fn rules(&self) -> &[SyncRule] {
        &self.rules
    }

    /// A set of one rule, which may have been narrowed to some of its sources and tags. Extra tags at its destinations
    /// are reported only if the rule is whole.
    #[must_use]
    pub fn alone(&self, rule: SyncRule) -> Self {
        let (own, others): (Vec<&SyncRule>, Vec<&SyncRule>) =
            self.rules.iter().partition(|other| other.name == rule.name);
        let is_whole = own.iter().any(|own| own.sources.len() == rule.sources.len() && own.tags == rule.tags);
        let mut elsewhere = written(&others);
        elsewhere.extend(self.elsewhere.iter().cloned());
        if !is_whole {
            elsewhere.extend(written(&[&rule]));
        }
        Self { rules: vec![rule], elsewhere }
    }

    /// True if a rule outside this set writes to the repository.
    pub(crate) fn is_written_elsewhere(&self, place: &Place) -> bool {
        self.elsewhere.contains(place)
    }

    /// The rules with these names; all if none are given.
    ///
    /// # Errors
    /// No rule has one of the names.
    pub fn only(&self, names: &[String]) -> Result<Self, UnknownRule> {
        if names.is_empty() {
            return Ok(self.clone());
        }
        if let Some(name) = names.iter().find(|name| !self.rules.iter().any(|rule| rule.name == **name)) {
            let known = self.rules.iter().map(|rule| rule.name.clone()).collect();
            return Err(UnknownRule { name: name.clone(), known });
        }
        let (rules, others): (Vec<&SyncRule>, Vec<&SyncRule>) =
            self.rules.iter().partition(|rule| names.contains(&rule.name));
        let mut elsewhere = written(&others);
        elsewhere.extend(self.elsewhere.iter().cloned());
        Ok(Self { rules: rules.into_iter().cloned().collect(), elsewhere })
    }
}

// The destinations of these rules.
fn written(rules: &[&SyncRule]) -> BTreeSet<Place> {
    let sources = rules.iter().flat_map(|rule| &rule.sources);
    sources.flat_map(|source| &source.destinations).map(|to| to.place.clone()).collect()
}
