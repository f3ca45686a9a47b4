//! Traverses a tree as its consumers would: through aliases, and with merge keys applied.

use std::{collections::HashSet, fmt, ptr};

use super::{Anchors, Data, TreeNode};

/// Maximum length of a chain of aliases.
const MAX_ALIASES: usize = 8;
/// Cost in steps of a list entry and of a merged mapping; they cause more work than a key that is skipped.
const ITEM: u64 = 256;
/// Maximum number of entries that are compared one by one, which is faster than a hash table for few entries.
const FEW: usize = 16;

/// A node, with the data to follow aliases from it.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    pub(crate) node: &'t TreeNode<'t>,
    anchors: &'t Anchors<'t>,
}

/// The path to a node, linked from the inside out.
#[derive(Clone, Copy)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: PathStep<'p>,
}

/// One step of a path.
#[derive(Clone, Copy)]
enum PathStep<'p> {
    /// The start.
    Root,
    /// Into a mapping.
    Key(&'p str),
    /// Into a list.
    Index(usize),
}

impl<'t> View<'t> {
    /// A view of `node`; an alias is followed.
    pub(crate) fn new(node: &'t TreeNode<'t>, anchors: &'t Anchors<'t>) -> Self {
        let mut node = node;
        for _ in 0..MAX_ALIASES {
            let Data::Alias(target) = node.data else { break };
            let Some(found) = anchors.node(target) else { break };
            node = found;
        }
        Self { node, anchors }
    }

    fn at(self, node: &'t TreeNode<'t>) -> Self {
        Self::new(node, self.anchors)
    }

    /// The text, if it is a scalar.
    pub(crate) fn text(self) -> Option<&'t str> {
        self.node.text().filter(|_| !self.node.is_tagged())
    }

    /// True for a non-empty scalar.
    pub(crate) fn is_text(self) -> bool {
        self.text().is_some_and(|text| !text.trim().is_empty() && !is_null(text))
    }

    /// The entries of a list; empty for anything else.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let items = match &self.node.data {
            Data::Sequence { items } if !self.node.is_tagged() => items.as_slice(),
            _ => &[],
        };
        items.iter().take_while(move |_| self.anchors.step(ITEM)).map(move |item| self.at(item))
    }

    /// True for a list.
    pub(crate) fn is_list(self) -> bool {
        matches!(self.node.data, Data::Sequence { .. }) && !self.node.is_tagged()
    }

    /// True for a mapping.
    pub(crate) fn is_mapping(self) -> bool {
        matches!(self.node.data, Data::Mapping { .. })
    }

    /// The entries written in a mapping itself, without merged ones.
    pub(crate) fn own(self) -> impl Iterator<Item = (&'t str, Self)> {
        let pairs = self.pairs().iter().take_while(move |_| self.anchors.step(1));
        pairs.filter_map(move |(key, value)| Some((self.at(key).text()?, self.at(value))))
    }

    /// The entries of a mapping, with the nodes of their keys.
    pub(crate) fn pairs(self) -> &'t [(TreeNode<'t>, TreeNode<'t>)] {
        match &self.node.data {
            Data::Mapping { pairs, .. } => pairs,
            _ => &[],
        }
    }

    /// The entries that are not aliases, so that a traversal visits each node once.
    pub(crate) fn written(self) -> impl Iterator<Item = (&'t str, Self)> {
        let pairs = self.pairs().iter().filter(|(_, value)| !matches!(value.data, Data::Alias(_)));
        pairs.filter_map(move |(key, value)| Some((self.at(key).text()?, self.at(value))))
    }

    /// The same for a list, with the index of each entry.
    pub(crate) fn written_items(self) -> impl Iterator<Item = (usize, Self)> {
        let items: &'t [TreeNode<'t>] = match &self.node.data {
            Data::Sequence { items } if !self.node.is_tagged() => items,
            _ => &[],
        };
        let items = items.iter().enumerate().filter(|(_, item)| !matches!(item.data, Data::Alias(_)));
        items.map(move |(index, item)| (index, self.at(item)))
    }

    /// All entries of a mapping; its own take precedence over merged ones.
    pub(crate) fn entries(self) -> Vec<(&'t str, Self)> {
        let mut entries: Vec<(&'t str, Self)> = Vec::new();
        let mut known = HashSet::new();
        for layer in self.layers() {
            for (key, value) in layer.own().filter(|(key, _)| *key != "<<") {
                let is_new = match entries.len() {
                    ..FEW => entries.iter().all(|(known, _)| *known != key),
                    FEW => {
                        known.extend(entries.iter().map(|(known, _)| *known));
                        known.insert(key)
                    }
                    _ => known.insert(key),
                };
                if is_new {
                    entries.push((key, value));
                }
            }
        }
        entries
    }

    /// An entry of a mapping, its own or a merged one.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        let own = self.own().find(|(known, _)| *known == key);
        let merged = || {
            self.layers().into_iter().skip(1).find_map(|layer| layer.own().find(|(known, _)| *known == key))
        };
        own.or_else(merged).map(|(_, value)| value)
    }

    // The mapping and those it merges, nearest first; each once, so that merges cannot loop.
    fn layers(self) -> Vec<Self> {
        if self.own().all(|(key, _)| key != "<<") {
            return vec![self];
        }
        let (mut layers, mut known, mut waiting) = (Vec::new(), HashSet::new(), vec![self]);
        while let Some(layer) = waiting.pop() {
            let is_new = known.insert(ptr::from_ref(layer.node));
            if !is_new || (!layers.is_empty() && !self.anchors.step(ITEM)) {
                continue;
            }
            layers.push(layer);
            let others = waiting.len();
            for (_, merged) in layer.own().filter(|(key, _)| *key == "<<") {
                if merged.is_list() {
                    waiting.extend(merged.items());
                } else {
                    waiting.push(merged);
                }
            }
            // The last one is popped first.
            waiting[others..].reverse();
        }
        layers
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "~" | "null" | "Null" | "NULL")
}

impl<'p> Path<'p> {
    /// The root of a document.
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: PathStep::Root };

    /// The path to an entry of a mapping.
    pub(crate) fn key(&'p self, key: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: PathStep::Key(key) }
    }

    /// The path to an entry of a list.
    pub(crate) fn index(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: PathStep::Index(index) }
    }

    /// The innermost key.
    pub(crate) fn last_key(&self) -> Option<&'p str> {
        match self.step {
            PathStep::Key(key) => Some(key),
            PathStep::Index(_) | PathStep::Root => self.parent.and_then(Path::last_key),
        }
    }

    /// The keys of the path from the outside in, skipping lists.
    pub(crate) fn keys(&self) -> Vec<&'p str> {
        let mut keys = self.parent.map(Path::keys).unwrap_or_default();
        if let PathStep::Key(key) = self.step {
            keys.push(key);
        }
        keys
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            PathStep::Root => Ok(()),
            PathStep::Index(index) => write!(f, "[{index}]"),
            PathStep::Key(key) => {
                let dot = if self.parent.is_some_and(|parent| !matches!(parent.step, PathStep::Root)) {
                    "."
                } else {
                    ""
                };
                write!(f, "{dot}{key}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Tree, yaml},
        *,
    };

    #[test]
    fn merge_keys_and_aliases_are_followed() {
        let text = "b: &b {image: a, x: 1}\nc: &c {image: z, y: 2}\nw:\n  <<: [*b, *c]\n  x: 3\nv: *b\n";
        let tree = yaml::read(text).unwrap();
        let anchors = Anchors::of(&tree);
        let root = View::new(&tree.documents[0], &anchors);
        let web = root.get("w").unwrap();
        assert_eq!(web.get("image").unwrap().text(), Some("a"));
        assert_eq!(web.get("x").unwrap().text(), Some("3"));
        assert_eq!(web.get("y").unwrap().text(), Some("2"));
        assert_eq!(web.entries().len(), 3);
        assert_eq!(root.get("v").unwrap().get("x").unwrap().text(), Some("1"));
    }

    #[test]
    fn a_mapping_that_merges_itself_ends() {
        let tree = yaml::read("a: &a\n  <<: *a\n  b: 1\n").unwrap();
        let anchors = Anchors::of(&tree);
        let root = View::new(&tree.documents[0], &anchors);
        assert_eq!(root.get("a").unwrap().entries().len(), 1);
        assert!(root.get("a").unwrap().get("none").is_none());
    }

    // The cost of a traversal that visits each entry once.
    fn steps(text: &str) -> u64 {
        let tree = yaml::read(text).unwrap();
        let anchors = Anchors::of(&tree);
        let before = anchors.left();
        for (_, service) in View::new(&tree.documents[0], &anchors).get("services").unwrap().entries() {
            assert!(service.get("image").is_some() && service.get("build").is_none());
        }
        assert!(!anchors.are_exhausted());
        before - anchors.left()
    }

    #[test]
    fn a_walk_is_as_long_as_the_document() {
        let services = |count: usize| {
            let all: String = (0..count).map(|number| format!("  s{number}: {{image: a}}\n")).collect();
            steps(&format!("services:\n{all}"))
        };
        assert_eq!(services(2000) - services(1000), services(3000) - services(2000));
    }

    // A chain of mappings that merge each other is followed to its end, but not forever.
    #[test]
    fn chains_of_merge_keys_end() {
        let chain: String =
            (1..3000).map(|number| format!("- &m{number} {{<<: *m{}}}\n", number - 1)).collect();
        let text = format!("- &m0 {{image: a}}\n{chain}");
        let tree: Tree<'_> = yaml::read(&text).unwrap();
        let anchors = Anchors::of(&tree);
        let last = View::new(&tree.documents[0], &anchors).items().last().unwrap();
        assert_eq!(last.get("image").unwrap().text(), Some("a"));
        let all = View::new(&tree.documents[0], &anchors).items();
        let found = all.filter(|item| item.get("none").is_some()).count();
        assert!(found == 0 && anchors.are_exhausted());
    }

    #[test]
    fn paths_are_written_as_people_write_them() {
        let services = Path::ROOT.key("services");
        let first = services.index(2);
        assert_eq!(first.key("image").to_string(), "services[2].image");
    }
}
