//! What the command line prints for people, each found by its English.
//!
//! Unlike in [`said`](crate::said), no text is searched: a name or the line of a file is never taken for a sentence.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    tables::{self, Sentence},
    template::Template,
};

type PrintedIndex = LazyLock<HashMap<&'static str, &'static str>>;

static HEADINGS: PrintedIndex = LazyLock::new(|| headings().collect());
static WORDS: PrintedIndex = LazyLock::new(|| words().collect());
static NOUNS: PrintedIndex = LazyLock::new(|| nouns().collect());
static SENTENCES: PrintedIndex = LazyLock::new(|| sentences().collect());

/// The heading of a table's column.
#[must_use]
pub fn heading(english: &str) -> Option<&'static str> {
    HEADINGS.get(english).copied()
}

/// A word that stands alone, such as a state in the cell of a table.
#[must_use]
pub fn word(english: &str) -> Option<&'static str> {
    WORDS.get(english).copied()
}

/// A number with its noun, which is English and in the singular.
#[must_use]
pub fn amount(count: u64, noun: &str) -> Option<String> {
    NOUNS.get(noun).map(|noun| format!("{count} {noun}"))
}

/// A sentence with what stands at its places, by their names.
#[must_use]
pub fn sentence(english: &str, values: &[(&str, String)]) -> Option<String> {
    let template = Template::read(SENTENCES.get(english)?);
    let value = |name: &str| values.iter().find(|(other, _)| *other == name);
    Some(template.placed(|name| value(name).map(|(_, value)| value.as_str())))
}

/// All headings, English and 中文.
pub fn headings() -> impl Iterator<Item = (&'static str, &'static str)> {
    tables::HEADINGS.iter().copied()
}

/// All words, English and 中文.
pub fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
    tables::WORDS.iter().copied()
}

/// All nouns, English and 中文.
pub fn nouns() -> impl Iterator<Item = (&'static str, &'static str)> {
    tables::NOUNS.iter().copied()
}

/// All sentences, English and 中文.
pub fn sentences() -> impl Iterator<Item = (&'static str, &'static str)> {
    tables::PRINTED.iter().flat_map(|table: &&[Sentence]| table.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Some sentences are nothing but places, with the punctuation of 中文 between them.
    fn is_chinese(text: &str) -> bool {
        text.chars().any(|char| matches!(char, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}'))
    }

    #[test]
    fn names_and_numbers_stay_as_they_are() {
        let values = [("images", "3 个镜像".to_owned()), ("freed", "{images} never".to_owned())];
        assert_eq!(
            sentence("{images} evicted, {freed} freed", &values).as_deref(),
            Some("已淘汰 3 个镜像，释放 {images} never")
        );
        assert_eq!(amount(2, "repository").as_deref(), Some("2 个仓库"));
        assert_eq!((heading("SIZE"), word("never")), (Some("大小"), Some("从未")));
        assert_eq!((heading("never"), word("SIZE")), (None, None));
        assert_eq!((amount(1, "SIZE"), sentence("{0}", &[])), (None, None));
    }

    #[test]
    fn sentences_have_their_places_in_both_languages() {
        let mut faults = Vec::new();
        for (english, chinese) in sentences() {
            if Template::read(english).names() != Template::read(chinese).names() {
                faults.push(format!("other places: {english} | {chinese}"));
            }
            // How much of how much is said by a stroke.
            if !is_chinese(chinese) && chinese != "{done}/{total}" {
                faults.push(format!("no 中文: {chinese}"));
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn nothing_has_two_meanings() {
        for (found, all) in [
            (HEADINGS.len(), headings().count()),
            (WORDS.len(), words().count()),
            (NOUNS.len(), nouns().count()),
            (SENTENCES.len(), sentences().count()),
        ] {
            assert_eq!(found, all);
        }
    }
}
