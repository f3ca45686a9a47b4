//! Every error that the command line can show has a translation, and every translation an error.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Errors that are never shown to people, each with the reason.
const SILENT: &[(&str, &str)] = &[];

/// Crates that are being written, whose errors may come before their translations: what is said there already, is known.
const NOT_YET: [&str; 2] = ["engine", "library"];

/// Tables of sentences that no source has as one literal: what the operating system and the
/// parsers of others say, and what is put together.
const COMPOSED: [&str; 3] = ["composed", "parser", "system"];

/// What the sources say, by the crate that says it.
#[derive(Default)]
struct Said {
    /// Texts of `#[error("…")]`.
    errors: BTreeSet<String>,
    /// Facts and hints of failures.
    failures: BTreeSet<String>,
    /// Every text.
    texts: BTreeSet<String>,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !name.ends_with("tests") {
            found.push(path);
        }
    }
}

fn said() -> BTreeMap<String, Said> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if ["testkit", "chinese"].contains(&name.as_str()) {
            continue;
        }
        let (mut files, mut said) = (Vec::new(), Said::default());
        sources(&folder.join("src"), &mut files);
        for file in files {
            let tokens: TokenStream = fs::read_to_string(&file).unwrap().parse().unwrap();
            said.read(tokens);
        }
        all.insert(name, said);
    }
    all
}

impl Said {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Literal(_) => self.texts.extend(text(token)),
                TokenTree::Group(group) if is_for_tests(group) => at = behind_item(&tokens, at),
                TokenTree::Group(group) => {
                    let (errors, failures) = (attribute(group), call(&tokens[..at - 1], group));
                    self.errors.extend(errors);
                    self.failures.extend(failures);
                    self.read(group.stream());
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

// The text of a string, with what is behind its escapes.
fn text(token: &TokenTree) -> Option<String> {
    let literal = syn::parse2::<syn::LitStr>(token.clone().into()).ok()?;
    Some(literal.value())
}

fn words(group: &Group) -> Vec<String> {
    group.stream().into_iter().map(|token| token.to_string()).collect()
}

fn is_for_tests(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket && words(group) == ["cfg", "(test)"]
}

// The place behind the item that begins here.
fn behind_item(tokens: &[TokenTree], from: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    tokens[from..].iter().position(ends).map_or(tokens.len(), |length| from + length + 1)
}

// The text of `[error("…", …)]`.
fn attribute(group: &Group) -> Option<String> {
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut tokens = group.stream().into_iter();
    let is_error = matches!(tokens.next()?, TokenTree::Ident(name) if name == "error");
    match tokens.next()? {
        TokenTree::Group(inner) if is_error => text(&inner.stream().into_iter().next()?),
        _ => None,
    }
}

// The text that `Failure::new("…")`, `Failure::because(format!("…"), …)` or `.with_hint("…")` is called with.
fn call(before: &[TokenTree], group: &Group) -> Option<String> {
    let named = |back: usize, names: &[&str]| {
        let at = before.len().checked_sub(back);
        at.is_some_and(|at| names.contains(&before[at].to_string().as_str()))
    };
    let is_failure = named(1, &["new", "wrong", "because"]) && named(4, &["Failure"]);
    if group.delimiter() != Delimiter::Parenthesis || !is_failure && !named(1, &["with_hint"]) {
        return None;
    }
    let mut tokens = group.stream().into_iter();
    let first = tokens.next()?;
    match &first {
        TokenTree::Ident(name) if name == "format" => match tokens.nth(1)? {
            TokenTree::Group(inner) => text(&inner.stream().into_iter().next()?),
            _ => None,
        },
        _ => text(&first),
    }
}

// Without places and what is in backticks, is there a word?
fn has_words(text: &str) -> bool {
    let (mut depth, mut is_quoted) = (0_usize, false);
    text.chars().any(|char| {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => is_quoted ^= char == '`',
        }
        depth == 0 && !is_quoted && char.is_alphabetic()
    })
}

fn known() -> BTreeSet<&'static str> {
    entrepot_chinese::known().flat_map(|(_, table)| table.iter().map(|(english, _)| *english)).collect()
}

// A text without places, as its source has it where it is no template.
fn plain(english: &str) -> String {
    english.replace("{{", "{").replace("}}", "}")
}

fn lacking(text_of: impl Fn(&Said) -> &BTreeSet<String>) -> Vec<String> {
    let mut known: BTreeSet<String> = known().into_iter().map(str::to_owned).collect();
    known.extend(known.clone().iter().map(|english| plain(english)));
    let is_told = |text: &str| known.contains(text) || SILENT.iter().any(|(silent, _)| *silent == text);
    let mut lacking = Vec::new();
    for (name, said) in said().into_iter().filter(|(name, _)| !NOT_YET.contains(&name.as_str())) {
        let missing = text_of(&said).iter().filter(|text| has_words(text) && !is_told(text));
        lacking.extend(missing.map(|text| format!("{name}: {text}")));
    }
    lacking
}

#[test]
fn every_error_has_a_translation() {
    let lacking = lacking(|said| &said.errors);
    assert!(lacking.is_empty(), "add them to `crates/chinese/src/tables`: {lacking:#?}");
}

#[test]
fn every_failure_and_hint_has_a_translation() {
    let mut lacking = lacking(|said| &said.failures);
    // What the server refuses has both languages where it is said.
    lacking.retain(|told| told.starts_with("app: "));
    assert!(lacking.is_empty(), "add them to `crates/chinese/src/tables`: {lacking:#?}");
}

#[test]
fn every_translation_is_of_something_that_is_said() {
    let said = said();
    let texts: BTreeSet<&str> =
        said.values().flat_map(|said| said.texts.iter().map(String::as_str)).collect();
    let mut gone = Vec::new();
    for (area, table) in
        entrepot_chinese::known().filter(|(area, _)| !COMPOSED.contains(area) && !NOT_YET.contains(area))
    {
        for (english, _) in table {
            if !texts.contains(english) && !texts.contains(plain(english).as_str()) {
                gone.push(format!("{area}: {english}"));
            }
        }
    }
    let texts = |text: &str| texts.contains(text);
    assert!(SILENT.iter().all(|(silent, _)| texts(silent)), "{SILENT:?}");
    assert!(gone.is_empty(), "nobody says this: {gone:#?}");
}

#[test]
fn the_sources_are_read_as_they_are() {
    let mut said = Said::default();
    let source = r#"
        #[error("first {0}", .0.len())] struct A(String);
        #[cfg(test)] mod tests { fn f() { Failure::new("never"); } }
        fn g() { Err(Failure::wrong(format!("second `{name}`")).with_hint("third \
            of them")) }
        #[error(transparent)] struct B;
    "#;
    said.read(source.parse().unwrap());
    assert_eq!(said.errors, BTreeSet::from(["first {0}".to_owned()]));
    assert_eq!(said.failures, BTreeSet::from(["second `{name}`".to_owned(), "third of them".to_owned()]));
    assert!(!said.texts.contains("never"));
    assert!(has_words("a {0}") && has_words("a") && !has_words("{0}: {why}") && !has_words("`NAME`: {}"));
}
