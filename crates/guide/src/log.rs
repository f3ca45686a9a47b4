//! A log of a run in the states that DaoCloud's public mirror made known, for those whose scripts read it.
//!
//! Each line has a time in front, and one of: `SYNCHRONIZED` and `NOT-SYNCHRONIZED` for a tag, `SYNCHRONIZE` for one that
//! was copied, `SYNCHRONIZED-TAGS`, `NOT-SYNCHRONIZED-TAGS` and `INFO` for two repositories, `ERROR` for what failed.

use std::fmt::Write as _;

use entrepot_oci::printable;
use entrepot_sync::{Report, ReportLine, ReportState, timestamp};

/// The log of a run.
pub fn log(report: &Report) -> String {
    let time = timestamp(report.started);
    let mut text = String::new();
    let lines: Vec<&ReportLine> = report.lines.iter().filter(|line| is_about_rules(line)).collect();
    for pair in lines.chunk_by(|a, b| a.source == b.source && a.target == b.target) {
        for said in of_pair(pair) {
            // One line, whatever a registry said. Writing to a text does not fail.
            let _ = writeln!(text, "{time} {}", printable(&said));
        }
    }
    text
}

fn is_about_rules(line: &ReportLine) -> bool {
    !matches!(line.state, ReportState::Extra | ReportState::Removed)
}

fn of_pair(lines: &[&ReportLine]) -> Vec<String> {
    let Some(first) = lines.first() else { return Vec::new() };
    let mut said: Vec<String> = lines.iter().flat_map(|line| of_line(line)).collect();
    let (source, target) = (&first.source, &first.target);
    let behind: Vec<String> = lines
        .iter()
        .filter(|line| !line.state.is_in_sync())
        .filter_map(|line| line.tag.as_ref().map(ToString::to_string))
        .collect();
    if lines.iter().all(|line| line.state.is_in_sync()) {
        said.push(format!("SYNCHRONIZED-TAGS: {source} and {target} are in synchronized"));
        return said;
    }
    said.push(format!("NOT-SYNCHRONIZED-TAGS: {source} and {target} are not in synchronized"));
    if !behind.is_empty() {
        said.push(format!(
            "INFO: {source} and {target} are not in synchronized, there are not synchronized tags {}: {}",
            behind.len(),
            behind.join(" ")
        ));
    }
    said
}

fn of_line(line: &ReportLine) -> Vec<String> {
    let (Some(tag), Some(name)) = (&line.tag, &line.target_tag) else {
        return match &line.state {
            ReportState::Failed { what, .. } => vec![format!("ERROR: {what}")],
            _ => Vec::new(),
        };
    };
    let (source, target) = (format!("{}:{tag}", line.source), format!("{}:{name}", line.target));
    let equal = format!("SYNCHRONIZED: {source} and {target} are in synchronized");
    let differ = format!("NOT-SYNCHRONIZED: {source} and {target} are not in synchronized");
    match &line.state {
        ReportState::UpToDate => vec![equal],
        ReportState::Copied { .. } => {
            vec![format!("SYNCHRONIZE: synchronize from {source} to {target}"), equal]
        }
        ReportState::Failed { what, .. } => vec![differ, format!("ERROR: {what}")],
        _ => vec![differ],
    }
}
