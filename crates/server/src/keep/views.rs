//! Keep lists as the JSON API has them. Pure.

use entrepot_api as api;
use entrepot_catalog::{KeepCounts, KeepImageRecord, KeepOutcome, KeepRunRecord, KeepState, Listing};
use entrepot_keep::{KeepProgress, ListView};

pub(super) fn lists(views: Vec<ListView>) -> api::KeepLists {
    api::KeepLists { lists: views.into_iter().map(list).collect() }
}

pub(super) fn list(view: ListView) -> api::KeepList {
    let schedule = view.list.schedule.as_ref();
    api::KeepList {
        items: view.list.items.len() as u64,
        platforms: view.list.platforms.iter().map(ToString::to_string).collect(),
        schedule: schedule.map(|schedule| schedule.as_str().to_owned()),
        time_zone: schedule.map(|schedule| schedule.zone().to_owned()),
        next: view.next.map(Into::into),
        images: counts(view.counts),
        last: view.last.map(run),
        running: view.running.map(progress),
        name: view.list.name,
    }
}

fn counts(KeepCounts { kept, failed, postponed }: KeepCounts) -> api::KeepCounts {
    api::KeepCounts { kept, failed, postponed }
}

fn run(run: KeepRunRecord) -> api::KeepRun {
    api::KeepRun {
        outcome: match run.outcome {
            KeepOutcome::Running => api::KeepOutcome::Running,
            KeepOutcome::Done => api::KeepOutcome::Done,
            KeepOutcome::Failed => api::KeepOutcome::Failed,
            KeepOutcome::Canceled => api::KeepOutcome::Canceled,
            KeepOutcome::Interrupted => api::KeepOutcome::Interrupted,
        },
        images: counts(run.counts),
        bytes: run.bytes,
        started: run.started.into(),
        finished: run.finished.map(Into::into),
    }
}

fn progress(progress: KeepProgress) -> api::KeepProgress {
    api::KeepProgress {
        total: progress.total,
        images: counts(progress.counts),
        bytes: progress.bytes,
        image: progress.image,
        waits: progress.waits,
    }
}

pub(super) fn images(page: Listing<KeepImageRecord>) -> api::KeepImageList {
    api::KeepImageList { images: page.rows.into_iter().map(image).collect(), more: page.more }
}

fn image(record: KeepImageRecord) -> api::KeepImage {
    api::KeepImage {
        image: record.image,
        state: match record.state {
            KeepState::Kept => api::KeepState::Kept,
            KeepState::Failed => api::KeepState::Failed,
            KeepState::Postponed => api::KeepState::Postponed,
        },
        digest: record.digest.map(|digest| digest.to_string()),
        problem: record.problem,
        checked: record.checked.into(),
    }
}

pub(super) fn state_named(text: &str) -> Option<KeepState> {
    use KeepState::{Failed, Kept, Postponed};
    [Kept, Failed, Postponed].into_iter().find(|state| state.as_str() == text)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn words_are_the_same_on_both_sides() {
        for word in ["kept", "failed", "postponed"] {
            let state = state_named(word).unwrap();
            let (list, image) = (String::new(), word.to_owned());
            let checked = SystemTime::UNIX_EPOCH;
            let record = KeepImageRecord { list, image, state, digest: None, problem: None, checked };
            assert_eq!(super::image(record).state.as_str(), word);
        }
        assert!(state_named("x").is_none());
        for outcome in [
            KeepOutcome::Running,
            KeepOutcome::Done,
            KeepOutcome::Failed,
            KeepOutcome::Canceled,
            KeepOutcome::Interrupted,
        ] {
            let record = KeepRunRecord {
                id: 1,
                list: String::new(),
                started: SystemTime::UNIX_EPOCH,
                finished: None,
                outcome,
                counts: KeepCounts::default(),
                bytes: 0,
            };
            assert_eq!(run(record).outcome.as_str(), outcome.as_str());
        }
    }
}
