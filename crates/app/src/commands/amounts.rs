//! Amounts as people write them on the command line: `8.5` cores, `64GiB`, a price of `12.50`.

use std::str::FromStr;

use bytesize::ByteSize;

/// The text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AmountError {
    /// It is no decimal number, or has more places than count.
    #[error("write a number such as `8` or `0.5`, with at most {0} places after the point")]
    Decimal(usize),
    /// It is no size, or no whole number of the unit.
    #[error("write a size in whole {0}, such as `64GiB`")]
    Size(&'static str),
}

/// Cores, kept in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores(pub(crate) u64);

/// A price, kept in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price(pub(crate) u64);

/// A size of memory, kept in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mib(pub(crate) u64);

/// A size of a disk, kept in GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gib(pub(crate) u64);

impl FromStr for Cores {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        decimal(text, 3).map(Self)
    }
}

impl FromStr for Price {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        decimal(text, 4).map(Self)
    }
}

impl FromStr for Mib {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        whole(text, 1 << 20).map(Self).ok_or(AmountError::Size("MiB"))
    }
}

impl FromStr for Gib {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        whole(text, 1 << 30).map(Self).ok_or(AmountError::Size("GiB"))
    }
}

impl Mib {
    /// For people.
    pub(crate) fn shown(mib: u64) -> String {
        ByteSize::mib(mib).display().iec().to_string()
    }
}

/// A number of so many decimal places, for people: without zeros at its end.
pub(crate) fn shown(number: u64, places: u32) -> String {
    let unit = 10_u64.pow(places);
    let (whole, rest) = (number / unit, number % unit);
    let rest = format!("{rest:0width$}", width = places as usize);
    match rest.trim_end_matches('0') {
        "" => whole.to_string(),
        rest => format!("{whole}.{rest}"),
    }
}

fn decimal(text: &str, places: usize) -> Result<u64, AmountError> {
    let wrong = AmountError::Decimal(places);
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(rest) || rest.len() > places {
        return Err(wrong);
    }
    // Filled up with zeros, both parts are one number.
    format!("{whole}{rest:0<places$}").parse().map_err(|_| wrong)
}

// A size in bytes has a unit: `64` alone is none, because nobody means bytes.
fn whole(text: &str, unit: u64) -> Option<u64> {
    let size: ByteSize =
        text.parse().ok().filter(|_| text.ends_with(|letter: char| letter.is_ascii_alphabetic()))?;
    size.as_u64().is_multiple_of(unit).then(|| size.as_u64() / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        for (text, milli) in [("8", 8000), ("0.5", 500), ("8.125", 8125), ("0", 0)] {
            assert_eq!(text.parse(), Ok(Cores(milli)), "{text}");
        }
        for bad in ["", ".5", "5.", "1.2345", "-1", "1e3", "八", "99999999999999999999"] {
            assert_eq!(bad.parse::<Cores>(), Err(AmountError::Decimal(3)), "{bad}");
        }
        assert_eq!("12.5".parse(), Ok(Price(125_000)));
        assert_eq!("0.0001".parse(), Ok(Price(1)));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!("64GiB".parse(), Ok(Mib(65_536)));
        assert_eq!("512 MiB".parse(), Ok(Mib(512)));
        assert_eq!("1TiB".parse(), Ok(Gib(1024)));
        for bad in ["64", "", "64GB", "1KiB", "x"] {
            assert_eq!(bad.parse::<Mib>(), Err(AmountError::Size("MiB")), "{bad}");
        }
        assert_eq!(
            "512MiB".parse::<Gib>().unwrap_err().to_string(),
            "write a size in whole GiB, such as `64GiB`"
        );
    }

    #[test]
    fn what_is_written_is_shown_again() {
        for text in ["8", "0.5", "12.0625"] {
            assert_eq!(shown(text.parse::<Price>().unwrap().0, 4), text);
        }
        assert_eq!(Mib::shown(65_536), "64.0 GiB");
    }
}
