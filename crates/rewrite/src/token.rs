//! Editable tokens: their value, their source text, and writing a new value.

use std::{collections::HashMap, ops::Range};

use entrepot_yaml::{Context, quoted, scalar};

use crate::{reading::Edit, tree::Style};

/// A token of a document.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Its range, including quotes.
    pub(crate) span: Range<usize>,
    /// Its value.
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// The new source text of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenText {
    pub(crate) raw: String,
    pub(crate) text: String,
}

impl Token {
    /// The token with these edits, which must be in order without overlaps. `None`: it cannot take them.
    pub(crate) fn edited(&self, document: &str, edits: &[&Edit]) -> Option<TokenText> {
        let raw = document.get(self.span.clone())?;
        let own = |edit: &Edit| Some(edit.range.clone());
        let text = splice(&self.text, edits, own)?;
        let quotes = usize::from(matches!(self.style, Style::Single | Style::Double));
        let inner = raw.get(quotes..raw.len() - quotes)?;
        let within = |edit: &Edit| Some(edit.range.start + quotes..edit.range.end + quotes);
        // If value and source are the same, the rest of the token need not change.
        let is_plain = inner == self.text;
        let raw = match self.style {
            Style::Bare | Style::Single | Style::Double if is_plain => splice(raw, edits, within)?,
            Style::Bare => text.clone(),
            Style::Plain { flow: false } => scalar(&text, Context::Block).into_owned(),
            Style::Plain { flow: true } => scalar(&text, Context::Flow).into_owned(),
            Style::Single => format!("'{}'", text.replace('\'', "''")),
            Style::Double => quoted(&text),
            Style::Block => {
                let block = Block::of(raw);
                splice(raw, edits, |edit| block.place(&self.text, edit))?
            }
        };
        Some(TokenText { raw, text })
    }

    /// Its lines, if it is a block scalar.
    pub(crate) fn block<'d>(&self, document: &'d str) -> Option<Block<'d>> {
        matches!(self.style, Style::Block)
            .then(|| Block::of(document.get(self.span.clone()).unwrap_or_default()))
    }

    /// True if it can take an edit; `block` is the result of [`Token::block`].
    pub(crate) fn takes(&self, block: Option<&Block<'_>>, edit: &Edit) -> bool {
        block.is_none_or(|block| block.place(&self.text, edit).is_some())
    }
}

/// The source lines of a block scalar. A line is found by its content, since the value does not reveal the
/// indentation; a line that occurs twice is ambiguous.
pub(crate) struct Block<'d>(HashMap<&'d str, Option<usize>>);

impl<'d> Block<'d> {
    fn of(raw: &'d str) -> Self {
        let (mut lines, mut start) = (HashMap::new(), 0);
        for line in raw.split_inclusive('\n') {
            let at = start + (line.len() - line.trim_start().len());
            lines.entry(line.trim()).and_modify(|known| *known = None).or_insert(Some(at));
            start += line.len();
        }
        Self(lines)
    }

    // The range in the source of an edit to the value.
    fn place(&self, text: &str, edit: &Edit) -> Option<Range<usize>> {
        let start = text.get(..edit.range.start)?.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(start..)?.split('\n').next()?;
        let indent = line.len() - line.trim_start().len();
        let written = (*self.0.get(line.trim())?)?;
        let first = edit.range.start.checked_sub(start + indent)?;
        let length = edit.range.len();
        (first + length <= line.trim().len()).then_some(written + first..written + first + length)
    }
}

// A text with edits at the ranges given by `place`. `None`: one has no range.
fn splice(text: &str, edits: &[&Edit], place: impl Fn(&Edit) -> Option<Range<usize>>) -> Option<String> {
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = place(edit)?;
        new.push_str(text.get(at..range.start)?);
        new.push_str(&edit.new);
        at = range.end;
    }
    new.push_str(text.get(at..)?);
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(raw: &str, text: &str, style: Style, range: Range<usize>, new: &str) -> Option<String> {
        let token = Token { span: 0..raw.len(), text: text.to_owned(), style };
        token.edited(raw, &[&Edit { slot: 0, range, new: new.to_owned() }]).map(|written| written.raw)
    }

    #[test]
    fn quotes_stay_as_they_are() {
        let plain = Style::Plain { flow: false };
        for (raw, text, style, new) in [
            ("nginx:1", "nginx:1", plain, "m.io/nginx:1"),
            ("'nginx:1'", "nginx:1", Style::Single, "'m.io/nginx:1'"),
            ("\"nginx:1\"", "nginx:1", Style::Double, "\"m.io/nginx:1\""),
            ("\"\\x6eginx:1\"", "nginx:1", Style::Double, "\"m.io/nginx:1\""),
            ("'nginx:1''s'", "nginx:1's", Style::Single, "'m.io/nginx:1''s'"),
            ("  nginx:1\n", "nginx:1\n", Style::Block, "  m.io/nginx:1\n"),
            ("ngi\\\nnx:1", "nginx:1", Style::Bare, "m.io/nginx:1"),
        ] {
            assert_eq!(edited(raw, text, style, 0..5, "m.io/nginx").unwrap(), new);
        }
    }

    #[test]
    fn quotes_come_where_they_are_needed() {
        let flow = Style::Plain { flow: true };
        for (text, style, new, raw) in [
            ("x:$V", Style::Plain { flow: false }, "[::1]:5000/x", "\"[::1]:5000/x:$V\""),
            ("x:${V}", flow, "y", "\"y:${V}\""),
            ("x", Style::Plain { flow: false }, "1.30", "\"1.30\""),
            ("x", Style::Plain { flow: false }, "1.30-alpine", "1.30-alpine"),
        ] {
            assert_eq!(edited(text, text, style, 0..1, new).unwrap(), raw);
        }
    }

    #[test]
    fn a_line_that_is_there_twice_is_not_guessed() {
        assert_eq!(edited("  a\n  a\n", "a\na\n", Style::Block, 0..1, "b"), None);
    }
}
