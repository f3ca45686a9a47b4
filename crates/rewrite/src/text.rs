//! Text with variables: `${VAR:-default}`, `$VAR`, `${{ … }}`, `$(…)`, `{{ … }}`.
//!
//! No image reference contains `$`, `{` or `(`, so one parser serves all kinds of documents.

use std::ops::Range;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Literal characters; a range of the text.
    Literal(Range<usize>),
    /// A variable.
    Variable {
        /// Its range in the text.
        range: Range<usize>,
        /// Its name, or the whole expression.
        name: String,
        /// The default if it is not set; a range of the text, which may contain variables itself.
        default: Option<Range<usize>>,
    },
}

/// Splits a text lazily. A `None` item ends it: a variable is unterminated.
pub(crate) fn parts(text: &str, within: Range<usize>) -> Parts<'_> {
    Parts { text, at: within.start, end: within.end, waiting: None }
}

/// The parts of a text, in order.
pub(crate) struct Parts<'t> {
    text: &'t str,
    at: usize,
    end: usize,
    // The variable after the literal that was just returned.
    waiting: Option<Part>,
}

impl Iterator for Parts<'_> {
    type Item = Option<Part>;

    fn next(&mut self) -> Option<Option<Part>> {
        if let Some(part) = self.waiting.take() {
            return Some(Some(part));
        }
        let start = self.at;
        while self.at < self.end {
            let Some(found) = variable(self.text, self.at, self.end) else {
                self.at = self.end;
                return Some(None);
            };
            let Some((variable, after)) = found else {
                self.at += 1;
                continue;
            };
            let literal = start..self.at;
            self.at = after;
            if literal.is_empty() {
                return Some(Some(variable));
            }
            self.waiting = Some(variable);
            return Some(Some(Part::Literal(literal)));
        }
        (start < self.end).then_some(Some(Part::Literal(start..self.end)))
    }
}

type Found = Option<(Part, usize)>;

// The variable that starts at `at`, and its end. The outer `None`: it is unterminated.
fn variable(text: &str, at: usize, end: usize) -> Option<Found> {
    let rest = text.get(at..end).unwrap_or_default();
    if let Some(inner) = rest.strip_prefix("${{").or_else(|| rest.strip_prefix("{{")) {
        return expression(rest, inner, "}}", at).map(Some);
    }
    if let Some(inner) = rest.strip_prefix("$[[") {
        return expression(rest, inner, "]]", at).map(Some);
    }
    if let Some(inner) = rest.strip_prefix("$(") {
        return expression(rest, inner, ")", at).map(Some);
    }
    if rest.starts_with("${") {
        return braced(text, at, end).map(Some);
    }
    let Some(inner) = rest.strip_prefix('$') else { return Some(None) };
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    if length == 0 {
        return Some(None);
    }
    let name = inner[..length].to_owned();
    let end = at + 1 + length;
    Some(Some((Part::Variable { range: at..end, name, default: None }, end)))
}

fn expression(whole: &str, inner: &str, closing: &str, at: usize) -> Option<(Part, usize)> {
    let length = inner.find(closing)?;
    let name = inner[..length].trim_matches(|c: char| c.is_whitespace() || c == '-').to_owned();
    let end = at + (whole.len() - inner.len()) + length + closing.len();
    Some((Part::Variable { range: at..end, name, default: None }, end))
}

// `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`; other operators change the value, so the
// variable alone would not give the name.
fn braced(text: &str, at: usize, end: usize) -> Option<(Part, usize)> {
    let close = at + closing_brace(text.get(at..end)?)?;
    let inner = text.get(at + 2..close)?;
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, operator) = inner.split_at(length);
    let skipped = match operator {
        _ if operator.starts_with(":-") => Some(2),
        _ if operator.starts_with('-') => Some(1),
        _ => None,
    };
    let default = skipped.map(|skipped| at + 2 + length + skipped..close);
    let default = default.filter(|range| !range.is_empty());
    let is_value =
        operator.is_empty() || [":-", "-", ":?", "?"].iter().any(|known| operator.starts_with(known));
    let name = if is_value { name } else { inner };
    Some((Part::Variable { range: at..close + 1, name: name.to_owned(), default }, close + 1))
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(index),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let Some(parts) = parts(text, 0..text.len()).collect::<Option<Vec<_>>>() else {
            return "unfinished".to_owned();
        };
        let told = parts.into_iter().map(|part| match part {
            Part::Literal(range) => text[range].to_owned(),
            Part::Variable { name, default: None, .. } => format!("<{name}>"),
            Part::Variable { name, default: Some(range), .. } => format!("<{name}={}>", &text[range]),
        });
        told.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn takes_apart() {
        for (text, parts) in [
            ("nginx:1", "nginx:1"),
            ("a/b:${V:-1.2}-alpine", "a/b:|<V=1.2>|-alpine"),
            ("${IMAGE-nginx}", "<IMAGE=nginx>"),
            ("${A:-${B:-nginx}}", "<A=${B:-nginx}>"),
            ("${A:?must be set}x", "<A>|x"),
            ("${A:-}x", "<A>|x"),
            ("a${A:+:$A}", "a|<A:+:$A>"),
            ("$REG/x:$TAG", "<REG>|/x:|<TAG>"),
            ("${{ matrix.image }}:1", "<matrix.image>|:1"),
            ("$(params.img)", "<params.img>"),
            ("{{ .Values.x }}/y", "<.Values.x>|/y"),
            ("$[[ inputs.x ]]", "<inputs.x>"),
            ("$$x", "$|<x>"),
            ("é$", "é$"),
            ("${A", "unfinished"),
            ("${{ a", "unfinished"),
        ] {
            assert_eq!(told(text), parts, "{text}");
        }
    }
}
