//! The guide: for each rule, all addresses of its images, the tags it covers, and how to pull them.

use std::fmt::Write;

use entrepot_mirror::{NameResolver, RegistryHint};
use entrepot_oci::Name;
use entrepot_scheduler::{RuleView, RulesView};
use entrepot_sync::{
    Place,
    rules::{RuleSet, RuleSource, SyncRule, TagFilter},
};

use super::{
    here::OwnAddress,
    html::{copy_button, escape, inline, moment, points},
    words::{Language, PageWords},
};

/// This server, which is one more place to pull from.
pub(super) struct OwnServer<'a> {
    pub(super) here: &'a OwnAddress,
    pub(super) names: &'a NameResolver,
}

impl OwnServer<'_> {
    // What `place` is called here, if its registry is mirrored.
    fn address(&self, place: &Place) -> Option<String> {
        let Place::Registry { host, repository } = place else { return None };
        let name: Name = format!("{host}/{repository}").parse().ok()?;
        self.names.locate(&name, RegistryHint::default()).ok()?;
        Some(format!("{}/{name}", self.here.host()))
    }
}

/// The main part of the page.
pub(super) fn main(rules: &RuleSet, views: &RulesView, own: &OwnServer<'_>, language: Language) -> String {
    let words = language.words();
    let mut out =
        format!("<main class=\"page\"><h1>{}</h1><p class=\"lead\">{}</p>", words.guide, words.guide_lead);
    if rules.rules().is_empty() {
        out.push_str(&nothing(words));
        out.push_str("</main>");
        return out;
    }
    // Writing to a `String` does not fail.
    let _ = write!(
        out,
        r#"<p class="fill js-only"><label for="tag">{}</label><input id="tag" placeholder="latest" autocomplete="off" spellcheck="false"></p>"#,
        words.fill
    );
    let groups = groups(rules);
    out.push_str("<div class=\"with-list\">");
    out.push_str(&contents(&groups, words));
    out.push_str("<div>");
    for (category, rules) in &groups {
        if groups.len() > 1 || category.is_some() {
            let _ = write!(out, "<p class=\"group\">{}</p>", escape(category.unwrap_or(words.others)));
        }
        for rule in rules {
            let view = views.rules.iter().find(|view| view.name == rule.name);
            out.push_str(&section(rule, view, own, language));
        }
    }
    out.push_str("</div></div></main>");
    out
}

/// The text for a server without rules.
pub(super) fn nothing(words: &PageWords) -> String {
    format!("<div class=\"empty\"><p>{}</p><p>{}</p></div>", words.no_rules, inline(words.no_rules_hint))
}

type Group<'a> = (Option<&'a str>, Vec<&'a SyncRule>);

// Categories in order of first use; rules without one come last.
fn groups(rules: &RuleSet) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for rule in rules.rules() {
        let category = rule.category.as_deref();
        match groups.iter_mut().find(|(name, _)| *name == category) {
            Some((_, rules)) => rules.push(rule),
            None => groups.push((category, vec![rule])),
        }
    }
    groups.sort_by_key(|(category, _)| category.is_none());
    groups
}

fn heading(rule: &SyncRule) -> &str {
    rule.title.as_deref().unwrap_or(&rule.name)
}

fn contents(groups: &[Group<'_>], words: &PageWords) -> String {
    let mut out = format!("<nav class=\"list\" aria-label=\"{}\">", words.contents);
    for (category, rules) in groups {
        let name = category.unwrap_or(if groups.len() > 1 { words.others } else { words.contents });
        let _ = write!(out, "<strong>{}</strong><ul>", escape(name));
        for rule in rules {
            let _ = write!(out, "<li><a href=\"#{}\">{}</a></li>", escape(&rule.name), escape(heading(rule)));
        }
        out.push_str("</ul>");
    }
    out.push_str("</nav>");
    out
}

fn section(rule: &SyncRule, view: Option<&RuleView>, own: &OwnServer<'_>, language: Language) -> String {
    let words = language.words();
    let id = escape(&rule.name);
    let mut out = format!(
        "<section class=\"card\" id=\"{id}\"><header><h2><a href=\"#{id}\">{}</a></h2>{}</header>",
        escape(heading(rule)),
        view.map(|view| standing(view, words)).unwrap_or_default()
    );
    out.push_str(&facts(rule, view, language));
    match &rule.sources[..] {
        [one] => {
            let own = own.address(&one.place);
            out.push_str(&addresses(rule, one, own.as_deref(), language));
            out.push_str(&commands(&rule.name, one, own.as_deref(), words));
        }
        _ => out.push_str(&by_place(rule, own, words)),
    }
    out.push_str(&points(words.usage, &rule.usage));
    out.push_str(&points(words.notes, &rule.notes));
    out.push_str("</section>");
    out
}

/// The status of a rule, in a few words.
pub(super) fn standing(view: &RuleView, words: &PageWords) -> String {
    let copies = view.copies;
    let (class, text) = if copies.total() == 0 {
        ("", words.unknown.to_owned())
    } else if copies.in_sync() == copies.total() {
        ("good", format!("{} {}/{}", words.in_sync, copies.in_sync(), copies.total()))
    } else {
        let class = if copies.failed > 0 { "bad" } else { "late" };
        (class, format!("{} {}/{}", words.behind, copies.in_sync(), copies.total()))
    };
    format!("<span class=\"pill {class}\">{text}</span>")
}

fn facts(rule: &SyncRule, view: Option<&RuleView>, language: Language) -> String {
    let words = language.words();
    let last = view.and_then(|view| view.last.as_ref()).and_then(|run| run.ended);
    let zone = rule.schedule.as_ref().map(|schedule| schedule.zone());
    let last = last.map_or_else(|| words.never.to_owned(), |last| moment(last, zone));
    let all = TagFilter::default();
    let scope = scope([&rule.tags, &all], language);
    let mut out = format!("<p class=\"facts\"><span>{} <b>{scope}</b></span>", words.tags);
    if let Some(schedule) = &rule.schedule {
        let _ = write!(
            out,
            "<span><code>{}</code> {}</span>",
            escape(schedule.as_str()),
            escape(schedule.zone())
        );
    }
    let _ = write!(out, "<span>{} <b>{last}</b></span></p>", words.last_sync);
    out
}

/// The tags a rule covers, in a few words.
fn scope(filters: [&TagFilter; 2], language: Language) -> String {
    match entrepot_guide::scope(filters, language.of_guide()) {
        Some(scope) => inline(&scope),
        None => language.words().all_tags.to_owned(),
    }
}

fn addresses(rule: &SyncRule, source: &RuleSource, own: Option<&str>, language: Language) -> String {
    let words = language.words();
    let mut out = String::from("<ul class=\"addresses\">");
    let mut add = |address: &str, about: &str| {
        let id = format!("a-{}-{}", rule.name, out.matches("<li>").count());
        out.push_str(&self::address(&id, address, about, words));
    };
    if let Some(own) = own {
        add(own, &format!("<span class=\"source\">{}</span> · {}", words.here, words.all_tags));
    }
    let about = format!("<span class=\"source\">{}</span> · {}", words.source, words.all_tags);
    add(&source.place.to_string(), &about);
    for to in &source.destinations {
        let mut about: Vec<String> = to.terms.note.iter().map(|note| inline(note)).collect();
        about.push(scope([&rule.tags, &to.terms.tags], language));
        if !to.terms.platforms.is_empty() {
            let platforms: Vec<_> = to.terms.platforms.iter().map(ToString::to_string).collect();
            about.push(escape(&platforms.join(", ")));
        }
        add(&to.place.to_string(), &about.join(" · "));
    }
    out.push_str("</ul>");
    out
}

fn address(id: &str, address: &str, about: &str, words: &PageWords) -> String {
    format!(
        r#"<li><code id="{id}">{}:<span class="hole">{}</span></code><span class="about">{about}</span>{}</li>"#,
        escape(address),
        words.tag_hole,
        copy_button(id, words.copy)
    )
}

fn commands(rule: &str, source: &RuleSource, own: Option<&str>, words: &PageWords) -> String {
    let mut out = format!("<h3>{}</h3>", words.pull);
    let places = std::iter::once(&source.place).chain(source.destinations.iter().map(|to| &to.place));
    let all = own.map(str::to_owned).into_iter().chain(places.map(ToString::to_string));
    for (index, place) in all.enumerate() {
        let id = format!("c-{rule}-{index}");
        let _ = write!(
            out,
            r#"<div class="command"><pre id="{id}">docker pull {}:<span class="hole">{}</span></pre>{}</div>"#,
            escape(&place),
            words.tag_hole,
            copy_button(&id, words.copy)
        );
    }
    out
}

// A rule with many sources, grouped by place, as in the guide of the Ascend images.
fn by_place(rule: &SyncRule, own: &OwnServer<'_>, words: &PageWords) -> String {
    let mut out = String::new();
    let mut add = |heading: &str, all: &[String]| {
        let id = format!("{}-{}", rule.name, out.matches("<h3>").count());
        out.push_str(&place(&id, heading, all, words));
    };
    let here: Vec<_> = rule.sources.iter().filter_map(|source| own.address(&source.place)).collect();
    if !here.is_empty() {
        add(words.here, &here);
    }
    let from: Vec<_> = rule.sources.iter().map(|source| source.place.to_string()).collect();
    add(words.source, &from);
    let most = rule.sources.first().map_or(0, |source| source.destinations.len());
    for index in 0..most {
        let at: Vec<_> = rule.sources.iter().filter_map(|source| source.destinations.get(index)).collect();
        let Some(first) = at.first() else { continue };
        let host = first.place.host().map(ToString::to_string).unwrap_or_default();
        let heading = match &first.terms.note {
            Some(note) => inline(note),
            None => escape(&host),
        };
        let all: Vec<_> = at.iter().map(|to| to.place.to_string()).collect();
        add(&heading, &all);
    }
    out
}

fn place(id: &str, heading: &str, all: &[String], words: &PageWords) -> String {
    let mut out = format!("<h3>{heading}</h3><ul class=\"addresses\">");
    for (index, image) in all.iter().enumerate() {
        let id = format!("a-{id}-{index}");
        let _ = write!(
            out,
            r#"<li><code id="{id}">docker pull {}:<span class="hole">{}</span></code>{}</li>"#,
            escape(image),
            words.tag_hole,
            copy_button(&id, words.copy)
        );
    }
    out.push_str("</ul>");
    out
}
