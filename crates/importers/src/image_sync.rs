//! `image-sync.json`: pairs of `src` and `dest`, some with a `tag_filter`, which is a regular expression without regard
//! to case. Pairs of one source and one filter are one rule, so that each image is read once.

use entrepot_sync::rules::TagsSection;
use serde_json::Value;

use crate::{
    draft::{Draft, target, texts, with_host},
    imported::{Imported, Kind},
};

pub(crate) fn is_one(pairs: &[Value]) -> bool {
    !pairs.is_empty()
        && pairs
            .iter()
            .all(|pair| pair.get("src").is_some_and(Value::is_string) && pair.get("dest").is_some())
}

pub(crate) fn read(pairs: &[Value]) -> Imported {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut notes = Vec::new();
    for pair in pairs {
        let text = |key: &str| pair.get(key).and_then(Value::as_str);
        let (Some(source), Some(to)) = (text("src"), text("dest")) else { continue };
        let tags = text("tag_filter").filter(|filter| !filter.is_empty()).map(|filter| TagsSection {
            matches: texts(vec![filter.to_owned()]),
            ignore_case: true,
            ..TagsSection::default()
        });
        let (source, tags) = (with_host(source), tags.unwrap_or_default());
        let is_same =
            |draft: &&mut Draft| draft.section.from.items == [source.as_str()] && draft.section.tags == tags;
        let known = drafts.iter_mut().find(is_same);
        let draft = match known {
            Some(draft) => draft,
            None => {
                drafts.push(Draft::new(vec![source.clone()], tags.clone()));
                let Some(last) = drafts.last_mut() else { continue };
                last
            }
        };
        if draft.to(target(&with_host(to))) {
            notes.push(format!("{source} to {to} was there twice, and is once here"));
        }
        for key in pair.as_object().into_iter().flat_map(serde_json::Map::keys) {
            if !matches!(key.as_str(), "src" | "dest" | "tag_filter") {
                draft.note(format!("`{key}` is not known here"));
            }
        }
    }
    Imported { kind: Kind::ImageSync, notes, registries: Vec::new(), drafts }
}
