//! Parts of a whole, as operators write them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// A part of a whole, such as `95%` or `0.5%`. It may be more than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    /// In hundredths of a percent.
    hundredths: u32,
}

/// The text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is a part, such as `95%` or `0.5%`")]
pub struct PercentError;

impl Percent {
    /// The whole.
    pub const WHOLE: Self = Self { hundredths: 10_000 };

    /// What `part` is of `whole`; `None` if there is no whole.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        let hundredths = (u128::from(part) * 10_000).checked_div(u128::from(whole))?;
        Some(Self { hundredths: u32::try_from(hundredths).unwrap_or(u32::MAX) })
    }

    /// A ratio, where 1 is the whole. What is no number is nothing.
    pub fn of_ratio(ratio: f64) -> Self {
        // Saturates, and takes what is no number for 0.
        Self { hundredths: (ratio * 10_000.0) as u32 }
    }

    /// The ratio, where 1 is the whole.
    pub fn ratio(self) -> f64 {
        f64::from(self.hundredths) / 10_000.0
    }

    /// So many points more.
    pub(crate) fn plus(self, points: u32) -> Self {
        Self { hundredths: self.hundredths.saturating_add(points.saturating_mul(100)) }
    }

    /// So many points less, but not less than nothing.
    pub(crate) fn minus(self, points: u32) -> Self {
        Self { hundredths: self.hundredths.saturating_sub(points.saturating_mul(100)) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.hundredths / 100, self.hundredths % 100);
        match rest {
            0 => write!(f, "{whole}%"),
            rest if rest.is_multiple_of(10) => write!(f, "{whole}.{}%", rest / 10),
            rest => write!(f, "{whole}.{rest:02}%"),
        }
    }
}

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let number = text.trim().strip_suffix('%').ok_or(PercentError)?.trim_end();
        let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(rest) || rest.len() > 2 {
            return Err(PercentError);
        }
        let whole: u32 = whole.parse().map_err(|_| PercentError)?;
        let rest: u32 = format!("{rest:0<2}").parse().map_err(|_| PercentError)?;
        let hundredths = whole.checked_mul(100).and_then(|whole| whole.checked_add(rest));
        hundredths.map(|hundredths| Self { hundredths }).ok_or(PercentError)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percents_are_read() {
        for (text, shown) in
            [("95%", "95%"), (" 0.5 %", "0.5%"), ("12.25%", "12.25%"), ("0.05%", "0.05%"), ("300%", "300%")]
        {
            assert_eq!(text.parse::<Percent>().map(|one| one.to_string()), Ok(shown.to_owned()));
        }
        for wrong in ["", "%", "95", "-1%", "+1%", "1.%", ".5%", "1.234%", "99999999%", "1e2%"] {
            assert_eq!(wrong.parse::<Percent>(), Err(PercentError), "{wrong}");
        }
        assert_eq!(Percent::of(1, 3).map(|one| one.to_string()), Some("33.33%".to_owned()));
        assert_eq!(Percent::of(1, 0), None);
        assert_eq!(Percent::of_ratio(2.5).to_string(), "250%");
        assert_eq!(Percent::of_ratio(f64::NAN).to_string(), "0%");
        let (ten, one) = (Percent::of_ratio(0.1), Percent::of_ratio(0.01));
        assert_eq!((ten.plus(5).to_string(), one.minus(5).to_string()), ("15%".to_owned(), "0%".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(hundredths: u32) {
            let percent = Percent { hundredths };
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
        }
    }
}
