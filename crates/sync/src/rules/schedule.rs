//! Schedules of rules: five cron fields or a word such as `@hourly`, in a time zone.

use std::{fmt, sync::Arc, time::SystemTime};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

use super::error::RuleError;

/// Prefixes that some crons allow before the fields.
const PREFIXES: [&str; 2] = ["CRON_TZ=", "TZ="];

/// The schedule of a rule. Times skipped by a clock change run right after it; times that occur twice run once.
#[derive(Clone)]
pub struct Schedule {
    text: Arc<str>,
    cron: Arc<Cron>,
    zone: TimeZone,
}

impl Schedule {
    /// Parses a schedule; `zone` is the key `timezone`. The default time zone is UTC.
    ///
    /// # Errors
    /// It is no schedule, or never comes; the zone is none.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, RuleError> {
        let found = PREFIXES.into_iter().find_map(|prefix| text.trim().strip_prefix(prefix));
        let (inner, fields) = match found.map(|rest| rest.split_once(' ').unwrap_or((rest, ""))) {
            Some((inner, fields)) => (Some(inner), fields.trim()),
            None => (None, text.trim()),
        };
        if inner.is_some() && zone.is_some() {
            return Err(RuleError::new(
                "the time zone is there twice",
                "leave out `timezone`, or what stands in front of the fields",
            )
            .under("timezone"));
        }
        let cron = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = cron.parse(fields).map_err(|_| {
            RuleError::new(
                format!("`{fields}` is not a schedule"),
                "write `@hourly`, `@daily`, or minute, hour, day, month and day of the week: `30 6 * * *`",
            )
            .under("schedule")
        })?;
        let key = if inner.is_some() { "schedule" } else { "timezone" };
        let zone = time_zone(inner.or(zone)).map_err(|error| error.under(key))?;
        let schedule = Self { text: text.trim().into(), cron: Arc::new(cron), zone };
        if schedule.next(SystemTime::UNIX_EPOCH).is_none() {
            return Err(RuleError::new(
                format!("`{fields}` never comes"),
                "such as 30 February: look at day and month",
            )
            .under("schedule"));
        }
        Ok(schedule)
    }

    /// The first time after `after`; `None` if there is none.
    pub fn next(&self, after: SystemTime) -> Option<SystemTime> {
        let after = Timestamp::try_from(after).ok()?.to_zoned(self.zone.clone());
        Some(self.cron.find_next_occurrence(&after, false).ok()?.timestamp().into())
    }

    /// The schedule as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of its time zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

fn time_zone(name: Option<&str>) -> Result<TimeZone, RuleError> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        RuleError::new(
            format!("`{name}` is not a time zone"),
            "write the name of the database of time zones: `Asia/Shanghai`, `UTC`",
        )
    })
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({:?} {})", self.text, self.zone())
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap().into()
    }

    fn next(schedule: &str, zone: Option<&str>, after: &str) -> String {
        let next = Schedule::parse(schedule, zone).unwrap().next(at(after)).unwrap();
        Timestamp::try_from(next).unwrap().to_string()
    }

    #[test]
    fn knows_when() {
        let noon = "2026-05-01T12:00:00Z";
        assert_eq!(next("@hourly", None, noon), "2026-05-01T13:00:00Z");
        assert_eq!(next("30 6 * * *", None, noon), "2026-05-02T06:30:00Z");
        assert_eq!(next("30 6 * * *", Some("Asia/Shanghai"), noon), "2026-05-01T22:30:00Z");
        assert_eq!(next("CRON_TZ=Asia/Shanghai 30 6 * * *", None, noon), "2026-05-01T22:30:00Z");
        assert_eq!(next("TZ=UTC  @daily", None, noon), "2026-05-02T00:00:00Z");
        assert_eq!(next("0 9 * * mon", None, noon), "2026-05-04T09:00:00Z");
    }

    #[test]
    fn a_change_of_clocks_neither_skips_nor_doubles() {
        // Clocks went from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
        let daily = |after| next("30 2 * * *", Some("Europe/Berlin"), after);
        assert_eq!(daily("2026-03-29T00:00:00Z"), "2026-03-29T01:00:00Z");
        assert_eq!(daily("2026-10-24T23:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(daily("2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, zone, what) in [
            ("hourly", None, "`sync.schedule`: `hourly` is not a schedule"),
            ("0 0 * * * *", None, "`sync.schedule`: `0 0 * * * *` is not a schedule"),
            ("0 0 30 2 *", None, "`sync.schedule`: `0 0 30 2 *` never comes"),
            ("@hourly", Some("Mars/Olympus"), "`sync.timezone`: `Mars/Olympus` is not a time zone"),
            ("CRON_TZ=Mars 0 0 * * *", None, "`sync.schedule`: `Mars` is not a time zone"),
            ("TZ=UTC @daily", Some("UTC"), "`sync.timezone`: the time zone is there twice"),
        ] {
            assert_eq!(Schedule::parse(text, zone).unwrap_err().to_string(), what);
        }
    }
}
