//! image-syncer's list of images: from an image, a repository or a repository with `/…/` for its tags, to one or several.

use entrepot_sync::rules::TagsSection;
use serde_json::{Map, Value};

use crate::{
    draft::{Draft, is_repository, split, target, texts, with_host},
    imported::{Imported, Kind},
};

pub(crate) fn is_accounts(keys: &Map<String, Value>) -> bool {
    !keys.is_empty()
        && keys.values().all(|value| value.get("username").is_some() || value.get("insecure").is_some())
}

pub(crate) fn is_one(keys: &Map<String, Value>) -> bool {
    let is_place = |value: &Value| value.is_string();
    !keys.is_empty()
        && keys.iter().all(|(source, to)| {
            let name = source.split("/:").next().unwrap_or(source).split(":/").next().unwrap_or(source);
            let repository = split(name.split(',').next().unwrap_or(name)).0;
            let is_list = to.as_array().is_some_and(|all| all.iter().all(is_place));
            is_repository(&repository) && (is_place(to) || is_list)
        })
}

pub(crate) fn read(keys: &Map<String, Value>) -> Imported {
    let (mut notes, mut drafts) = (Vec::new(), Vec::new());
    for (source, to) in keys {
        let (from, tags) = match filter(source) {
            Ok(read) => read,
            Err(note) => {
                notes.push(note);
                continue;
            }
        };
        let mut draft = Draft::new(vec![from.clone()], tags);
        let places: Vec<&str> = match to {
            Value::Array(places) => places.iter().filter_map(Value::as_str).collect(),
            place => place.as_str().into_iter().collect(),
        };
        for place in places {
            destination(&mut draft, &from, place);
        }
        if draft.section.to.is_empty() {
            notes.push(format!("{source}: there is nowhere to copy it to"));
        } else {
            drafts.push(draft);
        }
    }
    Imported { kind: Kind::ImageSyncer, notes, registries: Vec::new(), drafts }
}

fn filter(source: &str) -> Result<(String, TagsSection), String> {
    if let Some((name, expression)) = source.strip_suffix('/').and_then(|rest| rest.split_once(":/")) {
        let tags = TagsSection { matches: texts(vec![expression.to_owned()]), ..TagsSection::default() };
        return Ok((with_host(name), tags));
    }
    if source.contains('@') {
        return Err(format!("{source}: rules copy tags, not digests"));
    }
    let (name, tags) = match source.rsplit_once(':') {
        Some((name, tags)) if !tags.contains('/') => (name, tags.split(',').map(str::to_owned).collect()),
        _ => (source, Vec::new()),
    };
    Ok((with_host(name), TagsSection { is_list: !tags.is_empty(), names: tags, ..TagsSection::default() }))
}

fn destination(draft: &mut Draft, from: &str, place: &str) {
    let name = from.rsplit('/').next().unwrap_or_default();
    let whole = if place.ends_with('/') { format!("{place}{name}") } else { place.to_owned() };
    let (repository, tag) = match whole.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (with_host(repository), Some(tag.to_owned())),
        _ => (with_host(&whole), None),
    };
    let mut target = target(&repository);
    match tag {
        Some(tags) if tags.contains(',') => {
            draft.note(format!(
                "{place}: several tags with other names need a rule for each; this goes nowhere"
            ));
            return;
        }
        Some(tag) if draft.section.tags.names != [tag.as_str()] => {
            (target.tag, target.is_text) = (Some(tag), false);
        }
        _ => {}
    }
    draft.to(target);
}
