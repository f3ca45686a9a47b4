//! Commands on documents: `images` lists the images they name, `rewrite` renames them.
//!
//! - this module reads documents from files; `file` replaces files atomically
//! - `walk` finds the documents in directories
//! - `images` and `rewrite` are the commands, `report` their JSON, `diff` the reviewable output

pub(super) mod diff;
pub(super) mod file;
pub(crate) mod images;
mod named;
pub(super) mod names;
pub(super) mod report;
mod resolve;
pub(crate) mod rewrite;
mod walk;

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    str::FromStr,
};

use entrepot_rewrite::{Document, DocumentKind, Ignore, Position, ReadError, Reason, Search};

pub(crate) use names::Naming;

use crate::failure::{self, Failure};

/// The largest document, in bytes.
const MAX_DOCUMENT: u64 = 64 << 20;

/// The most characters quoted of a text that is left unchanged.
const MAX_TOLD: usize = 300;

/// The source of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DocumentSource {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// The documents, and the options for finding images in them.
#[derive(Debug)]
pub(crate) struct Documents {
    /// The sources; empty means standard input.
    pub(crate) sources: Vec<DocumentSource>,
    /// The kind of document, if given.
    pub(crate) kind: Option<DocumentKind>,
    /// Search options besides the kind's defaults.
    pub(crate) search: Search,
    /// The file that lists the images to leave alone.
    pub(crate) ignore: Option<PathBuf>,
}

/// A document that was read but not parsed.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) text: String,
}

impl DocumentSource {
    /// The path of a file.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) => Some(path),
        }
    }
}

impl FromStr for DocumentSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(text.into()) })
    }
}

impl fmt::Display for DocumentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Documents {
    /// The images to leave alone.
    pub(super) fn ignore(&self) -> Result<Ignore, Failure> {
        let Some(path) = &self.ignore else { return Ok(Ignore::default()) };
        Ignore::read(&self.ignore_list()?)
            .map_err(|error| Failure::wrong(format!("{}: {error}", path.display())))
    }

    /// The text of the ignore list.
    pub(super) fn ignore_list(&self) -> Result<String, Failure> {
        self.ignore.as_deref().map_or_else(|| Ok(String::new()), file::read_list)
    }

    /// Parses a document.
    fn document<'a>(&self, input: &'a Input) -> Result<Document<'a>, Failure> {
        self.document_with(input, &[])
    }

    /// Parses a document; `renamed` are the names that its resources no longer have, if it is a kustomization.
    fn document_with<'a>(&self, input: &'a Input, renamed: &[String]) -> Result<Document<'a>, Failure> {
        let kind = self.kind.or_else(|| DocumentKind::of(&input.name, &input.text)).ok_or_else(|| {
            Failure::new(format!("{}: what kind of document this is cannot be told", input.name)).with_hint(
                format!("say it: `--kind` {}; `--kind script` lists what looks like an image", kinds()),
            )
        })?;
        let read = if renamed.is_empty() {
            Document::read(&input.text, kind, &self.search)
        } else {
            let search = Search { renamed: renamed.to_vec(), ..self.search.clone() };
            Document::read(&input.text, kind, &search)
        };
        read.map_err(|error| unreadable(&input.name, error))
    }
}

/// The names of all kinds, for messages.
pub(crate) fn kinds() -> String {
    let names: Vec<&str> = DocumentKind::ALL.iter().map(|kind| kind.name()).collect();
    names.join(", ")
}

pub(super) fn unreadable(name: &str, ReadError { position, what, hint }: ReadError) -> Failure {
    let failure = Failure::new(format!("{}: {what}", placed(name, position)));
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn placed(name: &str, Position { line, column }: Position) -> String {
    format!("{name}:{line}:{column}")
}

/// Reads a document.
pub(super) fn read(source: &DocumentSource) -> Result<Input, Failure> {
    let name = source.to_string();
    let bytes = match source {
        DocumentSource::Stdin => all(io::stdin().lock()),
        DocumentSource::File(path) => fs::File::open(path).and_then(all),
    };
    let bytes = bytes.map_err(|error| Failure::because(format!("cannot read {name}"), &error))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Failure::new(format!("{name}: larger than {} MiB", MAX_DOCUMENT >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{name}: not a text in UTF-8")))?;
    Ok(Input { name, text })
}

fn all(input: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Notes an image that is left unchanged, unless the reason is obvious.
pub(super) fn note_left(name: &str, position: Position, text: &str, reason: &Reason) {
    if matches!(reason, Reason::AlreadyThere | Reason::Stage | Reason::Scratch) {
        return;
    }
    let text = match text.char_indices().nth(MAX_TOLD) {
        _ if text.is_empty() => String::new(),
        Some((end, _)) => format!(" `{}…`", &text[..end]),
        None => format!(" `{text}`"),
    };
    failure::remark(&format!("{}:{text} is left: {reason}", placed(name, position)));
}

/// The result of a command, given how many documents failed.
fn unfinished(failed: usize, of: usize) -> Result<(), Failure> {
    match (failed, of) {
        (0, _) => Ok(()),
        (_, 1) => Err(Failure::new("the document was not done")),
        _ => Err(Failure::new(format!("{failed} of {of} documents were not done"))),
    }
}
