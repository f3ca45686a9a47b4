//! May this be pulled? Deny beats allow; where nothing is allowed by a list, everything is.

use std::{collections::HashSet, sync::Arc};

use entrepot_oci::{Digest, Reference, Tag};

use crate::{
    contact::Contact,
    full_name::FullName,
    index::{Index, RuleId},
    lineage::{ImagePart, Lineage, ManifestLineage},
    nearest::Nearest,
    pattern::Images,
    rule::{ListKind, PullRule, RuleList},
};

/// Which images may be pulled from registries that are not ours. What was pushed here is no matter of rules.
#[derive(Debug, Default)]
pub struct PullRules {
    rules: Vec<PullRule>,
    lists: Vec<ListSummary>,
    allow: Option<Index>,
    deny: Index,
    nearest: Nearest,
    pub(crate) contact: Option<Contact>,
}

/// A list that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSummary {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: ListKind,
    /// How many rules it has.
    pub rules: usize,
}

/// What the rules say about a repository, whatever image of it is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Ruling<'a> {
    /// All of it may be pulled, by this rule, or because there is no allow list.
    Allowed(Option<&'a PullRule>),
    /// Nothing of it may be pulled.
    Refused(RuleRefusal<'a>),
    /// That depends on the image: ask [`RepositoryRules::tag`] or [`RepositoryRules::part`].
    ByImage,
}

/// What the rules say about an image.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// It may be pulled, by this rule, or because there is no allow list.
    Allowed(Option<&'a PullRule>),
    /// It may not.
    Refused(RuleRefusal<'a>),
}

/// Why something may not be pulled.
#[derive(Clone, Copy, Debug)]
pub enum RuleRefusal<'a> {
    /// A rule denies it.
    Denied(&'a PullRule),
    /// No list allows anything of its repository.
    NotListed,
    /// Lists allow only other images of its repository, such as those of this rule.
    OtherImages(&'a PullRule),
    /// Lists allow images by their tags, such as this rule, and none of these is known to lead to it.
    TagFirst(&'a PullRule),
}

/// The rules for one repository.
#[derive(Debug)]
pub struct RepositoryRules<'a> {
    all: &'a PullRules,
    denied: MatchedRules,
    /// `None` without an allow list.
    allowed: Option<MatchedRules>,
}

/// A way to a part of an image.
enum PartPath<'a> {
    /// It is allowed.
    Allowed(Option<&'a PullRule>),
    /// Nothing leads by here.
    Denied(&'a PullRule),
    /// By what names it, perhaps. A tag is denied by this rule.
    By { tag: Option<&'a PullRule> },
}

/// The rules of one kind for a repository.
#[derive(Debug, Default)]
struct MatchedRules {
    /// One for all of it.
    whole: Option<RuleId>,
    /// Those for some of its images.
    parts: Vec<RuleId>,
}

impl PullRules {
    /// Puts lists into force.
    pub fn new(lists: Vec<RuleList>, contact: Option<Contact>) -> Self {
        let mut this = Self { contact, ..Self::default() };
        for RuleList { name, kind, rules } in lists {
            this.lists.push(ListSummary { name: name.clone(), kind, rules: rules.len() });
            let name: Arc<str> = name.into();
            let index = match kind {
                ListKind::Allow => this.allow.get_or_insert_default(),
                ListKind::Deny => &mut this.deny,
            };
            for written in rules {
                let id = this.rules.len();
                index.add(written.pattern.repositories(), id);
                if kind == ListKind::Allow {
                    this.nearest.add(written.pattern.repositories(), id);
                }
                this.rules.push(PullRule { list: Arc::clone(&name), written });
            }
        }
        this
    }

    /// The same rules, and another list.
    #[must_use]
    pub fn with(&self, list: Option<RuleList>) -> Self {
        let mut rules = self.rules.iter();
        let lists = self.lists.iter().map(|ListSummary { name, kind, rules: count }| {
            let rules = rules.by_ref().take(*count).map(|rule| rule.written.clone()).collect();
            RuleList { name: name.clone(), kind: *kind, rules }
        });
        let lists = lists.collect::<Vec<_>>().into_iter().chain(list).collect();
        Self::new(lists, self.contact.clone())
    }

    /// True if nothing is refused.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// True if both have the same lists with the same rules, and say the same about where to ask.
    pub fn are_those_of(&self, other: &Self) -> bool {
        self.rules == other.rules && self.lists == other.lists && self.contact == other.contact
    }

    /// The lists, in their order.
    pub fn lists(&self) -> &[ListSummary] {
        &self.lists
    }

    /// The rules for a repository.
    pub fn of(&self, name: FullName<'_>) -> RepositoryRules<'_> {
        RepositoryRules {
            all: self,
            denied: self.found(&self.deny, name),
            allowed: self.allow.as_ref().map(|allow| self.found(allow, name)),
        }
    }

    /// Where to ask for what is refused.
    pub fn contact(&self) -> Option<&Contact> {
        self.contact.as_ref()
    }

    /// What the rules say about a repository.
    pub fn ruling(&self, name: FullName<'_>) -> Ruling<'_> {
        self.of(name).ruling()
    }

    /// The rule that allows what is most like this: a name with at most two other characters, or else something of the same
    /// owner.
    pub fn nearest(&self, name: FullName<'_>) -> Option<&PullRule> {
        self.nearest.find(name).map(|rule| &self.rules[rule])
    }

    fn found(&self, index: &Index, name: FullName<'_>) -> MatchedRules {
        let mut found = MatchedRules::default();
        index.find(name, |rule| match self.rules[rule].pattern().images() {
            Images::All => {
                found.whole.get_or_insert(rule);
            }
            Images::Tag(_) | Images::Digest(_) => found.parts.push(rule),
        });
        found
    }
}

impl<'a> RepositoryRules<'a> {
    /// What they say about the repository.
    pub fn ruling(&self) -> Ruling<'a> {
        if let Some(rule) = self.denied.whole {
            return Ruling::Refused(RuleRefusal::Denied(self.rule(rule)));
        }
        let by = match &self.allowed {
            None => None,
            Some(MatchedRules { whole: Some(rule), .. }) => Some(self.rule(*rule)),
            Some(MatchedRules { parts, .. }) if parts.is_empty() => {
                return Ruling::Refused(RuleRefusal::NotListed);
            }
            Some(_) => return Ruling::ByImage,
        };
        if self.denied.parts.is_empty() { Ruling::Allowed(by) } else { Ruling::ByImage }
    }

    /// What they say about an image, as somebody names it. More may be known of a digest: see [`RepositoryRules::part`].
    pub fn named(&self, reference: &Reference) -> Decision<'a> {
        match reference {
            Reference::Tag(tag) => self.tag(tag),
            Reference::Digest(digest) => self.digest(digest),
        }
    }

    /// What they say about the image that a tag names.
    pub fn tag(&self, tag: &Tag) -> Decision<'a> {
        self.image(|images| images.has_tag(tag), RuleRefusal::OtherImages)
    }

    /// The rule that denies a digest by itself, whatever leads to it.
    pub fn denied_digest(&self, digest: &Digest) -> Option<&'a PullRule> {
        self.first(&self.denied, |images| images.has_digest(digest))
    }

    /// What they say about a part of an image. It may be pulled if one of the ways to it is allowed: by a tag that leads to
    /// it or once led, by a digest, or by what names it. A way that leads by something denied is none.
    pub fn part(&self, part: ImagePart<'_>, lineage: &Lineage) -> Decision<'a> {
        let (itself, starts) = match &part {
            ImagePart::Manifest(digest) => (*digest, std::slice::from_ref(*digest)),
            ImagePart::Blob(digest, named_by) => (*digest, *named_by),
        };
        let bare = self.digest(itself);
        if starts.is_empty() || matches!(bare, Decision::Refused(RuleRefusal::Denied(_))) {
            return bare;
        }
        let (mut open, mut seen) = (starts.to_vec(), HashSet::new());
        let mut denied = None;
        while let Some(digest) = open.pop() {
            let known = lineage.manifests.get(&digest);
            if !seen.insert(digest) {
                continue;
            }
            match self.way(&digest, known) {
                PartPath::Allowed(by) => return Decision::Allowed(by),
                PartPath::Denied(by) => denied = Some(by),
                PartPath::By { tag } => {
                    denied = tag.or(denied);
                    open.extend(known.iter().flat_map(|known| &known.parents));
                }
            }
        }
        match (denied, bare) {
            (Some(by), _) => Decision::Refused(RuleRefusal::Denied(by)),
            (None, bare) => bare,
        }
    }

    // Whether a manifest may be pulled by one of its own names. One without tags and parents has none but its digest.
    fn way(&self, digest: &Digest, known: Option<&ManifestLineage>) -> PartPath<'a> {
        let (tags, is_root) = match known {
            Some(known) => (known.tags.as_slice(), known.tags.is_empty() && known.parents.is_empty()),
            None => ([].as_slice(), true),
        };
        match self.digest(digest) {
            Decision::Refused(RuleRefusal::Denied(by)) => return PartPath::Denied(by),
            Decision::Allowed(by) if is_root || by.is_some_and(is_for_some) => return PartPath::Allowed(by),
            Decision::Allowed(_) | Decision::Refused(_) => {}
        }
        let mut denied = None;
        for tag in tags {
            match self.tag(tag) {
                Decision::Allowed(by) => return PartPath::Allowed(by),
                Decision::Refused(RuleRefusal::Denied(by)) => denied = Some(by),
                Decision::Refused(_) => {}
            }
        }
        PartPath::By { tag: denied }
    }

    fn digest(&self, digest: &Digest) -> Decision<'a> {
        self.image(|images| images.has_digest(digest), RuleRefusal::TagFirst)
    }

    fn image(
        &self,
        is_it: impl Fn(&Images) -> bool,
        otherwise: impl Fn(&'a PullRule) -> RuleRefusal<'a>,
    ) -> Decision<'a> {
        if let Some(rule) = self.first(&self.denied, &is_it) {
            return Decision::Refused(RuleRefusal::Denied(rule));
        }
        let Some(allowed) = &self.allowed else { return Decision::Allowed(None) };
        if let Some(rule) = self.first(allowed, &is_it) {
            return Decision::Allowed(Some(rule));
        }
        Decision::Refused(match allowed.parts.first() {
            Some(rule) => otherwise(self.rule(*rule)),
            None => RuleRefusal::NotListed,
        })
    }

    // A rule for the image alone says more than one for its whole repository.
    fn first(&self, found: &MatchedRules, is_it: impl Fn(&Images) -> bool) -> Option<&'a PullRule> {
        let mut parts = found.parts.iter().map(|rule| self.rule(*rule));
        let part = parts.find(|rule| is_it(rule.pattern().images()));
        part.or_else(|| found.whole.map(|rule| self.rule(rule)))
    }

    fn rule(&self, id: RuleId) -> &'a PullRule {
        &self.all.rules[id]
    }
}

fn is_for_some(rule: &PullRule) -> bool {
    !matches!(rule.pattern().images(), Images::All)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
