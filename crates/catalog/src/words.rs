//! Enums that are a word in the database.

/// Defines an enum that is written into the database as a word.
macro_rules! words {
    ($(#[$about:meta])* $name:ident $what:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The word for it, in the database and in the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub(crate) fn read(word: &str) -> Result<Self, crate::error::Error> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::error::Error::Content { what: $what }),
                }
            }
        }
    };
}

pub(crate) use words;
