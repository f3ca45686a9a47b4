//! Properties that hold for any bundle and any name, as functions that panic if violated.
//!
//! Shared by the property tests beside this and the target `bundles` in `fuzz/`. Built only for tests and fuzzing.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use crate::{Manifest, Name, Role, mirror_name, path, words};

/// Any text as a file name, and as part of a command and a comment.
pub fn name(text: &str) {
    for role in [Role::Document, Role::Variables] {
        if let Ok(name) = Name::parse(text, role) {
            assert_eq!(name.as_str(), text);
            harmless(text, role);
            harmless(&mirror_name(text), role);
            assert_eq!(Name::of(text, role).as_ref(), Ok(&name));
        }
        if let Ok(name) = Name::of(text, role) {
            harmless(name.as_str(), role);
        }
    }
    let word = path(text);
    assert_eq!(
        unquoted(&word).as_deref().map(|word| word.trim_start_matches("./")),
        Some(text.trim_start_matches("./"))
    );
    assert!(!word.starts_with('-') && !word.starts_with("'-"), "{word:?}");
    let comment = words::comment(text);
    assert!(!comment.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{2028}'), "{comment:?}");
}

/// Any bytes as a bundle's description: accepted files are written below one directory, each at its own path, and not
/// executable.
pub fn manifest(bytes: &[u8]) {
    let Ok(manifest) = Manifest::read(bytes) else { return };
    let mut written = BTreeSet::new();
    for (packed, role) in manifest.files() {
        harmless(&packed.name, role);
        assert!(matches!((role, packed.mode), (_, 0o600) | (Role::Document, 0o644)), "{packed:?}");
        assert!(packed.variables.iter().all(|number| *number < manifest.variables.len()), "{packed:?}");
        assert!(
            written.insert(packed.name.clone()) && written.insert(mirror_name(&packed.name)),
            "{packed:?}"
        );
    }
    assert!(written.len() <= 2000);
    let again = serde_json::to_vec(&manifest).map(|bytes| Manifest::read(&bytes).is_ok());
    assert!(again.is_ok_and(|again| again), "what was read cannot be read again");
}

fn harmless(name: &str, role: Role) {
    assert!(
        !name.is_empty() && !name.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{200b}'),
        "{name:?}"
    );
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    assert_eq!(parts.len(), name.split('/').count(), "{name:?}");
    for (number, part) in parts.iter().enumerate() {
        let Component::Normal(part) = part else { panic!("{name:?} leads out") };
        let part = part.to_string_lossy();
        let may_be_hidden = role == Role::Variables && number + 1 == parts.len() && part.starts_with(".env");
        assert!(!part.starts_with('-') && (may_be_hidden || !part.starts_with('.')), "{name:?}");
    }
}

// A shell's reading of a word, as far as needed here: plain, or in single quotes.
fn unquoted(word: &str) -> Option<String> {
    let (mut text, mut rest, mut is_quoted) = (String::new(), word.chars(), false);
    while let Some(c) = rest.next() {
        match c {
            '\'' => is_quoted = !is_quoted,
            '\\' if !is_quoted => text.push(rest.next()?),
            c if is_quoted || c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c) => text.push(c),
            _ => return None,
        }
    }
    (!is_quoted).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn odd() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "a", ".env", ".", "..", "-", "/", "'", "\\", ":", "\n", "\u{1b}", "\u{202e}", " ", "$(id)",
            "`id`", "é", "~", ".yaml", ".git", "@IMAGES@", "\u{0}", "\"", ";", "-mirror",
        ]);
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn names_are_harmless(one in odd(), other in ".{0,40}") {
            name(&one);
            name(&other);
        }

        #[test]
        fn bundles_are_harmless(names in prop::collection::vec((odd(), 0_u32..0o10_0000, prop::collection::vec(0_usize..4, 0..3)), 0..5), count in 0_usize..4) {
            let packed: Vec<serde_json::Value> = names
                .iter()
                .map(|(name, mode, variables)| serde_json::json!({ "name": name, "file": "f", "mode": mode, "variables": variables }))
                .collect();
            let (variables, sources) = packed.split_at(count.min(packed.len()));
            let document = serde_json::json!({
                "version": 1, "to": "", "naming": "", "map": [], "ignore": "", "sources": sources, "variables": variables, "environment": {},
            });
            manifest(document.to_string().as_bytes());
        }
    }
}
