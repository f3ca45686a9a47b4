//! image-syncer's list of images: from an image, a repository or a repository with `/…/` for its tags, to one or several.
//! Those without a destination go where the call says. Older files have the list under `images`, beside `auth`.

use entrepot_sync::rules::TagsSection;

use crate::{
    draft::{DIGESTS, RuleDraft, is_repository, split, target, texts, with_host},
    imported::{FileKind, Imported},
    value::{ForeignValue, get},
};

type MapEntries = [(String, ForeignValue)];

pub(crate) fn is_accounts(entries: &MapEntries) -> bool {
    let is_account =
        |value: &ForeignValue| value.get("username").is_some() || value.get("insecure").is_some();
    !entries.is_empty() && entries.iter().all(|(_, value)| is_account(value))
}

pub(crate) fn is_one(entries: &MapEntries) -> bool {
    let entries = list(entries);
    let is_source = |source: &str| is_repository(&repository_of(source));
    let has_registry = |text: &str| text.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']));
    let says_where = |(source, to): &(String, ForeignValue)| {
        has_registry(source) || to.texts().unwrap_or_default().iter().any(|place| has_registry(place))
    };
    entries.iter().all(|(source, to)| is_source(source) && to.texts().is_some())
        && entries.iter().any(says_where)
}

/// True if something in it has no destination of its own.
pub(crate) fn needs_destination(entries: &MapEntries) -> bool {
    list(entries).iter().any(|(_, to)| places(to).is_empty())
}

// Older files have everything in one.
fn list(entries: &MapEntries) -> &MapEntries {
    match get(entries, "images") {
        Some(ForeignValue::Map(images)) if entries.iter().all(|(key, _)| is_setting(key)) => images,
        _ => entries,
    }
}

fn is_setting(key: &str) -> bool {
    matches!(
        key,
        "images" | "auth" | "defaultDestRegistry" | "defaultDestNamespace" | "registry" | "namespace"
    )
}

fn places(to: &ForeignValue) -> Vec<&str> {
    to.texts().unwrap_or_default().into_iter().filter(|place| !place.is_empty()).collect()
}

// The source without its tags.
fn repository_of(source: &str) -> String {
    let name = source.split("/:").next().unwrap_or(source).split(":/").next().unwrap_or(source);
    split(name.split(',').next().unwrap_or(name)).0
}

pub(crate) fn read(entries: &MapEntries, to: &str) -> Imported {
    let mut imported = Imported::new(FileKind::ImageSyncer);
    for (key, _) in entries.iter().filter(|(key, _)| list(entries).len() != entries.len() && key != "images")
    {
        imported
            .notes
            .push(format!("`{key}` has no counterpart; accounts go under `registries`, or `entrepot login`"));
    }
    for (source, value) in list(entries) {
        let places = places(value);
        let places = if places.is_empty() { vec![to] } else { places };
        match of_source(source) {
            Ok((from, filter)) => places.iter().for_each(|place| add(&mut imported, &from, &filter, place)),
            Err(note) => imported.notes.push(note),
        }
    }
    imported
}

/// The tags that a source means.
#[derive(Clone, PartialEq, Eq)]
enum Filter {
    All,
    Named(Vec<String>),
    Matching(String),
}

fn of_source(source: &str) -> Result<(String, Filter), String> {
    if let Some((name, expression)) = source.strip_suffix('/').and_then(|rest| rest.split_once(":/")) {
        return Ok((with_host(name), Filter::Matching(expression.to_owned())));
    }
    if source.contains('@') {
        return Err(format!("{source}: {DIGESTS}"));
    }
    Ok(match source.rsplit_once(':') {
        Some((name, tags)) if !tags.contains('/') => {
            (with_host(name), Filter::Named(tags.split(',').map(str::to_owned).collect()))
        }
        _ => (with_host(source), Filter::All),
    })
}

impl Filter {
    fn section(&self) -> TagsSection {
        match self {
            Self::All => TagsSection::default(),
            Self::Named(names) => {
                TagsSection { names: names.clone(), is_list: true, ..TagsSection::default() }
            }
            Self::Matching(expression) => {
                TagsSection { matches: texts(vec![expression.clone()]), ..TagsSection::default() }
            }
        }
    }
}

fn add(imported: &mut Imported, from: &str, filter: &Filter, place: &str) {
    let name = from.rsplit('/').next().unwrap_or_default();
    let whole = if place.ends_with('/') { format!("{place}{name}") } else { place.to_owned() };
    let (repository, renamed) = match whole.rsplit_once(':') {
        Some((repository, tags)) if !tags.contains('/') => {
            (with_host(repository), tags.split(',').map(str::to_owned).collect())
        }
        _ => (with_host(&whole), Vec::new()),
    };
    let is_there = match (filter, &renamed[..]) {
        (_, []) => draft(imported, from, filter).to(target(&repository)),
        (Filter::Named(names), renamed) if names == renamed => {
            draft(imported, from, filter).to(target(&repository))
        }
        // A tag becomes another one: each pair is a rule.
        (Filter::Named(names), renamed) if names.len() == renamed.len() => {
            let mut is_there = true;
            for (name, renamed) in names.iter().zip(renamed) {
                let mut target = target(&repository);
                (target.tag, target.is_text) = (Some(renamed.clone()), false);
                is_there &= draft(imported, from, &Filter::Named(vec![name.clone()])).to(target);
            }
            is_there
        }
        _ => {
            imported.notes.push(format!("{from} to {place}: it names other tags than the source does"));
            false
        }
    };
    if is_there {
        imported.notes.push(format!("{from} to {place} was there twice, and is once here"));
    }
}

// The rule of a source and its tags.
fn draft<'i>(imported: &'i mut Imported, from: &str, filter: &Filter) -> &'i mut RuleDraft {
    let tags = filter.section();
    let drafts = &mut imported.drafts;
    let is_same = |draft: &RuleDraft| draft.section.from.items == [from] && draft.section.tags == tags;
    let index = drafts.iter().position(is_same).unwrap_or(drafts.len());
    if index == drafts.len() {
        drafts.push(RuleDraft::new(vec![from.to_owned()], tags));
    }
    &mut drafts[index]
}
