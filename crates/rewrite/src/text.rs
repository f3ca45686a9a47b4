//! Text with variables: `${VAR:-default}`, `$VAR`, `${{ … }}`, `$(…)`, `{{ … }}`, `<< … >>`.
//!
//! No image reference contains `$`, `{`, `(` or `<`, so one parser serves all kinds of documents.

use std::ops::Range;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextPart {
    /// Literal characters; a range of the text.
    Literal(Range<usize>),
    /// A variable.
    Variable {
        /// Its range in the text.
        range: Range<usize>,
        /// Its name, or the whole expression.
        name: String,
        /// What stands for it, depending on its value.
        fallback: Fallback,
    },
}

/// What a variable stands for. The texts are ranges of the whole text, may be empty, and may contain variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// Its value: `$X`, `${X}`, `${X:?message}`.
    None,
    /// Its value, or a default if it is not set (`-`), or not set or empty (`:-`).
    Default { text: Range<usize>, if_empty: bool },
    /// Nothing, or a text if it is set (`+`), or set and not empty (`:+`).
    Alternative { text: Range<usize>, if_empty: bool },
}

/// Splits a text lazily. A `None` item ends it: a variable is unterminated.
pub(crate) fn parts(text: &str, within: Range<usize>) -> TextParts<'_> {
    TextParts { text, at: within.start, end: within.end, waiting: None }
}

/// The parts of a text, in order.
pub(crate) struct TextParts<'t> {
    text: &'t str,
    at: usize,
    end: usize,
    // The variable after the literal that was just returned.
    waiting: Option<TextPart>,
}

impl Iterator for TextParts<'_> {
    type Item = Option<TextPart>;

    fn next(&mut self) -> Option<Option<TextPart>> {
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
            return Some(Some(TextPart::Literal(literal)));
        }
        (start < self.end).then_some(Some(TextPart::Literal(start..self.end)))
    }
}

type FoundPart = Option<(TextPart, usize)>;

// The variable that starts at `at`, and its end. The outer `None`: it is unterminated.
fn variable(text: &str, at: usize, end: usize) -> Option<FoundPart> {
    if !matches!(text.as_bytes().get(at), Some(b'$' | b'{' | b'<')) {
        return Some(None);
    }
    let rest = text.get(at..end).unwrap_or_default();
    if let Some(inner) = rest.strip_prefix("${{").or_else(|| rest.strip_prefix("{{")) {
        return expression(rest, inner, "}}", at).map(Some);
    }
    if let Some(inner) = rest.strip_prefix("$[[") {
        return expression(rest, inner, "]]", at).map(Some);
    }
    if let Some(inner) = rest.strip_prefix("<<") {
        return expression(rest, inner, ">>", at).map(Some);
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
    Some(Some((TextPart::Variable { range: at..end, name, fallback: Fallback::None }, end)))
}

fn expression(whole: &str, inner: &str, closing: &str, at: usize) -> Option<(TextPart, usize)> {
    let length = inner.find(closing)?;
    let name = inner[..length].trim_matches(|c: char| c.is_whitespace() || c == '-').to_owned();
    let end = at + (whole.len() - inner.len()) + length + closing.len();
    Some((TextPart::Variable { range: at..end, name, fallback: Fallback::None }, end))
}

// `${NAME}`, `${NAME:-default}`, `${NAME:+text}`, `${NAME:?message}`, and the same without `:`; other operators change
// the value, so the variable alone would not give the name.
fn braced(text: &str, at: usize, end: usize) -> Option<(TextPart, usize)> {
    let close = at + closing_brace(text.get(at..end)?)?;
    let inner = text.get(at + 2..close)?;
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, operator) = inner.split_at(length);
    let if_empty = operator.starts_with(':');
    let start = at + 2 + length + usize::from(if_empty) + 1;
    let (name, fallback) = match operator.strip_prefix(':').unwrap_or(operator).chars().next() {
        None if operator.is_empty() => (name, Fallback::None),
        Some('?') => (name, Fallback::None),
        Some('-') => (name, Fallback::Default { text: start..close, if_empty }),
        Some('+') => (name, Fallback::Alternative { text: start..close, if_empty }),
        _ => (inner, Fallback::None),
    };
    Some((TextPart::Variable { range: at..close + 1, name: name.to_owned(), fallback }, close + 1))
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
            TextPart::Literal(range) => text[range].to_owned(),
            TextPart::Variable { name, fallback, .. } => match fallback {
                Fallback::None => format!("<{name}>"),
                Fallback::Default { text: range, .. } => format!("<{name}={}>", &text[range]),
                Fallback::Alternative { text: range, .. } => format!("<{name}+{}>", &text[range]),
            },
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
            ("${A:-}x", "<A=>|x"),
            ("a${A:+:$A}", "a|<A+:$A>"),
            ("${A+}${A#v}", "<A+>|<A#v>"),
            ("<< parameters.tag >>", "<parameters.tag>"),
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
