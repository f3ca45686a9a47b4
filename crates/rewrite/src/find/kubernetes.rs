//! Kubernetes resources: containers at any level of a resource of any kind, and image volumes. Schemas of custom
//! resources mention images without naming any.

use crate::{
    candidate::Reason,
    find::{
        helm, tekton,
        values::{assignment, embedded, ends_with_image, spot, value},
    },
    finder::{Finder, TreePosition},
    tree::{Path, View},
};

/// Lists of containers in a pod spec.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The family of a resource, as far as it determines where images are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Core,
    Tekton,
    Argo,
    Flux,
    Skaffold,
}

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    for (index, operation) in root.written_items() {
        patch(operation, &Path::ROOT.index(index), finder);
    }
    parameters(root, finder);
    walk(root, &Path::ROOT, Family::Core, finder);
    finder.known.clear();
}

// An operation of a JSON patch (RFC 6902) that sets an image.
fn patch(operation: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let target = operation.get("path").and_then(View::text).unwrap_or_default();
    if let Some(value) = operation.get("value").filter(|value| value.is_text() && target.ends_with("/image"))
    {
        finder.image(spot(&path.key("value"), value));
    }
}

// The parameters of an OpenShift template: `${NAME}` anywhere in its objects.
fn parameters(root: View<'_>, finder: &mut Finder<'_>) {
    if root.get("kind").and_then(View::text) != Some("Template") {
        return;
    }
    for parameter in root.get("parameters").into_iter().flat_map(View::items) {
        let name = parameter.get("name").and_then(View::text);
        let value = parameter.get("value").filter(|value| value.is_text());
        let pieces = value.and_then(|value| finder.value(value.node));
        if let (Some(name), Some(pieces)) = (name, pieces) {
            finder.known.insert(name.to_owned(), pieces);
        }
    }
}

// Aliases are followed to containers only: other targets are visited where they are written.
fn walk(view: View<'_>, path: &Path<'_>, family: Family, finder: &mut Finder<'_>) {
    let text = |key: &str| view.get(key).and_then(View::text);
    let family = match text("apiVersion") {
        Some(version) if version.contains("apiextensions.k8s.io") => return,
        Some(version)
            if version.starts_with("tekton.dev/") || version.starts_with("triggers.tekton.dev/") =>
        {
            Family::Tekton
        }
        Some(version) if version.starts_with("argoproj.io/") => Family::Argo,
        Some(version) if version.contains(".toolkit.fluxcd.io/") => Family::Flux,
        Some(version) if version.starts_with("skaffold/") => Family::Skaffold,
        Some(_) => Family::Core,
        None => family,
    };
    if family == Family::Tekton {
        tekton::find(view, path, finder);
    }
    for (index, item) in view.written_items() {
        walk(item, &path.index(index), family, finder);
    }
    for (key, value) in view.written() {
        let path = path.key(key);
        entry(key, value, &path, finder);
        match (family, key) {
            (Family::Argo, "container" | "script") => container(value, &path, finder),
            (Family::Argo, "valuesObject") | (Family::Flux, "values") => helm::values(value, &path, finder),
            (Family::Flux, "images") => replacements(value, &path, finder),
            (Family::Skaffold, "artifacts") => artifacts(value, &path, finder),
            (_, "from") => stream(value, &path, finder),
            _ => {}
        }
        walk(value, &path, family, finder);
    }
    for key in CONTAINERS {
        if let Some(value) = view.get(key) {
            entry(key, value, &path.key(key), finder);
        }
    }
}

fn entry(key: &str, value: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if CONTAINERS.contains(&key) && value.is_list() {
        value.items().enumerate().for_each(|(index, item)| container(item, &path.index(index), finder));
    } else if key == "volumes" {
        for (index, item) in value.items().enumerate() {
            if let Some(reference) = item.get("image").and_then(|image| image.get("reference")) {
                finder.image(spot(&path.index(index).key("image").key("reference"), reference));
            }
        }
    } else if let Some(text) = value.text() {
        other(key, text, spot(path, value), finder);
        if text.contains(['/', ':', '\n']) && path.keys().contains(&"data") {
            embedded(value, path, finder);
            self::value(key, "", spot(path, value), finder);
        }
    }
}

// The images of Flux's Kustomization, which it writes into a kustomization.
fn replacements(list: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (index, item) in list.items().enumerate() {
        let path = path.index(index);
        match (item.get("newName"), item.get("name").filter(|name| name.is_text())) {
            (Some(new), _) if new.is_text() => finder.image(spot(&path.key("newName"), new)),
            (_, Some(name)) => finder.leave(spot(&path.key("name"), name), Reason::UnknownPath),
            _ => {}
        }
    }
}

// What Skaffold builds.
fn artifacts(list: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (index, artifact) in list.items().enumerate() {
        if let Some(image) = artifact.get("image").filter(|image| image.is_text()) {
            let path = path.index(index);
            let path = path.key("image");
            if finder.search.built {
                finder.image(spot(&path, image));
            } else {
                finder.leave(spot(&path, image), Reason::Built);
            }
        }
    }
}

// The image that an OpenShift stream or build starts from.
fn stream(from: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let is_image = from.get("kind").and_then(View::text) == Some("DockerImage");
    if let Some(name) = from.get("name").filter(|name| is_image && name.is_text()) {
        finder.image(spot(&path.key("name"), name));
    }
}

fn container(container: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if let Some(image) = container.get("image") {
        finder.image(spot(&path.key("image"), image));
    }
    for key in ["command", "args"] {
        let list = path.key(key);
        for (index, item) in container.get(key).into_iter().flat_map(View::items).enumerate() {
            assignment(item, &list.index(index), finder);
        }
    }
    let list = path.key("env");
    for (index, item) in container.get("env").into_iter().flat_map(View::items).enumerate() {
        let name = item.get("name").and_then(View::text).unwrap_or_default();
        if let Some(given) = item.get("value").filter(|given| given.text().is_some()) {
            value(name, "", spot(&list.index(index).key("value"), given), finder);
        }
    }
}

// Text outside containers that may be an image: requested with `paths`, or with the look of one.
fn other(key: &str, text: &str, spot: TreePosition<'_>, finder: &mut Finder<'_>) {
    let paths = &finder.search.paths;
    let is_asked = !paths.is_empty() && paths.iter().any(|path| ends_with(&spot.path.keys(), path));
    let is_key = ends_with_image(key) || key.ends_with("imageName");
    if is_asked {
        finder.image(spot);
    } else if is_key && !text.is_empty() && text.parse::<entrepot_oci::ImageRef>().is_ok() {
        finder.leave(spot, Reason::UnknownPath);
    }
}

fn ends_with(keys: &[&str], path: &str) -> bool {
    let wanted: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    let Some(start) = keys.len().checked_sub(wanted.len()) else { return false };
    keys[start..].iter().zip(&wanted).all(|(key, part)| *part == "*" || key == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_from_the_end() {
        for (path, is_it) in [("spec.image", true), ("*.image", true), ("image", true), ("data.image", false)]
        {
            assert_eq!(ends_with(&["items", "spec", "image"], path), is_it, "{path}");
        }
        assert!(!ends_with(&["image"], "spec.image"));
    }
}
