//! Scalars as source text.

use std::{borrow::Cow, fmt::Write as _};

/// Where a scalar will stand (YAML 1.2.2 §7.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Behind `key:` or `-`, to the end of the line.
    Block,
    /// Within `[]` or `{}`.
    Flow,
}

/// A text as a scalar of one line: without quotes where every reader of YAML 1.1 and 1.2 takes it for this text.
pub fn scalar(text: &str, context: Context) -> Cow<'_, str> {
    match is_plain(text, context) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(quoted(text)),
    }
}

/// A text within double quotes, on one line (YAML 1.2.2 §7.3.1).
pub fn quoted(text: &str) -> String {
    let mut raw = String::with_capacity(text.len() + 2);
    raw.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => raw.extend(['\\', character]),
            '\n' => raw.push_str("\\n"),
            '\t' => raw.push_str("\\t"),
            '\r' => raw.push_str("\\r"),
            other if is_unprintable(other) => {
                // Writing to a text does not fail. All of these fit into four digits.
                let _ = write!(raw, "\\u{:04x}", u32::from(other));
            }
            other => raw.push(other),
        }
    }
    raw.push('"');
    raw
}

fn is_plain(text: &str, context: Context) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let starts = !first.is_whitespace() && !"-?:,[]{}#&*!|>'\"%@`=~".contains(first);
    let inside = !text.contains(": ") && !text.contains(" #") && !text.ends_with([':', ' ']);
    let in_flow = context == Context::Block || !text.contains([',', '[', ']', '{', '}']);
    starts && inside && in_flow && !text.contains(is_unprintable) && !is_another_type(text)
}

// Controls, and what YAML takes for a line break or does not allow (YAML 1.1 §4.1.4, 1.2.2 §5.1).
fn is_unprintable(character: char) -> bool {
    let is_special = matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    character.is_control() || is_special
}

// Numbers, also of base 60, dates, and the words that YAML 1.1 does not read as strings.
fn is_another_type(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let digits = word.strip_prefix('+').unwrap_or(&word);
    let is_based = ["0x", "0o", "0b"].iter().any(|base| digits.starts_with(base))
        && digits.chars().skip(2).all(|digit| digit.is_ascii_hexdigit() || digit == '_');
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.chars().all(|part| part.is_ascii_digit() || "_.:etz+- ".contains(part))
        && digits.matches('.').count() <= 1;
    is_based
        || is_number
        || matches!(digits, ".inf" | ".nan")
        || matches!(word.as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "<<")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{YamlValue, parse};

    #[test]
    fn quotes_come_where_they_are_needed() {
        for plain in ["127.0.0.1:5000", "local/", "1.30-alpine", "a:b", "1.2.3", "小明", "a b", "v1"] {
            assert_eq!(scalar(plain, Context::Flow), plain);
        }
        assert_eq!(scalar("x:${V}", Context::Block), "x:${V}");
        for (text, written) in [
            ("x:${V}", "\"x:${V}\""),
            ("1", "\"1\""),
            ("1.30", "\"1.30\""),
            ("0x1F", "\"0x1F\""),
            ("12:30", "\"12:30\""),
            ("2026-11-30", "\"2026-11-30\""),
            ("+.inf", "\"+.inf\""),
            ("True", "\"True\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("# a", "\"# a\""),
            ("***", "\"***\""),
            ("[::1]:5000", "\"[::1]:5000\""),
            ("a\nb\t\"\\", "\"a\\nb\\t\\\"\\\\\""),
            ("a\u{7f}\u{85}\u{feff}b", "\"a\\u007f\\u0085\\ufeffb\""),
        ] {
            assert_eq!(scalar(text, Context::Flow), written);
        }
    }

    fn read_back(text: &str) -> Option<String> {
        let document = format!("- {}\n", scalar(text, Context::Block));
        let YamlValue::List(mut items) = parse(&document).unwrap().unwrap().value else { return None };
        let YamlValue::Text(read) = items.pop().unwrap().value else { return None };
        Some(read)
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in any::<String>()) {
            prop_assert_eq!(read_back(&text), Some(text));
        }

        #[test]
        fn and_what_looks_like_something_else(text in "[a-zA-Z0-9:./~_ #<+-]{0,6}") {
            prop_assert_eq!(read_back(&text), Some(text));
        }
    }
}
