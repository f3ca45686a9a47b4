//! The file of `skopeo sync --src yaml`: registries, and for each of them repositories with their tags. Where to is not in
//! it; skopeo has it on its command line.

use entrepot_sync::rules::TagsSection;

use crate::{
    draft::{DIGESTS, RuleDraft, target, texts},
    imported::{FileKind, Imported},
    ranges,
    value::ForeignValue,
};

const LISTS: [&str; 3] = ["images", "images-by-tag-regex", "images-by-semver"];

pub(crate) fn is_one(keys: &[(String, ForeignValue)]) -> bool {
    let has_list = |registry: &ForeignValue| {
        LISTS
            .iter()
            .any(|list| matches!(registry.get(list), Some(ForeignValue::Map(_) | ForeignValue::Nothing)))
    };
    keys.iter().any(|(_, registry)| has_list(registry))
        && keys.iter().all(|(_, registry)| matches!(registry, ForeignValue::Map(_) | ForeignValue::Nothing))
}

pub(crate) fn read(keys: &[(String, ForeignValue)], to: &str) -> Imported {
    let mut imported = Imported::new(FileKind::Skopeo);
    for (host, registry) in keys {
        for (key, value) in registry.entries() {
            match (key.as_str(), value) {
                (list, ForeignValue::Map(repositories)) if LISTS.contains(&list) => {
                    repositories.iter().for_each(|(name, wanted)| {
                        let entry = SkopeoEntry { from: format!("{host}/{name}"), list, wanted };
                        match entry.draft(to) {
                            Ok(draft) => imported.drafts.push(draft),
                            Err(note) => imported.notes.push(format!("{}: {note}", entry.from)),
                        }
                    });
                }
                (list, ForeignValue::Nothing) if LISTS.contains(&list) => {}
                ("tls-verify", value) => {
                    if value.text() == Some("false") {
                        imported.registries.push((host.clone(), "{insecure: true}".to_owned()));
                    }
                }
                ("credentials", _) => imported.notes.push(format!(
                    "the account at {host}: put it under `registries`, or `entrepot login {host}`"
                )),
                ("cert-dir", _) => imported
                    .notes
                    .push(format!("`cert-dir` of {host}: name its certificate by `ca` under `registries`")),
                (other, _) => imported.notes.push(format!("`{other}` of {host} is not known here")),
            }
        }
    }
    imported
}

struct SkopeoEntry<'a> {
    from: String,
    list: &'a str,
    wanted: &'a ForeignValue,
}

impl SkopeoEntry<'_> {
    fn draft(&self, to: &str) -> Result<RuleDraft, String> {
        let text =
            || self.wanted.text().ok_or_else(|| format!("what is under `{}` is not a text", self.list));
        let mut notes = Vec::new();
        let tags = match self.list {
            "images-by-tag-regex" => {
                TagsSection { matches: texts(vec![text()?.to_owned()]), ..TagsSection::default() }
            }
            "images-by-semver" => {
                let range = text()?;
                notes.extend(ranges::remark(range));
                let semver =
                    ranges::translate(range).map_err(|why| format!("the versions `{range}`: {why}"))?;
                TagsSection { semver: Some(semver), ..TagsSection::default() }
            }
            _ => named(self.wanted, &mut notes)?,
        };
        let mut draft = RuleDraft::new(vec![self.from.clone()], tags);
        notes.into_iter().for_each(|note| draft.note(note));
        draft.to(target(to));
        Ok(draft)
    }
}

// No tags are all tags; digests are no tags.
fn named(wanted: &ForeignValue, notes: &mut Vec<String>) -> Result<TagsSection, String> {
    let all = wanted.texts().ok_or("its tags are not a list of texts")?;
    let (digests, names): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|tag| tag.contains(':'));
    match (digests.is_empty(), names.is_empty()) {
        (false, true) => return Err(DIGESTS.to_owned()),
        (false, false) => notes.extend(digests.iter().map(|digest| format!("{digest}: {DIGESTS}"))),
        (true, _) => {}
    }
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Ok(TagsSection { is_list: !names.is_empty(), names, ..TagsSection::default() })
}
