//! A container as its engine shows it, in the words of the lifecycle. Pure.

use std::time::{Duration, SystemTime};

use entrepot_engine::{Container as Shown, ContainerState as ShownState, ContainerStatus, ListedContainer};

use crate::lifecycle::{self, Container, ContainerPhase, ContainerRun};

/// What both clocks said at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockReadings {
    pub(super) engine: SystemTime,
    pub(super) ours: SystemTime,
}

/// A container that was looked at. When it ended is in our time, to compare it with when somebody was away.
pub(super) fn container(shown: &Shown, clocks: ClockReadings) -> Container {
    let finished = shown.state.finished_ms.map(time);
    Container {
        id: shown.id.to_string(),
        state: state(shown.state.status),
        exit_code: shown.state.exit_code.unwrap_or_default(),
        is_oom_killed: shown.state.oom_killed,
        started: shown.state.started_ms.map(time),
        finished: finished.map(|at| lifecycle::in_our_time(at, clocks.engine, clocks.ours)),
    }
}

/// The last run of a container, by the engine's clock; `None` if it never ran.
pub(super) fn run(shown: &ShownState) -> Option<ContainerRun> {
    let started = shown.started_ms.map(time)?;
    Some(ContainerRun { started, finished: shown.finished_ms.map(time), is_running: shown.status.is_alive() })
}

pub(super) fn time(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

pub(super) fn state(status: ContainerStatus) -> ContainerPhase {
    match status {
        ContainerStatus::Created => ContainerPhase::Created,
        ContainerStatus::Running | ContainerStatus::Restarting | ContainerStatus::Stopping => {
            ContainerPhase::Running
        }
        ContainerStatus::Paused => ContainerPhase::Paused,
        ContainerStatus::Exited => ContainerPhase::Exited,
        ContainerStatus::Removing | ContainerStatus::Dead | ContainerStatus::Unknown => ContainerPhase::Dead,
    }
}

/// True if a list shows nothing else than what is recorded, so that the container need not be looked at.
pub(super) fn is_as_recorded(listed: &[&ListedContainer], recorded: Option<&str>, is_running: bool) -> bool {
    let [listed] = listed else { return false };
    let is_same = recorded == Some(listed.id.as_str());
    is_same
        && matches!(
            (listed.status, is_running),
            (ContainerStatus::Running, true) | (ContainerStatus::Exited | ContainerStatus::Created, false)
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(id: char, status: ContainerStatus) -> ListedContainer {
        let id = id.to_string().repeat(64).parse().unwrap();
        ListedContainer { id, name: "entrepot-7".to_owned(), owner: None, status, image_name: String::new() }
    }

    #[test]
    fn only_what_differs_is_looked_at() {
        let ours = "a".repeat(64);
        let one = |status, is_running| is_as_recorded(&[&listed('a', status)], Some(&ours), is_running);
        assert!(one(ContainerStatus::Running, true) && one(ContainerStatus::Exited, false));
        assert!(
            !one(ContainerStatus::Exited, true)
                && !one(ContainerStatus::Running, false)
                && !one(ContainerStatus::Paused, true)
        );
        assert!(!is_as_recorded(&[], Some(&ours), true));
        assert!(!is_as_recorded(&[&listed('b', ContainerStatus::Running)], Some(&ours), true));
        let two = [listed('a', ContainerStatus::Running), listed('b', ContainerStatus::Running)];
        assert!(!is_as_recorded(&two.iter().collect::<Vec<_>>(), Some(&ours), true));
    }

    #[test]
    fn an_engine_whose_clock_is_ahead_is_put_right() {
        let clocks = ClockReadings { engine: time(100_000), ours: time(40_000) };
        assert_eq!(lifecycle::in_our_time(time(90_000), clocks.engine, clocks.ours), time(30_000));
        let state = ShownState {
            status: ContainerStatus::Exited,
            started_ms: Some(1_000),
            finished_ms: Some(2_000),
            exit_code: Some(0),
            oom_killed: false,
            error: Default::default(),
        };
        assert_eq!(
            run(&state),
            Some(ContainerRun { started: time(1_000), finished: Some(time(2_000)), is_running: false })
        );
        assert_eq!(run(&ShownState { started_ms: None, ..state }), None);
    }
}
