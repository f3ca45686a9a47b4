//! One rule in the guide.

use entrepot_oci::Host;
use entrepot_sync::{
    Format, Place,
    rules::{Destination, RuleSource, SyncRule, TagFilter},
};

use crate::{
    markdown::{code, one_line, table},
    names,
    scope::scope,
    words::GuideLanguage,
};

/// What readers are told of a rule, under `title` where it is one of several.
pub(crate) fn of_rule(rule: &SyncRule, title: Option<&str>, language: GuideLanguage) -> Vec<String> {
    let words = language.words();
    let mut lines = Vec::new();
    if let Some(title) = title {
        lines.extend([String::new(), format!("### {title}")]);
    }
    let level = if title.is_some() { "####" } else { "###" };
    let part = |heading: &str| [String::new(), format!("{level} {heading}"), String::new()];
    match &rule.sources[..] {
        [source] => {
            lines.extend(part(&language.addresses(source.destinations.len() + 1)));
            lines.extend(addresses(rule, source, language));
        }
        sources => lines.extend(lists(rule, sources, level, language)),
    }
    if !rule.usage.is_empty() {
        lines.extend(part(words.usage));
        lines.extend(points(&rule.usage));
    }
    if let Some(source) = rule.sources.first() {
        lines.extend(part(words.examples));
        lines.extend(examples(source, language));
    }
    if !rule.notes.is_empty() {
        lines.extend(part(words.notes));
        lines.extend(points(&rule.notes));
    }
    lines
}

fn points(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| format!("- {}", one_line(text))).collect()
}

fn addresses(rule: &SyncRule, source: &RuleSource, language: GuideLanguage) -> Vec<String> {
    let words = language.words();
    let mut rows = vec![[words.address, words.note, words.scope].map(str::to_owned).to_vec()];
    let upstream = note(&source.place, words.upstream, language);
    rows.push(vec![address(&source.place), upstream, words.all_tags.to_owned()]);
    for to in &source.destinations {
        let told = to.terms.note.clone().unwrap_or_else(|| note(&to.place, words.copy, language));
        rows.push(vec![address(&to.place), with_terms(told, to, language), tags(rule, to, language)]);
    }
    table(&rows)
}

fn address(place: &Place) -> String {
    code(&format!("{place}:[tag]"))
}

fn note(place: &Place, what: &str, language: GuideLanguage) -> String {
    let name = place.host().map(|host| names::registry(host, language)).unwrap_or_default();
    format!("{name} {what}")
}

fn with_terms(told: String, to: &Destination, language: GuideLanguage) -> String {
    let words = language.words();
    let mut parts = vec![told];
    if !to.terms.platforms.is_empty() {
        let platforms: Vec<String> = to.terms.platforms.iter().map(ToString::to_string).collect();
        parts.push(format!("{}{}{}", words.platforms, words.colon, platforms.join(words.list_end)));
    }
    if to.terms.format == Some(Format::Docker) {
        parts.push(words.docker.to_owned());
    }
    parts.join(if language == GuideLanguage::Chinese { "；" } else { "; " })
}

fn tags(rule: &SyncRule, to: &Destination, language: GuideLanguage) -> String {
    let filters: [&TagFilter; 2] = [&rule.tags, &to.terms.tags];
    scope(filters, language).unwrap_or_else(|| language.words().all_tags.to_owned())
}

// Several sources: a list of all addresses at the source, then one for each destination.
fn lists(rule: &SyncRule, sources: &[RuleSource], level: &str, language: GuideLanguage) -> Vec<String> {
    let words = language.words();
    let mut lines = Vec::new();
    let mut list = |heading: String, places: Vec<&Place>| {
        lines.extend([String::new(), format!("{level} {heading}"), String::new()]);
        lines.extend(places.into_iter().map(|place| format!("- {}", address(place))));
    };
    let mut hosts: Vec<&Host> = Vec::new();
    for host in sources.iter().filter_map(|source| source.place.host()) {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    for host in hosts {
        let name = names::registry(host, language);
        let here = sources.iter().map(|source| &source.place).filter(|place| place.host() == Some(host));
        list(bracketed(&name, words.upstream, language), here.collect());
    }
    let count = sources.first().map_or(0, |source| source.destinations.len());
    for index in 0..count {
        let all = || sources.iter().filter_map(move |source| source.destinations.get(index));
        let Some(first) = all().next() else { continue };
        let name = first.terms.note.clone().unwrap_or_else(|| {
            first.place.host().map(|host| names::registry(host, language)).unwrap_or_default()
        });
        let heading = bracketed(&with_terms(name, first, language), words.copy, language);
        let heading = match scope([&rule.tags, &first.terms.tags], language) {
            Some(scope) => format!("{heading}{}{scope}", words.colon),
            None => heading,
        };
        list(heading, all().map(|to| &to.place).collect());
    }
    lines
}

fn bracketed(name: &str, what: &str, language: GuideLanguage) -> String {
    match language {
        GuideLanguage::Chinese => format!("{name}（{what}）"),
        GuideLanguage::English => format!("{name} ({what})"),
    }
}

fn examples(source: &RuleSource, language: GuideLanguage) -> Vec<String> {
    let copies = source.destinations.iter().map(|to| &to.place);
    let mut lines = vec!["```bash".to_owned()];
    for (index, place) in std::iter::once(&source.place).chain(copies).enumerate() {
        let name = place.host().map(|host| names::registry(host, language)).unwrap_or_default();
        if index > 0 {
            lines.push(String::new());
        }
        lines.push(format!("# {}", language.words().from.replace("{}", &name)));
        lines.push(format!("docker pull {place}:[tag]"));
    }
    lines.push("```".to_owned());
    lines
}
