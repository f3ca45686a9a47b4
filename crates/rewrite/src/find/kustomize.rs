//! Kustomizations: the `images` list replaces names in the resources.

use crate::{
    DocumentImage,
    expansion::Piece,
    find::values::{beside, embedded, spot},
    finder::{Finder, RenameMethod},
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    let path = Path::ROOT.key("images");
    for (index, item) in root.get("images").into_iter().flat_map(View::items).enumerate() {
        image(item, &path.index(index), finder);
    }
    let path = Path::ROOT.key("patches");
    for (index, item) in root.get("patches").into_iter().flat_map(View::items).enumerate() {
        if let Some(patch) = item.get("patch") {
            embedded(patch, &path.index(index).key("patch"), finder);
        }
    }
}

fn image(item: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let text = |key: &str| item.get(key).filter(|value| value.is_text());
    let (tag, digest) = (text("newTag"), text("digest"));
    // It is what the resources say.
    finder.passed.extend(text("name").map(|name| name.node.span.clone()));
    let is_renamed = text("name").and_then(View::text).is_some_and(|name| is_renamed(name, finder));
    if let Some(name) = text("name").filter(|_| is_renamed) {
        finder.image(spot(&path.key("name"), name));
    }
    let (key, named, form) = match (text("newName"), text("name")) {
        (Some(new), _) => ("newName", new, RenameMethod::Rename),
        // The resources use the new name, and the entry already does too.
        (None, Some(_)) if is_renamed => return,
        // The entry changes nothing.
        (None, Some(_)) if tag.is_none() && digest.is_none() => return,
        // The entry keeps matching the name in the resources.
        (None, Some(name)) => match beside(item, name.node) {
            Some(beside) => ("name", name, RenameMethod::NewEntry { beside, key: "newName" }),
            None => return,
        },
        (None, None) => return,
    };
    let path = path.key(key);
    let Some(mut pieces) = finder.pieces(spot(&path, named), "", &|_| None) else { return };
    for (separator, part) in [(":", tag), ("@", digest)] {
        if let Some(part) = part.and_then(|part| finder.value(part.node)) {
            pieces.push(Piece::Fixed(separator));
            pieces.append(&part, &mut finder.budget);
        }
    }
    finder.assembled(spot(&path, named), pieces, form);
}

// True if the resources use another name from now on.
fn is_renamed(name: &str, finder: &Finder<'_>) -> bool {
    let image = name.parse::<entrepot_oci::ImageRef>();
    image.is_ok_and(|image| finder.search.renamed.contains(&DocumentImage::from(&image).name()))
}
