//! Bitbucket pipelines: `image` of the whole, of steps and of services; `docker://` pipes.

use crate::{
    candidate::Reason,
    find::values::spot,
    finder::{Finder, RenameMethod},
    tree::{Path, View},
};

const SCHEME: &str = "docker://";

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    walk(root, &Path::ROOT, finder);
}

// Aliases are not followed: their targets are visited where they are written.
fn walk(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in view.written() {
        let path = path.key(key);
        match (key, value.text()) {
            ("image", Some(_)) => finder.image(spot(&path, value)),
            ("image", None) => {
                if let Some(name) = value.get("name").filter(|name| name.is_text()) {
                    finder.image(spot(&path.key("name"), name));
                }
            }
            ("pipe", Some(text)) if text.starts_with(SCHEME) => {
                finder.image_behind(spot(&path, value), SCHEME, RenameMethod::Rename);
            }
            ("pipe", Some(_)) => finder.leave(spot(&path, value), Reason::Artifact),
            // Its variables are named as one likes.
            ("variables", None) => {}
            _ => walk(value, &path, finder),
        }
    }
    for (index, item) in view.written_items() {
        walk(item, &path.index(index), finder);
    }
}
