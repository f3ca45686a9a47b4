//! A number of requests per time, as operators write it.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::Deserialize;

/// A number of requests per second, minute or hour: `20/s`, `2000/m`, `600/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    count: NonZeroU32,
    unit: char,
}

/// The text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of requests and a time, such as `20/s`, `2000/m` or `600/h`")]
pub struct RateError;

impl Rate {
    /// The time between two requests.
    pub fn interval(self) -> Duration {
        let seconds = match self.unit {
            's' => 1,
            'm' => 60,
            _ => 3600,
        };
        Duration::from_secs(seconds) / self.count.get()
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.trim().split_once('/').ok_or(RateError)?;
        let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|_| is_number).ok_or(RateError)?;
        match unit {
            "s" | "m" | "h" => Ok(Self { count, unit: unit.chars().next().unwrap_or('s') }),
            _ => Err(RateError),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        for (text, interval) in [("20/s", 50), ("2000/m", 30), ("3600/h", 1000), (" 1/s ", 1000)] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.interval(), Duration::from_millis(interval), "{text}");
            assert_eq!(rate.to_string(), text.trim());
        }
        for bad in ["", "20", "20/", "/s", "0/s", "-1/s", "+1/s", "20/d", "1.5/s", "99999999999/s"] {
            assert_eq!(bad.parse::<Rate>(), Err(RateError), "{bad}");
        }
    }
}
