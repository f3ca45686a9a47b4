//! Expands variables in a text, in the same way for every kind of document. The limits apply during expansion, so that
//! no kind can bypass them.
//!
//! - [`expand`] splits a text and expands what is known
//! - [`Pieces`] are the result, never longer than [`LONGEST`]
//! - [`Budget`] limits all expansions of a document together

use std::ops::Range;

use crate::text::{self, Fallback, TextPart};

/// Maximum length in bytes of a text that can be an image name. No registry accepts a quarter of that.
pub(crate) const LONGEST: usize = 4 << 10;
/// Maximum nesting of defaults that contain variables with defaults.
const MAX_DEPTH: usize = 8;
/// Placeholder for a variable of unknown value; valid anywhere in an image name.
const UNKNOWN: &str = "x";

/// The origin of a variable's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueOrigin {
    /// A variable file, such as `.env`.
    File,
    /// The environment, which takes precedence over files.
    Environment,
}

/// Why a text is not expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// It would be longer than [`LONGEST`].
    Text,
    /// The document's expansions would exceed its [`Budget`].
    Document,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A range of a token's value; it can be edited.
    Text { slot: usize, range: Range<usize> },
    /// Implied by the way the pieces are joined: the `/` between registry and repository, the `:` before a tag.
    Fixed(&'static str),
    /// A variable of unknown value.
    Variable(String),
    /// A variable whose known value is set outside the document; a range of a token's value.
    Known { slot: usize, range: Range<usize>, name: String, value: String, origin: ValueOrigin },
}

impl Piece {
    /// The piece's text; `text_of` gives the value of a token.
    pub(crate) fn text<'p, 't: 'p>(&'p self, text_of: impl Fn(usize) -> &'t str) -> &'p str {
        match self {
            Self::Text { slot, range } => text_of(*slot).get(range.clone()).unwrap_or_default(),
            Self::Fixed(fixed) => fixed,
            Self::Variable(_) => UNKNOWN,
            Self::Known { value, .. } => value,
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Text { range, .. } => range.len(),
            Self::Fixed(fixed) => fixed.len(),
            Self::Variable(_) => UNKNOWN.len(),
            Self::Known { value, .. } => value.len(),
        }
    }

    /// Its memory use in bytes, including its text.
    pub(crate) fn cost(&self) -> usize {
        let names = match self {
            Self::Text { .. } | Self::Fixed(_) => 0,
            Self::Variable(name) => name.len(),
            Self::Known { name, value, .. } => name.len() + value.len(),
        };
        size_of::<Self>() + names + self.length()
    }
}

/// The pieces of a text. A text that is too long has no pieces, and stays too long whatever is added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    length: usize,
    cost: usize,
    excess: Option<Excess>,
}

impl Pieces {
    /// Adds a piece from the document itself.
    pub(crate) fn push(&mut self, piece: Piece) {
        if self.excess.is_some() {
            return;
        }
        if self.length + piece.length() > LONGEST {
            return self.exceed(Excess::Text);
        }
        self.length += piece.length();
        self.cost += piece.cost();
        self.pieces.push(piece);
    }

    /// Adds the pieces of another text.
    pub(crate) fn append(&mut self, other: &Self, budget: &mut Budget) {
        match self.excess.or(other.excess) {
            Some(excess) => self.exceed(excess),
            None if self.length + other.length > LONGEST => self.exceed(Excess::Text),
            None if !budget.covers(other.cost) => self.exceed(Excess::Document),
            None => {
                self.length += other.length;
                self.cost += other.cost;
                self.pieces.extend_from_slice(&other.pieces);
            }
        }
    }

    fn exceed(&mut self, excess: Excess) {
        *self = Self { excess: Some(excess), ..Self::default() };
    }

    /// True if the text is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0 && self.excess.is_none()
    }

    /// The pieces; none if they exceed the limits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter()
    }

    /// The pieces, if they are within the limits.
    pub(crate) fn get(self) -> Result<Vec<Piece>, Excess> {
        self.excess.map_or(Ok(self.pieces), Err)
    }
}

/// Memory in bytes that the expansions of a document may use. It grows with the document, so that the expansions are
/// at most a multiple of the input.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    const LEAST: usize = 8 << 20;
    const FOR_EACH_BYTE: usize = 64;

    /// The budget of a document.
    pub(crate) fn of(document: &str) -> Self {
        Self { left: Self::LEAST.saturating_add(document.len().saturating_mul(Self::FOR_EACH_BYTE)) }
    }

    /// The remaining budget.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    fn covers(&mut self, cost: usize) -> bool {
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

/// The value of a variable.
#[derive(Clone, Copy)]
pub(crate) enum VariableValue<'v> {
    /// Set in the document.
    Inside(&'v Pieces),
    /// Set outside it.
    Outside(&'v str, ValueOrigin),
    /// Too long to be expanded.
    Excess(Excess),
}

impl VariableValue<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Inside(pieces) => pieces.is_empty(),
            Self::Outside(value, _) => value.is_empty(),
            Self::Excess(_) => false,
        }
    }
}

/// Looks up a variable by name.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<VariableValue<'l>>;

/// A text to be expanded.
pub(crate) struct ExpansionInput<'l> {
    /// The token it is from.
    pub(crate) slot: usize,
    /// The token's value.
    pub(crate) text: &'l str,
    /// The known variables.
    pub(crate) lookup: Lookup<'l>,
}

/// The pieces of a range of a text. `None`: a variable in it is unterminated.
pub(crate) fn expand(input: &ExpansionInput<'_>, range: Range<usize>, budget: &mut Budget) -> Option<Pieces> {
    let mut expansion = Expansion { input, pieces: Pieces::default(), budget };
    expansion.add(range, 0)?;
    Some(expansion.pieces)
}

struct Expansion<'e, 'w> {
    input: &'e ExpansionInput<'w>,
    pieces: Pieces,
    budget: &'e mut Budget,
}

impl Expansion<'_, '_> {
    fn add(&mut self, range: Range<usize>, depth: usize) -> Option<()> {
        for part in text::parts(self.input.text, range) {
            match part? {
                TextPart::Literal(range) => self.pieces.push(Piece::Text { slot: self.input.slot, range }),
                TextPart::Variable { range, name, fallback } => {
                    self.variable(range, name, &fallback, depth)?;
                }
            }
            if self.pieces.excess.is_some() {
                break;
            }
        }
        Some(())
    }

    fn variable(
        &mut self,
        range: Range<usize>,
        name: String,
        fallback: &Fallback,
        depth: usize,
    ) -> Option<()> {
        let value = (self.input.lookup)(&name);
        let is_set = |if_empty: bool| value.is_some_and(|value| !(if_empty && value.is_empty()));
        match (fallback, value) {
            (Fallback::Alternative { text, if_empty }, _) if is_set(*if_empty) => self.text(text, depth),
            (Fallback::Alternative { .. }, _) => Some(()),
            (Fallback::Default { text, if_empty }, _) if !is_set(*if_empty) => self.text(text, depth),
            (_, Some(value)) => {
                self.fill_in(value, name, range);
                Some(())
            }
            (_, None) => {
                self.pieces.push(Piece::Variable(name));
                Some(())
            }
        }
    }

    // A text of a fallback. An empty one is a piece too: a new name may begin there.
    fn text(&mut self, range: &Range<usize>, depth: usize) -> Option<()> {
        if range.is_empty() {
            self.pieces.push(Piece::Text { slot: self.input.slot, range: range.clone() });
            return Some(());
        }
        if depth >= MAX_DEPTH {
            self.pieces.push(Piece::Variable(self.input.text[range.clone()].to_owned()));
            return Some(());
        }
        self.add(range.clone(), depth + 1)
    }

    fn fill_in(&mut self, value: VariableValue<'_>, name: String, range: Range<usize>) {
        match value {
            VariableValue::Inside(pieces) => self.pieces.append(pieces, self.budget),
            VariableValue::Outside(value, _) if value.len() > LONGEST => self.pieces.exceed(Excess::Text),
            VariableValue::Outside(value, origin) => {
                let slot = self.input.slot;
                let mut one = Pieces::default();
                one.push(Piece::Known { slot, range, name, value: value.to_owned(), origin });
                self.pieces.append(&one, self.budget);
            }
            VariableValue::Excess(excess) => self.pieces.exceed(excess),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(times: usize) -> Pieces {
        let mut budget = Budget::of("");
        let mut pieces = Pieces::default();
        pieces.push(Piece::Text { slot: 0, range: 0..1 });
        for _ in 0..times {
            let text = "$A$A";
            let lookup = |_: &str| Some(VariableValue::Inside(&pieces));
            let written = ExpansionInput { slot: 1, text, lookup: &lookup };
            pieces = expand(&written, 0..text.len(), &mut budget).unwrap();
        }
        pieces
    }

    #[test]
    fn what_doubles_ends_at_four_kibibytes() {
        assert_eq!(doubled(12).get().unwrap().len(), LONGEST);
        assert_eq!(doubled(13).get(), Err(Excess::Text));
        assert_eq!(doubled(40).get(), Err(Excess::Text));
    }

    #[test]
    fn too_long_is_too_long_at_once_and_stays_so() {
        let mut pieces = Pieces::default();
        pieces.push(Piece::Text { slot: 0, range: 0..LONGEST });
        pieces.push(Piece::Fixed("/"));
        pieces.push(Piece::Fixed("/"));
        assert!(pieces.pieces.capacity() == 0 && !pieces.is_empty());
        assert_eq!(pieces.get(), Err(Excess::Text));
    }

    #[test]
    fn all_that_is_filled_in_is_a_multiple_of_what_was_written() {
        let value = "v".repeat(LONGEST);
        let lookup = |_: &str| Some(VariableValue::Outside(&value, ValueOrigin::File));
        let written = ExpansionInput { slot: 0, text: "$A", lookup: &lookup };
        let mut budget = Budget::of("x");
        let mut bytes = 0;
        loop {
            let pieces = expand(&written, 0..2, &mut budget).unwrap();
            bytes += pieces.cost;
            match pieces.get() {
                Ok(_) => assert!(bytes <= Budget::LEAST + Budget::FOR_EACH_BYTE),
                Err(excess) => break assert_eq!(excess, Excess::Document),
            }
        }
    }
}
