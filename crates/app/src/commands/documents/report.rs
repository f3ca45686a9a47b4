//! What is told of documents as JSON.

use entrepot_rewrite::{Change, Found, Kind, Left, Position, Reason};
use serde::Serialize;

use crate::failure::Failure;

/// Where something is written.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    /// Where it is in the document's structure.
    pub(super) path: String,
    /// What is written there.
    pub(super) text: String,
}

impl Place {
    pub(super) fn new(file: &str, position: Position, path: &str, text: &str) -> Self {
        let Position { line, column } = position;
        Self { file: file.to_owned(), line, column, path: path.to_owned(), text: text.to_owned() }
    }
}

/// What is left as it is.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) reason: &'static str,
    pub(super) explanation: String,
}

impl Kept {
    pub(super) fn new(place: Place, reason: &Reason) -> Self {
        Self { place, reason: reason.word(), explanation: reason.to_string() }
    }

    pub(super) fn of(file: &str, left: &Left) -> Self {
        Self::new(Place::new(file, left.position, &left.place, &left.text), &left.reason)
    }
}

/// An image that got another name.
#[derive(Debug, Serialize)]
pub(super) struct Renamed {
    line: usize,
    column: usize,
    path: String,
    from: String,
    to: String,
}

impl Renamed {
    pub(super) fn of(change: &Change) -> Self {
        let Position { line, column } = change.position;
        let to = Found {
            host: change.to.host.clone(),
            repository: change.to.repository.clone(),
            tag: change.to.tag.clone().or_else(|| change.from.tag.clone()),
            ..change.from.clone()
        };
        Self { line, column, path: change.place.clone(), from: change.from.to_string(), to: to.to_string() }
    }
}

/// What is wrong with a document.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    message: String,
}

impl Fault {
    pub(super) fn of(failure: &Failure) -> Self {
        Self { message: failure.to_string() }
    }
}

/// What became of a document.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) changes: Vec<Renamed>,
    pub(super) left: Vec<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diff: Option<String>,
    /// The new text, where it is not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Fault>,
}

impl Outcome {
    pub(super) fn failed(file: &str, failure: &Failure) -> Self {
        Self { file: file.to_owned(), error: Some(Fault::of(failure)), ..Self::default() }
    }

    pub(super) fn of(file: &str, kind: Kind) -> Self {
        Self { file: file.to_owned(), kind: Some(kind.name()), ..Self::default() }
    }
}
