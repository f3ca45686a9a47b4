//! Conditions under which less is on offer: with hysteresis, so that nothing flutters. Pure: the time is a parameter.

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::{mode::Mode, percent::Percent};

/// How long a condition holds at least, whatever is measured meanwhile.
pub const HELD_FOR: Duration = Duration::from_secs(60);
/// How far back what is measured must be, in points, unless it is written.
const BACK: u32 = 5;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// The used part of the file system of the data directory.
    Disk,
    /// The least part that an upstream has left of what it allows us.
    Budget,
    /// The load of the last minute, by core: `100%` is a machine that is busy.
    Load,
}

/// What was measured just now; `None` is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measurements {
    /// See [`Measure::Disk`].
    pub disk: Option<Percent>,
    /// See [`Measure::Budget`].
    pub budget: Option<Percent>,
    /// See [`Measure::Load`].
    pub load: Option<Percent>,
}

/// A condition as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenCondition {
    disk: Option<Percent>,
    budget: Option<Percent>,
    load: Option<Percent>,
    back: Option<Percent>,
    mode: Mode,
}

/// A measure, where it is too much or too little, and what is on offer then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    measure: Measure,
    limit: Percent,
    back: Percent,
    mode: Mode,
}

/// Why a condition is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It has no measure, or several.
    #[error("a condition has one of `disk`, `budget` and `load`")]
    Measure,
    /// Its mode offers everything.
    #[error("a condition leads to `small-only`, `cached-only` or `closed`")]
    Normal,
    /// It would begin and end at once.
    #[error("`back` is where the condition ends: {0}")]
    Back(&'static str),
    /// A part that cannot be reached.
    #[error("a part of the whole is more than `0%` and at most `100%`")]
    Part,
}

impl WrittenCondition {
    /// What it means.
    ///
    /// # Errors
    /// It has not exactly one measure, or values that make no sense.
    pub fn read(&self) -> Result<Condition, ConditionError> {
        let (measure, limit) = match (self.disk, self.budget, self.load) {
            (Some(limit), None, None) => (Measure::Disk, limit),
            (None, Some(limit), None) => (Measure::Budget, limit),
            (None, None, Some(limit)) => (Measure::Load, limit),
            _ => return Err(ConditionError::Measure),
        };
        let nothing = Percent::of_ratio(0.0);
        if limit == nothing || (measure != Measure::Load && limit > Percent::WHOLE) {
            return Err(ConditionError::Part);
        }
        if self.mode == Mode::Normal {
            return Err(ConditionError::Normal);
        }
        let back = self.back.unwrap_or_else(|| measure.usual_back(limit));
        match measure.is_too_little() {
            true if back <= limit => Err(ConditionError::Back("a greater part than where it begins")),
            true if back >= Percent::WHOLE => Err(ConditionError::Back("less than `100%`")),
            false if back >= limit => Err(ConditionError::Back("a smaller part than where it begins")),
            false if back == nothing => Err(ConditionError::Back("more than `0%`")),
            _ => Ok(Condition { measure, limit, back, mode: self.mode }),
        }
    }
}

impl Measure {
    // Of a budget, little is bad; of the others, much.
    fn is_too_little(self) -> bool {
        self == Self::Budget
    }

    // Some points back, or half-way to the end of the scale, which is never passed.
    fn usual_back(self, limit: Percent) -> Percent {
        let ratio = limit.ratio();
        if self.is_too_little() {
            limit.plus(BACK).min(Percent::of_ratio((ratio + 1.0) / 2.0))
        } else {
            limit.minus(BACK).max(Percent::of_ratio(ratio / 2.0))
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Budget => "budget",
            Self::Load => "load",
        }
    }
}

impl Measurements {
    /// What was measured of one measure.
    pub fn of(&self, measure: Measure) -> Option<Percent> {
        match measure {
            Measure::Disk => self.disk,
            Measure::Budget => self.budget,
            Measure::Load => self.load,
        }
    }
}

impl Condition {
    /// What is measured.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// What is on offer while it holds.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Where it begins.
    pub fn limit(&self) -> Percent {
        self.limit
    }

    fn begins(&self, measured: Percent) -> bool {
        if self.measure.is_too_little() { measured <= self.limit } else { measured >= self.limit }
    }

    fn ends(&self, measured: Percent) -> bool {
        if self.measure.is_too_little() { measured > self.back } else { measured < self.back }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measure {
            Measure::Disk => write!(f, "the disk is {} full or more", self.limit),
            Measure::Budget => write!(f, "an upstream has {} of our pulls left or less", self.limit),
            Measure::Load => write!(f, "the load is {} or more", self.limit),
        }
    }
}

/// A condition and whether it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    condition: Condition,
    since: Option<Duration>,
}

impl Watch {
    /// Begins to watch. It does not hold before something was measured.
    pub(crate) fn new(condition: Condition) -> Self {
        Self { condition, since: None }
    }

    /// The condition.
    pub(crate) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// True while it holds.
    pub(crate) fn holds(&self) -> bool {
        self.since.is_some()
    }

    /// Takes what was measured at `now`, a time since some start. What is not known changes nothing.
    pub(crate) fn observe(&mut self, measured: Option<Percent>, now: Duration) {
        let Some(measured) = measured else { return };
        match self.since {
            None if self.condition.begins(measured) => self.since = Some(now),
            Some(since) if self.condition.ends(measured) && now.saturating_sub(since) >= HELD_FOR => {
                self.since = None;
            }
            None | Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Condition, ConditionError> {
        serde_json::from_str::<WrittenCondition>(text).unwrap().read()
    }

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    #[test]
    fn a_condition_has_one_measure_and_a_way_back() {
        let disk = read(r#"{"disk":"95%","mode":"cached-only"}"#).unwrap();
        assert_eq!(disk.to_string(), "the disk is 95% full or more");
        assert_eq!((disk.back, disk.mode()), (percent("90%"), Mode::CachedOnly));
        assert_eq!(read(r#"{"budget":"10%","mode":"small-only"}"#).unwrap().back, percent("15%"));
        assert_eq!(read(r#"{"disk":"4%","mode":"closed"}"#).unwrap().back, percent("2%"), "it can end");
        assert_eq!(read(r#"{"budget":"98%","mode":"closed"}"#).unwrap().back, percent("99%"));
        assert_eq!(read(r#"{"load":"300%","back":"150%","mode":"closed"}"#).unwrap().back, percent("150%"));
        for (wrong, error) in [
            (r#"{"mode":"closed"}"#, ConditionError::Measure),
            (r#"{"disk":"95%","load":"95%","mode":"closed"}"#, ConditionError::Measure),
            (r#"{"disk":"95%","mode":"normal"}"#, ConditionError::Normal),
            (r#"{"disk":"101%","mode":"closed"}"#, ConditionError::Part),
            (r#"{"budget":"0%","mode":"closed"}"#, ConditionError::Part),
        ] {
            assert_eq!(read(wrong), Err(error), "{wrong}");
        }
        for wrong in [
            r#"{"disk":"95%","back":"95%","mode":"closed"}"#,
            r#"{"budget":"10%","back":"10%","mode":"closed"}"#,
            r#"{"disk":"0.01%","back":"0%","mode":"closed"}"#,
            r#"{"budget":"10%","back":"100%","mode":"closed"}"#,
            r#"{"budget":"100%","mode":"closed"}"#,
        ] {
            assert!(matches!(read(wrong), Err(ConditionError::Back(_))), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_known_changes_nothing() {
        let mut watch = Watch::new(read(r#"{"disk":"95%","mode":"closed"}"#).unwrap());
        watch.observe(None, Duration::ZERO);
        assert!(!watch.holds());
        watch.observe(Some(percent("95%")), Duration::ZERO);
        watch.observe(None, HELD_FOR * 9);
        assert!(watch.holds());
        watch.observe(Some(percent("89%")), HELD_FOR * 9);
        assert!(!watch.holds());
    }

    proptest! {
        // Whatever is measured: between two changes a minute passes or a whole band is crossed, and at either end of the scale
        // the answer is clear.
        #[test]
        fn nothing_flutters(parts in prop::collection::vec((0_u32..120, 0_u64..40), 1..200), is_budget: bool) {
            let text = if is_budget {
                r#"{"budget":"10%","mode":"small-only"}"#
            } else {
                r#"{"disk":"95%","mode":"cached-only"}"#
            };
            let mut watch = Watch::new(read(text).unwrap());
            let (mut now, mut began) = (Duration::ZERO, Duration::ZERO);
            for (part, seconds) in parts {
                now += Duration::from_secs(seconds);
                let (before, measured) = (watch.holds(), Percent::of(u64::from(part), 100).unwrap());
                watch.observe(Some(measured), now);
                match (before, watch.holds()) {
                    (false, true) => {
                        prop_assert!(watch.condition().begins(measured));
                        began = now;
                    }
                    (true, false) => {
                        prop_assert!(now - began >= HELD_FOR);
                        prop_assert!(watch.condition().ends(measured));
                    }
                    (true, true) => {
                        prop_assert!(now - began < HELD_FOR || !watch.condition().ends(measured));
                    }
                    (false, false) => prop_assert!(!watch.condition().begins(measured)),
                }
            }
        }
    }
}
