//! Compose files (compose-spec): services, their builds, and their mounts.

use crate::{
    candidate::Reason,
    find::values::{cache, embedded, spot, variables},
    finder::{Finder, RenameMethod},
    tree::{Path, View},
};

/// Keys of a service whose commands run in containers of their own.
const HOOKS: [&str; 3] = ["pre_start", "post_start", "pre_stop"];

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    match root.get("services") {
        Some(services) => {
            let path = Path::ROOT.key("services");
            for (name, service) in services.entries() {
                self::service(service, &path.key(name), finder);
            }
        }
        // The first version of the format had only services.
        None => {
            for (name, entry) in root.own().filter(|(name, _)| !name.starts_with("x-")) {
                if entry.get("image").or(entry.get("build")).is_some() {
                    service(entry, &Path::ROOT.key(name), finder);
                }
            }
        }
    }
    for (index, item) in root.get("include").into_iter().flat_map(View::items).enumerate() {
        let path = Path::ROOT.key("include");
        match item.get("path") {
            Some(files) => other_files(files, &path.index(index).key("path"), finder),
            None => other_files(item, &path.index(index), finder),
        }
    }
    for (name, model) in root.get("models").map(View::entries).unwrap_or_default() {
        if let Some(model) = model.get("model").filter(|model| model.is_text()) {
            finder.leave(spot(&Path::ROOT.key("models").key(name), model), Reason::Artifact);
        }
    }
    for (name, entry) in root.own().filter(|(name, _)| name.starts_with("x-")) {
        unused(entry, &Path::ROOT.key(name), finder);
    }
}

fn service(service: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let image = service.get("image").filter(|image| image.is_text());
    let build = service.get("build").filter(|build| build.is_mapping() || build.is_text());
    match (image, build) {
        (Some(image), Some(_)) if !finder.search.built => {
            finder.leave(spot(&path.key("image"), image), Reason::Built);
        }
        (Some(image), _) => finder.image(spot(&path.key("image"), image)),
        (None, Some(build)) => finder.leave(spot(&path.key("build"), build), Reason::BuildOnly),
        (None, None) => {}
    }
    if let Some(build) = build {
        self::build(build, &path.key("build"), finder);
    }
    for (index, volume) in service.get("volumes").into_iter().flat_map(View::items).enumerate() {
        let is_image = volume.get("type").and_then(View::text) == Some("image");
        if let Some(source) = volume.get("source").filter(|_| is_image) {
            finder.image(spot(&path.key("volumes").index(index).key("source"), source));
        }
    }
    for hook in HOOKS {
        for (index, command) in service.get(hook).into_iter().flat_map(View::items).enumerate() {
            if let Some(image) = command.get("image") {
                finder.image(spot(&path.key(hook).index(index).key("image"), image));
            }
        }
    }
    if let Some(file) = service.get("extends").and_then(|base| base.get("file")) {
        other_files(file, &path.key("extends").key("file"), finder);
    }
    if let Some(environment) = service.get("environment") {
        variables(environment, &path.key("environment"), finder);
    }
}

// Included files have their own images.
fn other_files(files: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if files.is_text() {
        finder.leave(spot(path, files), Reason::OtherFile);
    }
    for (index, file) in files.items().enumerate().filter(|(_, file)| file.is_text()) {
        finder.leave(spot(&path.index(index), file), Reason::OtherFile);
    }
}

fn build(build: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in build.entries() {
        let path = path.key(key);
        match key {
            "args" => variables(value, &path, finder),
            "dockerfile_inline" => embedded(value, &path, finder),
            "cache_from" => {
                value.items().enumerate().for_each(|(index, item)| cache(item, &path.index(index), finder))
            }
            "tags" | "cache_to" => {
                for (index, item) in value.items().enumerate().filter(|(_, item)| item.is_text()) {
                    published(item, &path.index(index), finder);
                }
            }
            "additional_contexts" => {
                for (name, context) in value.entries() {
                    self::context(context, &path.key(name), finder);
                }
                value.items().enumerate().for_each(|(index, item)| context(item, &path.index(index), finder));
            }
            _ => {}
        }
    }
}

fn published(item: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if finder.search.built {
        cache(item, path, finder);
    } else if !item.text().unwrap_or_default().starts_with("type=local") {
        finder.leave(spot(path, item), Reason::Published);
    }
}

// `docker-image://` and an image, alone or as `name=docker-image://…`.
fn context(item: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    const SCHEME: &str = "docker-image://";
    let text = item.text().unwrap_or_default();
    if let Some(at) = text.find(SCHEME) {
        finder.image_behind(spot(path, item), &text[..at + SCHEME.len()], RenameMethod::Rename);
    }
}

// Fragments that are written to be merged into services, but are not used.
fn unused(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    for (key, value) in view.written() {
        if key == "image" && value.is_text() {
            finder.leave(spot(&path.key(key), value), Reason::Unused);
        } else {
            unused(value, &path.key(key), finder);
        }
    }
}
