//! GitLab pipelines: `image` and `services` of jobs and of the defaults. A service's host name is derived from its
//! image, so a renamed service keeps the old host name as an alias.

use crate::{
    expansion::VariableValue,
    find::values::{KnownVariables, beside, spot, variables},
    finder::{Finder, RenameMethod},
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    let global = known(root, KnownVariables::new(), finder);
    job(root, &Path::ROOT, &global, finder);
    for (name, entry) in root.own().filter(|(name, entry)| entry.is_mapping() && !is_setting(name)) {
        let known = known(entry, global.clone(), finder);
        job(entry, &Path::ROOT.key(name), &known, finder);
    }
}

fn is_setting(name: &str) -> bool {
    matches!(name, "variables" | "image" | "services" | "workflow" | "include" | "stages" | "cache" | "spec")
}

// The variables set in the document.
fn known(view: View<'_>, mut known: KnownVariables, finder: &mut Finder<'_>) -> KnownVariables {
    let variables = view.get("variables").map(View::entries).unwrap_or_default();
    let values = || variables.iter().map(|(name, value)| (*name, value.get("value").unwrap_or(*value)));
    for (name, value) in values() {
        if let Some(pieces) = finder.value(value.node) {
            known.insert(name.to_owned(), pieces);
        }
    }
    // Values with other variables in them, wherever those are set.
    for (name, value) in values().filter(|(_, value)| value.text().is_some_and(|text| text.contains('$'))) {
        let lookup = |other: &str| known.get(other).filter(|_| other != name).map(VariableValue::Inside);
        if let Some(pieces) = finder.value_with(value.node, &lookup) {
            known.insert(name.to_owned(), pieces);
        }
    }
    known
}

fn job(view: View<'_>, path: &Path<'_>, known: &KnownVariables, finder: &mut Finder<'_>) {
    let lookup = |name: &str| known.get(name).map(VariableValue::Inside);
    if let Some(image) = view.get("image") {
        let (name, path) = (image.get("name"), path.key("image"));
        match name {
            Some(name) => finder.image_with(spot(&path.key("name"), name), &lookup),
            None => finder.image_with(spot(&path, image), &lookup),
        }
    }
    let list = path.key("services");
    for (index, service) in view.get("services").into_iter().flat_map(View::items).enumerate() {
        self::service(service, &list.index(index), known, finder);
    }
    if let Some(values) = view.get("variables") {
        variables(values, &path.key("variables"), finder);
    }
}

fn service(service: View<'_>, path: &Path<'_>, known: &KnownVariables, finder: &mut Finder<'_>) {
    let lookup = |name: &str| known.get(name).map(VariableValue::Inside);
    let (named, path) = match service.get("name") {
        Some(name) => (name, path.key("name")),
        None => (service, *path),
    };
    let Some(pieces) = finder.pieces(spot(&path, named), "", &lookup) else { return };
    // The host name is that of the image, wherever its name is written.
    let name = finder.reading(&pieces).and_then(|reading| reading.name().map(str::to_owned));
    let alias = name.as_deref().map(aliases);
    let has_alias = service.get("alias").is_some();
    let form = match (alias, service.is_mapping(), finder.token(named.node)) {
        (Some(alias), true, _) if !has_alias => match beside(service, named.node) {
            Some(beside) => RenameMethod::Aliased { beside, alias },
            None => RenameMethod::Rename,
        },
        (Some(alias), false, Some(token)) => RenameMethod::MadeMapping { token, alias },
        _ => RenameMethod::Rename,
    };
    finder.assembled(spot(&path, named), pieces, form);
}

// The host names of a service: the image without its tag, with `/` replaced by `__`, and by `-`.
fn aliases(name: &str) -> String {
    let (one, other) = (name.replace('/', "__"), name.replace('/', "-"));
    if one == other { one } else { format!("{one},{other}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_keep_their_names() {
        for (text, alias) in
            [("postgres", "postgres"), ("tutum/wordpress", "tutum__wordpress,tutum-wordpress")]
        {
            assert_eq!(aliases(text), alias);
        }
    }
}
