//! Quotes text for a shell's command line, and for a comment.

use entrepot_oci::is_hidden;

/// A text as a word of a shell's command line.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The path of a file as such a word: whatever the file is called, it is no option and no other machine's.
pub fn path(name: &str) -> String {
    let says_where = ["/", "./", "../"].iter().any(|start| name.starts_with(start));
    if says_where { quoted(name) } else { quoted(&format!("./{name}")) }
}

/// A text as a part of one line that is read and not run: what cannot be seen in it, or would end the line, is `?`.
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
