//! What the program says in 中文, found by the English: the sentences of errors and hints, and what commands print.
//!
//! Errors are written in English where they arise. Whoever shows one to a person asks here last, with the text as it is
//! displayed: [`said`] finds the sentence that it was made from, and says it in 中文 with the same names and numbers in it.
//! What is not known stays as it is.
//!
//! - `tables` has the sentences, one file for each crate: English and 中文 with the same placeholders, `{name}`
//! - `template` (pure) compares a text with a sentence
//! - `sentences` finds the sentences of a text, also those inside of others
//! - `printed` has what the command line prints besides: headings, words, numbers with their nouns, and sentences whose
//!   names and numbers come apart from them
//!
//! `tests/coverage.rs` reads the sources of the other crates: an error without a translation fails there.

#![forbid(unsafe_code)]

pub mod printed;
mod sentences;
mod tables;
mod template;

use std::borrow::Cow;

/// The text in 中文 as far as its sentences are known. A text that has none of them is returned as it is.
#[must_use]
pub fn said(english: &str) -> Cow<'_, str> {
    sentences::all().said(english).map_or(Cow::Borrowed(english), Cow::Owned)
}

/// The sentences that are known, English and 中文, by the crate that says them.
pub fn known() -> impl Iterator<Item = (&'static str, &'static [(&'static str, &'static str)])> {
    tables::ALL.iter().copied()
}
