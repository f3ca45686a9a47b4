//! Reads a list from a file: one pattern a line, as DaoCloud's `allows.txt` has it.

use crate::{
    pattern::{ImagePattern, ImagePatternError},
    rule::{ListKind, Notice, RuleList, WrittenRule},
};

/// The largest file, in bytes.
pub const LARGEST_LIST: u64 = 16 << 20;

/// A line that is not a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a rule: {error}")]
pub struct LineFault {
    /// The line's number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// Why it is none.
    pub error: ImagePatternError,
}

impl RuleList {
    /// Reads a list. Empty lines and what follows a `#` are left out, and so is space around a pattern.
    ///
    /// # Errors
    /// All lines that are not rules.
    pub fn read(name: impl Into<String>, kind: ListKind, text: &str) -> Result<Self, Vec<LineFault>> {
        let (mut rules, mut faults) = (Vec::new(), Vec::new());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, line) in text.lines().enumerate() {
            let line_number = at + 1;
            let pattern = without_comment(line).trim();
            if pattern.is_empty() {
                continue;
            }
            match pattern.parse::<ImagePattern>() {
                Ok(pattern) => {
                    rules.push(WrittenRule { pattern, line: line_number, notice: Notice::default() });
                }
                Err(error) => faults.push(LineFault { line: line_number, text: pattern.to_owned(), error }),
            }
        }
        if faults.is_empty() { Ok(Self { name: name.into(), kind, rules }) } else { Err(faults) }
    }
}

fn without_comment(line: &str) -> &str {
    line.split_once('#').map_or(line, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_pattern_a_line() {
        let text = "\u{feff}# ours\r\n\r\n docker.io/library/* \r\nquay.io/a/b # asked for\nghcr.io/z/**";
        let list = RuleList::read("allows.txt", ListKind::Allow, text).unwrap();
        let rules: Vec<_> = list.rules.iter().map(|rule| (rule.line, rule.pattern.as_str())).collect();
        assert_eq!(rules, [(3, "docker.io/library/*"), (4, "quay.io/a/b"), (5, "ghcr.io/z/**")]);
    }

    #[test]
    fn every_bad_line_is_told() {
        let text = "docker.io/library/nginx\nnginx\n\ndocker.io/a/**/b\nquay.io/a/b";
        let faults = RuleList::read("x", ListKind::Allow, text).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 4]);
        assert!(faults[0].to_string().starts_with("`nginx` is not a rule: a rule begins with a registry"));
    }
}
