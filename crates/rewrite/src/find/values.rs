//! What several kinds of documents share: where a value stands, variables, and documents within documents.

use std::collections::HashMap;

use crate::{
    candidate::Reason,
    expansion::Pieces,
    finder::{Finder, InsertPoint, RenameMethod, TreePosition, looks_like_image},
    tree::{Data, Path, Style, TreeNode, View},
};

/// A place in a tree.
pub(super) fn spot<'s>(path: &'s Path<'s>, view: View<'s>) -> TreePosition<'s> {
    TreePosition { path, node: view.node }
}

/// The entry with value `value`, as an anchor for inserting another one.
pub(super) fn beside(mapping: View<'_>, value: &TreeNode<'_>) -> Option<InsertPoint> {
    let Data::Mapping { pairs, flow } = &mapping.node.data else { return None };
    let (key, value) = pairs.iter().find(|(_, own)| own.span == value.span)?;
    Some(InsertPoint { key: key.span.start, value: value.span.start, end: value.span.end, flow: *flow })
}

/// Variables as `name: value` or `- name=value`; their values are images only on request.
pub(super) fn variables(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in view.own() {
        if value.text().is_some() {
            self::value(key, "", spot(&path.key(key), value), finder);
        }
    }
    for (index, item) in view.items().enumerate() {
        assignment(item, &path.index(index), finder);
    }
}

/// A text such as `NAME=value` or `--flag=value`, or just a value.
pub(super) fn assignment(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let Some(text) = view.text() else { return };
    let prefix = text.find('=').map_or("", |at| &text[..=at]);
    value(prefix.trim_end_matches('='), prefix, spot(path, view), finder);
}

/// The value of a variable, behind a prefix: an image, or a list of them. They are changed on request.
pub(super) fn value(name: &str, prefix: &str, spot: TreePosition<'_>, finder: &mut Finder<'_>) {
    let text = spot.node.text().unwrap_or_default();
    if is_value(name, &text[prefix.len()..]) {
        finder.argument(spot, prefix);
    } else if text.contains('/') && text.contains([',', '\n', ' ', '=']) {
        list(prefix.len(), spot, finder);
    }
}

// References between commas, spaces and ends of lines, each alone or as `name=reference`. Other text has none.
fn list(start: usize, spot: TreePosition<'_>, finder: &mut Finder<'_>) {
    let Data::Scalar { text, style } = &spot.node.data else { return };
    let is_folded = *style != Style::Block && text.contains('\n');
    let (mut parts, mut at) = (Vec::new(), start);
    for item in text[start..].split_inclusive([',', '\n', ' ', '\t', '\r']) {
        let inner = item.trim_end_matches([',', '\n', ' ', '\t', '\r']);
        let name = inner.rfind('=').map_or(0, |equals| equals + 1);
        if looks_like_image(&inner[name..]) {
            parts.push(at + name..at + inner.len());
        } else if !inner.is_empty() {
            return;
        }
        at += item.len();
    }
    let reason = (!finder.search.arguments || is_folded).then_some(Reason::Argument);
    for part in parts {
        finder.part(spot, part, reason.clone());
    }
}

/// True if a key says that its value is an image: `image`, `initImage`, `BASE_IMAGE`.
pub(super) fn ends_with_image(key: &str) -> bool {
    let end = key.len().checked_sub("image".len()).and_then(|start| key.as_bytes().get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(b"image"))
}

// True if a variable of that name holds an image.
pub(super) fn is_value(name: &str, value: &str) -> bool {
    let says = ends_with_image(name);
    looks_like_image(value)
        || (says && value.contains(['/', ':']) && value.parse::<entrepot_oci::ImageRef>().is_ok())
}

/// A cache source of a build: an image, or `type=registry,ref=` and an image.
pub(super) fn cache(item: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let text = item.text().unwrap_or_default();
    match text.find("ref=") {
        Some(at) if !text[at..].contains(',') => {
            finder.image_behind(spot(path, item), &text[..at + 4], RenameMethod::Rename)
        }
        Some(_) => finder.leave(spot(path, item), Reason::InPieces),
        None if !text.contains('=') => finder.image(spot(path, item)),
        None => {}
    }
}

/// Reports a text that is itself a document with images in it.
pub(super) fn embedded(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let names_image = |line: &str| {
        let line = line.trim_start_matches([' ', '-', '"']);
        let value = line.strip_prefix("image:").or_else(|| line.strip_prefix("image\":"));
        value.is_some_and(|value| !value.trim().is_empty()) || line.starts_with("FROM ")
    };
    let Some(text) = view.text().filter(|text| text.contains('\n')) else { return };
    // In a JSON patch, the value of a path that ends in `/image`.
    let is_patch = text.contains("/image");
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if names_image(trimmed) || is_patch && trimmed.trim_start_matches(['-', ' ']).starts_with("value:") {
            let from = start + (line.len() - line.trim_start().len());
            finder.part(spot(path, view), from..from + trimmed.len(), Some(Reason::Embedded));
        }
        start += line.len();
    }
}

/// Known variables, by their names in expressions.
pub(super) type KnownVariables = HashMap<String, Pieces>;
