//! What can be done to a repository, and sets of it.

use std::{fmt, str::FromStr};

/// What can be done to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Read it: manifests, blobs, tags, referrers.
    Pull,
    /// Write to it, and look at what is there before doing so.
    Push,
    /// Delete from it.
    Delete,
    /// Ask for it to be fetched.
    Request,
}

/// A set of verbs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Verbs(u8);

/// The text is not a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not one of `pull`, `push`, `delete`, `request`")]
pub struct VerbError;

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Delete, Self::Request];

    /// The verb's name; in registry tokens and grants alike.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::Request => "request",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for Verb {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, VerbError> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text).ok_or(VerbError)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Verbs {
    /// No verb.
    pub const NONE: Self = Self(0);
    /// Every verb.
    pub const ALL: Self = Self(0b1111);

    /// True if the verb is in the set.
    pub fn has(self, verb: Verb) -> bool {
        self.0 & verb.bit() != 0
    }

    /// True if no verb is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set with this verb too.
    #[must_use]
    pub fn with(self, verb: Verb) -> Self {
        Self(self.0 | verb.bit())
    }

    /// The verbs in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The verbs in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The verbs in the set.
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.has(*verb))
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Self {
        verbs.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Separated by commas, as in a registry token's scope: `pull,push`.
impl fmt::Display for Verbs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Verb::as_str).collect();
        formatter.pad(&names.join(","))
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{self}}}")
    }
}

impl FromStr for Verbs {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, VerbError> {
        text.split(',').filter(|verb| !verb.is_empty()).map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_back() {
        assert_eq!(Verbs::ALL.iter().collect::<Vec<_>>(), Verb::ALL);
        for text in ["", "pull", "pull,push", "pull,push,delete,request"] {
            assert_eq!(text.parse::<Verbs>().unwrap().to_string(), text);
        }
        assert_eq!("push,pull".parse::<Verbs>().unwrap().to_string(), "pull,push");
        assert_eq!("pull, push".parse::<Verbs>(), Err(VerbError));
        assert_eq!("*".parse::<Verbs>(), Err(VerbError));
    }

    #[test]
    fn sets_combine() {
        let both: Verbs = [Verb::Pull, Verb::Push].into_iter().collect();
        let one: Verbs = [Verb::Push, Verb::Delete].into_iter().collect();
        assert_eq!(both.intersection(one), [Verb::Push].into_iter().collect());
        assert_eq!(both.union(one).to_string(), "pull,push,delete");
        assert!(Verbs::NONE.is_empty() && !both.is_empty() && !both.has(Verb::Delete));
    }
}
