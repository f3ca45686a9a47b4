//! What several kinds of documents share: where a value stands, variables, and documents within documents.

use std::collections::HashMap;

use crate::{
    candidate::Reason,
    expansion::Pieces,
    finder::{Beside, Finder, Spot, looks_like_image},
    tree::{Data, Node, Path, View},
};

/// A place in a tree.
pub(super) fn spot<'s>(path: &'s Path<'s>, view: View<'s>) -> Spot<'s> {
    Spot { path, node: view.node }
}

/// The entry with value `value`, as an anchor for inserting another one.
pub(super) fn beside(mapping: View<'_>, value: &Node<'_>) -> Option<Beside> {
    let Data::Mapping { pairs, flow } = &mapping.node.data else { return None };
    let (key, value) = pairs.iter().find(|(_, own)| own.span == value.span)?;
    Some(Beside { key: key.span.start, value: value.span.start, end: value.span.end, flow: *flow })
}

/// Variables as `name: value` or `- name=value`; their values are images only on request.
pub(super) fn variables(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in view.own() {
        if value.text().is_some_and(|text| is_value(key, text)) {
            finder.argument(spot(&path.key(key), value), "");
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
    if is_value(prefix.trim_end_matches('='), &text[prefix.len()..]) {
        finder.argument(spot(path, view), prefix);
    }
}

// True if a variable of that name holds an image.
pub(super) fn is_value(name: &str, value: &str) -> bool {
    let says = name.to_ascii_lowercase().replace('-', "_").ends_with("image");
    looks_like_image(value)
        || (says && value.contains(['/', ':']) && value.parse::<entrepot_oci::ImageRef>().is_ok())
}

/// Reports a text that is itself a document with images in it.
pub(super) fn embedded(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let names_image = |line: &str| {
        let line = line.trim_start_matches([' ', '-', '"']);
        let value = line.strip_prefix("image:").or_else(|| line.strip_prefix("image\":"));
        value.is_some_and(|value| !value.trim().is_empty()) || line.starts_with("FROM ")
    };
    let Some(text) = view.text() else { return };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if names_image(trimmed) && text.contains('\n') {
            let from = start + (line.len() - line.trim_start().len());
            finder.part(spot(path, view), from..from + trimmed.len(), Some(Reason::Embedded));
        }
        start += line.len();
    }
}

/// Known variables, by their names in expressions.
pub(super) type Known = HashMap<String, Pieces>;
