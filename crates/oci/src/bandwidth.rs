//! Bytes or bits per second, as operators write them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// The units, from the text to the number of bits. Networks are sold in bits and in powers of ten, files are measured in bytes.
const UNITS: [(&str, u64); 10] = [
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
    ("kB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
    ("KiB/s", 8 << 10),
    ("MiB/s", 8 << 20),
    ("GiB/s", 8 << 30),
];

/// A number of bytes or bits per second: `30Mbit/s`, `50MiB/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bandwidth {
    count: u64,
    /// Which of [`UNITS`].
    unit: usize,
    bytes: u64,
}

/// The text is no bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a bandwidth is a whole number and a unit, such as `30Mbit/s`, `1Gbit/s` or `50MiB/s`")]
pub struct BandwidthError;

impl Bandwidth {
    /// Bytes per second, at least one.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// How long so many bytes take.
    pub fn time_of(self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl FromStr for Bandwidth {
    type Err = BandwidthError;

    fn from_str(text: &str) -> Result<Self, BandwidthError> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let count: u64 = count.parse().map_err(|_| BandwidthError)?;
        let unit = UNITS.iter().position(|(name, _)| *name == unit.trim()).ok_or(BandwidthError)?;
        let bytes = count.checked_mul(UNITS[unit].1).ok_or(BandwidthError)? / 8;
        if bytes == 0 { Err(BandwidthError) } else { Ok(Self { count, unit, bytes }) }
    }
}

impl TryFrom<String> for Bandwidth {
    type Error = BandwidthError;

    fn try_from(text: String) -> Result<Self, BandwidthError> {
        text.parse()
    }
}

impl From<Bandwidth> for String {
    fn from(bandwidth: Bandwidth) -> Self {
        bandwidth.to_string()
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, UNITS[self.unit].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_are_read_as_networks_and_files_are_measured() {
        for (text, bytes) in [
            ("30Mbit/s", 3_750_000),
            ("1Gbit/s", 125_000_000),
            ("8bit/s", 1),
            ("500kB/s", 500_000),
            ("50MiB/s", 50 << 20),
            (" 2 KiB/s ", 2048),
        ] {
            let read: Bandwidth = text.parse().unwrap();
            assert_eq!(read.bytes(), bytes, "{text}");
            assert_eq!(read.to_string(), text.replace(' ', ""));
        }
        for bad in
            ["", "30", "Mbit/s", "0Mbit/s", "7bit/s", "-1MB/s", "+1MB/s", "1.5MB/s", "30Mb/s", "30mbit/s"]
        {
            assert_eq!(bad.parse::<Bandwidth>(), Err(BandwidthError), "{bad}");
        }
        assert_eq!("99999999999GiB/s".parse::<Bandwidth>(), Err(BandwidthError));
    }

    #[test]
    fn bytes_take_their_time() {
        let link: Bandwidth = "30Mbit/s".parse().unwrap();
        assert_eq!(link.time_of(3_750_000), Duration::from_secs(1));
        assert_eq!(link.time_of(375), Duration::from_micros(100));
        assert_eq!("1GiB/s".parse::<Bandwidth>().unwrap().time_of(0), Duration::ZERO);
    }
}
