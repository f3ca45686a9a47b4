//! Mistakes in the section `access`, and the lists that its parts have in common.

use entrepot_oci::RepositoryPattern;

use crate::verb::{Verb, Verbs};

/// A mistake in the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// The keys that lead to it, below `access`.
    pub path: Vec<String>,
    /// What is wrong.
    pub what: String,
}

pub(crate) fn verbs(words: &[String], path: &[&str]) -> Result<Verbs, SettingsFault> {
    let read = |(at, word): (usize, &String)| {
        word.parse::<Verb>().map_err(|error| fault(&[path, &[&at.to_string()]].concat(), error))
    };
    words.iter().enumerate().map(read).collect()
}

pub(crate) fn patterns(texts: &[String], path: &[&str]) -> Result<Vec<RepositoryPattern>, SettingsFault> {
    let read = |(at, text): (usize, &String)| {
        text.parse().map_err(|error| fault(&[path, &[&at.to_string()]].concat(), error))
    };
    texts.iter().enumerate().map(read).collect()
}

pub(crate) fn fault(path: &[&str], what: impl ToString) -> SettingsFault {
    SettingsFault { path: path.iter().map(|key| (*key).to_owned()).collect(), what: what.to_string() }
}
