//! Text report at the end of a run.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_sync::{Report, ReportLine, ReportState, RunVerdict, Totals};

use crate::{
    commands::copy::render::with_bytes,
    failure::{Failure, told, told_hint, told_note},
    output::{self, Column, counted, line, sentence, table},
};

/// The most images listed for one reason.
const NAMED: usize = 3;

/// The failure of an image.
pub(super) struct ImageFailure {
    pub(super) image: String,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

/// The totals of each rule, the failures, and the overall totals.
pub(crate) fn text(report: &Report) -> String {
    let columns = [
        Column("RULE", Left),
        Column("COPIED", Right),
        Column("UP TO DATE", Right),
        Column("KEPT", Right),
        Column("EXTRA", Right),
        Column("REMOVED", Right),
        Column("FAILED", Right),
        Column("LEFT", Right),
    ];
    let rows = report.rules.iter().map(|rule| {
        let Totals { copied, up_to_date, kept, extra, removed, failed, postponed, cancelled, .. } =
            rule.totals;
        let numbers = [copied, up_to_date, kept, extra, removed, failed, postponed + cancelled];
        [rule.rule.clone()].into_iter().chain(numbers.map(|number| number.to_string())).collect()
    });
    let mut text = table(&columns, rows.collect());
    text += &troubles(report.lines.iter().filter_map(trouble));
    text.extend(report.notes.iter().map(|note| format!("\n{}", line(&told_note(note)))));
    text + "\n" + &sums(report)
}

/// The result of the command.
pub(crate) fn verdict(report: &Report) -> Result<(), Failure> {
    let totals = &report.totals;
    match report.verdict {
        RunVerdict::Done => Ok(()),
        RunVerdict::Failed => {
            Err(Failure::new(format!("{} could not be copied", counted(totals.failed as u64, "image"))))
        }
        RunVerdict::Behind => {
            let left = totals.postponed + totals.cancelled;
            let was = if left == 1 { "was" } else { "were" };
            Err(Failure::new(format!("{} {was} not copied", counted(left as u64, "image")))
                .with_hint("run it again: what is there is not copied twice"))
        }
    }
}

fn trouble(line: &ReportLine) -> Option<ImageFailure> {
    let image = || {
        let tag = line.target_tag.as_ref().map_or_else(String::new, |tag| format!(":{tag}"));
        format!("{}{tag}", line.target)
    };
    match &line.state {
        ReportState::Failed { what, hint, .. } => {
            Some(ImageFailure { image: image(), what: what.clone(), hint: hint.clone() })
        }
        _ => None,
    }
}

/// The failures, each reason once, with the affected images.
pub(super) fn troubles(all: impl Iterator<Item = ImageFailure>) -> String {
    let mut reasons: Vec<(String, Option<String>, Vec<String>)> = Vec::new();
    for ImageFailure { image, what, hint } in all {
        match reasons.iter_mut().find(|(other, way, _)| *other == what && *way == hint) {
            Some((_, _, images)) => images.push(image),
            None => reasons.push((what, hint, vec![image])),
        }
    }
    let mut text = String::new();
    for (what, hint, images) in reasons {
        let more = images.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { sentence!(" and {more} more", more = more) };
        let named: Vec<&str> = images.iter().take(NAMED).map(String::as_str).collect();
        text += &format!("\n{}", line(&format!("{}{more}: {}", named.join(", "), told(&what))));
        text.extend(hint.iter().map(|hint| line(&told_hint(hint))));
    }
    text
}

fn sums(report: &Report) -> String {
    let Totals {
        copied,
        up_to_date,
        kept,
        extra,
        removed,
        failed,
        postponed,
        cancelled,
        written,
        mounted,
        ..
    } = report.totals;
    let images = output::sums([
        (copied, sentence!("{count} copied", count = copied)),
        (up_to_date, sentence!("{count} up to date", count = up_to_date)),
        (kept, sentence!("{count} kept", count = kept)),
        (extra, sentence!("{count} extra", count = extra)),
        (removed, sentence!("{count} removed", count = removed)),
        (failed, sentence!("{count} failed", count = failed)),
        (postponed, sentence!("{count} postponed", count = postponed)),
        (cancelled, sentence!("{count} cancelled", count = cancelled)),
    ]);
    let images = if images.is_empty() { sentence!("nothing is wanted") } else { images };
    let seconds = format!("{:.1}", report.took.as_secs_f64());
    let took = sentence!("{seconds} s", seconds = seconds);
    output::joined(&[with_bytes(&images, written, mounted), took]) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_told_once() {
        let trouble = |image: &str, what: &str, hint: Option<&str>| ImageFailure {
            image: image.into(),
            what: what.into(),
            hint: hint.map(str::to_owned),
        };
        let all = [
            trouble("a:1", "it is full", Some("empty it")),
            trouble("b:1", "it is gone", None),
            trouble("a:2", "it is full", Some("empty it")),
            trouble("a:3", "it is full", Some("empty it")),
            trouble("a:4", "it is full", Some("empty it")),
        ];
        assert_eq!(
            troubles(all.into_iter()),
            "\na:1, a:2, a:3 and 1 more: it is full\nhint: empty it\n\nb:1: it is gone\n"
        );
        assert_eq!(troubles(std::iter::empty()), "");
    }
}
