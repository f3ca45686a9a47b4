//! Variable files: lines of `NAME=value`.

use std::ops::Range;

/// A line that sets a variable.
pub(crate) struct Assignment<'a> {
    pub(crate) name: &'a str,
    /// Range of the value, without quotes.
    pub(crate) value: Range<usize>,
    /// True if the value is in single quotes and taken literally.
    pub(crate) literal: bool,
}

/// The lines of a variable file that set a variable.
pub(crate) fn assignments(text: &str) -> impl Iterator<Item = Assignment<'_>> {
    lines(text).filter_map(|(_, range)| {
        let line = &text[range.clone()];
        let (name, value) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#'))?;
        let start = range.start + name.len() + 1;
        let value = value_of(value);
        let value = start + value.start..start + value.end;
        let literal = text[start..value.start].ends_with('\'');
        Some(Assignment { name: name.trim().trim_start_matches("export ").trim(), value, literal })
    })
}

// The value: without quotes, or up to a comment.
fn value_of(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    let rest = &text[start..];
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(length) = quote.and_then(|quote| rest[1..].find(quote)) {
        return start + 1..start + 1 + length;
    }
    let length = rest.find(" #").unwrap_or(rest.len());
    start..start + rest[..length].trim_end().len()
}

/// The lines of a text with their numbers.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let lengths: Vec<usize> = text[start..].split_inclusive('\n').map(str::len).collect();
    lengths.into_iter().enumerate().map(move |(index, length)| {
        start += length;
        (index + 1, start - length..start)
    })
}
