//! The index of an endpoint.

/// One of a registry's endpoints, in the order of [`crate::Settings::endpoints`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(pub(crate) usize);
