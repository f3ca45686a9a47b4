//! Splits a Dockerfile into instructions and maps their text back to the file.

use std::ops::Range;

/// The directives before the first instruction.
#[derive(Debug, Default)]
pub(super) struct Directives {
    /// Range of the `syntax` image.
    pub(super) syntax: Option<Range<usize>>,
    escape: Option<char>,
}

/// An instruction with its arguments, on one line.
#[derive(Debug)]
pub(super) struct Instruction {
    pub(super) text: String,
    // Pairs of an offset in the text and the matching offset in the file.
    stretches: Vec<(usize, usize)>,
}

impl Instruction {
    /// The range in the file of a range of the text, from its first to its last character.
    pub(super) fn written(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.place(range.start);
        let end = range.end.checked_sub(1).map_or(start, |last| self.place(last) + 1);
        start..end.max(start)
    }

    fn place(&self, at: usize) -> usize {
        let index = self.stretches.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        self.stretches.get(index).map_or(at, |(start, place)| place + (at - start))
    }
}

/// Parses a whole file.
pub(super) fn read(text: &str) -> (Directives, Vec<Instruction>) {
    let mut lines =
        LineSplitter { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 } };
    let directives = directives(&mut lines);
    let escape = directives.escape.unwrap_or('\\');
    let mut instructions = Vec::new();
    while let Some(instruction) = instruction(&mut lines, escape) {
        for end in heredocs(&instruction.text) {
            skip_heredoc(&mut lines, &end);
        }
        instructions.push(instruction);
    }
    (directives, instructions)
}

struct LineSplitter<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> LineSplitter<'a> {
    fn peek(&self) -> Option<(usize, &'a str)> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split('\n').next().unwrap_or_default();
        Some((self.at, line))
    }

    // The next line without its line ending, and its offset.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let (at, line) = self.peek()?;
        self.at = (at + line.len() + 1).min(self.text.len());
        Some((at, line.strip_suffix('\r').unwrap_or(line)))
    }
}

// Leading `# name=value` lines.
fn directives(lines: &mut LineSplitter<'_>) -> Directives {
    let mut directives = Directives::default();
    while let Some((at, line)) = lines.peek() {
        let Some((name, value)) = line.trim_start().strip_prefix('#').and_then(|rest| rest.split_once('='))
        else {
            break;
        };
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            break;
        }
        let trimmed = value.trim();
        let start = at + (line.len() - value.len()) + (value.len() - value.trim_start().len());
        match name.as_str() {
            "syntax" if !trimmed.is_empty() => directives.syntax = Some(start..start + trimmed.len()),
            "escape" => directives.escape = trimmed.chars().next(),
            _ => {}
        }
        lines.next();
    }
    directives
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn instruction(lines: &mut LineSplitter<'_>, escape: char) -> Option<Instruction> {
    let mut instruction = Instruction { text: String::new(), stretches: Vec::new() };
    while let Some((at, line)) = lines.next() {
        // Comments and empty lines may appear inside an instruction.
        if is_comment(line) || line.trim().is_empty() {
            continue;
        }
        let continued = line.trim_end().strip_suffix(escape);
        instruction.stretches.push((instruction.text.len(), at));
        instruction.text.push_str(continued.unwrap_or(line));
        if continued.is_none() {
            return Some(instruction);
        }
    }
    (!instruction.text.is_empty()).then_some(instruction)
}

/// The terminator of a heredoc, and whether it may be preceded by tabs.
struct HeredocEnd {
    word: String,
    tabs: bool,
}

fn heredocs(text: &str) -> Vec<HeredocEnd> {
    let instruction = text.trim_start();
    let instruction = without_word(instruction, "ONBUILD").unwrap_or(instruction);
    if !["RUN", "COPY", "ADD"].iter().any(|word| without_word(instruction, word).is_some()) {
        return Vec::new();
    }
    let mut ends = Vec::new();
    let mut rest = instruction;
    while let Some((before, behind)) = rest.split_once("<<") {
        rest = behind;
        // `<<<` is a here-string, and `1<<2` arithmetic.
        if before.ends_with('<') || behind.starts_with('<') {
            rest = behind.trim_start_matches('<');
            continue;
        }
        let tabs = behind.starts_with('-');
        let word = behind.trim_start_matches('-').trim_start_matches(['"', '\'']);
        let length = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len());
        let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_word {
            ends.push(HeredocEnd { word: word[..length].to_owned(), tabs });
        }
    }
    ends
}

/// The text after a leading word, compared without regard to case.
pub(super) fn without_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    let ends = rest.starts_with(char::is_whitespace);
    (first.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start())
}

fn skip_heredoc(lines: &mut LineSplitter<'_>, end: &HeredocEnd) {
    while let Some((_, line)) = lines.next() {
        let line = if end.tabs { line.trim_start_matches('\t') } else { line };
        if line == end.word {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        read(text).1.into_iter().map(|instruction| instruction.text).collect()
    }

    #[test]
    fn lines_are_joined() {
        let text = "FROM a\\\r\n  # comment\r\n\r\n  :1\r\nRUN x";
        assert_eq!(texts(text), ["FROM a  :1", "RUN x"]);
        let (_, instructions) = read(text);
        assert_eq!(&text[instructions[0].written(&(8..10))], ":1");
        assert_eq!(&text[instructions[0].written(&(5..6))], "a");
    }

    #[test]
    fn heredocs_are_no_instructions() {
        let text = "RUN <<EOF cat\nFROM x\nEOF\nCOPY <<-'A' <<\"B\" /\n\tFROM y\n\tA\nFROM z\nB\nFROM w\nRUN cat <<< x\nRUN y\n";
        assert_eq!(texts(text).len(), 5);
        assert_eq!(texts("FROM a<<EOF\nRUN x\n").len(), 2);
    }

    #[test]
    fn directives_come_first() {
        let text = "\u{feff}# escape=`\n#syntax = docker/dockerfile:1\n# x\n# syntax=no\nFROM a`\n:1\n";
        let (directives, instructions) = read(text);
        assert_eq!(&text[directives.syntax.unwrap()], "docker/dockerfile:1");
        assert_eq!(instructions[0].text, "FROM a:1");
        assert!(read("\n# syntax=x\n").0.syntax.is_none());
    }
}
