//! Quotes text for a shell's command line, and for a comment.

use entrepot_oci::is_hidden;

/// Quotes a text as one word for a shell.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A file's path as such a word, written so that it is never read as an option or as a path on another host.
pub fn path(name: &str) -> String {
    let says_where = ["/", "./", "../"].iter().any(|start| name.starts_with(start));
    if says_where { quoted(name) } else { quoted(&format!("./{name}")) }
}

/// A text for a one-line comment: invisible characters and line breaks become `?`.
pub(crate) fn comment(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_they_were_and_nothing_more() {
        for (text, word) in [
            ("a/b:1@c", "a/b:1@c"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$(id)", "'$(id)'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quoted(text), word);
        }
        for (name, word) in [
            ("compose.yaml", "./compose.yaml"),
            ("-oProxyCommand=x", "./-oProxyCommand=x"),
            ("~root/x", "'./~root/x'"),
            ("host:x", "./host:x"),
            ("/a b", "'/a b'"),
            ("../x", "../x"),
            ("..x", "./..x"),
        ] {
            assert_eq!(path(name), word);
        }
    }

    #[test]
    fn a_comment_is_one_line_of_what_can_be_seen() {
        assert_eq!(comment("a\r\nb\u{1b}[2J\u{202e}c\u{2028}d\u{200b}e\u{85}"), "a??b?[2J?c?d?e?");
        assert_eq!(comment("堆栈 é.yaml"), "堆栈 é.yaml");
    }
}
