//! Where a request goes to, and over which link.

/// One of a registry's endpoints, in the order of [`crate::RemoteSettings::endpoints`], reached over one of its links.
///
/// What is learnt of an endpoint over one link, such as tokens, waits and failures, says nothing about another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Which of the endpoints.
    pub(crate) index: usize,
    /// Which of the links.
    pub(crate) link: usize,
}

impl Endpoint {
    /// An endpoint over the first link.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn first_link(index: usize) -> Self {
        Self { index, link: 0 }
    }
}
