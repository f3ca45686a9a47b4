//! Values of Helm charts. There is no standard for images in values, only conventions: a key that ends in `image` with
//! a reference, or a mapping of `registry`, `repository` (or `image`, or `name`), `tag` and `digest`.

use crate::{
    candidate::Reason,
    expansion::{Piece, Pieces},
    find::values::spot,
    finder::{Finder, Form, Spot},
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    let global = Global::of(root, finder);
    walk(root, &Path::ROOT, &global, finder);
}

// The default registry of images.
struct Global {
    registry: Option<Pieces>,
}

impl Global {
    fn of(root: View<'_>, finder: &mut Finder<'_>) -> Self {
        let global = root.get("global");
        let plain = global.and_then(|global| global.get("imageRegistry"));
        let nested = global.and_then(|global| global.get("image")).and_then(|image| image.get("registry"));
        let node = plain.filter(|value| value.is_text()).or(nested.filter(|value| value.is_text()));
        Self { registry: node.and_then(|value| finder.value(value.node)) }
    }
}

// Aliases are not followed: their targets are visited where they are written.
fn walk(view: View<'_>, path: &Path<'_>, global: &Global, finder: &mut Finder<'_>) {
    let is_split = split(view, path, global, finder);
    for (key, value) in view.written() {
        let path = path.key(key);
        if !value.is_text() {
            walk(value, &path, global, finder);
        } else if !is_split && says_image(key) {
            text(spot(&path, value), finder);
        }
    }
    for (index, item) in view.written_items() {
        walk(item, &path.index(index), global, finder);
    }
}

fn says_image(key: &str) -> bool {
    key.to_ascii_lowercase().ends_with("image")
}

fn text(spot: Spot<'_>, finder: &mut Finder<'_>) {
    let text = spot.node.text().unwrap_or_default();
    // A switch, or the name of something other than an image.
    if !matches!(text, "true" | "false") {
        finder.image(spot);
    }
}

// True if the mapping is an image split into parts; it is then recorded.
fn split(view: View<'_>, path: &Path<'_>, global: &Global, finder: &mut Finder<'_>) -> bool {
    let text = |key: &str| view.get(key).filter(|value| value.is_text());
    let has = |keys: &[&str]| keys.iter().any(|key| view.get(key).is_some());
    let is_image = path.keys().last().is_some_and(|key| says_image(key));
    let beside = has(&["tag", "digest", "sha", "registry", "version"]);
    let (key, repository) = match (text("repository"), text("image"), text("name")) {
        (Some(repository), ..) if is_image || beside || has(&["pullPolicy"]) => ("repository", repository),
        (None, Some(image), _) if beside => ("image", image),
        (None, None, Some(name)) if is_image && has(&["tag", "registry"]) => ("name", name),
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
    let names_host = names_host(repository.text().unwrap_or_default());
    if let Some(registry) = own.as_ref().or(global.registry.as_ref().filter(|_| !names_host)) {
        pieces.append(registry, &mut finder.budget);
        pieces.push(Piece::Fixed("/"));
    }
    pieces.append(&named, &mut finder.budget);
    add_version(view, repository, &mut pieces, finder);
    if is_image || beside {
        finder.assembled(spot(&path, repository), pieces, Form::Rename);
    } else {
        finder.leave_if_image(spot(&path, repository), Reason::UnknownPath);
    }
    true
}

fn names_host(repository: &str) -> bool {
    repository.split_once('/').is_some_and(|(first, _)| entrepot_oci::Host::looks_like_one(first))
}

// Tag and digest, unless the repository has them already.
fn add_version(view: View<'_>, repository: View<'_>, pieces: &mut Pieces, finder: &mut Finder<'_>) {
    let named = repository.text().unwrap_or_default();
    let has_version = named.contains('@') || named.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_version && !named.contains('$') && !named.contains('{') {
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
