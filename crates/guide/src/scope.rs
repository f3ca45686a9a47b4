//! A filter in words.

use entrepot_sync::rules::{TagFilter, TagsSection, TextList};

use crate::{markdown::code, words::GuideLanguage};

/// Which tags a destination gets, in Markdown: those that its rule means and it takes; `None`: all.
pub fn scope(filters: [&TagFilter; 2], language: GuideLanguage) -> Option<String> {
    let told: Vec<String> = filters
        .into_iter()
        .filter(|filter| !filter.is_open())
        .flat_map(|filter| parts(filter.written(), language))
        .collect();
    (!told.is_empty()).then(|| told.join(language.words().list_end))
}

fn parts(written: &TagsSection, language: GuideLanguage) -> Vec<String> {
    let chinese = language == GuideLanguage::Chinese;
    let say = |zh: &str, en: &str, what: String| match chinese {
        true => format!("{zh} {what}"),
        false => format!("{en} {what}"),
    };
    let mut parts = Vec::new();
    if !written.names.is_empty() {
        parts.push(codes(&written.names, language));
    }
    if let Some(what) = some(&written.matches, language) {
        let case = match (written.ignore_case, chinese) {
            (false, _) => "",
            (true, true) => "（不分大小写）",
            (true, false) => " in either case",
        };
        parts.push(say("匹配", "matching", format!("{what}{case}")));
    }
    let kinds = [
        (&written.include, "形如", "like"),
        (&written.not_matches, "不含匹配", "not matching"),
        (&written.exclude, "除", "without"),
    ];
    parts.extend(kinds.into_iter().filter_map(|(texts, zh, en)| Some(say(zh, en, some(texts, language)?))));
    if let Some(range) = &written.semver {
        parts.push(say("版本", "versions", code(range)));
    }
    if let Some(count) = written.latest {
        parts.push(if chinese { format!("最新 {count} 个") } else { format!("the newest {count}") });
    }
    parts
}

fn some(texts: &TextList, language: GuideLanguage) -> Option<String> {
    (!texts.items.is_empty()).then(|| codes(&texts.items, language))
}

fn codes(texts: &[String], language: GuideLanguage) -> String {
    let all: Vec<String> = texts.iter().map(|text| code(text)).collect();
    all.join(language.words().list_end)
}
