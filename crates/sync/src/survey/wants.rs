//! The tags of a listing that rules want. Pure: the survey queries them, the plan decides about them.

use std::collections::HashSet;

use entrepot_oci::{Digest, Tag};

use super::attached;
use crate::rules::{Destination, Referrers, RuleSource, SyncRule};

/// One tag of a source for one destination.
#[derive(Clone, Debug)]
pub(crate) struct WantedTag<'a> {
    pub(crate) rule: &'a SyncRule,
    pub(crate) source: &'a RuleSource,
    pub(crate) destination: &'a Destination,
    /// The tag at the source.
    pub(crate) tag: Tag,
    /// The tag at the destination; the source's if no valid tag can be made.
    pub(crate) name: Tag,
    /// The reason no valid tag can be made.
    pub(crate) fault: Option<String>,
    /// True if it is attached to another image and has to be copied after it.
    pub(crate) attached: bool,
}

/// The tags a rule wants from one source for one destination.
#[derive(Clone, Debug)]
pub(crate) struct WantedTags<'a> {
    pub(crate) rule: &'a SyncRule,
    pub(crate) source: &'a RuleSource,
    pub(crate) destination: &'a Destination,
    pub(crate) wants: Vec<WantedTag<'a>>,
    /// Tags listed by name that do not exist.
    pub(crate) missing: Vec<Tag>,
}

/// The tags `rule` wants from `source`, whose tags are `listing`: one entry for each destination.
pub(crate) fn of_listing<'a>(
    rule: &'a SyncRule,
    source: &'a RuleSource,
    listing: &[Tag],
) -> Vec<WantedTags<'a>> {
    let (attached, ordinary) = attached::split(listing);
    let chosen = rule.tags.select(&ordinary);
    let missing = |destination: &Destination| {
        let named = rule.tags.names().iter().chain(destination.terms.tags.names());
        named.filter(|name| !listing.contains(name)).cloned().collect()
    };
    let wanted = source.destinations.iter().map(|destination| {
        let ordinary = destination.terms.tags.select(&chosen);
        let follows = is_open(rule, destination) && takes_attached(destination);
        let following = attached.iter().filter(|_| follows).cloned();
        let all = ordinary.into_iter().map(|tag| (tag, false)).chain(following.map(|tag| (tag, true)));
        let wants = all.map(|(tag, attached)| want((rule, source, destination), tag, attached)).collect();
        WantedTags { rule, source, destination, wants, missing: missing(destination) }
    });
    wanted.collect()
}

/// The tags of `listing` that are attached to the wanted images. `digest` returns the digest of a tag of the source.
pub(crate) fn following<'a>(
    wanted: &WantedTags<'a>,
    listing: &[Tag],
    digest: impl Fn(&Tag) -> Option<Digest>,
) -> Vec<WantedTag<'a>> {
    if is_open(wanted.rule, wanted.destination) || !takes_attached(wanted.destination) {
        return Vec::new();
    }
    let images: HashSet<Digest> = wanted.wants.iter().filter_map(|want| digest(&want.tag)).collect();
    let about = (wanted.rule, wanted.source, wanted.destination);
    attached::of(listing, &images).into_iter().map(|tag| want(about, tag, true)).collect()
}

fn is_open(rule: &SyncRule, destination: &Destination) -> bool {
    rule.tags.is_open() && destination.terms.tags.is_open()
}

// A signature is for a digest: it is useless for an image in another shape, and not found under another name.
fn takes_attached(destination: &Destination) -> bool {
    let terms = &destination.terms;
    terms.referrers != Referrers::Leave && terms.platforms.is_empty() && terms.attestations
}

fn want<'a>(
    about: (&'a SyncRule, &'a RuleSource, &'a Destination),
    tag: Tag,
    attached: bool,
) -> WantedTag<'a> {
    let (rule, source, destination) = about;
    let name = if attached { Ok(tag.clone()) } else { destination.terms.name_of(&tag) };
    let (name, fault) = match name {
        Ok(name) => (name, None),
        Err(error) => (tag.clone(), Some(error.to_string())),
    };
    WantedTag { rule, source, destination, tag, name, fault, attached }
}
