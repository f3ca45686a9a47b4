//! Texts that an engine sends, before people see them.

use std::{borrow::Cow, fmt};

use entrepot_oci::{printable, without_passwords};

/// The most bytes that are kept of a text.
const MAX_BYTES: usize = 1024;

/// What an engine says, as one printable line of at most 1 KiB, without passwords in addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// Makes a text presentable.
    pub fn new(text: &str) -> Self {
        let text = shortened(text.trim());
        let line = printable(&without_passwords(&text)).into_owned();
        // Escapes are longer than what they stand for.
        Self(shortened(&line).into_owned())
    }

    /// The same of bytes, which may not be UTF-8.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let end = bytes.len().min(4 * MAX_BYTES);
        Self::new(&String::from_utf8_lossy(&bytes[..end]))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the engine said nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(if self.0.is_empty() { "no reason given" } else { &self.0 })
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_BYTES {
        return Cow::Borrowed(text);
    }
    let mut end = MAX_BYTES - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_printable_line() {
        assert_eq!(Message::new(" red \u{1b}[31m\nline ").as_str(), r"red \u{1b}[31m\nline");
        assert_eq!(Message::new("").to_string(), "no reason given");
        for text in ["中".repeat(5000), "\u{1b}".repeat(5000), "x".repeat(1 << 20)] {
            let message = Message::new(&text);
            assert!(message.as_str().len() <= MAX_BYTES && message.as_str().ends_with('…'));
        }
        assert!(Message::from_bytes(&[0xff; 1 << 20]).as_str().len() <= MAX_BYTES);
    }

    #[test]
    fn a_message_repeats_no_password() {
        let message = Message::new("Get \"https://user:hunter2@registry.example/v2/\": EOF");
        assert!(!message.as_str().contains("hunter2"), "{message}");
    }
}
