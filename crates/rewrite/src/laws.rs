//! What holds for any document whatever, as functions that panic where it does not.
//!
//! Said once and asked twice: by the property tests beside this, and by the target `documents` in `fuzz/`. That is why
//! this is built for tests and for fuzzing, and never else.

use crate::{Census, Document, Kind, Naming, RewriteError, Root, Rules, Search};

/// Any text as a document of a kind: it is refused, or without names it stays what it is, every image and every edit is
/// where it is said to be, and what was rewritten once is not rewritten again.
pub fn document(text: &str, kind: Kind) {
    for path in ["", "compose.yaml", "values.yaml", ".github/workflows/a.yml", "Dockerfile", "a.env"] {
        // What it is taken for is a guess; that it is made is what is asked.
        let _ = Kind::of(path, text);
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

#[cfg(test)]
#[path = "laws_tests.rs"]
mod tests;
