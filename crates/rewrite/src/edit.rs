//! Edits the bytes of names and compares the result with the original document.

use std::collections::{BTreeMap, HashMap};

use entrepot_yaml::{Context, scalar};

use crate::{
    Census, Collision, Document, DocumentImage, NewName, Position, Reason, Rules,
    document::tree,
    expansion::ValueOrigin,
    finder::{CandidateEntry, EntryVerdict, InsertPoint, RenameMethod},
    position::LineIndex,
    reading::Edit,
    settle::{EntryDecision, settle},
    token::{Block, Token},
    tree::same::{Changes, same},
};

/// A rewritten document.
#[derive(Clone, Debug)]
pub struct RewrittenDocument {
    /// The new text, identical to the old one except for the changes.
    pub text: String,
    /// The changes, in document order.
    pub changes: Vec<ImageChange>,
    /// The candidates left alone, with the reasons.
    pub left: Vec<LeftCandidate>,
}

/// A renamed image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// Line and column in the old text.
    pub position: Position,
    /// Path in the document's structure.
    pub place: String,
    /// Other paths that lead to the same text, through anchors.
    pub also: Vec<String>,
    /// The old image.
    pub from: DocumentImage,
    /// The new name.
    pub to: NewName,
    /// Variables set outside the document that the old name uses.
    pub variables: Vec<(String, ValueOrigin)>,
}

/// A candidate that was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftCandidate {
    /// Line and column.
    pub position: Position,
    /// Path in the document's structure.
    pub place: String,
    /// The text as written.
    pub text: String,
    /// The image, if it is one.
    pub found: Option<DocumentImage>,
    /// The reason.
    pub reason: Reason,
    /// Variables set outside the document that it uses.
    pub variables: Vec<(String, ValueOrigin)>,
}

/// Why a document was not rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// Two images would get the same name.
    #[error(transparent)]
    Collision(#[from] Collision),
    /// The result would differ from the document in more than the names. This is a bug.
    #[error("the rewritten document would differ in more than its images; it was not written")]
    Differs,
}

impl Document<'_> {
    /// Renames the images according to `rules`. `census` holds the new names in documents rewritten before.
    ///
    /// # Errors
    /// Two images would get the same name, or the result fails its check.
    pub fn rewrite(&self, rules: &Rules, census: &mut Census) -> Result<RewrittenDocument, RewriteError> {
        let mut fates = settle(&self.entries, rules);
        let work = self.work(&mut fates);
        for (entry, fate) in self.entries.iter().zip(&fates) {
            if let (EntryVerdict::Image(image), EntryDecision::Renamed { target, .. }) = (&entry.what, fate) {
                census.add(&image.image, target)?;
            }
        }
        let text = work.apply(self.text);
        if !work.is_empty() {
            self.check(&text, &work, rules)?;
        }
        let (changes, left) = self.told(&fates);
        Ok(RewrittenDocument { text, changes, left })
    }

    // Collects the edits. An image whose edit is impossible is left alone after all.
    fn work(&self, decisions: &mut [EntryDecision]) -> DocumentEdits {
        let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
        let (mut work, mut blocks) = (DocumentEdits::default(), Blocks::new());
        for (entry, fate) in self.entries.iter().zip(decisions.iter_mut()) {
            let EntryDecision::Renamed { target, edits: own } = fate else { continue };
            if own.iter().all(|(_, edit)| self.takes(edit, &mut blocks)) {
                self.form(entry, target, &mut work);
                own.iter().for_each(|(_, edit)| edits.entry(edit.slot).or_default().push(edit.clone()));
            } else {
                *fate = EntryDecision::Left(Reason::InPieces);
            }
        }
        for (slot, mut edits) in edits {
            edits.sort_by_key(|edit| edit.range.start);
            edits.dedup();
            let token = &self.tokens[slot];
            let edits: Vec<&Edit> = edits.iter().collect();
            if let Some(written) = token.edited(self.text, &edits) {
                let made = work.mappings.remove(&slot);
                work.write(token, written.raw, written.text, made);
            }
        }
        // A service whose name is changed elsewhere, where its variable is set.
        for (slot, alias) in std::mem::take(&mut work.mappings) {
            let token = &self.tokens[slot];
            work.write(token, String::new(), token.text.clone(), Some(alias));
        }
        work
    }

    // True if the token can take the edit. The lines of a block are scanned once, however many images it has.
    fn takes<'d>(&'d self, edit: &Edit, blocks: &mut Blocks<'d>) -> bool {
        let Some(token) = self.tokens.get(edit.slot) else { return false };
        let block = blocks.entry(edit.slot).or_insert_with(|| token.block(self.text));
        token.takes(block.as_ref(), edit)
    }

    // Text inserted besides the edited tokens.
    fn form(&self, entry: &CandidateEntry, name: &NewName, edits: &mut DocumentEdits) {
        let EntryVerdict::Image(image) = &entry.what else { return };
        match &image.method {
            RenameMethod::Rename => {}
            RenameMethod::NewEntry { beside, key } => edits.put_in(self.text, beside, key, &name.name()),
            RenameMethod::Aliased { beside, alias } => edits.put_in(self.text, beside, "alias", alias),
            RenameMethod::MadeMapping { token, alias } => {
                edits.mappings.insert(*token, alias.clone());
            }
        }
    }

    fn check(&self, text: &str, edits: &DocumentEdits, rules: &Rules) -> Result<(), RewriteError> {
        let new = tree(text, self.kind).map_err(|_| RewriteError::Differs)?;
        let is_same = match (&self.tree, &new) {
            (Some(old), Some(new)) => same(old, new, &edits.changes),
            _ => self.reads_as(text, rules),
        };
        if is_same { Ok(()) } else { Err(RewriteError::Differs) }
    }

    // For kinds without a tree: the same candidates, and none of them would be renamed again.
    fn reads_as(&self, text: &str, rules: &Rules) -> bool {
        let Ok(new) = Document::read(text, self.kind, &self.search) else { return false };
        let again = settle(&new.entries, rules);
        let place = |entry: &CandidateEntry| entry.place.clone();
        new.entries.len() == self.entries.len()
            && again.iter().all(|fate| matches!(fate, EntryDecision::Left(_)))
            && self.entries.iter().map(place).eq(new.entries.iter().map(place))
    }

    fn told(&self, decisions: &[EntryDecision]) -> (Vec<ImageChange>, Vec<LeftCandidate>) {
        let lines = LineIndex::new(self.text);
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for (entry, fate) in self.entries.iter().zip(decisions) {
            let (position, place) = (lines.position(entry.at), entry.place.clone());
            let (found, variables) = match &entry.what {
                EntryVerdict::Image(image) => (Some(image.image.clone()), image.variables()),
                EntryVerdict::Left(_) => (None, Vec::new()),
            };
            match (fate, found) {
                (EntryDecision::Renamed { target, .. }, Some(from)) => {
                    let (also, to) = (entry.also.clone(), target.clone());
                    changes.push(ImageChange { position, place, also, from, to, variables });
                }
                (EntryDecision::Left(reason), found) => {
                    left.push(LeftCandidate {
                        position,
                        place,
                        text: entry.text.clone(),
                        found,
                        reason: reason.clone(),
                        variables,
                    });
                }
                (EntryDecision::Renamed { .. }, None) => {}
            }
        }
        (changes, left)
    }
}

// The lines of tokens that are blocks, by token index.
type Blocks<'d> = HashMap<usize, Option<Block<'d>>>;

/// The edits to a document, and their effect on its tree.
#[derive(Debug, Default)]
pub(crate) struct DocumentEdits {
    // By start offset: the end of the old text, and the new text.
    pieces: BTreeMap<usize, (usize, String)>,
    pub(crate) changes: Changes,
    // Tokens replaced by a mapping, with the alias in it.
    mappings: HashMap<usize, String>,
}

impl DocumentEdits {
    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Replaces a token's text.
    pub(crate) fn write(&mut self, token: &Token, raw: String, text: String, alias: Option<String>) {
        let change = self.changes.entry(token.span.start).or_default();
        let raw = match alias {
            Some(alias) => {
                let raw = format!(
                    "{{name: {}, alias: {}}}",
                    scalar(&text, Context::Flow),
                    scalar(&alias, Context::Flow)
                );
                change.mapping = Some(vec![("name".to_owned(), text), ("alias".to_owned(), alias)]);
                raw
            }
            None => {
                change.text = Some(text);
                raw
            }
        };
        self.pieces.insert(token.span.start, (token.span.end, raw));
    }

    // Inserts an entry after another one: in the same braces, or on a line of its own.
    fn put_in(&mut self, document: &str, beside: &InsertPoint, key: &str, value: &str) {
        let change = self.changes.entry(beside.value).or_default();
        change.beside = Some((key.to_owned(), value.to_owned()));
        let (at, new) = if beside.flow {
            (beside.end, format!(", {key}: {}", scalar(value, Context::Flow)))
        } else {
            let indent = column(document, entry_start(document, beside.key));
            let end = document[beside.end..].find('\n').map_or(document.len(), |at| beside.end + at);
            let is_crlf = document[..end].ends_with('\r');
            let (end, newline) = if is_crlf { (end - 1, "\r\n") } else { (end, "\n") };
            (end, format!("{newline}{}{key}: {}", " ".repeat(indent), scalar(value, Context::Block)))
        };
        self.pieces.insert(at, (at, new));
    }

    /// Inserts an entry before another one.
    pub(crate) fn put_before(&mut self, document: &str, first: &InsertPoint, key: &str, value: &str) {
        let change = self.changes.entry(first.value).or_default();
        change.before = Some((key.to_owned(), value.to_owned()));
        let start = entry_start(document, first.key);
        let new = if first.flow {
            format!("{key}: {}, ", scalar(value, Context::Flow))
        } else {
            let indent = column(document, start);
            let newline = if document[first.key..].split('\n').next().is_some_and(|line| line.ends_with('\r'))
            {
                "\r\n"
            } else {
                "\n"
            };
            format!("{key}: {}{newline}{}", scalar(value, Context::Block), " ".repeat(indent))
        };
        self.pieces.insert(start, (start, new));
    }

    /// The document with all edits applied.
    pub(crate) fn apply(&self, document: &str) -> String {
        let mut text = String::with_capacity(document.len() + self.pieces.len() * 32);
        let mut at = 0;
        for (start, (end, new)) in &self.pieces {
            text.push_str(&document[at..*start]);
            text.push_str(new);
            at = *end;
        }
        text.push_str(&document[at..]);
        text
    }
}

// The start of an entry whose key starts at `key`: anchors and tags of the key come first (YAML 1.2.2, §6.9).
fn entry_start(document: &str, key: usize) -> usize {
    let mut start = key;
    loop {
        let before = document[..start].trim_end_matches([' ', '\t']);
        let is_limit = |c: char| c.is_whitespace() || matches!(c, '{' | '[' | ',');
        let property = before.rfind(is_limit).map_or(0, |at| at + 1);
        if before.len() == start || !before[property..].starts_with(['&', '!']) {
            return start;
        }
        start = property;
    }
}

// The column of an offset, in characters from 0. A byte order mark takes none.
fn column(document: &str, at: usize) -> usize {
    let line = document[..at].rfind('\n').map_or(0, |newline| newline + 1);
    document[line..at].trim_start_matches('\u{feff}').chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DocumentKind, Naming, Search};

    #[test]
    fn an_entry_starts_with_the_anchors_and_tags_of_its_key() {
        for (document, key, start) in [
            ("- name: a", "name", "name"),
            ("- &a name: a", "name", "&a"),
            ("- !t &a name: a", "name", "!t"),
            ("&a name: a", "name", "&a"),
            ("{&a name: a}", "name", "&a"),
            ("{b: c,&a  name: a}", "name", "&a"),
            ("a&b: {name: a}", "name", "name"),
            ("&a\nname: a", "name", "name"),
            ("- é: &a {name: a}", "name", "name"),
        ] {
            let found = entry_start(document, document.find(key).unwrap());
            assert_eq!(found, document.find(start).unwrap(), "{document}");
        }
        assert_eq!(column("\u{feff}é x", "\u{feff}é x".len() - 1), 2);
    }

    /// The outcome of comparing `result` with `document` if nothing was to change.
    fn held(kind: DocumentKind, document: &str, result: &str) -> Result<(), RewriteError> {
        let document = Document::read(document, kind, &Search::default()).unwrap();
        let rules = Rules { naming: Naming::Flatten("r.lan/x".parse().unwrap()), ..Rules::default() };
        document.check(result, &DocumentEdits::default(), &rules)
    }

    #[test]
    fn a_result_that_reads_otherwise_is_not_given_out() {
        let compose = "services:\n  a:\n    image: nginx:1\n    command: [run]\n";
        assert_eq!(held(DocumentKind::Compose, compose, compose), Ok(()));
        for other in [
            compose.replace("nginx:1", "nginx:2"),
            compose.replace("[run]", "[ran]"),
            compose.replace("    command: [run]\n", ""),
            compose.replace("services:", "services: ["),
        ] {
            assert_eq!(held(DocumentKind::Compose, compose, &other), Err(RewriteError::Differs), "{other}");
        }
        // Dockerfiles have no tree: compare the stages, and check that nothing is left to rename.
        let dockerfile = "FROM r.lan/x/nginx:1 AS a\nFROM r.lan/x/redis:7\n";
        assert_eq!(held(DocumentKind::Dockerfile, dockerfile, dockerfile), Ok(()));
        for other in
            [dockerfile.replace("r.lan/x/nginx", "nginx"), dockerfile.replace("FROM r.lan/x/redis:7\n", "")]
        {
            assert_eq!(
                held(DocumentKind::Dockerfile, dockerfile, &other),
                Err(RewriteError::Differs),
                "{other}"
            );
        }
    }

    #[test]
    fn every_rewritten_document_is_compared() {
        let compose = "services:\n  a:\n    image: nginx:1\n";
        let rules = Rules { naming: Naming::Flatten("r.lan/x".parse().unwrap()), ..Rules::default() };
        let mut document = Document::read(compose, DocumentKind::Compose, &Search::default()).unwrap();
        assert!(document.rewrite(&rules, &mut Census::default()).is_ok());
        // Text and tree disagree, as they would after an edit at the wrong place.
        document.tree =
            tree("services:\n  a:\n    image: nginx:1\n  b: {}\n", DocumentKind::Compose).unwrap();
        let differs = document.rewrite(&rules, &mut Census::default());
        assert_eq!(differs.unwrap_err(), RewriteError::Differs);
    }
}
