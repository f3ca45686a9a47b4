//! The targets of aliases, and a limit on traversals through them.
//!
//! An alias takes two bytes and may lead to the whole document. Without a limit, lists of aliases of lists, or mappings
//! that merge each other in a chain, would make the traversal of a short document endless.

use std::{cell::Cell, collections::HashMap};

use super::{Data, Tree, TreeNode};

/// Number of steps allowed for any document.
const LEAST: u64 = 1 << 22;
/// Additional steps per node. Documents without aliases need a few dozen.
const FOR_EACH_NODE: u64 = 2000;

/// The data needed to follow aliases.
pub(crate) struct Anchors<'t> {
    nodes: HashMap<usize, &'t TreeNode<'t>>,
    left: Cell<u64>,
    ended: Cell<bool>,
}

impl<'t> Anchors<'t> {
    /// The anchors of a tree.
    pub(crate) fn of(tree: &'t Tree<'t>) -> Self {
        let mut nodes = HashMap::new();
        let count = tree.documents.iter().map(|document| collect(document, &mut nodes)).sum::<u64>();
        let left = Cell::new(LEAST + FOR_EACH_NODE * count);
        Self { nodes, left, ended: Cell::new(false) }
    }

    /// The node with this anchor number.
    pub(super) fn node(&self, number: usize) -> Option<&'t TreeNode<'t>> {
        self.nodes.get(&number).copied()
    }

    /// Spends steps; false if the limit is exceeded.
    pub(super) fn step(&self, steps: u64) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        self.ended.set(self.ended.get() || left.is_none());
        left.is_some()
    }

    /// True if a traversal was cut short.
    pub(crate) fn are_exhausted(&self) -> bool {
        self.ended.get()
    }

    /// The remaining steps.
    #[cfg(test)]
    pub(crate) fn left(&self) -> u64 {
        self.left.get()
    }
}

// Collects the nodes with an anchor, and counts all nodes.
fn collect<'t>(node: &'t TreeNode<'t>, anchors: &mut HashMap<usize, &'t TreeNode<'t>>) -> u64 {
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
