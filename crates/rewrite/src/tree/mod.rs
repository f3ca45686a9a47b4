//! Documents as trees whose nodes know their ranges in the text.
//!
//! - [`yaml`] and [`json`] parse them into the same [`Tree`]
//! - [`View`] traverses them, through aliases and merge keys
//! - [`same`] checks that a changed text is the same tree except for the intended changes

mod anchors;
pub(crate) mod json;
pub(crate) mod same;
mod view;
pub(crate) mod yaml;

use std::{borrow::Cow, ops::Range};

pub(crate) use anchors::Anchors;
pub(crate) use view::{Path, View};

/// A whole text: one or more documents.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) documents: Vec<Node<'a>>,
}

/// A value and its range, without anchor and tag.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Range<usize>,
    /// The number by which aliases refer to it; 0 if none does.
    pub(crate) anchor: usize,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) data: Data<'a>,
}

/// The content of a node.
#[derive(Debug)]
pub(crate) enum Data<'a> {
    /// The value of a scalar, in whatever style it is written.
    Scalar { text: Cow<'a, str>, style: Style },
    /// A list.
    Sequence { items: Vec<Node<'a>> },
    /// A mapping, in document order.
    Mapping { pairs: Vec<(Node<'a>, Node<'a>)>, flow: bool },
    /// An alias of the node with that number.
    Alias(usize),
}

/// The style of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Unquoted; inside `[]` or `{}`, more characters end it.
    Plain { flow: bool },
    /// In single quotes.
    Single,
    /// In double quotes, with the escapes of YAML and JSON.
    Double,
    /// `|` or `>`; the range is that of its lines.
    Block,
    /// Plain text of a format without escapes.
    Bare,
}

/// A syntax error and its position.
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
