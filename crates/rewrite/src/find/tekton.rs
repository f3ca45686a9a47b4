//! Tekton: steps, sidecars and step templates; `$(params.x)` with the default from the task.

use crate::{
    candidate::Reason,
    expansion::VariableValue,
    find::values::{KnownVariables, spot},
    finder::Finder,
    tree::{Path, View},
};

/// Examines one mapping of a resource; the caller visits all of them.
pub(super) fn find(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let known = parameters(view, finder);
    let lookup = |name: &str| known.get(name).map(VariableValue::Inside);
    for key in ["steps", "sidecars"] {
        let list = path.key(key);
        for (index, step) in view.get(key).into_iter().flat_map(View::items).enumerate() {
            if let Some(image) = step.get("image") {
                finder.image_with(spot(&list.index(index).key("image"), image), &lookup);
            }
        }
    }
    if let Some(image) = view.get("stepTemplate").and_then(|template| template.get("image")) {
        finder.image_with(spot(&path.key("stepTemplate").key("image"), image), &lookup);
    }
    let is_bundle = view.get("name").and_then(View::text) == Some("bundle");
    let bundle = view.get("bundle").or(view.get("value").filter(|_| is_bundle));
    if let Some(bundle) = bundle.filter(|bundle| bundle.is_text()) {
        finder.leave(spot(&path.key("bundle"), bundle), Reason::Artifact);
    }
}

fn parameters(view: View<'_>, finder: &mut Finder<'_>) -> KnownVariables {
    let mut known = KnownVariables::new();
    for parameter in view.get("params").into_iter().flat_map(View::items) {
        let name = parameter.get("name").and_then(View::text);
        let default = parameter.get("default").filter(|default| default.is_text());
        let default = default.and_then(|default| finder.value(default.node));
        if let (Some(name), Some(default)) = (name, default) {
            known.insert(format!("params.{name}"), default.clone());
            known.insert(format!("inputs.params.{name}"), default);
        }
    }
    known
}
