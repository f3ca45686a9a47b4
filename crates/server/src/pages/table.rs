//! The sync page: each rule with its state, its progress, and a table of tags and targets.

use std::{collections::BTreeMap, fmt::Write};

use entrepot_catalog::{Cause, CopyCounts, CopyOutcome, CopyState, RunOutcome, RunRecord};
use entrepot_scheduler::{Phase, RuleView, RulesView, StateView};

use super::{
    guide::{nothing, standing},
    html::{self, escape, moment, size},
    words::{Language, PageWords},
};

/// The content of the page besides the rules.
pub(super) struct TableContent {
    /// The state of each rule's copies, as far as they are shown.
    pub(super) states: Vec<StateView>,
    /// The latest runs.
    pub(super) runs: Vec<RunRecord>,
    /// True if only one rule is shown.
    pub(super) is_one: bool,
    /// True if the reader may start and stop runs there.
    pub(super) steered: bool,
}

/// The main part of the page.
pub(super) fn main(views: &RulesView, content: &TableContent, language: Language) -> String {
    let words = language.words();
    let mut out =
        format!("<main class=\"page\"><h1>{}</h1><p class=\"lead\">{}</p>", words.syncs, words.syncs_lead);
    if let Some(refused) = &views.refused {
        let hint = refused.hint.as_deref().map(|hint| told("p", hint, language));
        // Writing to a `String` does not fail.
        let _ = write!(
            out,
            "<div class=\"notice\" role=\"alert\"><p><strong>{}</strong></p>{}{}</div>",
            words.refused,
            told("p", &refused.problem, language),
            hint.unwrap_or_default()
        );
    }
    if views.rules.is_empty() {
        out.push_str(&nothing(words));
    } else if !content.is_one {
        out.push_str(&totals(views, words));
    }
    if !content.steered && !views.rules.is_empty() {
        let _ = write!(out, "<p class=\"notice calm\">{}</p>", html::inline(words.run_elsewhere));
    }
    for (rule, state) in views.rules.iter().zip(&content.states) {
        out.push_str(&section(rule, state, content, language));
    }
    out.push_str(&history(&content.runs, views, words));
    out.push_str("</main>");
    out
}

fn totals(views: &RulesView, words: &PageWords) -> String {
    let (in_sync, total) = views.rules.iter().fold((0, 0), |(in_sync, total), rule| {
        (in_sync + rule.copies.in_sync(), total + rule.copies.total())
    });
    let rate = if total == 0 { "–".to_owned() } else { percent(in_sync, total) };
    format!(
        "<div class=\"totals\"><div><b>{}</b>{}</div><div><b>{total}</b>{}</div><div><b>{rate}</b>{}</div></div>",
        views.rules.len(),
        words.rules,
        words.copies,
        words.rate
    )
}

// Rounded down: nearly all must not show as 100 %.
fn percent(part: u64, whole: u64) -> String {
    let thousandths = part.saturating_mul(1000) / whole.max(1);
    if thousandths.is_multiple_of(10) {
        format!("{}%", thousandths / 10)
    } else {
        format!("{}.{}%", thousandths / 10, thousandths % 10)
    }
}

fn section(rule: &RuleView, state: &StateView, content: &TableContent, language: Language) -> String {
    let (words, name) = (language.words(), escape(&rule.name));
    let title = escape(rule.title.as_deref().unwrap_or(&rule.name));
    let mut out = format!(
        "<section class=\"card\" id=\"{name}\"><header><h2><a href=\"/sync?rule={name}&amp;lang={}\">{title}</a></h2>{}{}</header>",
        language.code(),
        standing(rule, words),
        if content.steered { run_button(&name, words) } else { String::new() }
    );
    out.push_str(&meter(&rule.copies));
    out.push_str(&facts(rule, words));
    let hidden = if rule.running.is_some() { "" } else { " hidden" };
    let _ = write!(out, "<div class=\"live-box\" id=\"live-{name}\"{hidden}>{}</div>", live(rule, words));
    if let Some(problem) = rule.last.as_ref().and_then(|run| run.problem.as_deref()) {
        let _ = write!(out, "<div class=\"notice\">{}</div>", told("p", problem, language));
    }
    if state.copies.is_empty() {
        let _ = write!(out, "<p class=\"quiet small\">{}</p>", words.no_copies);
    } else {
        let open = if content.is_one || rule.copies.in_sync() < rule.copies.total() { " open" } else { "" };
        let _ = write!(
            out,
            "<details id=\"d-{name}\"{open}><summary>{}</summary>{}{}</details>",
            words.details,
            tables(&state.copies, language),
            more(rule, state, language)
        );
    }
    out.push_str("</section>");
    out
}

fn run_button(name: &str, words: &PageWords) -> String {
    let run_now = words.run_now;
    format!("<button class=\"js-only\" data-post=\"/api/v1/sync/rules/{name}/run\">{run_now}</button>")
}

// Without JavaScript, this shows the progress at the time of rendering.
fn live(rule: &RuleView, words: &PageWords) -> String {
    let Some(run) = &rule.running else { return String::new() };
    let phase = match run.phase {
        Phase::Waiting => words.waiting,
        Phase::Looking => words.looking,
        Phase::Copying => words.copying,
    };
    format!(
        "<p><span class=\"pill live good\">{phase}</span><span>{} / {}</span></p>",
        run.copies.total(),
        run.wanted
    )
}

fn meter(counts: &CopyCounts) -> String {
    if counts.total() == 0 {
        return String::new();
    }
    let part = |count: u64| count.saturating_mul(1000) / counts.total();
    let (good, bad) = (part(counts.in_sync()), part(counts.failed));
    let late = 1000 - good - bad;
    format!(
        "<svg class=\"meter\" viewBox=\"0 0 1000 8\" preserveAspectRatio=\"none\" width=\"100%\" aria-hidden=\"true\">\
         <rect class=\"good\" width=\"{good}\" height=\"8\"/><rect class=\"late\" x=\"{good}\" width=\"{late}\" height=\"8\"/>\
         <rect class=\"bad\" x=\"{}\" width=\"{bad}\" height=\"8\"/></svg>",
        good + late
    )
}

fn facts(rule: &RuleView, words: &PageWords) -> String {
    let last = rule.last.as_ref().and_then(|run| run.ended);
    let moment = |time| moment(time, rule.time_zone.as_deref());
    let last = last.map_or_else(|| words.never.to_owned(), moment);
    let next = rule.next.map_or_else(|| words.by_hand.to_owned(), moment);
    let schedule = rule.schedule.as_deref().map(|schedule| {
        let zone = rule.time_zone.as_deref().unwrap_or_default();
        format!("<span><code>{}</code> {}</span>", escape(schedule), escape(zone))
    });
    format!(
        "<p class=\"facts\">{}<span>{} <b>{last}</b></span><span>{} <b>{next}</b></span></p>",
        schedule.unwrap_or_default(),
        words.last_sync,
        words.next_sync
    )
}

// One table per source, with its targets as columns.
fn tables(copies: &[CopyState], language: Language) -> String {
    let sources = copies.chunk_by(|a, b| a.copy.source == b.copy.source);
    sources.map(|of_source| table(of_source, language)).collect()
}

fn table(copies: &[CopyState], language: Language) -> String {
    let Some(first) = copies.first() else { return String::new() };
    let mut targets: Vec<&str> = Vec::new();
    for CopyState { copy, .. } in copies {
        if !targets.contains(&copy.target.as_str()) {
            targets.push(&copy.target);
        }
    }
    let head: String =
        targets.iter().map(|target| format!("<th scope=\"col\">{}</th>", escape(target))).collect();
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">{}</th>{head}</tr></thead><tbody>",
        escape(&first.copy.source)
    );
    for row in copies.chunk_by(|a, b| a.copy.reference == b.copy.reference) {
        let mut cells = BTreeMap::<&str, String>::new();
        for state in row {
            cells.entry(&state.copy.target).or_default().push_str(&cell(state, language));
        }
        let reference = row.first().map(|state| state.copy.reference.as_str()).unwrap_or_default();
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(reference));
        for target in &targets {
            let missing =
                || format!("<span class=\"state none\" title=\"{}\">–</span>", language.words().missing);
            let _ = write!(out, "<td>{}</td>", cells.get(target).cloned().unwrap_or_else(missing));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

// What went wrong, in the reader's language.
fn told(tag: &str, english: &str, language: Language) -> String {
    let (text, lang) = language.told(english);
    format!("<{tag}{}>{}</{tag}>", marked(lang, language.code()), html::inline(&text))
}

// The attribute of a text in another language than what is around it.
fn marked(lang: &str, around: &str) -> String {
    if lang == around { String::new() } else { format!(" lang=\"{lang}\"") }
}

fn cell(state: &CopyState, language: Language) -> String {
    let words = language.words();
    let (class, mark, text) = match state.outcome {
        CopyOutcome::Copied | CopyOutcome::Equal => ("good", "✓", words.in_sync),
        CopyOutcome::Failed => ("bad", "✕", words.failed),
        CopyOutcome::Postponed => ("late", "◔", words.postponed),
        CopyOutcome::Kept => ("late", "≠", words.behind),
        CopyOutcome::Cancelled => ("late", "◌", words.cancelled),
    };
    let copy = &state.copy;
    let digest = state.digest.map(|digest| digest.to_string()).unwrap_or_default();
    let mut out = format!("<div class=\"state {class}\" title=\"{digest}\">{mark} {text}");
    if copy.target_reference != copy.reference {
        let _ = write!(out, " <small>{}</small>", escape(&copy.target_reference));
    }
    out.push_str("</div>");
    if let Some(problem) = &state.problem {
        let (problem, lang) = language.told(problem);
        let hint = state.hint.as_deref().map(|hint| language.told(hint));
        let hint = hint
            .map(|(hint, of_hint)| format!("<span{}>{}</span>", marked(of_hint, lang), html::inline(&hint)));
        let _ = write!(
            out,
            "<div class=\"why\"{}>{}{}</div>",
            marked(lang, language.code()),
            html::inline(&problem),
            hint.unwrap_or_default()
        );
    }
    out
}

fn more(rule: &RuleView, state: &StateView, language: Language) -> String {
    let Some(last) = state.copies.last().filter(|_| state.more) else { return String::new() };
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    format!(
        "<p><a href=\"/sync?rule={}&amp;source={}&amp;reference={}&amp;lang={}\">{} →</a></p>",
        escape(&rule.name),
        encode(&last.copy.source),
        encode(&last.copy.reference),
        language.code(),
        language.words().more
    )
}

fn history(runs: &[RunRecord], views: &RulesView, words: &PageWords) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let mut out =
        format!("<h3>{}</h3><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th></th>", words.history);
    for (index, head) in words.history_head.iter().enumerate() {
        // The first three columns are text, the others numbers.
        let class = if index < 3 { "" } else { " class=\"number\"" };
        let _ = write!(out, "<th scope=\"col\"{class}>{head}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for run in runs {
        let rule = views.rules.iter().find(|rule| rule.name == run.rule);
        let zone = rule.and_then(|rule| rule.time_zone.as_deref());
        let cause = match run.cause {
            Cause::Schedule => words.causes[0],
            Cause::CatchUp => words.causes[1],
            Cause::Hand => words.causes[2],
        };
        let (class, outcome) = match run.outcome {
            RunOutcome::Done => ("good", words.done),
            RunOutcome::Failed => ("bad", words.failed),
            RunOutcome::Cancelled => ("late", words.cancelled),
            RunOutcome::Interrupted => ("late", words.interrupted),
            RunOutcome::Running => ("good", words.copying),
        };
        let part =
            run.part.as_deref().map(|part| format!("<br><small class=\"quiet\">{}</small>", escape(part)));
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}{}</th><td>{}</td><td>{cause}</td><td><span class=\"state {class}\">{outcome}</span></td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            escape(&run.rule),
            part.unwrap_or_default(),
            moment(run.started, zone),
            run.counts.copied,
            run.counts.equal,
            run.counts.failed,
            size(run.written)
        );
    }
    out.push_str("</tbody></table></div>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_all_is_not_all() {
        assert_eq!(percent(999_999, 1_000_000), "99.9%");
        assert_eq!((percent(3, 3), percent(0, 3), percent(1, 2)), ("100%".into(), "0%".into(), "50%".into()));
    }
}
