//! A document and the images it names.

use crate::{
    Candidate, CandidateVerdict, DocumentImage, DocumentKind, Position, Reason, Search, dockerfile,
    elsewhere, find,
    finder::{CandidateEntry, EntryVerdict, Finder},
    hcl, plain,
    position::LineIndex,
    quadlet,
    token::Token,
    tree::{SyntaxError, Tree, json, yaml},
};

/// A parsed document.
pub struct Document<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: DocumentKind,
    pub(crate) search: Search,
    pub(crate) tree: Option<Tree<'a>>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) entries: Vec<CandidateEntry>,
}

/// Why a document cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {what}", position.line, position.column)]
pub struct ReadError {
    /// Position of the error.
    pub position: Position,
    /// Description of the error.
    pub what: String,
    /// What to do about it, if known.
    pub hint: Option<&'static str>,
}

impl<'a> Document<'a> {
    /// Parses a document of the given kind and finds its images.
    ///
    /// # Errors
    /// The text is not a valid document of that kind.
    pub fn read(text: &'a str, kind: DocumentKind, search: &Search) -> Result<Self, ReadError> {
        let tree = tree(text, kind).map_err(|fault| error(text, fault))?;
        let mut finder = Finder::new(text, kind, search);
        match (&tree, kind) {
            (Some(tree), _) => {
                find::find(kind, tree, &mut finder).map_err(|fault| error(text, fault))?;
            }
            (None, DocumentKind::Env) => plain::env(&mut finder),
            (None, DocumentKind::List) => plain::list(&mut finder),
            (None, DocumentKind::Hcl) => hcl::find(&mut finder),
            (None, DocumentKind::Quadlet) => quadlet::find(&mut finder),
            // Only commands name images there, and those are left to their authors.
            (None, DocumentKind::Script) => {}
            (None, _) => dockerfile::find(&mut finder),
        }
        if kind != DocumentKind::List && search.holders.is_none() {
            elsewhere::find(kind, &mut finder);
        }
        let Finder { tokens, mut entries, .. } = finder;
        entries.sort_by_key(|entry| entry.at);
        Ok(Self { text, kind, search: search.clone(), tree, tokens, entries })
    }

    /// The kind it was parsed as.
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Everything that names an image or seems to, in document order.
    ///
    /// ```
    /// use entrepot_rewrite::{CandidateVerdict, Document, DocumentKind, Reason, Search};
    ///
    /// let text = "FROM alpine:3.22 AS base\nFROM base\n";
    /// let document = Document::read(text, DocumentKind::Dockerfile, &Search::default())?;
    /// let candidates = document.candidates();
    /// let CandidateVerdict::Found(alpine) = &candidates[0].verdict else { panic!() };
    /// assert_eq!(alpine.to_string(), "docker.io/library/alpine:3.22");
    /// assert_eq!(candidates[1].verdict, CandidateVerdict::Left(Reason::Stage));
    /// assert_eq!((candidates[1].position.line, candidates[1].position.column), (2, 6));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn candidates(&self) -> Vec<Candidate> {
        let lines = LineIndex::new(self.text);
        self.entries.iter().map(|entry| candidate(entry, &lines)).collect()
    }

    /// The images that can be renamed, in document order, including repetitions.
    pub fn images(&self) -> impl Iterator<Item = &DocumentImage> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            EntryVerdict::Image(named) => Some(&named.image),
            EntryVerdict::Left(_) => None,
        })
    }
}

pub(crate) fn candidate(entry: &CandidateEntry, lines: &LineIndex<'_>) -> Candidate {
    let standing = match &entry.what {
        EntryVerdict::Image(named) => CandidateVerdict::Found(named.image.clone()),
        EntryVerdict::Left(reason) => CandidateVerdict::Left(reason.clone()),
    };
    let position = lines.position(entry.at);
    Candidate {
        position,
        place: entry.place.clone(),
        also: entry.also.clone(),
        text: entry.text.clone(),
        verdict: standing,
    }
}

/// The document's tree, for kinds that have one.
pub(crate) fn tree(text: &str, kind: DocumentKind) -> Result<Option<Tree<'_>>, SyntaxError> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    match kind {
        DocumentKind::Dockerfile
        | DocumentKind::Env
        | DocumentKind::List
        | DocumentKind::Hcl
        | DocumentKind::Quadlet
        | DocumentKind::Script => Ok(None),
        DocumentKind::Devcontainer => json::read(text, true).map(Some),
        // YAML accepts `{a: b}` as well; JSON is tried first.
        _ if is_json => json::read(text, false).or_else(|_| yaml::read(text)).map(Some),
        _ => yaml::read(text).map(Some),
    }
}

fn error(text: &str, fault: SyntaxError) -> ReadError {
    let is_chart = text.contains(".Values.") || text.contains("{{- ");
    let is_template = text.match_indices("{{").any(|(at, _)| !text[..at].ends_with('$'));
    let hint = match (is_chart, is_template) {
        (true, _) => Some("this is a template of a Helm chart; its images are in the chart's values.yaml"),
        (_, true) => Some("this is a template: what it makes can be rewritten, or its values"),
        _ => None,
    };
    ReadError { position: LineIndex::new(text).position(fault.at.min(text.len())), what: fault.what, hint }
}

impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("kind", &self.kind).field("entries", &self.entries.len()).finish()
    }
}

/// Why an entry is left alone, if that is known before naming it.
pub(crate) fn left(entry: &CandidateEntry) -> Option<&Reason> {
    match &entry.what {
        EntryVerdict::Left(reason) => Some(reason),
        EntryVerdict::Image(_) => None,
    }
}
