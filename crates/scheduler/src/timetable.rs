//! When each rule runs next. Pure: the caller says what time it is.
//!
//! - A rule that was never run waits for its first time after it became known.
//! - Times that were missed while no server ran are made up for by one run, at a moment within [`CATCH_UP_WITHIN`] after
//!   the start that differs from rule to rule.
//! - Times that pass while the rule runs are dropped: the next one after its end counts.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use entrepot_catalog::Cause;
use entrepot_sync::rules::Schedule;

/// Missed runs begin within this time after the start.
pub(crate) const CATCH_UP_WITHIN: Duration = Duration::from_secs(60);

/// When each rule runs next.
#[derive(Debug, Default)]
pub struct Timetable(BTreeMap<String, TimetableEntry>);

#[derive(Debug)]
struct TimetableEntry {
    schedule: Option<Schedule>,
    next: Option<(SystemTime, Cause)>,
    running: bool,
}

/// A rule, as the timetable learns of it.
#[derive(Debug)]
pub struct ScheduledRule {
    /// Its name.
    pub name: String,
    /// When it is to run; `None` if only on request.
    pub schedule: Option<Schedule>,
    /// When its last run began.
    pub last: Option<SystemTime>,
}

impl Timetable {
    /// Replaces all rules. A rule whose schedule has not changed keeps its next time.
    pub fn replace(&mut self, rules: Vec<ScheduledRule>, now: SystemTime) {
        let mut old = std::mem::take(&mut self.0);
        for ScheduledRule { name, schedule, last } in rules {
            let known = old.remove(&name);
            let running = known.as_ref().is_some_and(|entry| entry.running);
            let next = match known {
                Some(entry) if entry.schedule == schedule => entry.next,
                // Another schedule is not something that was missed.
                Some(_) => after(schedule.as_ref(), now),
                None => first(&name, schedule.as_ref(), last, now),
            };
            self.0.insert(name, TimetableEntry { schedule, next, running });
        }
    }

    /// The rules to begin now, and why. They count as running until [`Timetable::ended`].
    pub fn due(&mut self, now: SystemTime) -> Vec<(String, Cause)> {
        let mut due = Vec::new();
        for (name, entry) in &mut self.0 {
            if let Some((at, cause)) = entry.next
                && at <= now
                && !entry.running
            {
                entry.running = true;
                due.push((name.clone(), cause));
            }
        }
        due
    }

    /// A rule was begun on request.
    pub fn begun(&mut self, rule: &str) {
        if let Some(entry) = self.0.get_mut(rule) {
            entry.running = true;
        }
    }

    /// A rule has ended; `whole` if the run was not confined to a part.
    pub fn ended(&mut self, rule: &str, whole: bool, now: SystemTime) {
        if let Some(entry) = self.0.get_mut(rule) {
            entry.running = false;
            if whole {
                entry.next = after(entry.schedule.as_ref(), now);
            }
        }
    }

    /// When a rule runs next by itself.
    pub fn next_of(&self, rule: &str) -> Option<SystemTime> {
        self.0.get(rule)?.next.map(|(at, _)| at)
    }

    /// When the next of the rules that are not running is due.
    pub fn next(&self) -> Option<SystemTime> {
        self.0.values().filter(|entry| !entry.running).filter_map(|entry| entry.next).map(|(at, _)| at).min()
    }
}

fn after(schedule: Option<&Schedule>, now: SystemTime) -> Option<(SystemTime, Cause)> {
    schedule?.next(now).map(|at| (at, Cause::Schedule))
}

fn first(
    name: &str,
    schedule: Option<&Schedule>,
    last: Option<SystemTime>,
    now: SystemTime,
) -> Option<(SystemTime, Cause)> {
    let missed = last.and_then(|last| schedule?.next(last)).is_some_and(|wanted| wanted <= now);
    if missed { Some((now + spread(name), Cause::CatchUp)) } else { after(schedule, now) }
}

/// A delay for each name: the same every time, and different for most names.
fn spread(name: &str) -> Duration {
    // FNV-1a: a few bits that have nothing to do with one another are enough.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let within = u64::try_from(CATCH_UP_WITHIN.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis((hash >> 16) % within)
}

#[cfg(test)]
mod tests {
    use entrepot_sync::rules::{RuleSection, RuleSet};

    use super::*;

    const HOUR: u64 = 3600;

    fn at(seconds: u64) -> SystemTime {
        // A full hour.
        SystemTime::UNIX_EPOCH + Duration::from_secs(500_000 * HOUR + seconds)
    }

    fn known(name: &str, schedule: &str, last: Option<u64>) -> ScheduledRule {
        let rule = format!(
            r#"[{{"name":"{name}","from":"quay.io/a/b","to":["quay.io/c/d"],"schedule":"{schedule}"}}]"#
        );
        let sections: Vec<RuleSection> = serde_json::from_str(&rule).unwrap();
        let schedule = RuleSet::check(&sections).unwrap().rules()[0].schedule.clone();
        ScheduledRule { name: name.to_owned(), schedule, last: last.map(at) }
    }

    fn table(rules: Vec<ScheduledRule>, now: u64) -> Timetable {
        let mut table = Timetable::default();
        table.replace(rules, at(now));
        table
    }

    fn due(table: &mut Timetable, now: u64) -> Vec<(String, Cause)> {
        table.due(at(now))
    }

    #[test]
    fn a_new_rule_waits_for_its_time() {
        let mut table = table(vec![known("a", "@hourly", None)], 10);
        assert_eq!(table.next(), Some(at(HOUR)));
        assert_eq!(due(&mut table, HOUR - 1), []);
        assert_eq!(due(&mut table, HOUR), [("a".to_owned(), Cause::Schedule)]);
        assert_eq!(due(&mut table, HOUR), [], "it runs");
        assert_eq!(table.next(), None);
        table.ended("a", true, at(HOUR + 5));
        assert_eq!(table.next(), Some(at(2 * HOUR)));
    }

    #[test]
    fn what_was_missed_is_caught_up_once() {
        let mut table = table(vec![known("a", "@hourly", Some(0))], 5 * HOUR + 10);
        let begins = table.next().unwrap();
        assert!(begins >= at(5 * HOUR + 10) && begins < at(5 * HOUR + 10) + CATCH_UP_WITHIN);
        assert_eq!(due(&mut table, 5 * HOUR + 70), [("a".to_owned(), Cause::CatchUp)]);
        table.ended("a", true, at(5 * HOUR + 80));
        assert_eq!(table.next(), Some(at(6 * HOUR)));
    }

    #[test]
    fn what_was_not_missed_is_not_caught_up() {
        let table =
            table(vec![known("a", "@hourly", Some(5 * HOUR)), known("b", "@daily", None)], 5 * HOUR + 10);
        assert_eq!(table.next_of("a"), Some(at(6 * HOUR)));
        assert!(table.next_of("b").unwrap() > at(6 * HOUR));
    }

    #[test]
    fn times_that_come_while_it_runs_pass() {
        let mut table = table(vec![known("a", "@hourly", None)], 0);
        assert_eq!(due(&mut table, HOUR).len(), 1);
        assert_eq!(due(&mut table, 4 * HOUR), []);
        table.ended("a", true, at(4 * HOUR + 1));
        assert_eq!(table.next(), Some(at(5 * HOUR)));
    }

    #[test]
    fn a_part_is_not_the_whole() {
        let mut table = table(vec![known("a", "@hourly", None)], 0);
        table.begun("a");
        assert_eq!(due(&mut table, HOUR), []);
        table.ended("a", false, at(HOUR + 5));
        assert_eq!(due(&mut table, HOUR + 5), [("a".to_owned(), Cause::Schedule)]);
    }

    #[test]
    fn other_rules_take_the_place_of_these() {
        let mut table = table(vec![known("a", "@hourly", None), known("b", "@hourly", None)], 0);
        assert_eq!(due(&mut table, HOUR).len(), 2);
        let next = vec![known("a", "@daily", Some(0)), known("c", "@hourly", None)];
        table.replace(next, at(HOUR + 1));
        assert_eq!(due(&mut table, HOUR + 2), []);
        table.ended("b", true, at(HOUR + 2));
        table.ended("a", true, at(HOUR + 2));
        assert_eq!((table.next_of("b"), table.next()), (None, Some(at(2 * HOUR))));
        let names: Vec<_> = due(&mut table, 48 * HOUR).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "c"]);
    }

    #[test]
    fn rules_without_a_schedule_wait_for_somebody() {
        let mut table =
            table(vec![ScheduledRule { name: "a".to_owned(), schedule: None, last: Some(at(0)) }], 0);
        assert_eq!(table.next(), None);
        assert_eq!(due(&mut table, 1000 * HOUR), []);
    }

    #[test]
    fn moments_are_spread() {
        let all: std::collections::BTreeSet<_> = (0..50).map(|n| spread(&format!("rule-{n}"))).collect();
        assert!(all.len() > 45 && all.iter().all(|moment| *moment < CATCH_UP_WITHIN));
        assert!(all.last().unwrap().abs_diff(*all.first().unwrap()) > CATCH_UP_WITHIN / 2);
    }
}
