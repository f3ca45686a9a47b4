//! Times as engines write them.

use jiff::Timestamp;

/// Milliseconds since 1970 of a time such as `2026-11-30T17:00:00.123456789Z`. The year 1 is Go's way to say "never".
pub(crate) fn ms(text: &str) -> Option<i64> {
    moment(text).map(Timestamp::as_millisecond)
}

/// Nanoseconds since 1970.
pub(crate) fn ns(text: &str) -> Option<i128> {
    moment(text).map(Timestamp::as_nanosecond)
}

fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|time: &Timestamp| *time > Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_engines_are_read() {
        for (text, time) in [
            ("2026-11-30T17:00:00.123456789Z", Some(1_796_058_000_123)),
            ("2026-11-30T18:00:00.123456789+01:00", Some(1_796_058_000_123)),
            ("2026-11-30T17:00:00Z", Some(1_796_058_000_000)),
            ("0001-01-01T00:00:00Z", None),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(ms(text), time, "{text}");
        }
        assert_eq!(ns("1970-01-01T00:00:01.000000001Z"), Some(1_000_000_001));
    }
}
