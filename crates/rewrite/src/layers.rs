//! Kustomizations and what they are made of: an entry of `images` finds its image by a name, so it has to say the name
//! that the image has after its resources are renamed.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap, HashSet},
};

use crate::{
    Document, DocumentImage, DocumentKind, Rules, Search,
    tree::{Anchors, View, yaml},
};

/// The names of a kustomization's file.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Keys that list files and directories.
const LISTS: [&str; 3] = ["resources", "bases", "components"];

/// The kustomizations among some files, with the names of images that are renamed in what they are made of.
#[derive(Debug, Default)]
pub struct Layers(HashMap<String, Vec<String>>);

impl Layers {
    /// Reads files, given as path and text, that are rewritten together.
    ///
    /// ```
    /// use entrepot_rewrite::{Layers, Naming, Rules, Search};
    ///
    /// let files = [
    ///     ("base/pod.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: nginx}]}\n"),
    ///     ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
    ///     ("prod/kustomization.yaml", "resources: [../base]\nimages: [{name: nginx, newTag: '2'}]\n"),
    /// ];
    /// let rules = Rules { naming: Naming::Prefix("m.example.com".parse()?), ..Rules::default() };
    /// let layers = Layers::of(&files, &rules, &Search::default());
    /// assert_eq!(layers.renamed("prod/kustomization.yaml"), ["docker.io/library/nginx"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(files: &[(&str, &str)], rules: &Rules, search: &Search) -> Self {
        let files: HashMap<String, &str> = files.iter().map(|(path, text)| (plain(path), *text)).collect();
        let reading = LayerReader { files: &files, rules, search, known: RefCell::default() };
        let kustomizations = files.keys().filter(|path| is_kustomization(path));
        let renamed = kustomizations.map(|path| (path.clone(), reading.below(path).into_iter().collect()));
        Self(renamed.collect())
    }

    /// True if a path is that of a kustomization.
    pub fn has_name(path: &str) -> bool {
        is_kustomization(&plain(path))
    }

    /// For [`Search::renamed`]: the names that are renamed before this kustomization sees them.
    pub fn renamed(&self, path: &str) -> &[String] {
        self.0.get(&plain(path)).map_or(&[], Vec::as_slice)
    }
}

type NameSet = BTreeSet<String>;

struct LayerReader<'f> {
    files: &'f HashMap<String, &'f str>,
    rules: &'f Rules,
    search: &'f Search,
    // Kustomizations that were visited: they may lead to each other.
    known: RefCell<HashSet<String>>,
}

impl LayerReader<'_> {
    // Names that are renamed in what a kustomization is made of.
    fn below(&self, path: &str) -> NameSet {
        self.known.borrow_mut().clear();
        self.visit(path).0
    }

    // The same, and the names that its own entries rename.
    fn visit(&self, path: &str) -> (NameSet, NameSet) {
        let (mut below, mut own) = (NameSet::new(), NameSet::new());
        if !self.known.borrow_mut().insert(path.to_owned()) {
            return (below, own);
        }
        let Some(tree) = self.files.get(path).and_then(|text| yaml::read(text).ok()) else {
            return (below, own);
        };
        let anchors = Anchors::of(&tree);
        let Some(root) = tree.documents.first().map(|document| View::new(document, &anchors)) else {
            return (below, own);
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for list in LISTS {
            for item in root.get(list).into_iter().flat_map(View::items) {
                if let Some(item) = item.text() {
                    below.extend(self.made_of(&plain(&format!("{folder}/{item}"))));
                }
            }
        }
        for entry in root.get("images").into_iter().flat_map(View::items) {
            let text = |key: &str| entry.get(key).filter(|value| value.is_text()).and_then(View::text);
            let changes = ["newTag", "digest", "newName"].iter().any(|key| text(key).is_some());
            let name = text("newName").or(text("name")).filter(|_| changes);
            own.extend(name.and_then(|name| self.renamed(name)));
        }
        (below, own)
    }

    // The names that are renamed in a file, or in all that a directory's kustomization makes.
    fn made_of(&self, path: &str) -> NameSet {
        let inner = NAMES.iter().map(|name| plain(&format!("{path}/{name}")));
        if let Some(inner) = inner.into_iter().find(|inner| self.files.contains_key(inner)) {
            let (below, own) = self.visit(&inner);
            return below.into_iter().chain(own).collect();
        }
        let Some(text) = self.files.get(path) else { return NameSet::new() };
        if DocumentKind::of(path, text) != Some(DocumentKind::Kubernetes) {
            return NameSet::new();
        }
        let Ok(document) = Document::read(text, DocumentKind::Kubernetes, self.search) else {
            return NameSet::new();
        };
        document.images().filter(|found| self.rules.name(found).is_ok()).map(DocumentImage::name).collect()
    }

    fn renamed(&self, name: &str) -> Option<String> {
        let found = DocumentImage::from(&name.parse::<entrepot_oci::ImageRef>().ok()?);
        self.rules.name(&found).is_ok().then(|| found.name())
    }
}

fn is_kustomization(path: &str) -> bool {
    NAMES.contains(&path.rsplit('/').next().unwrap_or_default())
}

// A path without `.` and `..`, so that each file has one.
fn plain(path: &str) -> String {
    let is_absolute = path.starts_with('/') && !path.starts_with("//");
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if is_absolute { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Naming;

    fn renamed(files: &[(&str, &str)], path: &str) -> Vec<String> {
        let rules = Rules { naming: Naming::Prefix("m.test".parse().unwrap()), ..Rules::default() };
        Layers::of(files, &rules, &Search::default()).renamed(path).to_vec()
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: nginx:1}]}\n";

    #[test]
    fn names_go_up_through_layers() {
        let files = [
            ("./k/base/pod.yaml", POD),
            (
                "k/base/kustomization.yaml",
                "resources: [pod.yaml]\nimages: [{name: nginx, newName: quay.io/a/b}]\n",
            ),
            (
                "k/prod/../prod/kustomization.yml",
                "resources: [../base]\nimages: [{name: quay.io/a/b, newTag: x}]\n",
            ),
        ];
        assert_eq!(renamed(&files, "k/base/kustomization.yaml"), ["docker.io/library/nginx"]);
        assert_eq!(renamed(&files, "k/prod/kustomization.yml"), ["docker.io/library/nginx", "quay.io/a/b"]);
    }

    #[test]
    fn what_is_not_rewritten_keeps_its_name() {
        let overlay = "resources: [../base, https://example.com/x]\nimages: [{name: nginx}]\n";
        assert!(
            renamed(
                &[("prod/kustomization.yaml", overlay), ("other/pod.yaml", POD)],
                "prod/kustomization.yaml"
            )
            .is_empty()
        );
    }

    #[test]
    fn kustomizations_that_lead_to_each_other_end() {
        let files = [
            ("a/kustomization.yaml", "resources: [../b]\n"),
            ("b/kustomization.yaml", "resources: [../a]\n"),
        ];
        assert!(renamed(&files, "a/kustomization.yaml").is_empty());
    }

    #[test]
    fn paths_are_plain() {
        for (path, expected) in
            [("./a//b/../c", "a/c"), ("../a", "../a"), ("/a/./b", "/a/b"), ("a/../../b", "../b")]
        {
            assert_eq!(plain(path), expected);
        }
    }
}
