//! Laws that must hold for any document, as functions that panic if they do not.
//!
//! Each law is written once and checked twice: by the property tests next to this file, and by the targets `documents`
//! and `variables` in `fuzz/`. This module is compiled for tests and for fuzzing only.

use crate::{
    Census, Document, DocumentKind, Naming, RewriteError, Root, Rules, Search, Variables,
    expansion::{Budget, LONGEST},
    finder::EntryVerdict,
};

/// Any text as a document of a kind: it is refused, or without rules it stays unchanged, every image and every edit is
/// at its reported position, and a second rewrite changes nothing.
pub fn document(text: &str, kind: DocumentKind) {
    for path in ["", "compose.yaml", "values.yaml", ".github/workflows/a.yml", "Dockerfile", "a.env"] {
        // The detected kind may be wrong; it must only not fail.
        let _ = DocumentKind::of(path, text);
    }
    let search =
        Search { arguments: true, built: true, paths: vec!["*.image".to_owned()], ..Search::default() };
    let Ok(document) = Document::read(text, kind, &search) else { return };
    let lines = text.split('\n').count();
    for candidate in document.candidates() {
        assert!(candidate.position.line <= lines, "{candidate:?}");
    }
    let same = document.rewrite(&Rules::default(), &mut Census::default());
    assert_eq!(same.map(|done| done.text).as_deref(), Ok(text));
    let Ok(root) = "m.test".parse::<Root>() else { return };
    let rules = Rules { naming: Naming::Prefix(root), ..Rules::default() };
    let once = match document.rewrite(&rules, &mut Census::default()) {
        Ok(once) => once,
        Err(RewriteError::Collision(collision)) => panic!("a prefix keeps names apart: {collision}"),
        Err(RewriteError::Differs) => panic!("it would be another document"),
    };
    let again = Document::read(&once.text, kind, &search);
    let twice = again.map(|again| again.rewrite(&rules, &mut Census::default()));
    assert_eq!(twice.map(|twice| twice.map(|done| done.text)), Ok(Ok(once.text)));
}

/// Any variable file, and any document that uses it: expansions and names are bounded, and without rules the document
/// stays unchanged.
pub fn variables(file: &str, document: &str, kind: DocumentKind) {
    let mut variables = Variables::default();
    variables.add_file(file);
    let lengths: Vec<usize> = variables.lengths().collect();
    let longest_line = file.lines().map(str::len).max().unwrap_or(0);
    assert!(lengths.iter().all(|length| *length <= longest_line.max(LONGEST)), "a value of {lengths:?}");
    assert!(lengths.iter().sum::<usize>() <= file.len() + Budget::of(file).left(), "too much in all");
    let search = Search { variables: Some(variables), built: true, arguments: true, ..Search::default() };
    for search in [&search, &Search::default()] {
        let Ok(read) = Document::read(document, kind, search) else { return };
        let names = read.entries.iter().filter_map(|entry| match &entry.what {
            EntryVerdict::Image(named) => Some(&named.reference),
            EntryVerdict::Left(_) => None,
        });
        let cost: usize =
            names.inspect(|name| assert!(name.text.len() <= LONGEST)).map(|name| name.cost()).sum();
        // The expansions, plus the document's own text.
        assert!(cost <= Budget::of(document).left() + (1 << 10) * document.len(), "{cost} bytes of names");
        let same = read.rewrite(&Rules::default(), &mut Census::default());
        assert_eq!(same.map(|done| done.text).as_deref(), Ok(document));
    }
}

#[cfg(test)]
#[path = "laws_tests.rs"]
mod tests;
