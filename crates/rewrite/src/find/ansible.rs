//! Ansible playbooks and tasks: arguments of the modules that run containers.

use crate::{
    candidate::Reason,
    find::values::{ends_with_image, spot},
    finder::Finder,
    tree::{Path, View},
};

/// Modules that run a container from `image`.
const RUN: [&str; 4] = ["docker_container", "podman_container", "docker_swarm_service", "podman_image_run"];
/// Modules that handle an image called `name`.
const HANDLE: [&str; 4] = ["docker_image", "docker_image_pull", "podman_image", "docker_image_tag"];

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    walk(root, &Path::ROOT, finder);
}

// Aliases are not followed: their targets are visited where they are written.
fn walk(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in view.written() {
        let path = path.key(key);
        let module = key.rsplit('.').next().unwrap_or_default();
        if RUN.contains(&module) {
            image(value, "image", &path, finder);
        } else if HANDLE.contains(&module) {
            handled(value, &path, finder);
        } else if ends_with_image(key) && value.text().is_some_and(|text| text.contains(['/', ':'])) {
            finder.argument(spot(&path, value), "");
        }
        walk(value, &path, finder);
    }
    for (index, item) in view.written_items() {
        walk(item, &path.index(index), finder);
    }
}

fn image(module: View<'_>, key: &str, path: &Path<'_>, finder: &mut Finder<'_>) {
    if let Some(image) = module.get(key).filter(|image| image.is_text()) {
        finder.image(spot(&path.key(key), image));
    }
}

// An image that is built, pushed or removed is not pulled.
fn handled(module: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let text = |key: &str| module.get(key).and_then(View::text);
    let is_pulled = text("source").is_none_or(|source| source == "pull") && text("state") != Some("absent");
    match module.get("name").filter(|name| name.is_text()) {
        Some(_) if is_pulled && module.get("build").is_none() => image(module, "name", path, finder),
        Some(name) => finder.leave(spot(&path.key("name"), name), Reason::Published),
        None => {}
    }
}
