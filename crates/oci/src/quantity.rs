//! Numbers of bytes, and of bytes in a second, as people write them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A number of bytes: `20GiB`, `1.5MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// A number of bytes in a second: `50MiB/s`, or in bits, as links are sold: `180Mbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

/// The text is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is a number of bytes with a unit, such as `20GiB`, `512MiB` or `10GB`")]
pub struct SizeError;

/// The text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of bytes or bits in a second above 0, such as `50MiB/s` or `180Mbit/s`")]
pub struct RateError;

/// Units of bytes, the largest first, so that the first one that divides a number shows it best.
const BYTES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("B", 1),
];
/// Units of bits; a number of them is one of bytes times eight.
const BITS: [(&str, u64); 4] = [("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1000), ("bit", 1)];

impl Size {
    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl Rate {
    /// So many bytes in a second; `None` for none at all.
    pub const fn bytes(bytes: u64) -> Option<Self> {
        if bytes == 0 { None } else { Some(Self(bytes)) }
    }

    /// How many bytes in a second; never none.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// How long so many bytes take.
    pub fn time_of(self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        read(text, &BYTES).map(Self).ok_or(SizeError)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.trim().strip_suffix("/s").ok_or(RateError)?;
        // `30Mb/s` is megabits to one reader and megabytes to the next.
        if text.ends_with('b') {
            return Err(RateError);
        }
        let bytes = read(text, &BYTES).or_else(|| read(text, &BITS).map(|bits| bits / 8));
        bytes.and_then(Self::bytes).ok_or(RateError)
    }
}

// A number with a unit: nobody means bytes by a number alone.
fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(end);
    let (_, unit) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let (whole, part) = number.trim_end().split_once('.').unwrap_or((number.trim_end(), "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 9 {
        return None;
    }
    let part = part.parse::<u128>().ok()? * u128::from(*unit) / 10_u128.pow(u32::try_from(part.len()).ok()?);
    u64::try_from(whole.parse::<u128>().ok()?.checked_mul((*unit).into())? + part).ok()
}

fn write(f: &mut fmt::Formatter<'_>, number: u64, units: &[(&str, u64)]) -> fmt::Result {
    let exact = units.iter().find(|(_, unit)| number >= *unit && number.is_multiple_of(*unit));
    let (name, unit) = exact.unwrap_or(&("B", 1));
    write!(f, "{}{name}", number / unit)
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, &BYTES)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was written in bits is no round number of bytes.
        match self.0.checked_mul(8) {
            Some(bits) if !self.0.is_multiple_of(1024) && bits.is_multiple_of(1000) => write(f, bits, &BITS)?,
            _ => write(f, self.0, &BYTES)?,
        }
        f.write_str("/s")
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("20GiB", 20 << 30),
            ("512MiB", 512 << 20),
            ("10GB", 10_000_000_000),
            ("2TiB", 2 << 40),
            ("7B", 7),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert_eq!("1.5 mib".parse(), Ok(Size(3 << 19)));
        assert_eq!((Size(0).to_string(), Size(1025).to_string()), ("0B".to_owned(), "1025B".to_owned()));
        for bad in
            ["", "20", "GiB", "-1GiB", "1.GiB", ".5GiB", "1e3B", "1XB", "99999999TiB", "1.0000000001GiB"]
        {
            assert_eq!(bad.parse::<Size>(), Err(SizeError), "{bad}");
        }
    }

    #[test]
    fn rates_are_read_and_written() {
        for (text, bytes) in [
            ("50MiB/s", 50 << 20),
            ("180Mbit/s", 22_500_000),
            ("64KiB/s", 64 << 10),
            ("1Gbit/s", 125_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Rate(bytes)), "{text}");
            assert_eq!(Rate(bytes).to_string(), text);
        }
        assert_eq!(" 500 kB/s ".parse(), Ok(Rate(500_000)));
        for bad in [
            "",
            "50MiB",
            "0MiB/s",
            "7bit/s",
            "50/s",
            "-1MiB/s",
            "+1MB/s",
            "50MiB/m",
            "30Mb/s",
            "99999999TiB/s",
        ] {
            assert_eq!(bad.parse::<Rate>(), Err(RateError), "{bad}");
        }
    }

    #[test]
    fn bytes_take_their_time() {
        let link: Rate = "30Mbit/s".parse().unwrap();
        assert_eq!(link.time_of(3_750_000), Duration::from_secs(1));
        assert_eq!(link.time_of(375), Duration::from_micros(100));
        assert_eq!("1GiB/s".parse::<Rate>().unwrap().time_of(0), Duration::ZERO);
    }
}
