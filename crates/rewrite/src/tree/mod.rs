//! Documents as trees that know where in the text each part is written.
//!
//! - [`yaml`] and [`json`] read them; both give the same [`Tree`]
//! - [`View`] walks them, through aliases and merge keys
//! - [`same`] tells whether a changed text is still the same tree but for what was to change

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
