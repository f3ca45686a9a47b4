//! Documents of lines: lists of references, and variables of an environment.

use std::ops::Range;

use crate::{
    candidate::Reason,
    finder::{Entry, Finder, Form, What, looks_like_image},
    token::Token,
    tree::Style,
};

/// One reference a line; `#` begins a comment.
pub(crate) fn list(finder: &mut Finder<'_>) {
    for (number, range) in lines(finder.text) {
        let line = &finder.text[range.clone()];
        let end = line.find('#').unwrap_or(line.len());
        let inner = line[..end].trim();
        if inner.is_empty() {
            continue;
        }
        let start = range.start + line.find(inner).unwrap_or(0);
        let reason = inner.contains('*').then_some(Reason::Pattern);
        add(start..start + inner.len(), format!("line {number}"), reason, finder);
    }
}

/// `NAME=value`; the names that end in `IMAGE` have images, and so have others whose values say which registry. Where it
/// was said which have them, those do.
pub(crate) fn env(finder: &mut Finder<'_>) {
    for Assignment { name, value, .. } in assignments(finder.text) {
        let text = &finder.text[value.clone()];
        let says = || {
            ["IMAGE", "IMAGE_NAME", "IMAGE_REPO", "IMAGE_REPOSITORY"]
                .iter()
                .any(|end| name.to_ascii_uppercase().ends_with(end))
        };
        let holds = match &finder.search.holders {
            Some(holders) => holders.contains(name),
            None => says() || looks_like_image(text),
        };
        if !text.is_empty() && holds {
            let name = name.to_owned();
            add(value, name, None, finder);
        }
    }
}

/// A line that sets a variable.
pub(crate) struct Assignment<'a> {
    pub(crate) name: &'a str,
    /// Where its value is written, without quotes.
    pub(crate) value: Range<usize>,
    /// Whether it stands as it is written, between `'`.
    pub(crate) literal: bool,
}

/// The lines of a file of variables that set one.
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

// What a variable is set to: without quotes, or up to a comment.
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

fn lines(text: &str) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let lengths: Vec<usize> = text[start..].split_inclusive('\n').map(str::len).collect();
    lengths.into_iter().enumerate().map(move |(index, length)| {
        start += length;
        (index + 1, start - length..start)
    })
}

fn add(range: Range<usize>, place: String, reason: Option<Reason>, finder: &mut Finder<'_>) {
    let text = finder.text[range.clone()].to_owned();
    let token = finder.add_token(Token { span: range.clone(), text: text.clone(), style: Style::Bare });
    let what = match (reason, finder.filled_in((token, &text), 0..text.len(), &|_| None)) {
        (Some(reason), _) => What::Left(reason),
        (None, Some(pieces)) => finder.what(pieces, Form::Rename),
        (None, None) => What::Left(Reason::NotAReference("a variable in it does not end".to_owned())),
    };
    finder.add_entry(Entry { at: range.start, place, text, what });
}
