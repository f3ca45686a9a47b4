//! A text without what only people read: the words that a computer could have written.

use entrepot_oci::is_hidden;

/// The longest text that is looked at, in bytes; a form of an issue has less.
const LONGEST: usize = 4096;

/// The words of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextWords {
    /// The text with the same words and nothing in between but spaces and line ends.
    pub(super) text: String,
    /// True if something between the words was left out that was not a space or a quote.
    pub(super) has_more: bool,
}

impl TextWords {
    /// The words of a text. Signs of Chinese keyboards that mean the same become those that images are written with.
    pub(super) fn of(text: &str) -> Self {
        let (mut words, mut has_more) = (String::new(), false);
        for character in shortened(text).chars() {
            match plain(character) {
                Plain::Part(part) => words.push(part),
                Plain::Space => words.push(' '),
                Plain::Line => words.push('\n'),
                Plain::Other => {
                    has_more = true;
                    words.push(' ');
                }
                Plain::Nothing => {}
            }
        }
        Self { text: words, has_more }
    }

    /// The words, without signs around them.
    pub(super) fn list(&self) -> Vec<TextWord<'_>> {
        let all = self.text.split_ascii_whitespace().map(TextWord::of);
        all.filter(|word| !word.text.is_empty()).collect()
    }
}

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextWord<'a> {
    /// Without the signs around it.
    pub(super) text: &'a str,
    /// True if there were signs around it that lists do not have.
    pub(super) is_trimmed: bool,
}

impl<'a> TextWord<'a> {
    fn of(written: &'a str) -> Self {
        let listed = written.trim_matches([',', ';']).trim_end_matches('/');
        let text = listed.trim_matches(['!', '?', '(', ')', '[', ']', '*', '|']).trim_end_matches(['.', ':']);
        Self { text, is_trimmed: text.len() < listed.len() && listed != "image:" }
    }
}

enum Plain {
    Part(char),
    Space,
    Line,
    /// Text that only people read.
    Other,
    Nothing,
}

fn plain(character: char) -> Plain {
    match character {
        '\n' | '\r' => Plain::Line,
        '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '「' | '」' | '\u{3000}' | '\u{a0}' => {
            Plain::Space
        }
        '：' => Plain::Part(':'),
        '。' => Plain::Space,
        // The full-width forms of the signs that are above the space in ASCII.
        '\u{ff01}'..='\u{ff5e}' => {
            let narrow = char::from_u32(u32::from(character) - 0xfee0).unwrap_or(' ');
            if narrow.is_ascii_alphanumeric() || matches!(narrow, '/' | '@' | '.' | '-' | '_') {
                Plain::Part(narrow)
            } else {
                Plain::Space
            }
        }
        // What turns text around has people read another name than there is.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Plain::Other,
        hidden if is_hidden(hidden) => {
            if hidden.is_ascii() {
                Plain::Space
            } else {
                Plain::Nothing
            }
        }
        white if white.is_whitespace() => Plain::Space,
        ascii if ascii.is_ascii() => Plain::Part(ascii),
        _ => Plain::Other,
    }
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_people_read_is_left_out() {
        let list = |text: &str| -> Vec<String> {
            TextWords::of(text).list().into_iter().map(|word| word.text.to_owned()).collect()
        };
        assert_eq!(list("请同步 nginx：1.27 镜像，谢谢！"), ["nginx:1.27"]);
        assert_eq!(list("同步nginx:1.27镜像"), ["nginx:1.27"]);
        assert_eq!(list("ｎｇｉｎｘ：１．２７"), ["nginx:1.27"]);
        assert_eq!(list("\"nginx\u{200b}:1.27\"."), ["nginx:1.27"]);
        assert!(TextWords::of("同步 nginx").has_more && !TextWords::of(" 'nginx' ").has_more);
        assert_eq!(list("a\tb\u{1b}[31mc"), ["a", "b", "31mc"]);
        let trimmed =
            |text: &str| TextWords::of(text).list().iter().map(|word| word.is_trimmed).collect::<Vec<_>>();
        assert_eq!(trimmed("image: nginx:1.27, nginx:!"), [false, false, true]);
        assert!(list(&"é".repeat(9000)).is_empty());
    }
}
