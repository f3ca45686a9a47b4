//! Documents as trees that know where in the text each part is written.
//!
//! - [`yaml`] and [`json`] read them; both give the same [`Tree`]
//! - [`View`] walks them, through aliases and merge keys
//! - [`same`] tells whether a changed text is still the same tree but for what was to change

pub(crate) mod json;
pub(crate) mod same;
mod view;
pub(crate) mod yaml;

use std::{borrow::Cow, collections::HashMap, ops::Range};

pub(crate) use view::{Path, View};

/// A whole text: one or more documents.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) documents: Vec<Node<'a>>,
}

/// One value and where it is written, without its anchor and tag.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Range<usize>,
    /// The number by which aliases name it; 0: none does.
    pub(crate) anchor: usize,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) data: Data<'a>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Data<'a> {
    /// A scalar as it reads, whatever way it is written.
    Scalar { text: Cow<'a, str>, style: Style },
    /// A list.
    Sequence { items: Vec<Node<'a>> },
    /// A mapping, in the order it is written.
    Mapping { pairs: Vec<(Node<'a>, Node<'a>)>, flow: bool },
    /// Another name of the node with that number.
    Alias(usize),
}

/// How a token is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Bare; within `[]` or `{}` more characters end it.
    Plain { flow: bool },
    /// Between `'`.
    Single,
    /// Between `"`, with the escapes of YAML and JSON.
    Double,
    /// `|` or `>`; the span is that of its lines.
    Block,
    /// Bare text of a format without escapes.
    Bare,
}

/// Where a text stops being a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Node<'_> {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

impl<'a> Tree<'a> {
    /// Nodes by the number that aliases name them by.
    pub(crate) fn anchors(&self) -> HashMap<usize, &Node<'a>> {
        let mut anchors = HashMap::new();
        self.documents.iter().for_each(|document| collect(document, &mut anchors));
        anchors
    }
}

fn collect<'t, 'a>(node: &'t Node<'a>, anchors: &mut HashMap<usize, &'t Node<'a>>) {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node);
    }
    match &node.data {
        Data::Sequence { items } => items.iter().for_each(|item| collect(item, anchors)),
        Data::Mapping { pairs, .. } => pairs.iter().for_each(|(key, value)| {
            collect(key, anchors);
            collect(value, anchors);
        }),
        Data::Scalar { .. } | Data::Alias(_) => {}
    }
}
