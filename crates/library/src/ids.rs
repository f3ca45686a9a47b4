//! The numbers that entries, nodes, specs, instances and pulls are known by. Small, rising, never used twice.

use std::{fmt, num::NonZeroU32, str::FromStr};

/// The text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is a number from 1 on")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The number.
            pub fn get(self) -> u32 {
                self.0.get()
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> Self {
                Self::from(id.get())
            }
        }

        impl TryFrom<i64> for $name {
            type Error = IdError;

            fn try_from(number: i64) -> Result<Self, IdError> {
                let number = u32::try_from(number).ok().and_then(NonZeroU32::new);
                number.map(Self).ok_or(IdError)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // A sign, which numbers may have, is none of ours.
                let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse::<i64>().ok().filter(|_| is_number);
                number.map_or(Err(IdError), Self::try_from)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    )*};
}

ids! {
    /// The id of an entry of the library.
    EntryId
    /// The id of a node.
    NodeId
    /// The id of a spec.
    SpecId
    /// The id of an instance.
    InstanceId
    /// The id of a pull job.
    PullId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back() {
        let id: EntryId = "7".parse().unwrap();
        assert_eq!((id.get(), i64::from(id), id.to_string().as_str()), (7, 7, "7"));
        for bad in ["", "0", "-1", "+1", "1.0", "4294967296", "x"] {
            assert_eq!(bad.parse::<EntryId>(), Err(IdError), "{bad}");
        }
        assert_eq!(EntryId::try_from(0), Err(IdError));
    }
}
