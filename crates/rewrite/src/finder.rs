//! Collects candidates while a document is traversed.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use crate::{
    candidate::{DocumentImage, Reason},
    expansion::{Budget, ExpansionInput, Lookup, Piece, Pieces, ValueOrigin, VariableValue, expand},
    kind::DocumentKind,
    position::Starts,
    reading::AssembledReference,
    token::Token,
    tree::{Data, Path, TreeNode},
    variables::Variables,
};

/// What to look for in addition to the defaults of a document's kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Paths to keys of resources that name images, such as `spec.image`, skipping lists; `*` matches any one key.
    pub paths: Vec<String>,
    /// Treats argument and environment variable values as images if they look like one.
    pub arguments: bool,
    /// Also renames images that are built here, or pushed.
    pub built: bool,
    /// Values of variables for compose files and variable files. If set, names must be complete: an image whose tag is
    /// still unknown is left alone.
    pub variables: Option<Variables>,
    /// In a variable file: the variables that hold images. `None`: decide by name and value.
    pub holders: Option<BTreeSet<String>>,
    /// Names (`docker.io/team/app`) that are renamed in the resources. A kustomization that matches them is renamed as
    /// well, since it would match nothing otherwise.
    pub renamed: Vec<String>,
}

/// A candidate and the way to change it.
#[derive(Debug)]
pub(crate) struct CandidateEntry {
    /// Its byte offset.
    pub(crate) at: usize,
    pub(crate) place: String,
    /// Other places that lead here, through anchors.
    pub(crate) also: Vec<String>,
    pub(crate) text: String,
    pub(crate) what: EntryVerdict,
    /// For text that is left alone: the parts of tokens that must stay as they are.
    pub(crate) rests_on: Vec<(usize, usize)>,
}

impl CandidateEntry {
    /// A candidate at one place that needs no other text.
    pub(crate) fn new(at: usize, place: String, text: String, what: EntryVerdict) -> Self {
        Self { at, place, also: Vec::new(), text, what, rests_on: Vec::new() }
    }
}

/// The verdict on a candidate.
#[derive(Debug)]
pub(crate) enum EntryVerdict {
    /// An image and the way its name is assembled.
    Image(Box<NamedImage>),
    /// To be left alone.
    Left(Reason),
}

/// An image and its reading.
#[derive(Debug)]
pub(crate) struct NamedImage {
    pub(crate) image: DocumentImage,
    pub(crate) reference: AssembledReference,
    pub(crate) method: RenameMethod,
}

impl NamedImage {
    /// Variables set outside the document that it uses, without repetition.
    pub(crate) fn variables(&self) -> Vec<(String, ValueOrigin)> {
        let mut variables: Vec<(String, ValueOrigin)> = Vec::new();
        for (name, origin) in self.reference.known() {
            if variables.iter().all(|(known, _)| known != name) {
                variables.push((name.to_owned(), origin));
            }
        }
        variables
    }
}

/// How to rename an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RenameMethod {
    /// Edit its text.
    Rename,
    /// Insert an entry with the new name after the entry that names it: `newName`.
    NewEntry { beside: InsertPoint, key: &'static str },
    /// Edit its text, and keep its old name as an alias in an entry next to it.
    Aliased { beside: InsertPoint, alias: String },
    /// The same for a plain string, which becomes a mapping.
    MadeMapping { token: usize, alias: String },
}

/// The entry of a mapping after which another one is inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InsertPoint {
    /// Offsets: start of its key, start and end of its value.
    pub(crate) key: usize,
    pub(crate) value: usize,
    pub(crate) end: usize,
    /// True if the mapping is written in braces.
    pub(crate) flow: bool,
}

/// A place in a tree.
#[derive(Clone, Copy)]
pub(crate) struct TreePosition<'s> {
    pub(crate) path: &'s Path<'s>,
    pub(crate) node: &'s TreeNode<'s>,
}

/// Maximum number of bytes of a scalar to search for a part of it.
const MAX_LOOK: usize = 64 << 10;
/// Maximum number of places recorded for one candidate.
const MAX_PLACES: usize = 1000;

/// A scalar that contains several images, with the starts of its lines.
#[derive(Debug)]
struct Scalar {
    at: usize,
    /// In its value.
    read: Starts,
    /// In its source text.
    written: Starts,
}

/// Collects candidates.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    /// The whole document.
    pub(crate) text: &'a str,
    pub(crate) search: &'a Search,
    values: Option<&'a Variables>,
    /// Variables that the whole document sets.
    pub(crate) known: HashMap<String, Pieces>,
    /// The limit for expanding its variables.
    pub(crate) budget: Budget,
    pub(crate) tokens: Vec<Token>,
    pub(crate) entries: Vec<CandidateEntry>,
    /// Ranges of names that only refer to images named elsewhere, and stay.
    pub(crate) passed: Vec<Range<usize>>,
    tokens_at: HashMap<usize, usize>,
    entries_at: HashMap<usize, usize>,
    // The last scalar that was searched.
    scalar: Option<Scalar>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(text: &'a str, kind: DocumentKind, search: &'a Search) -> Self {
        let values =
            search.variables.as_ref().filter(|_| matches!(kind, DocumentKind::Compose | DocumentKind::Env));
        Self {
            text,
            search,
            values,
            known: HashMap::new(),
            budget: Budget::of(text),
            tokens: Vec::new(),
            entries: Vec::new(),
            passed: Vec::new(),
            tokens_at: HashMap::new(),
            entries_at: HashMap::new(),
            scalar: None,
        }
    }

    /// Expands the variables in a part of a token's text. Every expansion goes through here. `None`: a variable in it
    /// is unterminated.
    pub(crate) fn filled_in(
        &mut self,
        (slot, text): (usize, &str),
        range: Range<usize>,
        lookup: Lookup<'_>,
    ) -> Option<Pieces> {
        let (values, known) = (self.values, &self.known);
        let inside = |name: &str| known.get(name).map(VariableValue::Inside);
        let outside = |name: &str| values.and_then(|values| values.value(name));
        let lookup = |name: &str| lookup(name).or_else(|| inside(name)).or_else(|| outside(name));
        expand(&ExpansionInput { slot, text, lookup: &lookup }, range, &mut self.budget)
    }

    /// The token of a scalar; there is one per scalar, even if several aliases lead to it.
    pub(crate) fn token(&mut self, node: &TreeNode<'_>) -> Option<usize> {
        let Data::Scalar { text, style } = &node.data else { return None };
        // A long scalar with many parts is looked up again and again.
        if let Some(known) = self.tokens_at.get(&node.span.start) {
            return Some(*known);
        }
        let token = Token { span: node.span.clone(), text: text.clone().into_owned(), style: *style };
        Some(self.add_token(token))
    }

    pub(crate) fn add_token(&mut self, token: Token) -> usize {
        *self.tokens_at.entry(token.span.start).or_insert_with(|| {
            self.tokens.push(token);
            self.tokens.len() - 1
        })
    }

    /// A scalar that is a reference.
    pub(crate) fn image(&mut self, spot: TreePosition<'_>) {
        self.image_behind(spot, "", RenameMethod::Rename);
    }

    /// A scalar that is a reference after a prefix such as `docker://`.
    pub(crate) fn image_behind(&mut self, spot: TreePosition<'_>, prefix: &str, method: RenameMethod) {
        // Many aliases may lead to it.
        if self.is_image(spot) {
            return self.add_place(spot);
        }
        if let Some(pieces) = self.pieces(spot, prefix, &|_| None) {
            self.assembled(spot, pieces, method);
        }
    }

    /// A scalar that is a reference with some known variables.
    pub(crate) fn image_with(&mut self, spot: TreePosition<'_>, lookup: Lookup<'_>) {
        if let Some(pieces) = self.pieces(spot, "", lookup) {
            self.assembled(spot, pieces, RenameMethod::Rename);
        }
    }

    fn add_place(&mut self, spot: TreePosition<'_>) {
        let entry = self.entries_at.get(&spot.node.span.start).and_then(|index| self.entries.get_mut(*index));
        if let Some(entry) = entry.filter(|entry| entry.also.len() < MAX_PLACES) {
            let place = spot.path.to_string();
            if place != entry.place && !entry.also.contains(&place) {
                entry.also.push(place);
            }
        }
    }

    fn is_image(&self, spot: TreePosition<'_>) -> bool {
        let entry = self.entries_at.get(&spot.node.span.start).and_then(|index| self.entries.get(*index));
        entry.is_some_and(|entry| matches!(entry.what, EntryVerdict::Image(_)))
    }

    /// The pieces of a scalar, as the value of a variable or a part of a reference.
    pub(crate) fn value(&mut self, node: &TreeNode<'_>) -> Option<Pieces> {
        self.value_with(node, &|_| None)
    }

    /// The same, with some known variables.
    pub(crate) fn value_with(&mut self, node: &TreeNode<'_>, lookup: Lookup<'_>) -> Option<Pieces> {
        let text = node.text()?.trim();
        let token = self.token(node)?;
        let whole = node.text()?;
        let start = whole.len() - whole.trim_start().len();
        self.filled_in((token, whole), start..start + text.len(), lookup)
    }

    /// The pieces of a scalar after a prefix; if that is not a reference, it is reported.
    pub(crate) fn pieces(
        &mut self,
        spot: TreePosition<'_>,
        prefix: &str,
        lookup: Lookup<'_>,
    ) -> Option<Pieces> {
        let text = spot.node.text()?;
        if spot.node.is_tagged() {
            let tag = spot.node.tag.as_deref().unwrap_or_default();
            self.leave(spot, Reason::NotAReference(format!("its tag `{tag}` gives it another meaning")));
            return None;
        }
        let start = prefix.len() + (text.len() - text.trim_start().len());
        let end = text.trim_end().len();
        if start >= end {
            return None;
        }
        let token = self.token(spot.node)?;
        let pieces = self.filled_in((token, text), start..end, lookup);
        if pieces.is_none() {
            self.leave(spot, Reason::NotAReference("a variable in it is unterminated".to_owned()));
        }
        pieces
    }

    /// A part of a scalar: a line of a block, a word of a command. `None` for `reason`: it is an image.
    pub(crate) fn part(&mut self, spot: TreePosition<'_>, range: Range<usize>, reason: Option<Reason>) {
        let what = match reason {
            None => self.part_as(spot, range.clone(), &|_| None),
            Some(reason) => EntryVerdict::Left(reason),
        };
        if let Some(entry) = self.part_entry(spot, range, what) {
            self.add_entry(entry);
        }
    }

    /// The verdict on a part of a scalar, with some known variables.
    pub(crate) fn part_as(
        &mut self,
        spot: TreePosition<'_>,
        range: Range<usize>,
        lookup: Lookup<'_>,
    ) -> EntryVerdict {
        let token = self.token(spot.node);
        let whole = token.zip(spot.node.text());
        match whole.and_then(|whole| self.filled_in(whole, range, lookup)) {
            Some(pieces) => self.what(pieces, RenameMethod::Rename),
            None => EntryVerdict::Left(Reason::NotAReference("a variable in it is unterminated".to_owned())),
        }
    }

    /// A part that stands for several images, such as one per value of a variable: each is a candidate.
    pub(crate) fn part_of_many(&mut self, spot: TreePosition<'_>, range: Range<usize>, what: EntryVerdict) {
        let entry = self.part_entry(spot, range, what);
        self.entries.extend(entry);
    }

    fn part_entry(
        &mut self,
        spot: TreePosition<'_>,
        range: Range<usize>,
        what: EntryVerdict,
    ) -> Option<CandidateEntry> {
        let whole = spot.node.text()?;
        let text = whole.get(range.clone())?;
        let at = spot.node.span.start + self.place(spot.node, whole, range.start, text);
        Some(CandidateEntry::new(at, spot.path.to_string(), text.to_owned(), what))
    }

    // The offset in a scalar's source where a part of its value starts: on the corresponding line, or else the next one
    // that contains it. If there is too much to search, an approximation.
    fn place(&mut self, node: &TreeNode<'_>, whole: &str, from: usize, part: &str) -> usize {
        let raw = self.text.get(node.span.clone()).unwrap_or_default();
        if self.scalar.as_ref().is_none_or(|scalar| scalar.at != node.span.start) {
            let (read, written) = (Starts::of(whole), Starts::of(raw));
            self.scalar = Some(Scalar { at: node.span.start, read, written });
        }
        let Some(Scalar { read, written, .. }) = &self.scalar else { return 0 };
        let line = read.line(from);
        let (above, start) = (read.start(line).unwrap_or(0), written.start(line));
        let line = start.unwrap_or(0)..written.start(line + 1).unwrap_or(raw.len());
        let find = |within: Range<usize>| Some(within.start + raw.get(within)?.find(part)?);
        let is_short = |range: &Range<usize>| range.len() <= MAX_LOOK;
        let within = [line.clone(), line.start..raw.len(), 0..raw.len()];
        let found = within.into_iter().filter(is_short).find_map(find);
        // Offsets must be distinct: of two candidates at one offset, the second would be dropped.
        found.unwrap_or_else(|| start.map_or(from, |start| start + (from - above)).min(raw.len()))
    }

    /// A reference made of these pieces, if they are within the limits.
    pub(crate) fn reading(&self, pieces: &Pieces) -> Option<AssembledReference> {
        AssembledReference::new(pieces.clone(), |token| self.text_of(token)).ok()
    }

    fn text_of(&self, token: usize) -> &str {
        self.tokens.get(token).map_or("", |token| token.text.as_str())
    }

    /// The text that pieces stand for, and the parts of tokens that it consists of.
    pub(crate) fn whole(&self, pieces: &Pieces) -> (String, Vec<(usize, usize)>) {
        let text = pieces.iter().map(|piece| piece.text(|token| self.text_of(token))).collect();
        let parts = pieces.iter().filter_map(|piece| match piece {
            Piece::Text { slot, range } | Piece::Known { slot, range, .. } => Some((*slot, range.start)),
            Piece::Fixed(_) | Piece::Variable(_) => None,
        });
        (text, parts.collect())
    }

    /// A reference assembled from pieces; its position is `spot`.
    pub(crate) fn assembled(&mut self, spot: TreePosition<'_>, pieces: Pieces, method: RenameMethod) {
        let what = self.what(pieces, method);
        self.add(spot, what);
    }

    /// The verdict on a reference made of these pieces.
    pub(crate) fn what(&self, pieces: Pieces, method: RenameMethod) -> EntryVerdict {
        let reading = match AssembledReference::new(pieces, |token| self.text_of(token)) {
            Ok(reading) => reading,
            Err(excess) => return EntryVerdict::Left(excess.into()),
        };
        let open = reading.open().filter(|_| self.search.variables.is_some());
        match reading.found() {
            Ok(_) if let Some(variable) = open => EntryVerdict::Left(Reason::OpenTag(variable)),
            Ok(found) => {
                EntryVerdict::Image(Box::new(NamedImage { image: found, reference: reading, method }))
            }
            Err(reason) => EntryVerdict::Left(reason),
        }
    }

    /// Records a candidate that is left alone.
    pub(crate) fn leave(&mut self, spot: TreePosition<'_>, reason: Reason) {
        self.add(spot, EntryVerdict::Left(reason));
    }

    /// Records a text as left alone if it can be parsed as a reference, and skips it otherwise.
    pub(crate) fn leave_if_image(&mut self, spot: TreePosition<'_>, reason: Reason) {
        if spot.node.text().is_some_and(looks_like_image) {
            self.leave(spot, reason);
        }
    }

    /// A value that is an image if requested.
    pub(crate) fn argument(&mut self, spot: TreePosition<'_>, prefix: &str) {
        if self.search.arguments {
            self.image_behind(spot, prefix, RenameMethod::Rename);
        } else {
            self.leave(spot, Reason::Argument);
        }
    }

    fn add(&mut self, spot: TreePosition<'_>, what: EntryVerdict) {
        let text = spot.node.text().unwrap_or_default().trim().to_owned();
        self.add_entry(CandidateEntry::new(spot.node.span.start, spot.path.to_string(), text, what));
    }

    /// Records a candidate. Of two at one offset, an image wins, otherwise the first.
    pub(crate) fn add_entry(&mut self, entry: CandidateEntry) {
        let known = self.entries_at.get(&entry.at).and_then(|index| self.entries.get_mut(*index));
        match (known, &entry.what) {
            (Some(known), EntryVerdict::Image(_)) if matches!(known.what, EntryVerdict::Left(_)) => {
                *known = entry
            }
            (Some(_), _) => {}
            (None, _) => {
                self.entries_at.insert(entry.at, self.entries.len());
                self.entries.push(entry);
            }
        }
    }
}

/// True if a text is certainly an image even without context: it names a registry, a repository, and a tag or digest.
pub(crate) fn looks_like_image(text: &str) -> bool {
    let text = text.trim();
    let Some((host, rest)) = text.split_once('/') else { return false };
    let domain = host.split(':').next().unwrap_or_default();
    let top = domain.rsplit_once('.').map(|(_, top)| top);
    let is_domain =
        top.is_some_and(|top| top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let says_which = rest.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    is_domain && says_which && text.parse::<entrepot_oci::ImageRef>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_judged_strictly() {
        for yes in ["quay.io/a/b:1", "longhornio.example.com:5000/x:v1", " ghcr.io/a:1 "] {
            assert!(looks_like_image(yes), "{yes}");
        }
        for no in [
            "nginx:1",
            "a/b:1",
            "quay.io/a/b",
            "https://x.io/a:1",
            "1.2.3.4/a:1",
            "a.io/b c:1",
            "--x=a.io/b:1",
        ] {
            assert!(!looks_like_image(no), "{no}");
        }
    }
}
