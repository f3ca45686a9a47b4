//! How much somebody may have in a time, as it is written: a number, or a number of bytes.

use std::{fmt, str::FromStr, time::Duration};

use entrepot_oci::Size;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::bucket::Bucket;

/// A number in a time: `120/m`, or `120/m burst 300` if more may be had at once. None at all is `0/m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance(PerUnit<Count>);

/// A number of bytes in a time: `20GiB/h`, or `20GiB/h burst 60GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume(PerUnit<Size>);

/// The text is not an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is a number in a time, such as `120/m`, `20/s` or `600/h`, and may go on: `120/m burst 300`")]
pub struct AllowanceError;

/// The text is not a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is a number of bytes in a time, such as `20GiB/h` or `2TiB/d`, and may go on: `20GiB/h burst 60GiB`"
)]
pub struct VolumeError;

/// So much of something in a unit of time, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PerUnit<T> {
    amount: T,
    unit: Unit,
    burst: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Allowance {
    /// So many in a minute, and so many at once.
    pub(crate) const fn per_minute(count: u32, burst: u32) -> Self {
        Self(PerUnit { amount: Count(count), unit: Unit::Minute, burst: Count(burst) })
    }

    /// So many in a day.
    pub(crate) const fn per_day(count: u32) -> Self {
        Self(PerUnit { amount: Count(count), unit: Unit::Day, burst: Count(count) })
    }

    /// The bucket that holds it.
    pub fn bucket(self) -> Bucket {
        self.bucket_of(1)
    }

    /// The bucket of so many things of `size` bytes each, counted in bytes.
    pub fn bucket_of(self, size: u64) -> Bucket {
        let PerUnit { amount: Count(amount), unit, burst: Count(burst) } = self.0;
        let bytes = |count: u32| u64::from(count).saturating_mul(size);
        Bucket::new(bytes(amount), unit.time(), bytes(burst))
    }
}

impl Volume {
    /// So much in an hour, and so much at once.
    pub(crate) const fn per_hour(amount: Size, burst: Size) -> Self {
        Self(PerUnit { amount, unit: Unit::Hour, burst })
    }

    /// So much in a day.
    pub(crate) const fn per_day(amount: Size) -> Self {
        Self(PerUnit { amount, unit: Unit::Day, burst: amount })
    }

    /// The bucket that holds it.
    pub fn bucket(self) -> Bucket {
        let PerUnit { amount, unit, burst } = self.0;
        Bucket::new(amount.as_bytes(), unit.time(), burst.as_bytes())
    }
}

impl Unit {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Second, "s"), (Self::Minute, "m"), (Self::Hour, "h"), (Self::Day, "d")];

    const fn time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(unit, _)| unit == self).map_or("", |(_, letter)| letter))
    }
}

impl<T: FromStr + Copy> PerUnit<T> {
    fn read(text: &str) -> Option<Self> {
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(burst.trim().parse().ok()?)),
            None => (text, None),
        };
        let (amount, unit) = rate.split_once('/')?;
        let amount = amount.trim().parse().ok()?;
        let (unit, _) = *Unit::ALL.iter().find(|(_, letter)| *letter == unit.trim())?;
        Some(Self { amount, unit, burst: burst.unwrap_or(amount) })
    }
}

impl<T: fmt::Display + PartialEq> fmt::Display for PerUnit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.amount, self.unit)?;
        if self.burst != self.amount {
            write!(f, " burst {}", self.burst)?;
        }
        Ok(())
    }
}

impl FromStr for Count {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Allowance {
    type Err = AllowanceError;

    fn from_str(text: &str) -> Result<Self, AllowanceError> {
        PerUnit::read(text).map(Self).ok_or(AllowanceError)
    }
}

impl FromStr for Volume {
    type Err = VolumeError;

    fn from_str(text: &str) -> Result<Self, VolumeError> {
        PerUnit::read(text).map(Self).ok_or(VolumeError)
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Volume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written() {
        let allowance = |text: &str| text.parse::<Allowance>().unwrap();
        for text in ["120/m", "20/s", "600/h", "1/d", "0/m", "120/m burst 300"] {
            assert_eq!(allowance(text).to_string(), text);
        }
        assert_eq!(allowance("120/m burst 120").to_string(), "120/m");
        for bad in ["", "120", "/m", "-1/m", "1/w", "1.5/m", "120/m burst", "120/m burst x", "120/m bursts 3"]
        {
            assert_eq!(bad.parse::<Allowance>(), Err(AllowanceError), "{bad}");
        }
        assert!(allowance("0/m").bucket().is_none() && allowance("5/m burst 0").bucket().is_none());
        let downloads = allowance("20/d").bucket_of(1 << 20);
        assert_eq!(downloads.left(Duration::ZERO, Duration::ZERO), 20 << 20);
    }

    #[test]
    fn volumes_are_read_and_written() {
        let volume = |text: &str| text.parse::<Volume>().unwrap();
        for text in ["20GiB/h", "2TiB/d", "0B/d", "4GiB/h burst 12GiB", "1500MB/m"] {
            assert_eq!(volume(text).to_string(), text);
        }
        for bad in ["", "20GiB", "20/h", "20GiB/w", "20GiB/h burst 3", "GiB/h"] {
            assert_eq!(bad.parse::<Volume>(), Err(VolumeError), "{bad}");
        }
        assert_eq!(volume("3600MiB/h").bucket().each_second(), 1 << 20);
    }
}
