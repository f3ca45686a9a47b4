//! `image-sync.json`: pairs of `src` and `dest`, some with a `tag_filter`, which is a regular expression without regard
//! to case. Pairs of one source and one filter are one rule, so that each image is read once.

use entrepot_sync::rules::TagsSection;

use crate::{
    draft::{DIGESTS, RuleDraft, split, target, texts, with_host},
    imported::{FileKind, Imported},
    value::ForeignValue,
};

pub(crate) fn is_one(pairs: &[ForeignValue]) -> bool {
    pairs.iter().any(|pair| pair.get("src").is_some() && pair.get("dest").is_some())
}

pub(crate) fn read(pairs: &[ForeignValue]) -> Imported {
    let mut imported = Imported::new(FileKind::ImageSync);
    for (index, pair) in pairs.iter().enumerate() {
        if let Err(note) = add(&mut imported, pair) {
            imported.notes.push(format!("entry {}: {note}", index + 1));
        }
    }
    imported
}

fn add(imported: &mut Imported, pair: &ForeignValue) -> Result<(), String> {
    let text = |key: &str| pair.get(key).and_then(ForeignValue::text);
    let source = text("src").ok_or("it has no `src`")?;
    let (source, tag) = split(source);
    let tags = match (tag, text("tag_filter").filter(|filter| !filter.is_empty())) {
        (Some(digest), _) if digest.contains(':') => return Err(format!("{source}@{digest}: {DIGESTS}")),
        (Some(tag), _) => {
            TagsSection { names: vec![tag.to_owned()], is_list: true, ..TagsSection::default() }
        }
        (None, Some(filter)) => TagsSection {
            matches: texts(vec![filter.to_owned()]),
            ignore_case: true,
            ..TagsSection::default()
        },
        (None, None) => TagsSection::default(),
    };
    let places = pair.get("dest").and_then(ForeignValue::texts).filter(|places| !places.is_empty());
    let places = places.ok_or_else(|| format!("{source} has no `dest`"))?;
    let is_same =
        |draft: &RuleDraft| draft.section.from.items == [source.as_str()] && draft.section.tags == tags;
    let index = imported.drafts.iter().position(is_same).unwrap_or_else(|| {
        imported.drafts.push(RuleDraft::new(vec![source.clone()], tags.clone()));
        imported.drafts.len() - 1
    });
    for place in places {
        let (repository, renamed) = split(place);
        let mut target = target(&with_host(&repository));
        if let Some(renamed) = renamed.filter(|renamed| tags.names != [*renamed]) {
            (target.tag, target.is_text) = (Some(renamed.to_owned()), false);
        }
        if imported.drafts[index].to(target) {
            imported.notes.push(format!("{source} to {place} was there twice, and is once here"));
        }
    }
    for (key, _) in pair.entries() {
        if !matches!(key.as_str(), "src" | "dest" | "tag_filter") {
            imported.drafts[index].note(format!("`{key}` is not known here"));
        }
    }
    Ok(())
}
