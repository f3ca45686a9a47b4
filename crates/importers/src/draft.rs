//! A rule on its way from another file to ours.

use std::collections::BTreeSet;

use entrepot_oci::{Host, ImageRef};
use entrepot_sync::{
    Format, Provider,
    rules::{RuleSection, TagsSection, TargetSection, TextList},
};

/// What is said of an image that is named by its digest.
pub(crate) const DIGESTS: &str = "rules copy tags, not digests: `entrepot copy` takes it";

/// A rule, and what could not be carried over into it.
#[derive(Clone, Debug)]
pub(crate) struct RuleDraft {
    pub(crate) section: RuleSection,
    pub(crate) notes: Vec<String>,
}

impl RuleDraft {
    /// A rule that copies from these repositories; it is named later.
    pub(crate) fn new(from: Vec<String>, tags: TagsSection) -> Self {
        let from = TextList { is_list: from.len() > 1, items: from };
        let section = RuleSection {
            name: String::new(),
            title: None,
            category: None,
            notes: TextList::default(),
            usage: TextList::default(),
            from,
            tags,
            to: Vec::new(),
            schedule: None,
            timezone: None,
            allow_empty: false,
        };
        Self { section, notes: Vec::new() }
    }

    /// One more destination, unless it is there already; says whether it was.
    pub(crate) fn to(&mut self, target: TargetSection) -> bool {
        let is_there = self.section.to.iter().any(|other| {
            (&other.repository, &other.tag, &other.platforms)
                == (&target.repository, &target.tag, &target.platforms)
        });
        if !is_there {
            self.section.to.push(target);
        }
        is_there
    }

    /// What it copies, in a few words.
    pub(crate) fn what(&self) -> String {
        let tags = match &self.section.tags.names[..] {
            [] => String::new(),
            names => format!(":{}", names.join(",")),
        };
        let to: Vec<&str> = self.section.to.iter().map(|to| to.repository.as_str()).collect();
        format!("{}{tags} to {}", self.section.from.items.join(", "), to.join(", "))
    }

    /// Something that could not be carried over.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// A destination. Where a registry is known to refuse OCI indexes, it gets Docker's format: other tools convert without
/// being told.
pub(crate) fn target(repository: &str) -> TargetSection {
    let host = repository.split('/').next().and_then(|host| host.parse::<Host>().ok());
    let is_swr = host.is_some_and(|host| Provider::of(&host) == Provider::Swr);
    TargetSection {
        repository: repository.to_owned(),
        format: is_swr.then_some(Format::Docker),
        is_text: !is_swr,
        ..TargetSection::default()
    }
}

/// One text, or a list of them.
pub(crate) fn texts(items: Vec<String>) -> TextList {
    TextList { is_list: items.len() > 1, items }
}

/// A repository with its registry in front, and what stands behind it: a tag, or `@` and a digest.
pub(crate) fn split(reference: &str) -> (String, Option<&str>) {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    (with_host(name), digest.or(tag))
}

/// A repository with its registry in front, Docker Hub where there is none.
pub(crate) fn with_host(name: &str) -> String {
    match name.split_once('/') {
        Some((host, _)) if Host::looks_like_one(host) => name.to_owned(),
        _ => format!("docker.io/{name}"),
    }
}

/// Gives every rule a name of its own, made of what it copies from.
pub(crate) fn name_all(drafts: &mut [RuleDraft]) {
    let mut taken = BTreeSet::new();
    for draft in drafts {
        let candidates = candidates(draft);
        let free = candidates.iter().find(|name| !taken.contains(*name)).cloned();
        let name = free.unwrap_or_else(|| {
            let longest = candidates.last().map_or("rule", String::as_str);
            (2..)
                .map(|number| format!("{longest}-{number}"))
                .find(|name| !taken.contains(name))
                .unwrap_or_default()
        });
        taken.insert(name.clone());
        draft.section.name = name;
    }
}

// The last part of the repository, then with more in front of it; the registry where there are several repositories.
fn candidates(draft: &RuleDraft) -> Vec<String> {
    let from = &draft.section.from.items;
    let Some(first) = from.first() else { return Vec::new() };
    let (host, path) = first.split_once('/').unwrap_or(("", first));
    if from.len() > 1 {
        return vec![word(host)];
    }
    let parts: Vec<&str> = path.split('/').collect();
    let tails = (0..parts.len()).rev().map(|start| word(&parts[start..].join("-")));
    tails.chain([word(&format!("{host}-{}", parts.join("-")))]).collect()
}

// What a name may hold, and no longer than it may be.
fn word(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .collect();
    let plain = plain.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let short: String = plain.chars().take(56).collect();
    if short.is_empty() { "rule".to_owned() } else { short }
}

/// Whether a text is a repository that a rule can copy from.
pub(crate) fn is_repository(text: &str) -> bool {
    text.parse::<ImageRef>().is_ok_and(|image| image.digest().is_none())
}
