//! Every named fault has a row in `docs/reference/faults.md`, and what each row names exists.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The faults that must be there.
fn wanted() -> Vec<String> {
    let numbered = [("U", 24), ("R", 7), ("H", 23), ("S", 6), ("V", 4), ("A", 24)];
    let all =
        numbered.into_iter().flat_map(|(kind, most)| (1..=most).map(move |nth| format!("{kind}{nth:02}")));
    let later = [
        ("U", 27..=31),
        ("U", 40..=42),
        ("H", 40..=42),
        ("S", 8..=10),
        ("S", 12..=16),
        ("S", 20..=27),
        ("A", 60..=72),
        ("A", 80..=89),
        ("A", 95..=97),
        ("N", 1..=8),
        ("E", 1..=8),
        ("I", 1..=18),
        ("L", 1..=5),
    ];
    let later =
        later.into_iter().flat_map(|(kind, numbers)| numbers.map(move |nth| format!("{kind}{nth:02}")));
    let single = [
        "C01", "C02", "C03", "C04", "C05", "C06", "C08", "C10", "M05", "W01", "W02", "W03", "W04", "W05",
        "W06", "W08", "W09",
    ];
    all.chain(single.map(str::to_owned)).chain(later).collect()
}

/// The page's rows: id, what is sent, what happens, what shows it.
fn rows() -> BTreeMap<String, [String; 3]> {
    let page = read("docs/reference/faults.md");
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let [id, rest @ ..] = cells.as_slice() else { continue };
        if let Ok(rest) = <[String; 3]>::try_from(rest.to_vec())
            && id.len() == 3
            && id[1..].bytes().all(|byte| byte.is_ascii_digit())
        {
            assert!(rows.insert(id.clone(), rest).is_none(), "{id} is there twice");
        }
    }
    rows
}

/// What is between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// A test is written `path::function`, a case of a script `script ID`.
fn check(id: &str, reference: &str) {
    if let Some((path, function)) = reference.split_once("::") {
        let source = read(path);
        let at = source.find(&format!("fn {function}(")).unwrap_or_else(|| panic!("{id}: no {reference}"));
        // Cases that several backends share are called from a list of their own.
        let is_shared = path.contains("/tests/contract");
        let above = source[..at].rsplit("\n\n").next().unwrap();
        assert!(
            is_shared || above.contains("test]") || above.contains("test("),
            "{id}: {reference} is no test"
        );
    } else if let Some((script, case)) = reference.split_once(' ') {
        assert!(read(script).contains(&format!("\"{case}\"")), "{id}: {script} has no case {case}");
    } else {
        panic!("{id}: `{reference}` is neither a test nor a case of a script");
    }
}

#[test]
fn every_fault_is_shown_by_something_that_exists() {
    let rows = rows();
    for id in wanted() {
        let [sent, happens, shown] = rows.get(&id).unwrap_or_else(|| panic!("{id} has no row"));
        assert!(!sent.is_empty() && !happens.is_empty(), "{id} says nothing");
        let references = quoted(shown);
        assert!(!references.is_empty(), "{id} is shown by nothing");
        references.into_iter().for_each(|reference| check(&id, reference));
    }
    assert_eq!(rows.len(), wanted().len(), "rows that nobody asked for: {:?}", rows.keys());
}

/// The threat model says of each attack against whom it is, in both languages.
#[test]
fn every_attack_is_in_the_threat_model() {
    for page in ["docs/explanation/security.md", "docs/zh-CN/explanation/security.md"] {
        let text = read(page);
        for id in wanted().iter().filter(|id| id.starts_with('A')) {
            assert!(text.contains(id.as_str()), "{page} does not name {id}");
        }
    }
}
