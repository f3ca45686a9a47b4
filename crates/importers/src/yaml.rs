//! Our own file, written as a person would.

use std::fmt::Write as _;

use entrepot_sync::{
    Format,
    rules::{TagsSection, TargetSection, TextList},
};
use entrepot_yaml::{Context, scalar};

use crate::{draft::RuleDraft, imported::Imported};

impl Imported {
    /// The rules as a file that `entrepot sync` takes, with the notes as comments.
    pub fn to_yaml(&self) -> String {
        let mut out = YamlLines::default();
        out.line(0, &format!("# Made of {}.", self.kind.name()));
        self.notes.iter().for_each(|note| out.comment(0, note));
        if !self.registries.is_empty() {
            out.line(0, "registries:");
            for (host, settings) in &self.registries {
                out.line(1, &format!("{}: {settings}", scalar(host, Context::Block)));
            }
        }
        out.line(0, if self.drafts.is_empty() { "sync: []" } else { "sync:" });
        self.drafts.iter().for_each(|draft| rule(&mut out, draft));
        out.0
    }
}

#[derive(Default)]
struct YamlLines(String);

impl YamlLines {
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
            self.line(depth, &format!("{key}: {}", scalar(value, Context::Block)));
        }
    }

    fn texts(&mut self, depth: usize, key: &str, texts: &TextList) {
        match &texts.items[..] {
            [] => {}
            [one] => self.key(depth, key, Some(one)),
            many => self.list(depth, key, many),
        }
    }

    fn list(&mut self, depth: usize, key: &str, items: &[String]) {
        self.line(depth, &format!("{key}:"));
        items.iter().for_each(|item| self.line(depth + 1, &format!("- {}", scalar(item, Context::Block))));
    }
}

fn rule(out: &mut YamlLines, draft: &RuleDraft) {
    let section = &draft.section;
    draft.notes.iter().for_each(|note| out.comment(1, note));
    out.line(1, &format!("- name: {}", scalar(&section.name, Context::Block)));
    out.texts(2, "from", &section.from);
    tags(out, &section.tags);
    out.line(2, "to:");
    section.to.iter().for_each(|to| target(out, to));
    out.key(2, "schedule", section.schedule.as_deref());
}

fn tags(out: &mut YamlLines, tags: &TagsSection) {
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

fn target(out: &mut YamlLines, to: &TargetSection) {
    if to.is_text {
        return out.line(3, &format!("- {}", scalar(&to.repository, Context::Block)));
    }
    out.line(3, &format!("- repository: {}", scalar(&to.repository, Context::Block)));
    out.key(4, "tag", to.tag.as_deref());
    out.texts(4, "platforms", &to.platforms);
    if to.format == Some(Format::Docker) {
        out.line(4, "format: docker  # this registry refuses OCI indexes");
    }
    out.key(4, "backup", to.backup.as_deref());
}
