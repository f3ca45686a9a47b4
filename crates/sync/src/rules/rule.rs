//! Rules that are known to be right.

use std::{collections::BTreeSet, sync::Arc};

use entrepot_oci::{Platform, Tag, TagError};
use globset::GlobSet;

use super::{
    check,
    error::RuleError,
    filter::TagFilter,
    schedule::Schedule,
    section::{Prune, Referrers, RuleSection},
    template::{BackupTemplate, TagTemplate},
};
use crate::{Format, Place, Shape};

/// All rules. No two have one name, none copies in a circle, and it cannot be seen beforehand that two write one tag.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    // Where rules write that were left out by name.
    pub(super) elsewhere: BTreeSet<Place>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// What readers see as its heading.
    pub title: Option<String>,
    /// The heading that it stands under.
    pub category: Option<String>,
    /// What readers should know.
    pub notes: Vec<String>,
    /// Which address suits whom.
    pub usage: Vec<String>,
    /// Where it copies from, and from each where to.
    pub sources: Vec<Source>,
    /// The tags it copies.
    pub tags: TagFilter,
    /// When.
    pub schedule: Option<Schedule>,
    /// Whether it is all right that no tag matches.
    pub allow_empty: bool,
}

/// A repository that a rule copies from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Which.
    pub place: Place,
    /// Where to; at least one.
    pub destinations: Vec<Destination>,
}

/// A repository that a rule copies to.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Which.
    pub place: Place,
    /// On which terms; the same for all sources of a rule.
    pub terms: Arc<Terms>,
}

/// On which terms a destination gets what it gets.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What readers should know of it.
    pub note: Option<String>,
    /// What tags are called there.
    pub tag: Option<TagTemplate>,
    /// Which of the rule's tags it gets.
    pub tags: TagFilter,
    /// The platforms it gets; empty: all.
    pub platforms: Vec<Platform>,
    /// The form of documents it takes, where the rule says.
    pub format: Option<Format>,
    /// Whether what refers to an image travels with it.
    pub referrers: Referrers,
    /// Whether what BuildKit puts beside the platforms is kept.
    pub attestations: bool,
    /// Tags that never change once they are there.
    pub immutable: Option<GlobSet>,
    /// The tag under which what is overwritten is kept.
    pub backup: Option<BackupTemplate>,
    /// What becomes of tags that no rule writes there.
    pub prune: Prune,
}

impl Terms {
    /// In which form it gets images; `usual` is what is said of its registry.
    pub fn shape(&self, usual: Format) -> Shape {
        Shape {
            platforms: self.platforms.clone(),
            format: self.format.unwrap_or(usual),
            without_attestations: !self.attestations,
        }
    }

    /// What a tag of the source is called there.
    ///
    /// # Errors
    /// That is not a tag.
    pub fn name_of(&self, tag: &Tag) -> Result<Tag, TagError> {
        self.tag.as_ref().map_or_else(|| Ok(tag.clone()), |template| template.fill(tag))
    }

    /// Whether a tag there never changes.
    pub fn is_immutable(&self, tag: &Tag) -> bool {
        self.immutable.as_ref().is_some_and(|patterns| patterns.is_match(tag.as_str()))
    }
}

/// The name of no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`")]
pub struct UnknownRule {
    /// The name.
    pub name: String,
    /// All names there are.
    pub known: Vec<String>,
}

impl RuleSet {
    /// Makes rules of what was written.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn check(sections: &[RuleSection]) -> Result<Self, RuleError> {
        check::check(sections)
    }

    /// A rule, or what is left of it, by itself. What is extra at its destinations is not told, since it is not known
    /// which other rules write there; [`RuleSet::alone`] knows.
    pub fn of(rule: Rule) -> Self {
        Self { elsewhere: written(&[&rule]), rules: vec![rule] }
    }

    /// The rules, in the order in which they were written.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The set of one rule alone, which may have been narrowed to some of its sources and tags. What is extra at a
    /// destination can then only be told of a rule as it is here.
    #[must_use]
    pub fn alone(&self, rule: Rule) -> Self {
        let (own, others): (Vec<&Rule>, Vec<&Rule>) =
            self.rules.iter().partition(|other| other.name == rule.name);
        let is_whole = own.iter().any(|own| own.sources.len() == rule.sources.len() && own.tags == rule.tags);
        let mut elsewhere = written(&others);
        elsewhere.extend(self.elsewhere.iter().cloned());
        if !is_whole {
            elsewhere.extend(written(&[&rule]));
        }
        Self { rules: vec![rule], elsewhere }
    }

    /// Whether a rule that was left out by [`RuleSet::only`] writes to a repository.
    pub(crate) fn is_written_elsewhere(&self, place: &Place) -> bool {
        self.elsewhere.contains(place)
    }

    /// The rules of these names; all where there are none.
    ///
    /// # Errors
    /// A name that no rule has.
    pub fn only(&self, names: &[String]) -> Result<Self, UnknownRule> {
        if names.is_empty() {
            return Ok(self.clone());
        }
        if let Some(name) = names.iter().find(|name| !self.rules.iter().any(|rule| rule.name == **name)) {
            let known = self.rules.iter().map(|rule| rule.name.clone()).collect();
            return Err(UnknownRule { name: name.clone(), known });
        }
        let (rules, others): (Vec<&Rule>, Vec<&Rule>) =
            self.rules.iter().partition(|rule| names.contains(&rule.name));
        let mut elsewhere = written(&others);
        elsewhere.extend(self.elsewhere.iter().cloned());
        Ok(Self { rules: rules.into_iter().cloned().collect(), elsewhere })
    }
}

// Where these rules write.
fn written(rules: &[&Rule]) -> BTreeSet<Place> {
    let sources = rules.iter().flat_map(|rule| &rule.sources);
    sources.flat_map(|source| &source.destinations).map(|to| to.place.clone()).collect()
}
