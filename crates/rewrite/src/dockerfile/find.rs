//! Finds images in Dockerfiles.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    lines::{self, Instruction},
    words::{unquoted, words},
};
use crate::{
    candidate::Reason,
    expansion::{Lookup, Piece, Pieces, VariableValue},
    finder::{CandidateEntry, EntryVerdict, Finder, RenameMethod},
    text::{self, TextPart},
    token::Token,
    tree::Style,
};

/// Collects the candidates of a Dockerfile.
pub(crate) fn find(finder: &mut Finder<'_>) {
    let (directives, instructions) = lines::read(finder.text);
    if let Some(range) = directives.syntax {
        let word = InstructionWord {
            range: range.clone(),
            text: finder.text[range].to_owned(),
            place: "# syntax".to_owned(),
        };
        Build::default().add(&word, false, finder);
    }
    let mut build = Build::default();
    for instruction in &instructions {
        build.take(instruction, finder);
    }
}

// A word that may be an image: its range and its text.
struct InstructionWord {
    range: Range<usize>,
    text: String,
    place: String,
}

#[derive(Default)]
struct Build {
    /// `ARG`s before the first stage; only those count in `FROM`.
    arguments: HashMap<String, Pieces>,
    /// Names of stages, lower case.
    stages: Vec<Option<String>>,
    /// The same names, for lookup.
    names: HashSet<String>,
}

impl Build {
    fn take(&mut self, instruction: &Instruction, finder: &mut Finder<'_>) {
        let words = words(&instruction.text);
        let mut words = words.as_slice();
        let mut name = name_of(instruction, words);
        if name == "ONBUILD" {
            words = &words[1..];
            name = name_of(instruction, words);
        }
        let Some(rest) = words.get(1..) else { return };
        match name.as_str() {
            "ARG" if self.stages.is_empty() => {
                rest.iter().for_each(|range| self.argument(instruction, range, finder));
            }
            "FROM" => self.from(instruction, rest, finder),
            "COPY" | "ADD" => {
                for flag in flags(instruction, rest) {
                    if let Some(range) = behind(instruction, &flag, "--from=") {
                        self.source(instruction, range, &name, finder);
                    }
                }
            }
            "RUN" => {
                for flag in flags(instruction, rest) {
                    if let Some(range) =
                        behind(instruction, &flag, "--mount=").and_then(|range| from(instruction, range))
                    {
                        self.source(instruction, range, "RUN --mount", finder);
                    }
                }
            }
            _ => {}
        }
    }

    fn argument(&mut self, instruction: &Instruction, range: &Range<usize>, finder: &mut Finder<'_>) {
        let text = &instruction.text[range.clone()];
        let Some((name, _)) = text.split_once('=') else { return };
        let value = unquoted(&instruction.text, range.start + name.len() + 1..range.end);
        let (token, text) = token(instruction, &value, finder);
        let lookup = |name: &str| self.arguments.get(name).map(VariableValue::Inside);
        if let Some(mut pieces) = finder.filled_in((token, &text), 0..text.len(), &lookup) {
            if text.is_empty() {
                // A new name may begin here.
                pieces.push(Piece::Text { slot: token, range: 0..0 });
            }
            self.arguments.insert(name.to_owned(), pieces);
        }
    }

    fn from(&mut self, instruction: &Instruction, words: &[Range<usize>], finder: &mut Finder<'_>) {
        let words = words.get(flags(instruction, words).len()..).unwrap_or_default();
        let Some(image) = words.first() else { return };
        let range = unquoted(&instruction.text, image.clone());
        let word = self.word(instruction, &range, "FROM");
        self.add(&word, false, finder);
        let is_named =
            words.get(1).is_some_and(|word| instruction.text[word.clone()].eq_ignore_ascii_case("as"));
        let name =
            words.get(2).filter(|_| is_named).map(|word| instruction.text[word.clone()].to_ascii_lowercase());
        self.names.extend(name.clone());
        self.stages.push(name);
    }

    fn source(&self, instruction: &Instruction, range: Range<usize>, name: &str, finder: &mut Finder<'_>) {
        let word = self.word(instruction, &unquoted(&instruction.text, range), name);
        self.add(&word, true, finder);
    }

    // Records a word: an image, or the name of a stage, however it is put together.
    fn add(&self, word: &InstructionWord, by_number: bool, finder: &mut Finder<'_>) {
        if let Some(reason) = self.no_image(&word.text, by_number) {
            return leave(word, reason, finder);
        }
        let lookup = |name: &str| self.arguments.get(name).map(VariableValue::Inside);
        let Some(pieces) = pieces(word, &lookup, finder) else { return };
        let (whole, rests_on) = finder.whole(&pieces);
        let stage = || self.may_be_stage(&word.text, &whole).then_some(Reason::Stage);
        let entry = match self.no_image(&whole, by_number).or_else(stage) {
            // What it is put together from must stay as it is.
            Some(reason) => CandidateEntry { rests_on, ..entry(word, EntryVerdict::Left(reason)) },
            None => entry(word, finder.what(pieces, RenameMethod::Rename)),
        };
        finder.add_entry(entry);
    }

    // Why a name is not an image: stages take precedence over images, and `COPY --from` may refer to one by number.
    fn no_image(&self, text: &str, by_number: bool) -> Option<Reason> {
        let name = text.to_ascii_lowercase();
        let is_number = by_number && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || self.names.contains(&name) {
            return Some(Reason::Stage);
        }
        (name == "scratch").then_some(Reason::Scratch)
    }

    // True if it would be a stage with other values of its variables: `build-${TARGET}`.
    fn may_be_stage(&self, written: &str, whole: &str) -> bool {
        if whole.contains(['/', ':', '@']) || !written.contains('$') {
            return false;
        }
        let parts: Vec<Option<TextPart>> = text::parts(written, 0..written.len()).collect();
        let literal = |part: Option<&Option<TextPart>>| match part {
            Some(Some(TextPart::Literal(range))) => written[range.clone()].to_ascii_lowercase(),
            _ => String::new(),
        };
        let (first, last) = (literal(parts.first()), literal(parts.last()));
        let least = first.len() + last.len();
        least > 0
            && self
                .names
                .iter()
                .any(|name| name.len() >= least && name.starts_with(&first) && name.ends_with(&last))
    }

    fn word(&self, instruction: &Instruction, range: &Range<usize>, name: &str) -> InstructionWord {
        let stage = self.stages.len().checked_sub(usize::from(name != "FROM"));
        let named = stage.and_then(|stage| self.stages.get(stage)).and_then(Option::as_deref);
        let place = match (named, stage) {
            (Some(stage), _) => format!("{stage}: {name}"),
            (None, Some(stage)) => format!("stage {stage}: {name}"),
            (None, None) => name.to_owned(),
        };
        InstructionWord {
            range: instruction.written(range),
            text: instruction.text[range.clone()].to_owned(),
            place,
        }
    }
}

fn name_of(instruction: &Instruction, words: &[Range<usize>]) -> String {
    words.first().map_or_else(String::new, |word| instruction.text[word.clone()].to_ascii_uppercase())
}

// The leading words that start with `--`.
fn flags(instruction: &Instruction, words: &[Range<usize>]) -> Vec<Range<usize>> {
    words.iter().take_while(|word| instruction.text[(*word).clone()].starts_with("--")).cloned().collect()
}

fn behind(instruction: &Instruction, word: &Range<usize>, prefix: &str) -> Option<Range<usize>> {
    let text = &instruction.text[word.clone()];
    text.starts_with(prefix).then(|| word.start + prefix.len()..word.end)
}

// `from=` in comma-separated options.
fn from(instruction: &Instruction, options: Range<usize>) -> Option<Range<usize>> {
    let mut start = options.start;
    for option in instruction.text[options].split(',') {
        if let Some(value) = option.strip_prefix("from=") {
            let from = start + "from=".len();
            return Some(from..from + value.len()).filter(|range| !range.is_empty());
        }
        start += option.len() + 1;
    }
    None
}

fn token(instruction: &Instruction, range: &Range<usize>, finder: &mut Finder<'_>) -> (usize, String) {
    let text = instruction.text[range.clone()].to_owned();
    let token = Token { span: instruction.written(range), text: text.clone(), style: Style::Bare };
    (finder.add_token(token), text)
}

// The pieces of a word; if a variable in it is unterminated, that is reported.
fn pieces(word: &InstructionWord, lookup: Lookup<'_>, finder: &mut Finder<'_>) -> Option<Pieces> {
    let token = Token { span: word.range.clone(), text: word.text.clone(), style: Style::Bare };
    let token = finder.add_token(token);
    let pieces = finder.filled_in((token, &word.text), 0..word.text.len(), lookup);
    if pieces.is_none() {
        let reason = Reason::NotAReference("a variable in it is unterminated".to_owned());
        leave(word, reason, finder);
    }
    pieces
}

fn leave(word: &InstructionWord, reason: Reason, finder: &mut Finder<'_>) {
    finder.add_entry(entry(word, EntryVerdict::Left(reason)));
}

fn entry(word: &InstructionWord, what: EntryVerdict) -> CandidateEntry {
    CandidateEntry::new(word.range.start, word.place.clone(), word.text.clone(), what)
}
