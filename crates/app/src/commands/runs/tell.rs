//! Output about runs: a table, the progress and the changes of one.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{CopyOutcome, Phase, Progress, Run, RunAnswer, RunCopy, RunList};

use crate::{
    failure::{Failure, told, told_hint},
    output::{self, Column, Output, amount, joined, sentence, size, word},
    terminal::StatusLine,
};

/// What became of a request about a run.
pub(super) fn answer(answer: &RunAnswer) -> String {
    sentence!("{outcome} run {run}", outcome = word(answer.outcome), run = answer.run)
}

/// A table of runs.
pub(super) fn runs(runs: &RunList) -> String {
    if runs.runs.is_empty() {
        return sentence!("there were no runs yet") + "\n";
    }
    let columns = [
        Column("RUN", Left),
        Column("RULE", Left),
        Column("BEGAN", Left),
        Column("WHY", Left),
        Column("OUTCOME", Left),
        Column("COPIED", Right),
        Column("EQUAL", Right),
        Column("FAILED", Right),
        Column("WRITTEN", Right),
    ];
    let rows = runs.runs.iter().map(|run| {
        vec![
            run.id.to_string(),
            run.rule.clone(),
            run.started.to_string(),
            word(run.cause),
            word(run.outcome),
            run.copies.copied.to_string(),
            run.copies.equal.to_string(),
            run.copies.failed.to_string(),
            size(run.written),
        ]
    });
    output::table(&columns, rows.collect())
}

/// The result of a run.
pub(super) fn end(run: &Run) -> String {
    let counts = run.copies;
    let copies = joined(&[
        sentence!("{count} copied", count = counts.copied),
        sentence!("{count} equal", count = counts.equal),
        sentence!("{count} failed", count = counts.failed),
        sentence!("{bytes} written", bytes = size(run.written)),
    ]);
    let (rule, outcome) = (&run.rule, word(run.outcome));
    let end = sentence!("{rule}: {outcome}; {copies}", rule = rule, outcome = outcome, copies = copies);
    let mut text = end + "\n";
    if let Some(problem) = &run.problem {
        text.push_str(&output::line(&told(problem)));
    }
    text
}

/// The progress of a run: a status line on a terminal, nothing elsewhere.
pub(super) struct ProgressLine {
    output: Output,
    status: StatusLine,
}

impl ProgressLine {
    pub(super) fn new(output: Output) -> Self {
        Self { output, status: StatusLine::default() }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        self.status.show(&far(progress));
    }

    /// The changes, one per line.
    pub(super) fn changes(&mut self, changes: &[RunCopy]) -> Result<(), Failure> {
        self.status.clear();
        match self.output {
            Output::Json => Ok(()),
            Output::Text => output::print(&changes.iter().map(change).collect::<String>()),
        }
    }

    pub(super) fn clear(&mut self) {
        self.status.clear();
    }
}

fn far(progress: &Progress) -> String {
    let phase = match progress.phase {
        Phase::Waiting => word("waiting its turn"),
        Phase::Looking => word("looking"),
        Phase::Copying => word("copying"),
    };
    let mut facts = vec![format!("{}: {phase}", progress.rule)];
    if progress.wanted > 0 {
        let (done, total) = (progress.copies.total, amount(progress.wanted, "copy"));
        facts.push(sentence!("{done} of {total}", done = done, total = total));
    }
    if progress.bytes > 0 {
        let (done, total) = (size(progress.done), size(progress.bytes));
        facts.push(sentence!("{done} of {total}", done = done, total = total));
    }
    joined(&facts)
}

fn change(done: &RunCopy) -> String {
    let outcome = word(done.outcome);
    let mut text =
        format!("{outcome} {}:{} → {}:{}", done.source, done.reference, done.target, done.target_reference);
    if done.outcome == CopyOutcome::Copied {
        text.push_str(&format!(" ({})", size(done.written)));
    }
    for more in [
        done.problem.as_deref().map(|what| format!(": {}", told(what))),
        done.hint.as_deref().map(|hint| format!("; {}", told_hint(hint))),
    ] {
        text.push_str(&more.unwrap_or_default());
    }
    output::line(&text)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use entrepot_api::{Cause, CopyCounts, RunId};

    use super::*;

    #[test]
    fn says_how_far_it_is() {
        let mut progress = Progress {
            run: RunId::new("1"),
            rule: "cann".into(),
            cause: Cause::Hand,
            part: None,
            started: SystemTime::UNIX_EPOCH.into(),
            phase: Phase::Waiting,
            wanted: 0,
            copies: CopyCounts::default(),
            bytes: 0,
            done: 0,
            read: 0,
            images: Vec::new(),
        };
        assert_eq!(far(&progress), "cann: waiting its turn");
        progress.phase = Phase::Copying;
        (progress.wanted, progress.copies.total) = (12, 3);
        (progress.bytes, progress.done) = (3 << 20, 1 << 20);
        assert_eq!(far(&progress), "cann: copying, 3 of 12 copies, 1.0 MiB of 3.0 MiB");
    }
}
