//! The nodes that aliases name, and how far a walk through them may go.
//!
//! An alias costs two bytes and may lead to everything. Without a bound a short document would be a walk without end, by
//! lists of aliases of lists or by mappings that merge each other in a chain.

use std::{cell::Cell, collections::HashMap};

use super::{Data, Node, Tree};

/// The steps that any document may take.
const LEAST: u64 = 1 << 22;
/// How many more for each of its nodes. Documents without aliases need a few dozen.
const FOR_EACH_NODE: u64 = 2000;

/// What is needed to follow aliases.
pub(crate) struct Anchors<'t> {
    nodes: HashMap<usize, &'t Node<'t>>,
    left: Cell<u64>,
    ended: Cell<bool>,
}

impl<'t> Anchors<'t> {
    /// Those of a tree.
    pub(crate) fn of(tree: &'t Tree<'t>) -> Self {
        let mut nodes = HashMap::new();
        let count = tree.documents.iter().map(|document| collect(document, &mut nodes)).sum::<u64>();
        let left = Cell::new(LEAST + FOR_EACH_NODE * count);
        Self { nodes, left, ended: Cell::new(false) }
    }

    /// The node that aliases name by this number.
    pub(super) fn node(&self, number: usize) -> Option<&'t Node<'t>> {
        self.nodes.get(&number).copied()
    }

    /// Takes so many steps; whether they could be taken.
    pub(super) fn step(&self, steps: u64) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        self.ended.set(self.ended.get() || left.is_none());
        left.is_some()
    }

    /// Whether a walk ended before it was through.
    pub(crate) fn are_exhausted(&self) -> bool {
        self.ended.get()
    }

    /// How many steps are left.
    #[cfg(test)]
    pub(crate) fn left(&self) -> u64 {
        self.left.get()
    }
}

// Collects the nodes that have a number, and counts all.
fn collect<'t>(node: &'t Node<'t>, anchors: &mut HashMap<usize, &'t Node<'t>>) -> u64 {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node);
    }
    1 + match &node.data {
        Data::Sequence { items } => items.iter().map(|item| collect(item, anchors)).sum(),
        Data::Mapping { pairs, .. } => {
            pairs.iter().map(|(key, value)| collect(key, anchors) + collect(value, anchors)).sum()
        }
        Data::Scalar { .. } | Data::Alias(_) => 0,
    }
}
