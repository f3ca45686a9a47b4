//! Names of accounts and tokens.

use std::{fmt, str::FromStr};

/// Maximum length in bytes.
const MAX: usize = 64;

/// The name of an account or of a robot: lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit,
/// at most 64. Clients put it into configuration files, URLs and Basic credentials, and none of these needs it escaped.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(std::sync::Arc<str>);

/// The text is not an account name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {MAX} lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit"
)]
pub struct AccountNameError;

impl AccountName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that no account has.
    pub(crate) fn none() -> Self {
        Self("".into())
    }

    /// The name that a person typed or a directory has: compared without regard to case and surrounding spaces.
    ///
    /// # Errors
    /// It is not an account name.
    pub fn normalized(text: &str) -> Result<Self, AccountNameError> {
        text.trim().to_lowercase().parse()
    }
}

impl FromStr for AccountName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, AccountNameError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_good = text.len() <= MAX
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || b"._-".contains(&byte));
        is_good.then(|| Self(text.into())).ok_or(AccountNameError)
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_name() {
        for good in ["a", "alice", "ci-bot.1_x", "0a", &"a".repeat(64)] {
            assert_eq!(good.parse::<AccountName>().unwrap().as_str(), good);
        }
        for bad in ["", "Alice", ".a", "-a", "a b", "a:b", "robot$ci", "a+b", "é", &"a".repeat(65)] {
            assert_eq!(bad.parse::<AccountName>(), Err(AccountNameError), "{bad}");
        }
        assert_eq!(AccountName::normalized(" Alice ").unwrap().as_str(), "alice");
    }
}
