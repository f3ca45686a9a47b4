//! Pipelines of Woodpecker and Drone: steps, services and clone steps, in a list or by name.

use crate::{
    find::values::{spot, variables},
    finder::Finder,
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    for key in ["steps", "pipeline", "services", "clone"] {
        let Some(steps) = root.get(key) else { continue };
        let path = Path::ROOT.key(key);
        steps.entries().into_iter().for_each(|(name, step)| self::step(step, &path.key(name), finder));
        steps.items().enumerate().for_each(|(index, step)| self::step(step, &path.index(index), finder));
    }
}

fn step(step: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if let Some(image) = step.get("image").filter(|image| image.is_text()) {
        finder.image(spot(&path.key("image"), image));
    }
    for key in ["environment", "settings"] {
        if let Some(values) = step.get(key) {
            variables(values, &path.key(key), finder);
        }
    }
}
