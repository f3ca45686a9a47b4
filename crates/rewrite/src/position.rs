//! Positions in a text, as line and column.

use std::cell::Cell;

use memchr::memchr_iter;

/// A position in a text, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The start offsets of a text's lines.
#[derive(Debug)]
pub(crate) struct Starts(Vec<usize>);

impl Starts {
    pub(crate) fn of(text: &str) -> Self {
        let breaks = memchr_iter(b'\n', text.as_bytes());
        Self(std::iter::once(0).chain(breaks.map(|index| index + 1)).collect())
    }

    /// The line of a byte offset, counted from 0.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Start offset of a line.
    pub(crate) fn start(&self, line: usize) -> Option<usize> {
        self.0.get(line).copied()
    }
}

/// The lines of a text.
pub(crate) struct LineIndex<'a> {
    text: &'a str,
    starts: Starts,
    // The last offset asked for and the number of characters before it in its line: lines may be long, and offsets are
    // mostly asked for in order.
    last: Cell<(usize, usize)>,
}

impl<'a> LineIndex<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, starts: Starts::of(text), last: Cell::default() }
    }

    /// The position of a byte offset.
    pub(crate) fn position(&self, at: usize) -> Position {
        let line = self.starts.line(at);
        let start = self.starts.start(line).unwrap_or(0);
        let (from, counted) = match self.last.get() {
            (from, counted) if (start..=at).contains(&from) && from > start => (from, counted),
            _ => (start, 0),
        };
        let between = self.text.get(from..at).unwrap_or_default();
        let between = between.strip_prefix('\u{feff}').filter(|_| from == 0).unwrap_or(between);
        let column = counted + between.chars().count();
        self.last.set((at, column));
        Position { line: line + 1, column: column + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters() {
        let lines = LineIndex::new("\u{feff}é: x\r\nb: y");
        assert_eq!(lines.position(3), Position { line: 1, column: 1 });
        assert_eq!(lines.position(7), Position { line: 1, column: 4 });
        assert_eq!(lines.position(10), Position { line: 2, column: 1 });
        assert_eq!(lines.position(13), Position { line: 2, column: 4 });
        // Backwards.
        assert_eq!(lines.position(12), Position { line: 2, column: 3 });
        assert_eq!(LineIndex::new("").position(0), Position { line: 1, column: 1 });
    }
}
