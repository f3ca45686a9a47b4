//! Our own file, written as a person would.

use std::fmt::Write as _;

use entrepot_sync::{
    Format,
    rules::{TagsSection, TargetSection, Texts},
};

use crate::{draft::Draft, imported::Imported};

impl Imported {
    /// The rules as a file that `entrepot sync` takes, with the notes as comments.
    pub fn to_yaml(&self) -> String {
        let mut out = Lines::default();
        out.line(0, &format!("# Made of {}.", self.kind.name()));
        self.notes.iter().for_each(|note| out.comment(0, note));
        if !self.registries.is_empty() {
            out.line(0, "registries:");
            for (host, settings) in &self.registries {
                out.line(1, &format!("{}: {settings}", quoted(host)));
            }
        }
        out.line(0, if self.drafts.is_empty() { "sync: []" } else { "sync:" });
        self.drafts.iter().for_each(|draft| rule(&mut out, draft));
        out.0
    }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "{}{text}", "  ".repeat(depth));
    }

    fn comment(&mut self, depth: usize, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.line(depth, &format!("# Not carried over: {text}"));
    }

    fn key(&mut self, depth: usize, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(depth, &format!("{key}: {}", quoted(value)));
        }
    }

    fn texts(&mut self, depth: usize, key: &str, texts: &Texts) {
        match &texts.items[..] {
            [] => {}
            [one] => self.key(depth, key, Some(one)),
            many => self.list(depth, key, many),
        }
    }

    fn list(&mut self, depth: usize, key: &str, items: &[String]) {
        self.line(depth, &format!("{key}:"));
        items.iter().for_each(|item| self.line(depth + 1, &format!("- {}", quoted(item))));
    }
}

fn rule(out: &mut Lines, draft: &Draft) {
    let section = &draft.section;
    draft.notes.iter().for_each(|note| out.comment(1, note));
    out.line(1, &format!("- name: {}", quoted(&section.name)));
    out.texts(2, "from", &section.from);
    tags(out, &section.tags);
    out.line(2, "to:");
    section.to.iter().for_each(|to| target(out, to));
    out.key(2, "schedule", section.schedule.as_deref());
}

fn tags(out: &mut Lines, tags: &TagsSection) {
    if *tags == TagsSection::default() {
        return;
    }
    if tags.is_list {
        return out.list(2, "tags", &tags.names);
    }
    out.line(2, "tags:");
    out.texts(3, "match", &tags.matches);
    out.texts(3, "not_match", &tags.not_matches);
    if tags.ignore_case {
        out.line(3, "ignore_case: true");
    }
    out.key(3, "semver", tags.semver.as_deref());
}

fn target(out: &mut Lines, to: &TargetSection) {
    if to.is_text {
        return out.line(3, &format!("- {}", quoted(&to.repository)));
    }
    out.line(3, &format!("- repository: {}", quoted(&to.repository)));
    out.key(4, "tag", to.tag.as_deref());
    out.texts(4, "platforms", &to.platforms);
    if to.format == Some(Format::Docker) {
        out.line(4, "format: docker  # this registry refuses OCI indexes");
    }
    out.key(4, "backup", to.backup.as_deref());
}

// What YAML takes for something else than text, though it is made of letters.
const SPECIAL: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

// Without quotes where YAML cannot take it for anything else; otherwise as JSON writes it, which YAML reads too.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':');
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_plain)
        && !text.ends_with(':')
        && !SPECIAL.contains(&text.to_ascii_lowercase().as_str());
    if is_word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_back(text in any::<String>()) {
            let read: Vec<String> = serde_saphyr::from_str(&format!("- {}\n", quoted(&text))).unwrap();
            prop_assert_eq!(read, vec![text]);
        }

        #[test]
        fn and_what_looks_like_something_else(text in "[a-zA-Z0-9:./~_ #-]{0,6}") {
            let line = format!("a: {}\n", quoted(&text));
            let read: std::collections::BTreeMap<String, serde_json::Value> = serde_saphyr::from_str(&line).unwrap();
            prop_assert_eq!(&read["a"], &serde_json::Value::from(text));
        }
    }
}
