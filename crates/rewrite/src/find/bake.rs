//! Bake files of Docker as JSON: the same as its HCL.

use crate::{
    candidate::Reason,
    find::values::{cache, spot, variables},
    finder::{Finder, RenameMethod},
    tree::{Path, View},
};

const SCHEME: &str = "docker-image://";

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    let targets = Path::ROOT.key("target");
    for (name, target) in root.get("target").map(View::entries).unwrap_or_default() {
        let path = targets.key(name);
        for (key, value) in target.entries() {
            self::key(key, value, &path.key(key), finder);
        }
    }
}

fn key(key: &str, value: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    match key {
        "contexts" => {
            for (name, context) in value.entries() {
                if context.text().is_some_and(|text| text.starts_with(SCHEME)) {
                    finder.image_behind(spot(&path.key(name), context), SCHEME, RenameMethod::Rename);
                }
            }
        }
        "args" => variables(value, path, finder),
        "tags" | "output" | "cache-to" => {
            for (index, item) in value.items().enumerate().filter(|(_, item)| item.is_text()) {
                if finder.search.built && key == "tags" {
                    finder.image(spot(&path.index(index), item));
                } else {
                    finder.leave(spot(&path.index(index), item), Reason::Published);
                }
            }
        }
        "cache-from" => {
            value.items().enumerate().for_each(|(index, item)| cache(item, &path.index(index), finder))
        }
        _ => {}
    }
}
