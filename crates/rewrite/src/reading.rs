//! What a reference written in one or several places reads as, and how a new name is put back into those places.

use std::ops::Range;

use entrepot_oci::{Digest, Image, Tag};

use crate::{
    candidate::{Found, Reason},
    naming::Target,
    text::{self, Part},
};

/// What stands for a variable whose value is not known; any image name may hold it.
const UNKNOWN: &str = "x";
/// How deep defaults may hold variables with defaults.
const MAX_DEPTH: usize = 8;

/// A part of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A range of what a token reads as; it can be edited.
    Text { slot: usize, range: Range<usize> },
    /// Implied by how the parts are put together: the `/` between registry and repository, the `:` before a tag.
    Fixed(&'static str),
    /// A variable whose value is not known.
    Variable(String),
}

/// What a part of a token becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) slot: usize,
    pub(crate) range: Range<usize>,
    pub(crate) new: String,
}

/// What the value of a variable is made of.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<Vec<Piece>>;

/// The pieces of `range` of a token's text. `None`: a variable in it does not end.
pub(crate) fn pieces(slot: usize, text: &str, range: Range<usize>, lookup: Lookup<'_>) -> Option<Vec<Piece>> {
    let mut collector = Collector { pieces: Vec::new(), slot, text, lookup };
    collector.add(range, 0)?;
    Some(collector.pieces)
}

struct Collector<'l> {
    pieces: Vec<Piece>,
    slot: usize,
    text: &'l str,
    lookup: Lookup<'l>,
}

impl Collector<'_> {
    fn add(&mut self, range: Range<usize>, depth: usize) -> Option<()> {
        for part in text::parts(self.text, range)? {
            match part {
                Part::Literal(range) => self.pieces.push(Piece::Text { slot: self.slot, range }),
                Part::Variable { name, default } => match ((self.lookup)(&name), default) {
                    (Some(known), _) => self.pieces.extend(known),
                    (None, Some(default)) if depth < MAX_DEPTH => self.add(default, depth + 1)?,
                    (None, _) => self.pieces.push(Piece::Variable(name)),
                },
            }
        }
        Some(())
    }
}

/// A reference put together from its pieces.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// What it reads as.
    pub(crate) text: String,
    pieces: Vec<(Range<usize>, Piece)>,
    // Where name and tag end; the digest is the rest.
    name: usize,
    tag: usize,
}

impl Reading {
    /// Puts pieces together. `text_of` says what a token reads as.
    pub(crate) fn new<'t>(pieces: Vec<Piece>, text_of: impl Fn(usize) -> &'t str) -> Self {
        let mut text = String::new();
        let placed = pieces.into_iter().map(|piece| {
            let start = text.len();
            match &piece {
                Piece::Text { slot, range } => text.push_str(&text_of(*slot)[range.clone()]),
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Variable(_) => text.push_str(UNKNOWN),
            }
            (start..text.len(), piece)
        });
        let placed = placed.collect();
        let tag = text.find('@').unwrap_or(text.len());
        let slash = text[..tag].rfind('/').map_or(0, |at| at + 1);
        let name = text[slash..tag].find(':').map_or(tag, |at| slash + at);
        Self { text, pieces: placed, name, tag }
    }

    /// The image it names.
    pub(crate) fn found(&self) -> Result<Found, Reason> {
        if let Some(name) = self.variable(0..self.name) {
            return Err(Reason::Variable(name));
        }
        let not_one = |error: &dyn std::error::Error| Reason::NotAReference(error.to_string());
        let image: Image = self.text[..self.name].parse().map_err(|error| not_one(&error))?;
        let (host, repository) = (image.host().clone(), image.repository().clone());
        if self.variable(self.name..self.text.len()).is_some() {
            return Ok(Found { host, repository, tag: None, digest: None, is_open: true });
        }
        let tag = (self.name < self.tag).then(|| self.text[self.name + 1..self.tag].parse::<Tag>());
        let digest = (self.tag < self.text.len()).then(|| self.text[self.tag + 1..].parse::<Digest>());
        Ok(Found {
            host,
            repository,
            tag: tag.transpose().map_err(|error| not_one(&error))?,
            digest: digest.transpose().map_err(|error| not_one(&error))?,
            is_open: false,
        })
    }

    fn variable(&self, range: Range<usize>) -> Option<String> {
        self.pieces.iter().find_map(|(at, piece)| match piece {
            Piece::Variable(name) if at.start < range.end && range.start < at.end => Some(name.clone()),
            _ => None,
        })
    }

    /// The editable parts it rests on: token and start of the range.
    pub(crate) fn rests_on(&self) -> impl Iterator<Item = (usize, usize)> {
        self.pieces.iter().filter_map(|(_, piece)| match piece {
            Piece::Text { slot, range } => Some((*slot, range.start)),
            Piece::Fixed(_) | Piece::Variable(_) => None,
        })
    }

    /// The edits that make it name `target`; with each, the start of the part that it is an edit of.
    pub(crate) fn renamed(&self, target: &Target) -> Result<Vec<(usize, Edit)>, Reason> {
        let new = target.name();
        let mut edits = self.name_edits(&new).ok_or(Reason::InPieces)?;
        if let Some(tag) = &target.tag {
            let range = self.name..self.tag;
            let edit = self.edit(range.clone(), &format!(":{tag}"));
            let edit = edit.or_else(|| self.edit(range.start + 1..range.end, tag.as_str()));
            edits.push(edit.ok_or(Reason::InPieces)?);
        }
        Ok(merged(edits))
    }

    fn name_edits(&self, new: &str) -> Option<Vec<(usize, Edit)>> {
        let old = &self.text[..self.name];
        if let Some(edit) = self.edit(0..self.name, new) {
            return Some(vec![edit]);
        }
        let (first, _) = self.pieces.first()?;
        // The part behind the first piece stays where it can: a variable in it keeps its meaning.
        if first.end < self.name
            && let Some(head) = new.strip_suffix(&old[first.end..])
        {
            return Some(vec![self.edit(first.clone(), head)?]);
        }
        if !old.get(first.end..)?.starts_with('/') {
            return None;
        }
        let (host, path) = new.split_once('/')?;
        Some(vec![self.edit(first.clone(), host)?, self.edit(first.end + 1..self.name, path)?])
    }

    // An edit of a range of the reading that lies in one token.
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

// Name and tag are often in one token, side by side.
fn merged(edits: Vec<(usize, Edit)>) -> Vec<(usize, Edit)> {
    let mut merged: Vec<(usize, Edit)> = Vec::new();
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
