//! Every error that the command line can show has a translation, and everything that it prints. Every translation is of
//! something that is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Errors that are never shown to people, each with the reason.
const SILENT: &[(&str, &str)] = &[];

/// Crates that are being written, whose errors may come before their translations: what is said there already, is known.
const NOT_YET: [&str; 2] = ["engine", "library"];

/// Crates that print.
const PRINTING: [&str; 2] = ["app", "migrate"];

/// Functions that give words to be printed, by their crates.
const GIVE_WORDS: [(&str, &str); 3] = [("app", "next_step"), ("migrate", "word"), ("sync", "word")];

/// Words on the wire that are not translated: they are typed as they are shown, name formats and codes, or are not printed.
const AS_ON_THE_WIRE: [&str; 26] = [
    "AccountKind",
    "CacheEvictionTrigger",
    "CacheFault",
    "CachePinSource",
    "CacheScrubOutcome",
    "CacheWorkEnd",
    "EntryForm",
    "ExplanationReason",
    "GrantOrigin",
    "ImageRequestFault",
    "InstanceDesired",
    "InstancePart",
    "InstanceSplit",
    "InstanceVolumes",
    "LimitUnit",
    "Mode",
    "NodeConditionCode",
    "ProblemCode",
    "PullRuleReason",
    "PullVia",
    "Role",
    "SavingPhase",
    "SenderKind",
    "UpstreamStanding",
    "WebhookFormat",
    "WebhookLanguage",
];

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
    /// What is printed.
    printed: Printed,
}

/// What is printed, by how it is given to `crates/app/src/output.rs`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Printed {
    /// Texts of `Column("…", …)`.
    headings: BTreeSet<String>,
    /// Columns whose heading is no text here: it would not be seen that one has no translation.
    unknown_headings: usize,
    /// Texts of `sentence!("…", …)`, also where the language is named first.
    sentences: BTreeSet<String>,
    /// Texts of `word("…")`, and of functions that give a word to be printed.
    words: BTreeSet<String>,
    /// Texts of `amount(…, "…")`.
    nouns: BTreeSet<String>,
    /// Words on the wire that are printed, by their type.
    wire: BTreeMap<String, BTreeSet<String>>,
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

// The sources are read once.
fn said() -> &'static BTreeMap<String, Said> {
    static SAID: LazyLock<BTreeMap<String, Said>> = LazyLock::new(read);
    &SAID
}

fn read() -> BTreeMap<String, Said> {
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
            said.read(tokens.clone());
            said.printed.read(tokens, &name);
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

impl Printed {
    fn read(&mut self, tokens: TokenStream, of: &str) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            let TokenTree::Group(group) = token else { continue };
            if is_for_tests(group) {
                at = behind_item(&tokens, at);
                continue;
            }
            self.take(&tokens[..at - 1], group, of);
            self.read(group.stream(), of);
        }
    }

    // What a group is given to: `name(…)`, `name!(…)`, `fn name() -> … {…}`.
    fn take(&mut self, before: &[TokenTree], group: &Group, of: &str) {
        let named =
            |back: usize| before.len().checked_sub(back).map(|at| before[at].to_string()).unwrap_or_default();
        let texts: Vec<String> = group.stream().into_iter().filter_map(|token| text(&token)).collect();
        let first = group.stream().into_iter().next().and_then(|token| text(&token));
        let is_call = group.delimiter() == Delimiter::Parenthesis && named(2) != "fn";
        match (named(1).as_str(), named(2).as_str()) {
            ("Column", before) if is_call && of == "app" && before != "struct" => match first {
                Some(heading) => _ = self.headings.insert(heading),
                None => self.unknown_headings += 1,
            },
            ("!", "sentence") if is_call => self.sentences.extend(texts.first().cloned()),
            ("word", _) if is_call && PRINTING.contains(&of) => self.words.extend(first),
            ("amount", _) if is_call && PRINTING.contains(&of) => self.nouns.extend(texts),
            ("!", "words") if of == "api" => self.wire.extend(wire(group)),
            _ if group.delimiter() == Delimiter::Brace && gives_words(before, of) => {
                self.words.extend(all_texts(group.stream()));
            }
            _ => {}
        }
    }
}

// `words! { Name { Variant = "word", … } }`.
fn wire(group: &Group) -> Option<(String, BTreeSet<String>)> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let variants = tokens.iter().rposition(|token| matches!(token, TokenTree::Group(_)))?;
    let TokenTree::Group(inner) = &tokens[variants] else { return None };
    let words = inner.stream().into_iter().filter_map(|token| text(&token));
    Some((tokens[variants.checked_sub(1)?].to_string(), words.collect()))
}

// Whether the body of a function follows that gives words.
fn gives_words(before: &[TokenTree], of: &str) -> bool {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    let from = before.iter().rposition(is_end).map_or(0, |end| end + 1);
    let tokens: Vec<String> = before[from..].iter().map(ToString::to_string).collect();
    let name = tokens.iter().position(|token| token == "fn").and_then(|at| tokens.get(at + 1));
    name.is_some_and(|name| GIVE_WORDS.contains(&(of, name.as_str())))
}

fn all_texts(tokens: TokenStream) -> Vec<String> {
    let inner = |token: TokenTree| match token {
        TokenTree::Group(group) => all_texts(group.stream()),
        token => text(&token).into_iter().collect(),
    };
    tokens.into_iter().flat_map(inner).collect()
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
    for (name, said) in said().iter().filter(|(name, _)| !NOT_YET.contains(&name.as_str())) {
        let missing = text_of(said).iter().filter(|text| has_words(text) && !is_told(text));
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

fn printed() -> Printed {
    let mut all = Printed::default();
    for Said { printed, .. } in said().values() {
        all.headings.extend(printed.headings.iter().cloned());
        all.unknown_headings += printed.unknown_headings;
        all.sentences.extend(printed.sentences.iter().cloned());
        all.words.extend(printed.words.iter().cloned());
        all.nouns.extend(printed.nouns.iter().cloned());
        all.wire.extend(printed.wire.clone());
    }
    all
}

// What is printed and has no translation, and translations of what is not printed.
fn compared(
    printed: &BTreeSet<String>,
    known: impl Iterator<Item = (&'static str, &'static str)>,
) -> [Vec<String>; 2] {
    let known: BTreeSet<String> = known.map(|(english, _)| english.to_owned()).collect();
    [printed.difference(&known).cloned().collect(), known.difference(printed).cloned().collect()]
}

#[test]
fn every_heading_of_a_table_has_a_translation() {
    let printed = printed();
    // Those in `output.rs` take columns apart.
    assert_eq!(printed.unknown_headings, 2, "write headings as `Column(\"…\", …)`");
    let [lacking, gone] = compared(&printed.headings, entrepot_chinese::printed::headings());
    assert!(
        lacking.is_empty(),
        "add them to `HEADINGS` in `crates/chinese/src/tables/app_words.rs`: {lacking:#?}"
    );
    assert!(gone.is_empty(), "no table has this: {gone:#?}");
}

#[test]
fn every_sentence_that_is_printed_has_a_translation() {
    let [lacking, gone] = compared(&printed().sentences, entrepot_chinese::printed::sentences());
    assert!(lacking.is_empty(), "add them to `crates/chinese/src/tables/app_output*.rs`: {lacking:#?}");
    assert!(gone.is_empty(), "nobody says this: {gone:#?}");
}

#[test]
fn everything_that_is_counted_has_a_translation() {
    let [lacking, gone] = compared(&printed().nouns, entrepot_chinese::printed::nouns());
    assert!(
        lacking.is_empty(),
        "add them to `NOUNS` in `crates/chinese/src/tables/app_words.rs`: {lacking:#?}"
    );
    assert!(gone.is_empty(), "nobody counts this: {gone:#?}");
}

#[test]
fn every_state_has_a_translation() {
    let Printed { mut words, wire, .. } = printed();
    let unknown: Vec<_> = AS_ON_THE_WIRE.iter().filter(|name| !wire.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "there are no such words: {unknown:?}");
    let shown = wire.into_iter().filter(|(name, _)| !AS_ON_THE_WIRE.contains(&name.as_str()));
    words.extend(shown.flat_map(|(_, words)| words));
    let [lacking, gone] = compared(&words, entrepot_chinese::printed::words());
    assert!(
        lacking.is_empty(),
        "add them to `WORDS` in `crates/chinese/src/tables/app_words.rs`: {lacking:#?}"
    );
    assert!(gone.is_empty(), "nobody says this: {gone:#?}");
}

#[test]
fn what_is_printed_is_found_where_it_is() {
    let source = r#"
        fn table() -> String { let columns = [Column("A", Left), Column(head, Right)]; sentence!("{x} b", x = word("c")) }
        fn next_step(&self) -> &'static str { if a { "d e" } else { match b { _ => "f" } } }
        fn other() -> String { amount(list.len(), "g"); amount(1, noun) }
        struct Column(&'static str, Alignment);
        #[cfg(test)] mod tests { fn f() { word("never"); } }
    "#;
    let mut read = Printed::default();
    read.read(source.parse().unwrap(), "app");
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!((&read.headings, read.unknown_headings), (&texts(&["A"]), 1));
    assert_eq!(read.sentences, texts(&["{x} b"]));
    assert_eq!((&read.words, &read.nouns), (&texts(&["c", "d e", "f"]), &texts(&["g"])));
    let mut read = Printed::default();
    let source = r#"words! { #[doc = "About."] State { #[doc = "Yes."] Yes = "yes", No = "no", } }"#;
    read.read(source.parse().unwrap(), "api");
    assert_eq!(read.wire, BTreeMap::from([("State".to_owned(), texts(&["yes", "no"]))]));
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
