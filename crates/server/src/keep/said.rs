//! Keep lists for machines: badge and log, as those of syncs are.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{KeepImageRecord, KeepState};
use entrepot_keep::{Error, Keeper, ListView};
use entrepot_oci::{Host, ImageRef};
use entrepot_sync::{Place, Report, ReportLine, ReportState, RunVerdict, Totals};

/// Images that are read at once.
const BATCH: usize = 1000;
/// Number of log lines after which no more are read.
const MOST: usize = 50_000;

/// The share of images of lists that are kept.
pub(crate) fn badge(label: &str, views: &[ListView]) -> String {
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let kept: u64 = views.iter().map(|view| view.counts.kept).sum();
    let all: u64 = views.iter().map(|view| view.counts.total()).sum();
    entrepot_guide::badge(label, number(kept), number(all))
}

/// How each image of a list stood when it was last looked at, in the terms of DaoCloud's log. `here` is what stands in front
/// of image names.
///
/// # Errors
/// There is no such list, or the database failed.
pub(crate) async fn log(keeper: &Keeper, name: &str, here: &Host) -> Result<String, Error> {
    let view = keeper.view(name).await?;
    let (mut lines, mut after) = (Vec::new(), String::new());
    while lines.len() < MOST {
        let page = keeper.images((name, &after), None, BATCH).await?;
        lines.extend(page.rows.iter().filter_map(|record| line(record, here)));
        match page.rows.into_iter().next_back().filter(|_| page.more) {
            Some(last) => after = last.image,
            None => break,
        }
    }
    lines.sort_by(|a, b| (&a.source, &a.target).cmp(&(&b.source, &b.target)));
    let ended = view.last.and_then(|run| run.finished);
    let report = Report {
        verdict: RunVerdict::Done,
        started: ended.unwrap_or_else(SystemTime::now),
        took: Duration::ZERO,
        totals: Totals::default(),
        rules: Vec::new(),
        lines,
        notes: Vec::new(),
    };
    Ok(entrepot_guide::log(&report))
}

fn line(record: &KeepImageRecord, here: &Host) -> Option<ReportLine> {
    let image: ImageRef = record.image.parse().ok()?;
    let state = match record.state {
        KeepState::Kept => ReportState::UpToDate,
        KeepState::Postponed => ReportState::Postponed { after_seconds: None },
        KeepState::Failed => ReportState::Failed {
            what: record.problem.clone().unwrap_or_default(),
            hint: None,
            at_source: true,
        },
    };
    let copy = format!("{}/{}", image.host(), image.repository());
    Some(ReportLine {
        rule: record.list.clone(),
        source: Place::Registry { host: image.host().clone(), repository: image.repository().clone() },
        tag: image.tag().cloned(),
        digest: record.digest,
        target: Place::Registry { host: here.clone(), repository: copy.parse().ok()? },
        target_tag: image.tag().cloned(),
        state,
        took: Duration::ZERO,
    })
}
