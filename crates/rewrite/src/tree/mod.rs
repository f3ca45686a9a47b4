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
    pub(crate) documents: Vec<TreeNode<'a>>,
}

/// A value and its range, without anchor and tag.
#[derive(Debug)]
pub(crate) struct TreeNode<'a> {
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
    Sequence { items: Vec<TreeNode<'a>> },
    /// A mapping, in document order.
    Mapping { pairs: Vec<(TreeNode<'a>, TreeNode<'a>)>, flow: bool },
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
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) what: String,
}

/// An error if a mapping has two images: programs disagree about which one counts.
fn one_image(pairs: &[(TreeNode<'_>, TreeNode<'_>)]) -> Result<(), SyntaxError> {
    let mut images = pairs.iter().filter(|(key, _)| key.text() == Some("image")).skip(1);
    images.next().map_or(Ok(()), |(key, _)| {
        Err(SyntaxError { at: key.span.start, what: "`image` is there twice; remove one of them".to_owned() })
    })
}

impl TreeNode<'_> {
    /// True if a tag of an application gives it another meaning than its text or its entries have: `!reference`,
    /// `!vault`. Compose's `!override` and `!reset` say only how files are merged.
    pub(crate) fn is_tagged(&self) -> bool {
        self.tag.as_deref().is_some_and(|tag| {
            let name = tag.strip_prefix('!').unwrap_or_default();
            !name.is_empty() && !name.starts_with(['!', '<']) && !matches!(name, "override" | "reset")
        })
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}
