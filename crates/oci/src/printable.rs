//! Escapes untrusted text before people see it: characters that a terminal obeys, and characters that are invisible.

use std::{borrow::Cow, fmt};

/// True for a character that a terminal obeys or does not show: control characters, bidirectional marks and
/// zero-width characters (Unicode general categories Cc, Cf, Zl and Zp, and the fillers).
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
                | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text as one line: hidden characters, including line breaks, are escaped as in a program (`\n`, `\u{1b}`).
///
/// ```
/// use entrepot_oci::printable;
///
/// assert_eq!(printable("v1\u{1b}[2J\nok"), r"v1\u{1b}[2J\nok");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    written_out(text, is_hidden, |character, out| out.extend(character.escape_default()))
}

/// Like [`printable`], but keeps line breaks and tabs.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let is_hidden = |character| is_hidden(character) && !matches!(character, '\n' | '\t');
    written_out(text, is_hidden, |character, out| out.extend(character.escape_default()))
}

/// Like [`printable`] for JSON, without changing its value: outside strings there is nothing to escape.
pub fn printable_json(text: &str) -> Cow<'_, str> {
    let is_hidden = |character| is_hidden(character) && !matches!(character, '\n' | '\t' | '\r');
    written_out(text, is_hidden, |character, out| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` cannot fail.
            let _ = fmt::Write::write_fmt(out, format_args!("\\u{unit:04x}"));
        }
    })
}

fn written_out(
    text: &str,
    is_hidden: impl Fn(char) -> bool,
    write: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    // The common case, such as the log line of every request.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let Some(first) = text.find(&is_hidden) else { return Cow::Borrowed(text) };
    let (plain, rest) = text.split_at(first);
    let mut out = plain.to_owned();
    for character in rest.chars() {
        if is_hidden(character) {
            write(character, &mut out);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, line) in [
            ("plain é 中文 🚀", "plain é 中文 🚀"),
            ("\u{1b}]0;title\u{7}\u{1b}[31m", r"\u{1b}]0;title\u{7}\u{1b}[31m"),
            ("a\r\n\tb\u{7f}\u{9b}31m", r"a\r\n\tb\u{7f}\u{9b}31m"),
            (
                "\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{e0041}",
                r"\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{e0041}",
            ),
            ("a\u{2028}b\u{ad}\u{3164}", r"a\u{2028}b\u{ad}\u{3164}"),
        ] {
            assert_eq!(printable(text), line);
        }
        assert!(matches!(printable("é"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_stay_lines_where_they_are_meant() {
        assert_eq!(printable_lines("a\n\tb\r\u{1b}"), "a\n\tb\\r\\u{1b}");
    }

    #[test]
    fn json_stays_the_same_value() {
        let json = "{\n  \"a\u{202e}\u{7f}\u{e0041}\": 1\r\n}";
        assert_eq!(printable_json(json), "{\n  \"a\\u202e\\u007f\\udb40\\udc41\": 1\r\n}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&printable_json(json)), read(json));
    }
}
