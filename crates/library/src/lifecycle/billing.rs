//! For how long an instance ran, by the engine's own times. Pure.
//!
//! A period is one run of a container, from the engine's `StartedAt` to its `FinishedAt`. Pulling and booting cost nothing,
//! and neither does the time between two runs, whoever ended the first.

use std::time::{Duration, SystemTime};

const HOUR_MS: u128 = 3_600_000;

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// When it began.
    pub started: SystemTime,
    /// When it ended; `None`: it goes on.
    pub ended: Option<SystemTime>,
}

/// What an engine says of the present or last run, in the engine's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRun {
    /// When it began.
    pub started: SystemTime,
    /// When it ended, or when the one before it ended if this one goes on.
    pub finished: Option<SystemTime>,
    /// True if it goes on.
    pub is_running: bool,
}

/// A change of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodChange {
    /// A period begins.
    Open {
        /// When.
        started: SystemTime,
    },
    /// The period that goes on ends.
    Close {
        /// When it began.
        started: SystemTime,
        /// When it ended, as far as anybody saw: that is charged.
        ended: SystemTime,
        /// For how long after that nobody could say whether it went on.
        unknown: Duration,
    },
}

/// When somebody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// The last time before this one.
    pub last: SystemTime,
    /// This time.
    pub now: SystemTime,
}

/// What changes in the records: `open` is the period that goes on by them.
pub fn settle(open: Option<&Period>, run: Option<&ContainerRun>, looks: Looks) -> Vec<PeriodChange> {
    let Some(run) = run else {
        // The container is gone. Nobody knows since when; it is charged as far as somebody saw it.
        let close = |open: &Period| unseen(open.started, looks.last.max(open.started), looks.now);
        return open.map(close).into_iter().collect();
    };
    let mut changes = Vec::new();
    let is_recorded = open.is_some_and(|open| open.started == run.started);
    if let Some(open) = open.filter(|_| !is_recorded) {
        changes.push(end_before(open, run, looks));
    }
    if !is_recorded {
        changes.push(PeriodChange::Open { started: run.started });
    }
    if !run.is_running {
        let ended = run.finished.unwrap_or(looks.last).max(run.started);
        changes.push(PeriodChange::Close { started: run.started, ended, unknown: Duration::ZERO });
    }
    changes
}

// When the recorded run ended, if another one has begun since: the engine remembers one end only.
fn end_before(open: &Period, run: &ContainerRun, looks: Looks) -> PeriodChange {
    let remembered = run.finished.filter(|end| run.is_running && *end >= open.started && *end <= run.started);
    match remembered {
        Some(ended) => PeriodChange::Close { started: open.started, ended, unknown: Duration::ZERO },
        None => {
            unseen(open.started, looks.last.clamp(open.started, open.started.max(run.started)), run.started)
        }
    }
}

// A run whose end nobody saw.
fn unseen(started: SystemTime, ended: SystemTime, until: SystemTime) -> PeriodChange {
    PeriodChange::Close { started, ended, unknown: until.duration_since(ended).unwrap_or_default() }
}

impl Period {
    /// How long is charged of it, between `from` and `until`.
    pub fn billable(&self, from: SystemTime, until: SystemTime) -> Duration {
        let end = self.ended.unwrap_or(until).min(until);
        end.duration_since(self.started.max(from)).unwrap_or_default()
    }
}

/// What it costs, in ten-thousandths, at a price for an hour in ten-thousandths. Rounded down.
pub fn cost(billable: Duration, price: u64) -> u64 {
    u64::try_from(billable.as_millis() * u128::from(price) / HOUR_MS).unwrap_or(u64::MAX)
}

/// A time of an engine as our clock has it: `engine` and `ours` are what the two clocks said at the same moment.
pub fn in_our_time(time: SystemTime, engine: SystemTime, ours: SystemTime) -> SystemTime {
    match ours.duration_since(engine) {
        Ok(behind) => time + behind,
        Err(ahead) => time - ahead.duration(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn open(started: u64) -> Period {
        Period { started: at(started), ended: None }
    }

    fn run(started: u64, finished: Option<u64>, is_running: bool) -> ContainerRun {
        ContainerRun { started: at(started), finished: finished.map(at), is_running }
    }

    fn close(started: u64, ended: u64) -> PeriodChange {
        PeriodChange::Close { started: at(started), ended: at(ended), unknown: Duration::ZERO }
    }

    /// Changes, seen at 1,000 and at `last` before.
    fn changes(open: Option<&Period>, run: Option<&ContainerRun>, last: u64) -> Vec<PeriodChange> {
        settle(open, run, Looks { last: at(last), now: at(1_000) })
    }

    #[test]
    fn a_run_is_one_period() {
        assert_eq!(changes(None, Some(&run(10, None, true)), 20), [PeriodChange::Open { started: at(10) }]);
        assert_eq!(changes(Some(&open(10)), Some(&run(10, None, true)), 20), []);
        assert_eq!(changes(Some(&open(10)), Some(&run(10, Some(70), false)), 80), [close(10, 70)]);
    }

    #[test]
    fn a_run_that_nobody_saw_going_on_is_charged_too() {
        let both = [PeriodChange::Open { started: at(10) }, close(10, 70)];
        assert_eq!(changes(None, Some(&run(10, Some(70), false)), 80), both);
    }

    #[test]
    fn the_time_between_two_runs_is_not_charged() {
        let found = changes(Some(&open(10)), Some(&run(500, Some(100), true)), 600);
        assert_eq!(found, [close(10, 100), PeriodChange::Open { started: at(500) }]);
    }

    #[test]
    fn where_the_end_is_not_known_it_counts_as_far_as_somebody_saw_it() {
        let unseen = |ended, unknown| PeriodChange::Close {
            started: at(10),
            ended: at(ended),
            unknown: Duration::from_secs(unknown),
        };
        // Two runs since: the end that is remembered is that of the second.
        let found = changes(Some(&open(10)), Some(&run(500, Some(900), false)), 90);
        assert_eq!(found, [unseen(90, 410), PeriodChange::Open { started: at(500) }, close(500, 900)]);
        assert_eq!(changes(Some(&open(10)), None, 90), [unseen(90, 910)]);
        assert_eq!(changes(Some(&open(10)), None, 5), [unseen(10, 990)], "never less than nothing");
        assert_eq!(changes(None, None, 90), []);
    }

    #[test]
    fn what_is_outside_is_not_charged() {
        let period = Period { ended: Some(at(1_000)), ..open(0) };
        assert_eq!(period.billable(at(0), at(5_000)).as_secs(), 1_000);
        assert_eq!(period.billable(at(500), at(700)).as_secs(), 200);
        assert_eq!(period.billable(at(2_000), at(5_000)).as_secs(), 0);
        assert_eq!(open(0).billable(at(0), at(60)).as_secs(), 60);
    }

    #[test]
    fn half_an_hour_costs_half() {
        assert_eq!(cost(Duration::from_secs(1_800), 25_000), 12_500);
        assert_eq!(cost(Duration::from_millis(1), 25_000), 0);
        assert_eq!(cost(Duration::from_secs(u64::MAX / 1_000), u64::MAX), u64::MAX);
    }

    #[test]
    fn a_clock_that_is_wrong_is_put_right() {
        assert_eq!(in_our_time(at(100), at(1_000), at(1_030)), at(130));
        assert_eq!(in_our_time(at(100), at(1_000), at(970)), at(70));
    }
}
