//! Finds images in each kind of document.

mod compose;
mod devcontainer;
mod github;
mod gitlab;
mod helm;
mod kubernetes;
mod kustomize;
mod tekton;

use std::collections::HashMap;

use crate::{
    candidate::Reason,
    expansion::Pieces,
    finder::{Beside, Finder, Spot, looks_like_image},
    kind::Kind,
    tree::{Anchors, Data, Fault, Node, Path, Tree, View},
};

/// Collects the candidates of a document that has a tree.
pub(crate) fn find(kind: Kind, tree: &Tree<'_>, finder: &mut Finder<'_>) -> Result<(), Fault> {
    let anchors = Anchors::of(tree);
    for document in &tree.documents {
        let root = View::new(document, &anchors);
        match kind {
            Kind::Compose => compose::find(root, finder),
            Kind::Helm => helm::find(root, finder),
            Kind::Kustomize => kustomize::find(root, finder),
            Kind::Github => github::find(root, finder),
            Kind::Gitlab => gitlab::find(root, finder),
            Kind::Devcontainer => devcontainer::find(root, finder),
            Kind::Kubernetes => kubernetes::find(root, finder),
            // These have no tree.
            Kind::Dockerfile | Kind::Env | Kind::List => {}
        }
    }
    if anchors.are_exhausted() {
        let what = "its aliases and merge keys expand to too much".to_owned();
        return Err(Fault { at: 0, what });
    }
    Ok(())
}

/// A place in a tree.
fn spot<'s>(path: &'s Path<'s>, view: View<'s>) -> Spot<'s> {
    Spot { path, node: view.node }
}

/// The entry with value `value`, as an anchor for inserting another one.
fn beside(mapping: View<'_>, value: &Node<'_>) -> Option<Beside> {
    let Data::Mapping { pairs, flow } = &mapping.node.data else { return None };
    let (key, value) = pairs.iter().find(|(_, own)| own.span == value.span)?;
    Some(Beside { key: key.span.start, value: value.span.start, end: value.span.end, flow: *flow })
}

/// Variables as `name: value` or `- name=value`; their values are images only on request.
fn variables(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
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
fn assignment(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let Some(text) = view.text() else { return };
    let prefix = text.find('=').map_or("", |at| &text[..=at]);
    if is_value(prefix.trim_end_matches('='), &text[prefix.len()..]) {
        finder.argument(spot(path, view), prefix);
    }
}

// True if a variable of that name holds an image.
fn is_value(name: &str, value: &str) -> bool {
    let says = name.to_ascii_lowercase().replace('-', "_").ends_with("image");
    looks_like_image(value)
        || (says && value.contains(['/', ':']) && value.parse::<entrepot_oci::ImageRef>().is_ok())
}

/// Reports a text that is itself a document with images in it.
fn embedded(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
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
type Known = HashMap<String, Pieces>;
