//! Values of Helm charts. There is no standard for images in values, only conventions: a key that ends in `image` with
//! a reference, a mapping of `registry`, `repository` (or `image`, or `name`), `tag` and `digest`, the same as
//! `imageRepository` and `imageTag`, and references below `images`.

use crate::{
    candidate::Reason,
    expansion::{Piece, Pieces},
    find::values::{embedded, ends_with_image, spot},
    finder::{Finder, RenameMethod, TreePosition},
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    values(root, &Path::ROOT, finder);
}

/// Values within another document.
pub(super) fn values(root: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let global = Global::of(root, finder);
    walk(root, path, &global, finder);
}

// The default registry of images.
struct Global {
    registry: Option<Pieces>,
    /// True if images have a key for their registry: then it counts only for those that do.
    is_explicit: bool,
}

impl Global {
    fn of(root: View<'_>, finder: &mut Finder<'_>) -> Self {
        let global = root.get("global");
        let plain = global.and_then(|global| global.get("imageRegistry"));
        let nested = global.and_then(|global| global.get("image")).and_then(|image| image.get("registry"));
        let node = plain.filter(|value| value.is_text()).or(nested.filter(|value| value.is_text()));
        let registry = node.and_then(|value| finder.value(value.node));
        let is_explicit = registry.is_some() && has_registries(root);
        Self { registry, is_explicit }
    }
}

fn has_registries(view: View<'_>) -> bool {
    let is_image = view.is_mapping() && view.get("registry").is_some() && view.get("repository").is_some();
    is_image || view.written().any(|(_, value)| has_registries(value))
}

// Aliases are not followed: their targets are visited where they are written.
fn walk(view: View<'_>, path: &Path<'_>, global: &Global, finder: &mut Finder<'_>) {
    let is_split = split(view, path, global, finder);
    for (key, value) in view.written() {
        let path = path.key(key);
        if key == "images" || key.ends_with("Images") {
            images(value, &path, finder);
        }
        if !value.is_text() {
            walk(value, &path, global, finder);
        } else if !is_split && names_image(key) {
            text(view, key, spot(&path, value), finder);
        } else {
            embedded(value, &path, finder);
        }
    }
    for (index, item) in view.written_items() {
        walk(item, &path.index(index), global, finder);
    }
}

// True if a key's value is an image, or its name without a tag.
fn names_image(key: &str) -> bool {
    ends_with_image(key) || base(key).is_some()
}

// `image` of `imageName` and `imageRepository`.
fn base(key: &str) -> Option<&str> {
    const ENDS: [&str; 6] = ["Name", "_name", "Repository", "_repository", "Repo", "_repo"];
    ENDS.iter().find_map(|end| key.strip_suffix(end)).filter(|base| ends_with_image(base))
}

// References below `images`: in a list, or by name.
fn images(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let is_one = |text: &str| {
        let last = text.rsplit('/').next().unwrap_or_default();
        last.contains([':', '@']) && text.parse::<entrepot_oci::ImageRef>().is_ok()
    };
    for (key, value) in view.written() {
        match value.text() {
            Some(text) if is_one(text) => finder.image(spot(&path.key(key), value)),
            _ => images(value, &path.key(key), finder),
        }
    }
    for (index, item) in view.written_items() {
        match item.text() {
            Some(text) if is_one(text) => finder.image(spot(&path.index(index), item)),
            _ => images(item, &path.index(index), finder),
        }
    }
}

fn text(view: View<'_>, key: &str, spot: TreePosition<'_>, finder: &mut Finder<'_>) {
    let text = spot.node.text().unwrap_or_default();
    // A switch, or the name of something other than an image.
    if matches!(text, "true" | "false") {
        return;
    }
    let base = base(key).unwrap_or(key);
    let beside = |ends: &[&str]| {
        ends.iter().find_map(|end| view.get(&format!("{base}{end}")).filter(|value| value.is_text()))
    };
    let (registry, tag) =
        (beside(&["Registry", "_registry"]), beside(&["Tag", "_tag", "Version", "_version"]));
    if registry.is_none() && tag.is_none() {
        return finder.image(spot);
    }
    let Some(named) = finder.pieces(spot, "", &|_| None) else { return };
    let mut pieces = Pieces::default();
    if let Some(registry) = registry.and_then(|registry| finder.value(registry.node)) {
        pieces.append(&registry, &mut finder.budget);
        pieces.push(Piece::Fixed("/"));
    }
    pieces.append(&named, &mut finder.budget);
    if let Some(tag) = tag.filter(|_| !has_version(text)).and_then(|tag| finder.value(tag.node)) {
        pieces.push(Piece::Fixed(":"));
        pieces.append(&tag, &mut finder.budget);
    }
    finder.assembled(spot, pieces, RenameMethod::Rename);
}

// True if the mapping is an image split into parts; it is then recorded.
fn split(view: View<'_>, path: &Path<'_>, global: &Global, finder: &mut Finder<'_>) -> bool {
    if !view.is_mapping() {
        return false;
    }
    let text = |key: &str| view.get(key).filter(|value| value.is_text());
    let has = |keys: &[&str]| keys.iter().any(|key| view.get(key).is_some());
    let is_image = path.last_key().is_some_and(ends_with_image);
    let (key, repository) = match (text("repository"), text("image"), text("name")) {
        (Some(repository), ..) if is_image || has(&BESIDE) || has(&["pullPolicy"]) => {
            ("repository", repository)
        }
        (None, Some(image), _) if has(&BESIDE) => ("image", image),
        (None, None, Some(name)) if is_image && has(&["tag", "registry", "version", "digest"]) => {
            ("name", name)
        }
        _ => return false,
    };
    // The repository of a chart or of git, not of an image.
    if repository.text().is_some_and(|text| text.contains("://") || text.starts_with("git@")) {
        return false;
    }
    let path = path.key(key);
    let Some(named) = finder.pieces(spot(&path, repository), "", &|_| None) else { return true };
    let mut pieces = Pieces::default();
    let own = text("registry").and_then(|registry| finder.value(registry.node));
    let takes_global = !names_host(repository.text().unwrap_or_default())
        && (!global.is_explicit || view.get("registry").is_some());
    if let Some(registry) = own.as_ref().or(global.registry.as_ref().filter(|_| takes_global)) {
        pieces.append(registry, &mut finder.budget);
        pieces.push(Piece::Fixed("/"));
    }
    pieces.append(&named, &mut finder.budget);
    add_version(view, repository, &mut pieces, finder);
    if is_image || has(&BESIDE) {
        finder.assembled(spot(&path, repository), pieces, RenameMethod::Rename);
    } else {
        finder.leave_if_image(spot(&path, repository), Reason::UnknownPath);
    }
    true
}

/// Keys beside the repository of an image.
const BESIDE: [&str; 5] = ["tag", "digest", "sha", "registry", "version"];

fn names_host(repository: &str) -> bool {
    repository.split_once('/').is_some_and(|(first, _)| entrepot_oci::Host::looks_like_one(first))
}

fn has_version(name: &str) -> bool {
    let says = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    says && !name.contains('$') && !name.contains('{')
}

// Tag and digest, unless the repository has them already.
fn add_version(view: View<'_>, repository: View<'_>, pieces: &mut Pieces, finder: &mut Finder<'_>) {
    if has_version(repository.text().unwrap_or_default()) {
        return;
    }
    let text = |keys: &[&str]| keys.iter().find_map(|key| view.get(key).filter(|value| value.is_text()));
    if let Some(tag) = text(&["tag", "version"]).and_then(|tag| finder.value(tag.node)) {
        pieces.push(Piece::Fixed(":"));
        pieces.append(&tag, &mut finder.budget);
    }
    if let Some(digest) = text(&["digest"]).and_then(|digest| finder.value(digest.node)) {
        pieces.push(Piece::Fixed("@"));
        pieces.append(&digest, &mut finder.budget);
    } else if let Some(sha) = text(&["sha"]).and_then(|sha| finder.value(sha.node)) {
        let has_algorithm = view.get("sha").and_then(View::text).is_some_and(|text| text.contains(':'));
        pieces.push(Piece::Fixed(if has_algorithm { "@" } else { "@sha256:" }));
        pieces.append(&sha, &mut finder.budget);
    }
}
