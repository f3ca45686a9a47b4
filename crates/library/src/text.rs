//! Texts that people give to things, and that they are told. Pure.

/// True for a name: printable, on one line, not blank at its ends, and at most so many characters.
pub(crate) fn is_line(text: &str, most: usize) -> bool {
    let length = text.chars().count();
    (1..=most).contains(&length) && text.trim() == text && !text.contains(char::is_control)
}

/// True for a note: at most so many characters; lines may be broken, and nothing else is hidden in it.
pub(crate) fn is_prose(text: &str, most: usize) -> bool {
    text.chars().count() <= most
        && !text.contains(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\t'))
}

/// Several faults in one sentence.
pub(crate) fn joined(faults: &[impl ToString]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line() {
        assert!(is_line("一", 1) && is_line("a b", 3));
        for bad in ["", " a", "a ", "a\nb", "a\u{1b}", "four"] {
            assert!(!is_line(bad, 3), "{bad:?}");
        }
    }

    #[test]
    fn notes_may_have_several() {
        assert!(is_prose("", 0) && is_prose("a\n\tb", 4));
        assert!(!is_prose("a\u{1b}", 4) && !is_prose("一二", 1));
    }
}
