//! The file of `skopeo sync --src yaml`: registries, and for each of them repositories with their tags. Where to is not in
//! it; skopeo has it on its command line.

use entrepot_sync::rules::TagsSection;
use serde_json::{Map, Value};

use crate::{
    draft::{Draft, target, texts},
    imported::{Imported, Kind},
    semver_range::exact,
};

const LISTS: [&str; 3] = ["images", "images-by-tag-regex", "images-by-semver"];

pub(crate) fn is_one(keys: &Map<String, Value>) -> bool {
    !keys.is_empty()
        && keys
            .values()
            .all(|registry| LISTS.iter().any(|list| registry.get(list).is_some_and(Value::is_object)))
}

pub(crate) fn read(keys: &Map<String, Value>, to: &str) -> Imported {
    let (mut notes, mut registries, mut drafts) = (Vec::new(), Vec::new(), Vec::new());
    for (host, registry) in keys {
        if registry.get("credentials").is_some() {
            notes.push(format!(
                "the account at {host}: put it under `registries`, or `entrepot login {host}`"
            ));
        }
        if registry.get("tls-verify") == Some(&Value::Bool(false)) {
            registries.push((host.clone(), "{insecure: true}".to_owned()));
        }
        if registry.get("cert-dir").is_some() {
            notes.push(format!("`cert-dir` of {host}: name its certificate by `ca` under `registries`"));
        }
        for list in LISTS {
            let repositories = registry.get(list).and_then(Value::as_object).into_iter().flatten();
            for (name, wanted) in repositories {
                let (tags, digests) = tags(list, wanted);
                if digests > 0 && tags.names.is_empty() {
                    notes.push(format!("{host}/{name}: rules copy tags, not digests"));
                    continue;
                }
                let mut draft = Draft::new(vec![format!("{host}/{name}")], tags);
                if digests > 0 {
                    draft.note("rules copy tags: the digests are left out");
                }
                draft.to(target(to));
                drafts.push(draft);
            }
        }
    }
    Imported { kind: Kind::Skopeo, notes, registries, drafts }
}

// The filter, and how many digests there are, which are no tags.
fn tags(list: &str, wanted: &Value) -> (TagsSection, usize) {
    let text = || wanted.as_str().unwrap_or_default().to_owned();
    match list {
        "images-by-tag-regex" => (TagsSection { matches: texts(vec![text()]), ..TagsSection::default() }, 0),
        "images-by-semver" => (TagsSection { semver: Some(exact(&text())), ..TagsSection::default() }, 0),
        _ => {
            let all = wanted.as_array().into_iter().flatten().filter_map(|tag| match tag {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            let (digests, names): (Vec<String>, Vec<String>) = all.partition(|tag| tag.contains(':'));
            (TagsSection { is_list: !names.is_empty(), names, ..TagsSection::default() }, digests.len())
        }
    }
}
