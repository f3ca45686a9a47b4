//! One example of a command.

/// A call, and what it does.
pub(crate) struct Example {
    pub(crate) call: &'static str,
    pub(crate) english: &'static str,
    pub(crate) chinese: &'static str,
}

pub(crate) const fn example(call: &'static str, english: &'static str, chinese: &'static str) -> Example {
    Example { call, english, chinese }
}
