//! The words of an instruction.

use std::ops::Range;

/// The words of a text, as ranges; white space in quotes does not end a word.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, c) if c.is_whitespace() => {
                words.extend(start.take().map(|start| start..at));
                continue;
            }
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        start.get_or_insert(at);
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// The range without surrounding quotes.
pub(super) fn unquoted(text: &str, range: Range<usize>) -> Range<usize> {
    let inner = &text[range.clone()];
    let is_quoted = ['"', '\'']
        .iter()
        .any(|quote| inner.len() > 1 && inner.starts_with(*quote) && inner.ends_with(*quote));
    if is_quoted { range.start + 1..range.end - 1 } else { range }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        let text = "ARG A=\"b c\"  D='e' é=f";
        let found: Vec<&str> = words(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["ARG", "A=\"b c\"", "D='e'", "é=f"]);
        assert_eq!(unquoted(text, 6..11), 7..10);
        assert_eq!(unquoted(text, 0..3), 0..3);
    }
}
