//! Development containers (containers.dev): the image, cache sources of a build, features.

use crate::{
    candidate::Reason,
    find::values::spot,
    finder::{Finder, TreePosition},
    tree::{Path, View},
};

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    if let Some(image) = root.get("image") {
        finder.image(spot(&Path::ROOT.key("image"), image));
    }
    let build = Path::ROOT.key("build");
    let path = build.key("cacheFrom");
    if let Some(cache) = root.get("build").and_then(|build| build.get("cacheFrom")) {
        finder.image(spot(&path, cache));
        cache.items().enumerate().for_each(|(index, item)| finder.image(spot(&path.index(index), item)));
    }
    let path = Path::ROOT.key("features");
    for (key, _) in root.get("features").into_iter().flat_map(View::pairs) {
        let is_remote = |text: &str| !text.starts_with('.') && !text.contains("://");
        if key.text().is_some_and(is_remote) {
            finder.leave(TreePosition { path: &path, node: key }, Reason::Artifact);
        }
    }
}
