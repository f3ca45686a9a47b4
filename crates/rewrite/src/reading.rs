//! The value of a reference that is written in one or several places, and putting a new name back into them.

use std::ops::Range;

use entrepot_oci::{Digest, ImageRef, Tag};

use crate::{
    candidate::{DocumentImage, Reason},
    expansion::{Excess, Piece, Pieces, ValueOrigin},
    naming::NewName,
};

/// A change to a part of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) slot: usize,
    pub(crate) range: Range<usize>,
    pub(crate) new: String,
}

/// Edits, each with the start of the part it changes.
pub(crate) type Edits = Vec<(usize, Edit)>;

/// A reference assembled from its pieces.
#[derive(Clone, Debug)]
pub(crate) struct AssembledReference {
    /// Its value.
    pub(crate) text: String,
    pieces: Vec<(Range<usize>, Piece)>,
    // End offsets of name and tag; the digest is the rest.
    name: usize,
    tag: usize,
}

impl AssembledReference {
    /// Assembles pieces that are within the limits. `text_of` gives the value of a token.
    pub(crate) fn new<'t>(pieces: Pieces, text_of: impl Fn(usize) -> &'t str) -> Result<Self, Excess> {
        let mut text = String::new();
        let placed = pieces.get()?.into_iter().map(|piece| {
            let start = text.len();
            text.push_str(piece.text(&text_of));
            (start..text.len(), piece)
        });
        let placed = placed.collect();
        let tag = text.find('@').unwrap_or(text.len());
        let slash = text[..tag].rfind('/').map_or(0, |at| at + 1);
        let name = text[slash..tag].find(':').map_or(tag, |at| slash + at);
        Ok(Self { text, pieces: placed, name, tag })
    }

    /// The image it names.
    pub(crate) fn found(&self) -> Result<DocumentImage, Reason> {
        if let Some(name) = self.variable(0..self.name) {
            return Err(Reason::Variable(name));
        }
        // The id of an image on the machine, not a repository called `sha256`.
        if self.text.parse::<Digest>().is_ok() {
            return Err(Reason::Local);
        }
        let not_one = |error: &dyn std::error::Error| Reason::NotAReference(error.to_string());
        let image: ImageRef = self.text[..self.name].parse().map_err(|error| not_one(&error))?;
        let (host, repository) = (image.host().clone(), image.repository().clone());
        if self.variable(self.name..self.text.len()).is_some() {
            return Ok(DocumentImage { host, repository, tag: None, digest: None, is_open: true });
        }
        let tag = (self.name < self.tag).then(|| self.text[self.name + 1..self.tag].parse::<Tag>());
        let digest = (self.tag < self.text.len()).then(|| self.text[self.tag + 1..].parse::<Digest>());
        Ok(DocumentImage {
            host,
            repository,
            tag: tag.transpose().map_err(|error| not_one(&error))?,
            digest: digest.transpose().map_err(|error| not_one(&error))?,
            is_open: false,
        })
    }

    /// The name without tag and digest, if it is known.
    pub(crate) fn name(&self) -> Option<&str> {
        self.variable(0..self.name).is_none().then(|| &self.text[..self.name])
    }

    /// Memory use in bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn cost(&self) -> usize {
        self.pieces.iter().map(|(_, piece)| piece.cost()).sum()
    }

    fn variable(&self, range: Range<usize>) -> Option<String> {
        self.pieces.iter().find_map(|(at, piece)| match piece {
            Piece::Variable(name) if at.start < range.end && range.start < at.end => Some(name.clone()),
            _ => None,
        })
    }

    /// The editable parts it uses: token and start of the range.
    pub(crate) fn rests_on(&self) -> impl Iterator<Item = (usize, usize)> {
        self.pieces.iter().filter_map(|(_, piece)| match piece {
            Piece::Text { slot, range } | Piece::Known { slot, range, .. } => Some((*slot, range.start)),
            Piece::Fixed(_) | Piece::Variable(_) => None,
        })
    }

    /// Variables whose values come from outside the document, and their origins.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&str, ValueOrigin)> {
        self.pieces.iter().filter_map(|(_, piece)| match piece {
            Piece::Known { name, origin, .. } => Some((name.as_str(), *origin)),
            _ => None,
        })
    }

    /// The variable that leaves tag or digest unknown.
    pub(crate) fn open(&self) -> Option<String> {
        self.variable(self.name..self.text.len())
    }

    // The variable in a file that holds the whole name; it is changed there.
    fn held(&self) -> Option<&str> {
        self.pieces.iter().find_map(|(at, piece)| match piece {
            Piece::Known { name, origin: ValueOrigin::File, .. } if at.start == 0 && at.end >= self.name => {
                Some(name.as_str())
            }
            _ => None,
        })
    }

    /// The edits that make it name `target`, each with the start of the part it changes.
    pub(crate) fn renamed(&self, name: &NewName) -> Result<Edits, Reason> {
        if let Some(variable) = self.held() {
            return Err(Reason::Held(variable.to_owned()));
        }
        self.ways(name).next().ok_or(Reason::InPieces)
    }

    /// The same without touching the part that starts at `part`, which others need as it is.
    pub(crate) fn renamed_beside(&self, name: &NewName, part: (usize, usize)) -> Option<Edits> {
        let is_beside = |edits: &Edits| !touches(edits, part);
        self.ways(name).find(is_beside)
    }

    /// The same if the first part gets a text that others need.
    pub(crate) fn renamed_after(&self, name: &NewName, first: &Edit) -> Option<Edits> {
        let (at, start) = match self.pieces.first()? {
            (at, Piece::Text { slot, range }) if *slot == first.slot && *range == first.range => {
                (at.clone(), range.start)
            }
            _ => return None,
        };
        let new = name.name();
        let (old, rest) = (self.text.get(at.end..self.name)?, new.strip_prefix(&first.new)?);
        let mut edits = vec![(start, first.clone())];
        if rest != old {
            let own = self.edit(at.end..self.name, rest);
            let behind_slash = || self.edit(at.end + 1..self.name, rest.strip_prefix('/')?);
            edits.push(own.or_else(behind_slash)?);
        }
        self.with_tag(edits, name)
    }

    // All ways to write the new name, the best first.
    fn ways(&self, name: &NewName) -> impl Iterator<Item = Edits> {
        const WAYS: [fn(&AssembledReference, &str) -> Option<Edits>; 5] = [
            AssembledReference::in_front,
            AssembledReference::in_one,
            AssembledReference::before_the_rest,
            AssembledReference::in_two,
            AssembledReference::spelled_out,
        ];
        let new = name.name();
        WAYS.into_iter().filter_map(move |way| self.with_tag(way(self, &new)?, name))
    }

    fn with_tag(&self, mut edits: Edits, name: &NewName) -> Option<Edits> {
        if let Some(tag) = &name.tag {
            let range = self.name..self.tag;
            let edit = self.edit(range.clone(), &format!(":{tag}"));
            let edit = edit.or_else(|| self.edit(range.start + 1..range.end, tag.as_str()));
            edits.push(edit?);
        }
        Some(merged(edits))
    }

    // Into the empty text that it begins with, as in `${PREFIX:-}name`.
    fn in_front(&self, new: &str) -> Option<Edits> {
        let (first, piece) = self.pieces.first()?;
        match piece {
            Piece::Text { slot, range } if first.is_empty() && self.name > 0 => {
                let head = new.strip_suffix(&self.text[..self.name])?.to_owned();
                Some(vec![(range.start, Edit { slot: *slot, range: range.clone(), new: head })])
            }
            _ => None,
        }
    }

    fn in_one(&self, new: &str) -> Option<Edits> {
        Some(vec![self.edit(0..self.name, new)?])
    }

    // The pieces after the first one stay if possible: a variable in them keeps its meaning.
    fn before_the_rest(&self, new: &str) -> Option<Edits> {
        let (first, _) = self.pieces.first()?;
        let rest = self.text.get(first.end..self.name).filter(|rest| !rest.is_empty())?;
        Some(vec![self.edit(first.clone(), new.strip_suffix(rest)?)?])
    }

    // The registry into the first piece, and the rest behind the `/` that follows it.
    fn in_two(&self, new: &str) -> Option<Edits> {
        let (first, _) = self.pieces.first()?;
        if !self.text.get(first.end..self.name)?.starts_with('/') {
            return None;
        }
        let (host, path) = new.split_once('/')?;
        Some(vec![self.edit(first.clone(), host)?, self.edit(first.end + 1..self.name, path)?])
    }

    // Writes out the name in place of variables that are parts of it.
    fn spelled_out(&self, new: &str) -> Option<Edits> {
        let mut whole: Option<(usize, Range<usize>)> = None;
        let mut new = new.to_owned();
        for (at, piece) in self.pieces.iter().take_while(|(at, _)| at.start < self.name) {
            let inside = self.name.min(at.end) - at.start;
            let (slot, range) = match piece {
                Piece::Text { slot, range } => (*slot, range.start..range.start + inside),
                Piece::Known { slot, range, value, .. } => {
                    // Keeps the rest of the variable's value.
                    new.push_str(&value[inside..]);
                    (*slot, range.clone())
                }
                Piece::Fixed(_) | Piece::Variable(_) => return None,
            };
            whole = match whole {
                None => Some((slot, range)),
                Some((first, before)) if first == slot && before.end == range.start => {
                    Some((slot, before.start..range.end))
                }
                Some(_) => return None,
            };
        }
        let (slot, range) = whole?;
        Some(vec![(range.start, Edit { slot, range, new })])
    }

    // An edit of a range that lies in one token.
    fn edit(&self, range: Range<usize>, new: &str) -> Option<(usize, Edit)> {
        self.pieces.iter().find_map(|(at, piece)| match piece {
            Piece::Text { slot, range: part } if at.start <= range.start && range.end <= at.end => {
                let start = part.start + (range.start - at.start);
                let end = part.start + (range.end - at.start);
                Some((part.start, Edit { slot: *slot, range: start..end, new: new.to_owned() }))
            }
            _ => None,
        })
    }
}

/// True if one of the edits changes the part: a token, and the start of the part in it.
pub(crate) fn touches(edits: &[(usize, Edit)], (slot, start): (usize, usize)) -> bool {
    edits.iter().any(|(part, edit)| *part == start && edit.slot == slot)
}

// Merges adjacent edits; name and tag are often side by side in one token.
fn merged(edits: Edits) -> Edits {
    let mut merged: Edits = Vec::new();
    for (part, edit) in edits {
        match merged.last_mut() {
            Some((known, last))
                if *known == part && last.slot == edit.slot && last.range.end == edit.range.start =>
            {
                last.range.end = edit.range.end;
                last.new.push_str(&edit.new);
            }
            _ => merged.push((part, edit)),
        }
    }
    merged
}
