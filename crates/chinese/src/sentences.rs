//! All sentences, ready to be compared, and the search for those of a text.

use std::{cmp::Reverse, collections::HashMap, sync::LazyLock};

use crate::{
    tables,
    template::{PlaceholderValue, Template},
};

/// Longer texts are not looked at: no sentence is as long.
const LONGEST: usize = 8 * 1024;

/// How deep sentences are looked for inside of others.
const DEPTH: usize = 8;

/// How many points of a text are tried as the end of a sentence.
const ENDS: usize = 16;

/// What stands between two sentences, in English and in 中文.
const BETWEEN: [(&str, &str); 2] = [(": ", "："), ("; ", "；")];

/// The sentences that are known.
pub(crate) struct Sentences {
    /// Those without places.
    fixed: HashMap<String, String>,
    /// The others, English and 中文. What has more words is first.
    open: Vec<(Template, Template)>,
}

/// Those of the tables. They are read when the first is looked for.
pub(crate) fn all() -> &'static Sentences {
    static ALL: LazyLock<Sentences> =
        LazyLock::new(|| Sentences::of(tables::ALL.iter().flat_map(|(_, table)| table.iter().copied())));
    &ALL
}

impl Sentences {
    fn of(pairs: impl Iterator<Item = (&'static str, &'static str)>) -> Self {
        let mut all = Self { fixed: HashMap::new(), open: Vec::new() };
        for (english, chinese) in pairs {
            let (english, chinese) = (Template::read(english), Template::read(chinese));
            match (english.fixed(), chinese.fixed()) {
                (Some(english), Some(chinese)) => {
                    all.fixed.insert(english.to_owned(), chinese.to_owned());
                }
                _ => all.open.push((english, chinese)),
            }
        }
        all.open.sort_by_key(|(english, _)| Reverse(english.weight()));
        all
    }

    /// The text in 中文, if a sentence is found in it.
    pub(crate) fn said(&self, text: &str) -> Option<String> {
        let said = (text.len() <= LONGEST).then(|| self.look(text, DEPTH)).flatten()?;
        // What is said inside of another sentence may begin with a space.
        Some(if text.starts_with(' ') { said } else { said.trim_start().to_owned() })
    }

    // As one sentence; else as several; else as one with backticks in its names.
    fn look(&self, text: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        self.one(text, depth, |value| !value.is_quoted || !value.text.contains('`'))
            .or_else(|| self.several(text, depth))
            .or_else(|| self.one(text, depth, |_| true))
    }

    fn one(&self, text: &str, depth: usize, fits: impl Fn(&PlaceholderValue<'_>) -> bool) -> Option<String> {
        if let Some(chinese) = self.fixed.get(text) {
            return Some(chinese.clone());
        }
        self.open.iter().find_map(|(english, chinese)| {
            let values = english.values(text).filter(|values| values.iter().all(&fits))?;
            let values: Vec<_> = values.into_iter().map(|value| self.value(value, depth)).collect();
            Some(chinese.filled(english, &values))
        })
    }

    fn value(&self, PlaceholderValue { text, is_quoted }: PlaceholderValue<'_>, depth: usize) -> String {
        let said = if is_quoted { None } else { self.look(text, depth) };
        said.unwrap_or_else(|| text.to_owned())
    }

    // Errors are told with their causes: the first that is known ends where the rest begins. If there is none, the first
    // part is a name.
    fn several(&self, text: &str, depth: usize) -> Option<String> {
        let ends: Vec<_> = ends(text).take(ENDS).collect();
        for (head, between, tail) in &ends {
            if let Some(head) = self.one(head, depth, |value| !value.is_quoted || !value.text.contains('`')) {
                let tail = self.look(tail, depth).unwrap_or_else(|| (*tail).to_owned());
                return Some(format!("{head}{}{tail}", between.1));
            }
        }
        let (head, between, tail) = ends.first()?;
        Some(format!("{head}{}{}", between.0, self.look(tail, depth)?))
    }
}

type SentenceEnd<'a> = (&'a str, (&'static str, &'static str), &'a str);

// Where a sentence may end: outside of backticks.
fn ends(text: &str) -> impl Iterator<Item = SentenceEnd<'_>> {
    text.char_indices()
        .scan(false, |is_quoted, (at, char)| {
            *is_quoted ^= char == '`';
            Some((at, *is_quoted))
        })
        .filter(|(_, is_quoted)| !is_quoted)
        .filter_map(|(at, _)| {
            let between = BETWEEN.into_iter().find(|(english, _)| text[at..].starts_with(english))?;
            Some((&text[..at], between, &text[at + between.0.len()..]))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &[(&str, &str)] = &[
        ("not found", "不存在"),
        ("there is no rule `{0}`", "没有规则 `{0}`"),
        ("cannot read {name}", "无法读取 {name}"),
        ("`{host}` cannot be reached: {}", "无法连接 `{host}`：{}"),
        ("cannot pull from `{source}` ({})", "无法从 `{source}` 拉取（{}）"),
        ("{digits} images", "{digits} 个镜像"),
        ("{} of {} missing", "{} 中缺少 {}"),
        ("{name} is damaged", "{name} 已损坏"),
        ("{{x}} is unknown", "没有 {{x}}"),
    ];

    /// Places that hold English grammar, which 中文 has no use for.
    const GRAMMAR: [&str; 4] = ["are", "has", "they", "was"];

    fn said(text: &str) -> Option<String> {
        Sentences::of(SOME.iter().copied()).said(text)
    }

    #[test]
    fn a_sentence_is_said_with_its_names() {
        for (english, chinese) in [
            ("not found", "不存在"),
            ("there is no rule `a`", "没有规则 `a`"),
            ("{x} is unknown", "没有 {x}"),
            ("`a.example` cannot be reached: not found", "无法连接 `a.example`：不存在"),
            ("cannot pull from `a/b` (401: no)", "无法从 `a/b` 拉取（401: no）"),
            // Causes and names in front.
            ("cannot read a.yaml: not found", "无法读取 a.yaml: 不存在"),
            ("there is no rule `a`: not found: by the way", "没有规则 `a`：不存在：by the way"),
            ("a.yaml: not found", "a.yaml: 不存在"),
            ("not found; a.yaml is damaged", "不存在；a.yaml 已损坏"),
        ] {
            assert_eq!(said(english).as_deref(), Some(chinese), "{english}");
        }
    }

    #[test]
    fn a_name_stays_what_it_is_whatever_it_looks_like() {
        for (english, chinese) in [
            ("there is no rule `not found`", "没有规则 `not found`"),
            ("there is no rule `a: not found`", "没有规则 `a: not found`"),
            ("there is no rule `there is no rule `a``", "没有规则 `there is no rule `a``"),
            ("there is no rule `{0}`", "没有规则 `{0}`"),
            // The name is that of the first; the second is one of its own.
            ("there is no rule `a`: there is no rule `b`", "没有规则 `a`：没有规则 `b`"),
        ] {
            assert_eq!(said(english).as_deref(), Some(chinese), "{english}");
        }
    }

    #[test]
    fn what_is_not_known_stays_english() {
        for text in ["", "hello", "hello: world", "`not found`", ": ", "; ; ", "`: not found"] {
            assert_eq!(said(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_answered_soon() {
        assert_eq!(said(&"x".repeat(LONGEST + 1)), None);
        let deep = "cannot read ".repeat(LONGEST / 12);
        assert!(said(&deep).is_some_and(|said| said.starts_with("无法读取 无法读取")));
        let ends = ": ".repeat(LONGEST / 2);
        assert_eq!(said(&ends), None);
        let quoted = "there is no rule `".repeat(LONGEST / 18);
        assert!(said(&quoted).is_some_and(|said| said.starts_with("没有规则 `there is no rule `")));
    }

    #[test]
    fn every_sentence_has_its_places_in_both_languages() {
        let names = |template: &Template| {
            let names = template.names().into_iter().filter(|name| !GRAMMAR.contains(name));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut faults = Vec::new();
        let mut seen = HashMap::new();
        for (area, table) in tables::ALL {
            for (english, chinese) in *table {
                let (from, to) = (Template::read(english), Template::read(chinese));
                if names(&from) != names(&to) {
                    faults.push(format!("{area}: other places: {english} | {chinese}"));
                }
                if !chinese.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char)) {
                    faults.push(format!("{area}: no 中文: {chinese}"));
                }
                if from.weight() < 4 {
                    faults.push(format!("{area}: it would be found in anything: {english}"));
                }
                if let Some(other) = seen.insert(*english, *chinese).filter(|other| other != chinese) {
                    faults.push(format!("{area}: {english}: {chinese}, and {other}"));
                }
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn every_sentence_is_found_by_its_text() {
        let filled = |template: &Template| template.filled(template, &vec!["7".to_owned(); 16]);
        for (english, chinese) in tables::ALL.iter().flat_map(|(_, table)| table.iter()) {
            let (english, chinese) = (filled(&Template::read(english)), filled(&Template::read(chinese)));
            let said = all().said(&english);
            assert!(said.is_some(), "{english}");
            // Two sentences may fit one text; what is said is 中文 then, too.
            assert!(
                said.as_deref() == Some(&chinese) || !english.contains(": "),
                "{english}: {said:?}, not {chinese}"
            );
        }
    }
}
