//! Where to ask for what is refused.

use std::{fmt, str::FromStr};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest text, in characters.
const LONGEST: usize = 500;
/// What stands for the image in it.
const IMAGE: &str = "{image}";

/// Where to ask for what is refused: an address or a sentence, with `{image}` for the image that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(String);

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// It is empty.
    #[error("this is empty")]
    Empty,
    /// It is too long, or has several lines.
    #[error("this is one line of 500 characters at most")]
    Long,
}

impl Contact {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text about an image. In an address it is escaped.
    pub fn about(&self, image: &str) -> String {
        if self.0.contains("://") {
            return self.0.replace(IMAGE, &utf8_percent_encode(image, NON_ALPHANUMERIC).to_string());
        }
        self.0.replace(IMAGE, image)
    }
}

impl FromStr for Contact {
    type Err = ContactError;

    fn from_str(text: &str) -> Result<Self, ContactError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ContactError::Empty);
        }
        if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(ContactError::Long);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // operate.md row 6
    #[test]
    fn the_image_stands_in_the_link() {
        let contact = |text: &str| text.parse::<Contact>().unwrap();
        let link = contact("https://git.test/issues/new?title={image}");
        assert_eq!(
            link.about("docker.io/a/b:1"),
            "https://git.test/issues/new?title=docker%2Eio%2Fa%2Fb%3A1"
        );
        assert_eq!(contact(" write to ops about {image} ").about("a/b"), "write to ops about a/b");
        assert_eq!("  ".parse::<Contact>(), Err(ContactError::Empty));
        assert_eq!("a\nb".parse::<Contact>(), Err(ContactError::Long));
        assert_eq!("a".repeat(501).parse::<Contact>(), Err(ContactError::Long));
    }
}
