//! How much somebody may have in a time, and when the next one is due.
//!
//! A bucket that refills continuously, as one number: the time at which it is full again (the generic cell rate algorithm,
//! ITU-T I.371). Whoever is refused is told exactly how long that one takes.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

/// A number in a time: `120/m`, or `120/m burst 300` if more may be had at once. None at all is `0/m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    count: u64,
    unit: Unit,
    burst: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

/// The text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is a number in a time, such as `120/m`, `20/s` or `600/h`, and may go on: `120/m burst 300`")]
pub struct AllowanceError;

/// What came of asking for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It may be had. The bucket is full again at this time.
    Yes(Duration),
    /// Not before that has passed.
    After(Duration),
    /// Never.
    Never,
}

impl Allowance {
    /// So many in a minute, and so many at once.
    pub(crate) fn per_minute(count: u64, burst: u64) -> Self {
        Self { count, unit: Unit::Minute, burst }
    }

    /// Takes one at `now` from a bucket that is full at `full`; both are times since the same start.
    pub fn take(self, full: Duration, now: Duration) -> Taken {
        self.take_times(1, full, now)
    }

    /// The same from a bucket that is as many times as large, and refills as many times as fast.
    pub fn take_times(self, times: u32, full: Duration, now: Duration) -> Taken {
        let (count, burst) =
            (self.count.saturating_mul(times.into()), self.burst.saturating_mul(times.into()));
        if count == 0 || burst == 0 {
            return Taken::Never;
        }
        let one = self.unit.nanos() / u128::from(count);
        let full = full.max(now).as_nanos() + one;
        let ahead = full - now.as_nanos();
        let most = one * u128::from(burst);
        if ahead <= most { Taken::Yes(nanos(full)) } else { Taken::After(nanos(ahead - most)) }
    }
}

fn nanos(number: u128) -> Duration {
    Duration::from_nanos(u64::try_from(number).unwrap_or(u64::MAX))
}

impl Unit {
    fn nanos(self) -> u128 {
        let seconds: u128 = match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        };
        seconds * 1_000_000_000
    }

    fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
            Self::Day => 'd',
        }
    }
}

impl FromStr for Allowance {
    type Err = AllowanceError;

    fn from_str(text: &str) -> Result<Self, AllowanceError> {
        let number = |text: &str| text.trim().parse::<u32>().map(u64::from).map_err(|_| AllowanceError);
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(number(burst)?)),
            None => (text, None),
        };
        let (count, unit) = rate.split_once('/').ok_or(AllowanceError)?;
        let unit = match unit.trim() {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            "d" => Unit::Day,
            _ => return Err(AllowanceError),
        };
        let count = number(count)?;
        Ok(Self { count, unit, burst: burst.unwrap_or(count) })
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.letter())?;
        if self.burst != self.count {
            write!(f, " burst {}", self.burst)?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowance(text: &str) -> Allowance {
        text.parse().unwrap()
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn texts_are_read_and_written() {
        for text in ["120/m", "20/s", "600/h", "1/d", "0/m", "120/m burst 300"] {
            assert_eq!(allowance(text).to_string(), text);
        }
        assert_eq!(allowance("120/m burst 120").to_string(), "120/m");
        for bad in ["", "120", "/m", "-1/m", "1/w", "1.5/m", "120/m burst", "120/m burst x", "120/m bursts 3"]
        {
            assert_eq!(bad.parse::<Allowance>(), Err(AllowanceError), "{bad}");
        }
    }

    // operate.md rows 11, 26
    #[test]
    fn none_is_none_and_the_rest_comes_back_by_and_by() {
        assert_eq!(allowance("0/m").take(Duration::ZERO, at(0)), Taken::Never);
        assert_eq!(allowance("5/m burst 0").take(Duration::ZERO, at(0)), Taken::Never);
        let (of, mut full) = (allowance("60/m burst 2"), Duration::ZERO);
        for _ in 0..2 {
            let Taken::Yes(then) = of.take(full, at(5000)) else { panic!("there are two") };
            full = then;
        }
        assert_eq!(
            of.take(full, at(5000)),
            Taken::After(at(1000)),
            "one comes back in a second, not in a minute"
        );
        assert_eq!(of.take(full, at(5400)), Taken::After(at(600)));
        assert_eq!(of.take(full, at(6000)), Taken::Yes(at(8000)));
        let wide = of.take_times(16, at(6000), at(5000));
        assert_eq!(wide, Taken::Yes(at(6000) + Duration::from_micros(62_500)), "sixteen times as fast");
    }

    proptest! {
        // operate.md row 19: asking again in vain costs nothing, and the wait that was told is true.
        #[test]
        fn the_wait_that_is_told_is_true(
            count in 1u32..500, burst in 1u32..500, steps in prop::collection::vec(0u64..3000, 1..200)
        ) {
            let of = allowance(&format!("{count}/m burst {burst}"));
            let (mut full, mut now, mut given) = (Duration::ZERO, Duration::ZERO, 0u128);
            for step in steps {
                now += Duration::from_millis(step);
                match of.take(full, now) {
                    Taken::Yes(then) => { given += 1; full = then; }
                    Taken::After(wait) => {
                        prop_assert!(matches!(of.take(full, now + wait), Taken::Yes(_)));
                        let early = wait.saturating_sub(Duration::from_nanos(1));
                        prop_assert!(matches!(of.take(full, now + early), Taken::After(_)));
                    }
                    Taken::Never => prop_assert!(false),
                }
                let most = u128::from(burst) + now.as_nanos() * u128::from(count) / 60_000_000_000 + 1;
                prop_assert!(given <= most, "{} of {}", given, most);
            }
        }
    }
}
