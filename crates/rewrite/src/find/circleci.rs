//! CircleCI: images below `docker`, of jobs and executors. That of `machine` is a virtual machine's.

use crate::{
    candidate::Reason,
    find::values::spot,
    finder::Finder,
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    walk(root, &Path::ROOT, finder);
}

// Aliases are not followed: their targets are visited where they are written.
fn walk(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in view.written() {
        let path = path.key(key);
        if key == "docker" {
            for (index, container) in value.items().enumerate() {
                if let Some(image) = container.get("image").filter(|image| image.is_text()) {
                    finder.image(spot(&path.index(index).key("image"), image));
                }
            }
        }
        if let Some(image) = value.get("image").filter(|image| key == "machine" && image.is_text()) {
            finder.leave(spot(&path.key("image"), image), Reason::Artifact);
        }
        walk(value, &path, finder);
    }
    for (index, item) in view.written_items() {
        walk(item, &path.index(index), finder);
    }
}
