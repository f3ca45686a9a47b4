//! Whether an account may have something more. Pure.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{Holdings, PeriodRecord, QuotaRecord};

use super::settings::QuotaSettings;
use crate::lifecycle::Period;

/// Why an account may not have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaFault {
    /// It has as many instances as it may.
    #[error("{have} instances of {most} are in use")]
    Instances {
        /// How many it has.
        have: u64,
        /// How many it may have.
        most: u64,
    },
    /// It would have more cards than it may.
    #[error("{have} cards of {most} are in use, and {wanted} more are wanted")]
    Cards {
        /// How many it has.
        have: u64,
        /// How many it may have.
        most: u64,
        /// How many more it wants.
        wanted: u64,
    },
    /// It has used up its hours of this month.
    #[error("the {most} hours of cards in this month are used up")]
    Hours {
        /// How many it may use.
        most: u64,
    },
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaRequest {
    /// True if it is a new instance.
    pub(crate) is_new: bool,
    /// How many cards it takes.
    pub(crate) cards: u64,
}

/// What an account may have at most: what was set for it, else what the configuration says.
pub(crate) fn limits(set: Option<QuotaRecord>, usual: QuotaSettings) -> QuotaSettings {
    set.map_or(usual, |set| QuotaSettings { instances: set.instances, cards: set.cards, hours: set.hours })
}

/// Looks whether an account may have something more.
///
/// # Errors
/// It may not.
pub(crate) fn check(
    request: QuotaRequest,
    holdings: &Holdings,
    usual: QuotaSettings,
    now: SystemTime,
) -> Result<(), QuotaFault> {
    let limits = limits(holdings.quota, usual);
    let have = holdings.instances;
    if let Some(most) = limits.instances.filter(|most| request.is_new && have >= *most) {
        return Err(QuotaFault::Instances { have, most });
    }
    let (have, request) = (holdings.cards, request.cards);
    if request == 0 {
        return Ok(());
    }
    if let Some(most) = limits.cards.filter(|most| have.saturating_add(request) > *most) {
        return Err(QuotaFault::Cards { have, most, wanted: request });
    }
    match limits.hours {
        Some(most) if used(&holdings.periods, now) >= Duration::from_secs(most.saturating_mul(3600)) => {
            Err(QuotaFault::Hours { most })
        }
        _ => Ok(()),
    }
}

/// For how long cards were used in the present month, in UTC: two cards for an hour are two hours.
pub(crate) fn used(periods: &[PeriodRecord], now: SystemTime) -> Duration {
    let since = month(now);
    let of = |period: &PeriodRecord| {
        let run = Period { started: period.started, ended: period.ended };
        run.billable(since, now).saturating_mul(u32::try_from(period.cards).unwrap_or(u32::MAX))
    };
    periods.iter().map(of).fold(Duration::ZERO, Duration::saturating_add)
}

/// When an account has used up its hours of this month, if it goes on as it does; `None`: it does not. What is used up already
/// ends now.
pub(crate) fn ends(periods: &[PeriodRecord], hours: u64, now: SystemTime) -> Option<SystemTime> {
    let running: u64 =
        periods.iter().filter(|period| period.ended.is_none()).map(|period| period.cards).sum();
    let cards = u32::try_from(running).ok().filter(|cards| *cards > 0)?;
    let most = Duration::from_secs(hours.saturating_mul(3600));
    let end = now.checked_add(most.saturating_sub(used(periods, now)) / cards)?;
    // The next month has hours of its own.
    (month(end) == month(now)).then_some(end)
}

// When the month began. The calendar by Howard Hinnant's `civil_from_days`: years begin in March, so that leap days come last.
fn month(now: SystemTime) -> SystemTime {
    let days = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let day_of_era = (days + 719_468) % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5;
    SystemTime::UNIX_EPOCH + Duration::from_secs((days - day_of_month) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: QuotaRequest = QuotaRequest { is_new: true, cards: 1 };

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).unwrap()
    }

    fn period(started: &str, ended: Option<&str>, cards: u64) -> PeriodRecord {
        PeriodRecord {
            instance_id: 1,
            started: at(started),
            ended: ended.map(at),
            account_id: 7,
            spec_id: 1,
            cards,
            price: 0,
            unknown: Duration::ZERO,
        }
    }

    fn holdings(instances: u64, cards: u64, quota: Option<QuotaSettings>) -> Holdings {
        let quota = quota.map(|QuotaSettings { instances, cards, hours }| QuotaRecord {
            account_id: 7,
            instances,
            cards,
            hours,
        });
        Holdings { instances, cards, periods: Vec::new(), quota }
    }

    #[test]
    fn a_month_begins_on_its_first_day() {
        for (now, begins) in [
            ("2026-11-30T18:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z"),
            ("2027-03-01T00:00:01Z", "2027-03-01T00:00:00Z"),
            ("2100-01-31T12:00:00Z", "2100-01-01T00:00:00Z"),
            ("1970-01-02T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(month(at(now)), at(begins), "{now}");
        }
    }

    #[test]
    fn hours_are_those_of_this_month() {
        let now = at("2026-11-02T00:00:00Z");
        let periods = [
            period("2026-10-31T00:00:00Z", Some("2026-11-01T02:00:00Z"), 2),
            period("2026-11-01T23:00:00Z", None, 1),
            period("2026-10-01T00:00:00Z", Some("2026-10-02T00:00:00Z"), 8),
        ];
        assert_eq!(used(&periods, now), Duration::from_secs(5 * 3600));
    }

    // Rows: hours of cards, and when they are used up.
    #[test]
    fn hours_end_the_sooner_the_more_cards_run() {
        let now = at("2026-11-02T00:00:00Z");
        let one = [period("2026-11-01T23:00:00Z", None, 1)];
        let two = [period("2026-11-01T23:00:00Z", None, 1), period("2026-11-01T22:00:00Z", None, 1)];
        let ended = [period("2026-11-01T00:00:00Z", Some("2026-11-01T12:00:00Z"), 4)];
        for (periods, hours, expected) in [
            (&one[..], 5, Some("2026-11-02T04:00:00Z")),
            (&two, 5, Some("2026-11-02T01:00:00Z")),
            (&two, 3, Some("2026-11-02T00:00:00Z")),
            (&two, 1, Some("2026-11-02T00:00:00Z")),
            (&one, 10_000, None),
            (&ended, 5, None),
            (&[], 0, None),
        ] {
            assert_eq!(ends(periods, hours, now), expected.map(at), "{hours} {}", periods.len());
        }
    }

    #[test]
    fn what_was_set_for_an_account_goes_over_the_configuration() {
        let usual = QuotaSettings { instances: Some(1), cards: Some(1), hours: Some(1) };
        let none = QuotaSettings::default();
        let now = at("2026-11-02T00:00:00Z");
        let two = QuotaFault::Instances { have: 2, most: 1 };
        assert_eq!(check(NEW, &holdings(2, 0, None), usual, now), Err(two));
        assert_eq!(check(NEW, &holdings(2, 5, Some(none)), usual, now), Ok(()));
        let cards = QuotaSettings { cards: Some(2), ..none };
        let full = QuotaFault::Cards { have: 2, most: 2, wanted: 1 };
        assert_eq!(check(NEW, &holdings(0, 2, Some(cards)), none, now), Err(full));
    }

    #[test]
    fn used_up_hours_stop_what_has_cards_only() {
        let now = at("2026-11-02T00:00:00Z");
        let limits = QuotaSettings { hours: Some(2), ..QuotaSettings::default() };
        let holdings = Holdings {
            periods: vec![period("2026-11-01T00:00:00Z", Some("2026-11-01T01:00:00Z"), 2)],
            ..holdings(1, 0, None)
        };
        assert_eq!(check(NEW, &holdings, limits, now), Err(QuotaFault::Hours { most: 2 }));
        assert_eq!(check(QuotaRequest { cards: 0, ..NEW }, &holdings, limits, now), Ok(()));
        let more = QuotaSettings { hours: Some(3), ..limits };
        assert_eq!(check(NEW, &holdings, more, now), Ok(()));
    }

    #[test]
    fn a_start_is_no_further_instance() {
        let limits = QuotaSettings { instances: Some(1), ..QuotaSettings::default() };
        let again = QuotaRequest { is_new: false, cards: 1 };
        assert_eq!(check(again, &holdings(1, 0, None), limits, SystemTime::UNIX_EPOCH), Ok(()));
    }
}
