//! The modes of a mirror: how much of it is on offer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How much of a mirror is on offer, from everything to nothing. A later one offers less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Everything.
    #[default]
    Normal,
    /// What is held, and blobs up to a size.
    SmallOnly,
    /// What is held.
    CachedOnly,
    /// Nothing.
    Closed,
}

/// The text is no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mode is one of `normal`, `small-only`, `cached-only`, `closed`")]
pub struct ModeError;

impl Mode {
    /// All of them, from everything to nothing.
    pub const ALL: [Self; 4] = [Self::Normal, Self::SmallOnly, Self::CachedOnly, Self::Closed];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::SmallOnly => "small-only",
            Self::CachedOnly => "cached-only",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(ModeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
        assert_eq!("Closed".parse::<Mode>(), Err(ModeError));
        assert!(Mode::ALL.is_sorted());
    }
}
