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
    /// For how long nobody could say whether it went on. Not charged.
    pub unknown: Duration,
}

/// What an engine says of the present or last run, in the engine's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub started: SystemTime,
    /// When it ended, or when the one before it ended if this one goes on.
    pub finished: Option<SystemTime>,
    /// True if it goes on.
    pub is_running: bool,
}

/// A change of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A period begins.
    Open {
        /// When.
        started: SystemTime,
    },
    /// The period that goes on ends.
    Close {
        /// When it began.
        started: SystemTime,
        /// When it ended.
        ended: SystemTime,
    },
}

/// What changes in the records: `open` is the period that goes on by them, `last_seen` when it was last seen to.
pub fn settle(open: Option<&Period>, run: Option<&Run>, last_seen: SystemTime) -> Vec<Change> {
    let Some(run) = run else {
        // The container is gone. Nobody knows since when; it is charged as far as somebody saw it.
        let close =
            |open: &Period| Change::Close { started: open.started, ended: last_seen.max(open.started) };
        return open.map(close).into_iter().collect();
    };
    let mut changes = Vec::new();
    let is_recorded = open.is_some_and(|open| open.started == run.started);
    if let Some(open) = open.filter(|_| !is_recorded) {
        let ended = end_before(open, run, last_seen);
        changes.push(Change::Close { started: open.started, ended });
    }
    if !is_recorded {
        changes.push(Change::Open { started: run.started });
    }
    if !run.is_running {
        let ended = run.finished.unwrap_or(last_seen).max(run.started);
        changes.push(Change::Close { started: run.started, ended });
    }
    changes
}

// When the recorded run ended, if another one has begun since: the engine remembers one end only.
fn end_before(open: &Period, run: &Run, last_seen: SystemTime) -> SystemTime {
    let remembered = run.finished.filter(|end| run.is_running && *end >= open.started && *end <= run.started);
    remembered.unwrap_or_else(|| last_seen.clamp(open.started, open.started.max(run.started)))
}

impl Period {
    /// How long is charged of it, between `from` and `until`.
    pub fn billable(&self, from: SystemTime, until: SystemTime) -> Duration {
        let end = self.ended.unwrap_or(until).min(until);
        let whole = end.duration_since(self.started.max(from)).unwrap_or_default();
        whole.saturating_sub(self.unknown)
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
        Period { started: at(started), ended: None, unknown: Duration::ZERO }
    }

    fn run(started: u64, finished: Option<u64>, is_running: bool) -> Run {
        Run { started: at(started), finished: finished.map(at), is_running }
    }

    fn close(started: u64, ended: u64) -> Change {
        Change::Close { started: at(started), ended: at(ended) }
    }

    #[test]
    fn a_run_is_one_period() {
        assert_eq!(settle(None, Some(&run(10, None, true)), at(20)), [Change::Open { started: at(10) }]);
        assert_eq!(settle(Some(&open(10)), Some(&run(10, None, true)), at(20)), []);
        assert_eq!(settle(Some(&open(10)), Some(&run(10, Some(70), false)), at(80)), [close(10, 70)]);
    }

    #[test]
    fn a_run_that_nobody_saw_going_on_is_charged_too() {
        let both = [Change::Open { started: at(10) }, close(10, 70)];
        assert_eq!(settle(None, Some(&run(10, Some(70), false)), at(80)), both);
    }

    #[test]
    fn the_time_between_two_runs_is_not_charged() {
        let changes = settle(Some(&open(10)), Some(&run(500, Some(100), true)), at(600));
        assert_eq!(changes, [close(10, 100), Change::Open { started: at(500) }]);
    }

    #[test]
    fn where_the_engine_forgot_the_end_it_counts_as_far_as_somebody_saw_it() {
        // Two runs since: the end that is remembered is that of the second.
        let changes = settle(Some(&open(10)), Some(&run(500, Some(900), false)), at(90));
        assert_eq!(changes, [close(10, 90), Change::Open { started: at(500) }, close(500, 900)]);
        assert_eq!(settle(Some(&open(10)), None, at(90)), [close(10, 90)]);
        assert_eq!(settle(Some(&open(10)), None, at(5)), [close(10, 10)], "never less than nothing");
        assert_eq!(settle(None, None, at(90)), []);
    }

    #[test]
    fn what_is_unknown_and_what_is_outside_is_not_charged() {
        let period = Period { ended: Some(at(1_000)), unknown: Duration::from_secs(100), ..open(0) };
        assert_eq!(period.billable(at(0), at(5_000)).as_secs(), 900);
        assert_eq!(period.billable(at(500), at(700)).as_secs(), 100);
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
