//! JSON reports on documents.

use entrepot_rewrite::{DocumentImage, DocumentKind, ImageChange, LeftCandidate, Position, Reason};
use serde::Serialize;

use crate::failure::Failure;

/// A position in a document.
#[derive(Clone, Debug, Serialize)]
pub(in crate::commands) struct DocumentPosition {
    pub(in crate::commands) file: String,
    pub(in crate::commands) line: usize,
    pub(in crate::commands) column: usize,
    /// The path in the document's structure.
    pub(in crate::commands) path: String,
    /// The text at that position.
    pub(in crate::commands) text: String,
}

impl DocumentPosition {
    pub(in crate::commands) fn new(file: &str, position: Position, path: &str, text: &str) -> Self {
        let Position { line, column } = position;
        Self { file: file.to_owned(), line, column, path: path.to_owned(), text: text.to_owned() }
    }
}

/// A text left unchanged.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct UnchangedText {
    #[serde(flatten)]
    pub(in crate::commands) place: DocumentPosition,
    pub(in crate::commands) reason: &'static str,
    pub(in crate::commands) explanation: String,
}

impl UnchangedText {
    pub(in crate::commands) fn new(position: DocumentPosition, reason: &Reason) -> Self {
        Self { place: position, reason: reason.word(), explanation: reason.to_string() }
    }

    pub(in crate::commands) fn of(file: &str, left: &LeftCandidate) -> Self {
        Self::new(DocumentPosition::new(file, left.position, &left.place, &left.text), &left.reason)
    }
}

/// A renamed image.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct RenamedImage {
    line: usize,
    column: usize,
    path: String,
    from: String,
    to: String,
}

impl RenamedImage {
    pub(in crate::commands) fn of(change: &ImageChange) -> Self {
        let Position { line, column } = change.position;
        let to = DocumentImage {
            host: change.to.host.clone(),
            repository: change.to.repository.clone(),
            tag: change.to.tag.clone().or_else(|| change.from.tag.clone()),
            ..change.from.clone()
        };
        Self { line, column, path: change.place.clone(), from: change.from.to_string(), to: to.to_string() }
    }
}

/// An error in a document.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct DocumentProblem {
    message: String,
}

impl DocumentProblem {
    pub(in crate::commands) fn of(failure: &Failure) -> Self {
        Self { message: failure.to_string() }
    }
}

/// The result for a document.
#[derive(Debug, Default, Serialize)]
pub(in crate::commands) struct DocumentReport {
    pub(in crate::commands) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) kind: Option<&'static str>,
    /// Counts of `changes` and `left`, which are only filled for JSON.
    #[serde(skip)]
    pub(in crate::commands) renamed: usize,
    #[serde(skip)]
    pub(in crate::commands) stayed: usize,
    pub(in crate::commands) changes: Vec<RenamedImage>,
    pub(in crate::commands) left: Vec<UnchangedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) diff: Option<String>,
    /// The new text, unless it is written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) error: Option<DocumentProblem>,
}

impl DocumentReport {
    pub(in crate::commands) fn failed(file: &str, failure: &Failure) -> Self {
        Self { file: file.to_owned(), error: Some(DocumentProblem::of(failure)), ..Self::default() }
    }

    pub(in crate::commands) fn of(file: &str, kind: DocumentKind) -> Self {
        Self { file: file.to_owned(), kind: Some(kind.name()), ..Self::default() }
    }
}
