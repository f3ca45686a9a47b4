//! Pulls as the JSON API has them. Pure.

use entrepot_api as api;
use entrepot_catalog::{Listing, PullRecord, PullStatus};
use entrepot_library::{LayerPhase, LayerProgress, PullFault, PullState};

use super::pull_words;
use crate::pages::words::Language;

pub(crate) fn list(page: Listing<PullState>, language: Language) -> api::PullList {
    let next = page.rows.last().filter(|_| page.more).map(|last| id(last.record.id));
    let pulls = page.rows.into_iter().map(|state| pull(state, language)).collect();
    api::PullList { pulls, more: page.more, next }
}

pub(crate) fn begun(records: Vec<PullRecord>, language: Language) -> api::PullList {
    let states = records.into_iter().map(|record| PullState { record, progress: None });
    api::PullList { pulls: states.map(|state| pull(state, language)).collect(), more: false, next: None }
}

pub(crate) fn pull(PullState { record, progress }: PullState, language: Language) -> api::Pull {
    let is_over = record.finished.is_some();
    let progress = progress.filter(|_| !is_over);
    let error = record.error.as_deref().map(|word| {
        let fault = PullFault::of(word).unwrap_or(PullFault::Engine);
        api::PullError {
            code: code(fault),
            hint: pull_words::hint(fault, language).to_owned(),
            detail: record.detail.clone().unwrap_or_default(),
        }
    });
    api::Pull {
        id: id(record.id),
        node: id(record.node),
        image: record.reference,
        entry: record.entry.map(id),
        status: status(record.step.status),
        done: record.step.bytes_done,
        total: record.step.bytes_total,
        layers_done: record.step.layers_done,
        layers_total: record.step.layers_total,
        rate: progress.as_ref().and_then(|progress| progress.rate),
        seconds_left: progress.as_ref().and_then(|progress| progress.left).map(|left| left.as_secs()),
        silent_seconds: progress.as_ref().map_or(0, |progress| progress.silent.as_secs()),
        attempt: record.step.attempt,
        layers: progress.into_iter().flat_map(|progress| progress.layers).map(layer).collect(),
        error,
        created_by: record.created_by,
        created: record.created.into(),
        started: record.started.map(Into::into),
        finished: record.finished.map(Into::into),
    }
}

fn layer(layer: LayerProgress) -> api::PullLayer {
    api::PullLayer {
        name: layer.name,
        phase: match layer.phase {
            LayerPhase::Waiting => api::LayerPhase::Waiting,
            LayerPhase::Downloading => api::LayerPhase::Downloading,
            LayerPhase::Downloaded => api::LayerPhase::Downloaded,
            LayerPhase::Extracting => api::LayerPhase::Extracting,
            LayerPhase::Done => api::LayerPhase::Done,
        },
        done: layer.done,
        total: layer.total,
    }
}

pub(crate) fn status_named(text: &str) -> Option<PullStatus> {
    use PullStatus::{Canceled, Downloading, Extracting, Failed, Queued, Resolving, Succeeded};
    let all = [Queued, Resolving, Downloading, Extracting, Succeeded, Failed, Canceled];
    all.into_iter().find(|status| status.as_str() == text)
}

fn status(status: PullStatus) -> api::PullStatus {
    match status {
        PullStatus::Queued => api::PullStatus::Queued,
        PullStatus::Resolving => api::PullStatus::Resolving,
        PullStatus::Downloading => api::PullStatus::Downloading,
        PullStatus::Extracting => api::PullStatus::Extracting,
        PullStatus::Succeeded => api::PullStatus::Succeeded,
        PullStatus::Failed => api::PullStatus::Failed,
        PullStatus::Canceled => api::PullStatus::Canceled,
    }
}

fn code(fault: PullFault) -> api::PullFault {
    match fault {
        PullFault::NotFound => api::PullFault::NotFound,
        PullFault::Denied => api::PullFault::Denied,
        PullFault::NoLogin => api::PullFault::NoLogin,
        PullFault::RateLimited => api::PullFault::RateLimited,
        PullFault::Tls => api::PullFault::Tls,
        PullFault::DiskFull => api::PullFault::DiskFull,
        PullFault::PlatformMismatch => api::PullFault::PlatformMismatch,
        PullFault::RegistryError => api::PullFault::RegistryError,
        PullFault::Network => api::PullFault::Network,
        PullFault::Stalled => api::PullFault::Stalled,
        PullFault::Unreachable => api::PullFault::Unreachable,
        PullFault::NodeUnusable => api::PullFault::NodeUnusable,
        PullFault::Interrupted => api::PullFault::Interrupted,
        PullFault::Engine => api::PullFault::Engine,
    }
}

fn id(id: i64) -> u32 {
    u32::try_from(id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_on_both_sides() {
        for fault in PullFault::ALL {
            assert_eq!(code(fault).as_str(), fault.as_str());
        }
        for word in ["queued", "resolving", "downloading", "extracting", "succeeded", "failed", "canceled"] {
            assert_eq!(status(status_named(word).unwrap()).as_str(), word);
        }
        assert!(status_named("x").is_none());
    }
}
