//! Directories as arguments: the documents below them.
//!
//! Files that `.gitignore` names are skipped, and so is what is not a document. A file that names images but is of no
//! known kind, or cannot be read as a document of its kind, is reported.

use std::path::Path;

use entrepot_rewrite::{Document, DocumentKind, Search};
use ignore::WalkBuilder;

use super::{DocumentSource, Documents, read, unreadable};
use crate::{
    failure,
    output::{amount, joined, sentence},
};

/// Endings of files that may be documents although their name alone does not tell their kind.
const ENDINGS: [&str; 6] = ["yml", "yaml", "json", "jsonc", "tpl", "gotmpl"];

/// The documents to work on.
pub(super) struct DocumentSet {
    pub(super) sources: Vec<DocumentSource>,
    /// What the directories among the arguments have; `None` if there are none.
    pub(super) walked: Option<WalkCounts>,
}

/// The number of files in directories.
#[derive(Debug, Default)]
pub(super) struct WalkCounts {
    documents: u64,
    others: u64,
    unreadable: u64,
}

impl WalkCounts {
    /// The counts, in the terminal's language.
    pub(super) fn told(&self) -> String {
        let Self { documents, others, unreadable } = *self;
        let (files, documents) =
            (amount(documents + others + unreadable, "file"), amount(documents, "document"));
        let mut facts = vec![
            sentence!("{files}: {documents}", files = files, documents = documents),
            sentence!("{count} of no known kind", count = others),
        ];
        facts.extend((unreadable != 0).then(|| sentence!("{count} unreadable", count = unreadable)));
        joined(&facts)
    }
}

/// The sources, or standard input if none is named; for a directory, the documents in it.
pub(super) fn gather(documents: &Documents) -> DocumentSet {
    if documents.sources.is_empty() {
        return DocumentSet { sources: vec![DocumentSource::Stdin], walked: None };
    }
    let mut gathered = DocumentSet { sources: Vec::new(), walked: None };
    for source in &documents.sources {
        match source {
            DocumentSource::File(path) if path.is_dir() => {
                let mut walked = gathered.walked.take().unwrap_or_default();
                for file in files(path) {
                    if walked.takes(&file, documents) {
                        gathered.sources.push(file);
                    }
                }
                gathered.walked = Some(walked);
            }
            _ => gathered.sources.push(source.clone()),
        }
    }
    gathered
}

// All files below a directory, in order, but for those of git itself and those that it ignores.
fn files(directory: &Path) -> Vec<DocumentSource> {
    let mut builder = WalkBuilder::new(directory);
    builder.hidden(false).require_git(false).sort_by_file_name(Ord::cmp);
    builder.filter_entry(|entry| entry.file_name() != ".git");
    let entries = builder.build().filter_map(|entry| match entry {
        Ok(entry) => Some(entry),
        Err(error) => {
            failure::remark(&error.to_string());
            None
        }
    });
    let files = entries.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    files.map(|entry| DocumentSource::File(entry.into_path())).collect()
}

impl WalkCounts {
    // Counts a file; true if it is one of the documents.
    fn takes(&mut self, source: &DocumentSource, documents: &Documents) -> bool {
        let name = source.to_string();
        // A text file is a list of images only if somebody says so.
        let by_name = DocumentKind::of(&name, "")
            .filter(|kind| *kind != DocumentKind::List || documents.kind == Some(DocumentKind::List));
        let path = Path::new(&name);
        let may_be = match path.extension().and_then(|ending| ending.to_str()) {
            Some(ending) => ENDINGS.contains(&ending),
            None => true,
        };
        if by_name.is_none() && !may_be {
            self.others += 1;
            return false;
        }
        let Ok(input) = read(source) else {
            self.others += 1;
            return false;
        };
        let kind = by_name.or_else(|| DocumentKind::of("", &input.text));
        match kind.filter(|kind| documents.kind.is_none_or(|wanted| wanted == *kind)) {
            None => {
                self.others += 1;
                if kind.is_none() && documents.kind.is_none() {
                    remark_unknown(&name, &input.text);
                }
                false
            }
            Some(kind) => match Document::read(&input.text, kind, &documents.search) {
                Ok(_) => {
                    self.documents += 1;
                    true
                }
                Err(error) => {
                    self.unreadable += 1;
                    failure::remark(&unreadable(&name, error).to_string());
                    false
                }
            },
        }
    }
}

// Reports a file of no known kind that names images.
fn remark_unknown(name: &str, text: &str) {
    let Ok(document) = Document::read(text, DocumentKind::Script, &Search::default()) else { return };
    let candidates = document.candidates();
    let Some(first) = candidates.first() else { return };
    failure::remark(&format!(
        "{name}:{}: `{}` looks like an image, but what kind of document this is cannot be told; `--kind` says it",
        first.position.line, first.text
    ));
}
