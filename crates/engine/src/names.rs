//! What engines call their things.

use std::{fmt, str::FromStr};

/// The text is no name that an engine takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineNameError {
    /// Of a container or volume.
    #[error("a name has 1 to 128 letters, digits, `_`, `.` and `-`, and begins with a letter or digit")]
    Name,
    /// Of something that engines number.
    #[error("an id has 12 to 64 hexadecimal digits")]
    Id,
}

fn is_name(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    // Docker wants two characters of a container's name.
    text.len() <= 128
        && text.len() >= 2
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && text.bytes().all(rest)
}

fn is_id(text: &str) -> bool {
    (12..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $is:ident, $error:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = EngineNameError;

            fn from_str(text: &str) -> Result<Self, EngineNameError> {
                if $is(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }
    )*};
}

names! {
    /// The id of a container.
    ContainerId, is_id, EngineNameError::Id;
    /// The name of a container.
    ContainerName, is_name, EngineNameError::Name;
    /// The name of a volume.
    VolumeName, is_name, EngineNameError::Name;
    /// The id of an image: what is behind `sha256:`.
    ImageId, is_id, EngineNameError::Id;
}

impl ImageId {
    /// Reads an id with or without its algorithm, as Docker and Podman write it.
    ///
    /// # Errors
    /// It is none.
    pub fn of_engine(text: &str) -> Result<Self, EngineNameError> {
        text.strip_prefix("sha256:").unwrap_or(text).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_change_an_address() {
        for name in ["ab", "train-1", "a_b.c-D", "0a"] {
            assert_eq!(name.parse::<ContainerName>().unwrap().as_str(), name);
        }
        let long = "x".repeat(129);
        for name in ["", "a", "-ab", ".ab", "a/b", "a b", "a?b", "a%2fb", "名字", "a\nb", &long] {
            assert_eq!(name.parse::<VolumeName>(), Err(EngineNameError::Name), "{name}");
        }
    }

    #[test]
    fn ids_are_hexadecimal() {
        let id = "0123456789ab".repeat(5);
        assert_eq!(id.parse::<ContainerId>().unwrap().as_str(), id);
        for id in ["", "0123456789a", "0123456789AB", "0123456789a/", &"a".repeat(65)] {
            assert_eq!(id.parse::<ContainerId>(), Err(EngineNameError::Id), "{id}");
        }
        assert_eq!(ImageId::of_engine("sha256:0123456789ab"), ImageId::of_engine("0123456789ab"));
    }
}
