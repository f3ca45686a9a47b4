//! Output of `entrepot copy`.

use std::time::Duration;

use comfy_table::CellAlignment::Left;
use entrepot_sync::{CopyResult, CopySuccess, JobOutcome};
use serde::Serialize;

use super::jobs::{ActionName, PlannedCopy};
use crate::{
    failure::{Failure, told, told_hint},
    output::{self, Column, counted, joined, sentence, size, sums, table, word},
    progress::image,
};

/// The results of all images.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct CopySummary {
    copied: usize,
    up_to_date: usize,
    failed: usize,
    /// Not attempted: cancelled, or out of budget.
    left: usize,
    written: u64,
    mounted: u64,
    images: Vec<CopyLine>,
}

#[derive(Debug, Serialize)]
struct CopyLine {
    source: String,
    target: String,
    digest: Option<String>,
    #[serde(flatten)]
    state: LineState,
    took_ms: u64,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum LineState {
    Copied { at_target: String, written: u64, mounted: u64, present: u64 },
    UpToDate { at_target: String },
    Failed { what: String, hint: Option<String>, at_source: bool },
    Postponed { after_seconds: Option<u64> },
    Cancelled,
}

impl CopySummary {
    /// Counts the results.
    pub(in crate::commands) fn of(rows: &[CopyResult]) -> Self {
        let mut copied =
            Self { copied: 0, up_to_date: 0, failed: 0, left: 0, written: 0, mounted: 0, images: Vec::new() };
        for row in rows {
            let state = LineState::of(&row.outcome);
            match &state {
                LineState::Copied { written, mounted, .. } => {
                    copied.copied += 1;
                    copied.written += written;
                    copied.mounted += mounted;
                }
                LineState::UpToDate { .. } => copied.up_to_date += 1,
                LineState::Failed { .. } => copied.failed += 1,
                LineState::Postponed { .. } | LineState::Cancelled => copied.left += 1,
            }
            copied.images.push(CopyLine {
                source: image(&row.source, &row.reference),
                target: image(&row.target, &row.target_reference),
                digest: row.digest.as_ref().map(ToString::to_string),
                state,
                took_ms: u64::try_from(row.took.as_millis()).unwrap_or(u64::MAX),
            });
        }
        copied
    }

    /// The result of the command.
    pub(in crate::commands) fn verdict(&self) -> Result<(), Failure> {
        let images = |count: usize| counted(count as u64, "image");
        match (self.failed, self.left) {
            (0, 0) => Ok(()),
            (0, left) => Err(Failure::new(format!("{} not copied", left_words(left)))
                .with_hint("run the same command again: what is there is not copied twice")),
            (failed, _) => Err(Failure::new(format!("{} could not be copied", images(failed)))),
        }
    }
}

fn left_words(left: usize) -> String {
    let was = if left == 1 { "was" } else { "were" };
    format!("{} {was}", counted(left as u64, "image"))
}

impl LineState {
    fn of(outcome: &JobOutcome) -> Self {
        match outcome {
            JobOutcome::Done(CopySuccess { digest, changed: false, .. }) => {
                Self::UpToDate { at_target: digest.to_string() }
            }
            JobOutcome::Done(CopySuccess { digest, written, mounted, present, .. }) => Self::Copied {
                at_target: digest.to_string(),
                written: *written,
                mounted: *mounted,
                present: *present,
            },
            JobOutcome::Failed(failure) => Self::Failed {
                what: failure.what.clone(),
                hint: failure.hint.clone(),
                at_source: failure.at_source,
            },
            JobOutcome::Postponed { after } => {
                Self::Postponed { after_seconds: after.as_ref().map(Duration::as_secs) }
            }
            JobOutcome::Cancelled => Self::Cancelled,
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Copied { .. } => word("copied"),
            Self::UpToDate { .. } => word("up to date"),
            Self::Failed { .. } => word("failed"),
            Self::Postponed { .. } => word("postponed"),
            Self::Cancelled => word("cancelled"),
        }
    }
}

/// A table of the images, then failures and totals.
pub(super) fn text(copied: &CopySummary) -> String {
    let columns = [Column("SOURCE", Left), Column("TARGET", Left), Column("STATE", Left)];
    let rows =
        copied.images.iter().map(|line| vec![line.source.clone(), line.target.clone(), line.state.told()]);
    table(&columns, rows.collect()) + &failures_and_sums(copied)
}

/// Failures and totals.
pub(in crate::commands) fn failures_and_sums(copied: &CopySummary) -> String {
    let mut text = String::new();
    for line in &copied.images {
        if let LineState::Failed { what, hint, .. } = &line.state {
            text += &format!("\n{}", output::line(&format!("{}: {}", line.target, told(what))));
            text.extend(hint.iter().map(|hint| output::line(&told_hint(hint))));
        }
    }
    let images = sums([
        (copied.copied, sentence!("{count} copied", count = copied.copied)),
        (copied.up_to_date, sentence!("{count} up to date", count = copied.up_to_date)),
        (copied.failed, sentence!("{count} failed", count = copied.failed)),
        (copied.left, sentence!("{count} left", count = copied.left)),
    ]);
    text + &format!("\n{}\n", with_bytes(&images, copied.written, copied.mounted))
}

/// What became of images, and of their bytes.
pub(in crate::commands) fn with_bytes(images: &str, written: u64, mounted: u64) -> String {
    let written = sentence!("{bytes} written", bytes = size(written));
    let mounted = (mounted != 0).then(|| sentence!("{bytes} mounted", bytes = size(mounted)));
    let bytes: Vec<String> = [written].into_iter().chain(mounted).collect();
    sentence!("{images}; {bytes}", images = images, bytes = joined(&bytes))
}

/// A table of the planned actions.
pub(super) fn planned(planned: &[PlannedCopy]) -> String {
    let columns = [Column("SOURCE", Left), Column("TARGET", Left), Column("WOULD", Left)];
    let rows = planned.iter().map(|one| {
        let action = match one.action {
            ActionName::UpToDate => word("leave it: up to date"),
            ActionName::Copy => word("copy"),
            ActionName::Update => word("update"),
        };
        vec![one.source.clone(), one.target.clone(), action]
    });
    table(&columns, rows.collect())
}

#[cfg(test)]
mod tests {
    use entrepot_oci::{Digest, Reference, Tag};
    use entrepot_sync::{CopyFailure as Broken, Place};

    use super::*;

    fn row(outcome: JobOutcome) -> CopyResult {
        CopyResult {
            rule: String::new(),
            source: Place::Layout("a".into()),
            reference: Reference::Tag(Tag::latest()),
            target: Place::Layout("b".into()),
            target_reference: Reference::Tag(Tag::latest()),
            digest: None,
            outcome,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_end_is_told_with_what_went_wrong() {
        let done =
            CopySuccess { digest: Digest::of(b""), changed: true, written: 2048, mounted: 1024, present: 0 };
        let broken = Broken { what: "it is full".into(), hint: Some("empty it".into()), at_source: false };
        let copied = CopySummary::of(&[
            row(JobOutcome::Done(done)),
            row(JobOutcome::Failed(broken)),
            row(JobOutcome::Cancelled),
        ]);
        let expected = "SOURCE        TARGET        STATE
oci:a:latest  oci:b:latest  copied
oci:a:latest  oci:b:latest  failed
oci:a:latest  oci:b:latest  cancelled

oci:b:latest: it is full
hint: empty it

1 copied, 1 failed, 1 left; 2.0 KiB written, 1.0 KiB mounted
";
        assert_eq!(text(&copied), expected);
        assert_eq!(copied.verdict().unwrap_err().to_string(), "1 image could not be copied");
        let cancelled = CopySummary::of(&[row(JobOutcome::Cancelled)]).verdict().unwrap_err().to_string();
        assert_eq!(
            cancelled,
            "1 image was not copied\nhint: run the same command again: what is there is not copied twice"
        );
    }
}
