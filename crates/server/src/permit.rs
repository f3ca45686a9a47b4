//! The resources that an allowed request holds until its response has ended.

use std::fmt;

/// Resources that an allowed request holds until its response has been handed to the connection or its client has left,
/// such as a concurrency slot. It is kept in the response body and dropped with it.
#[derive(Default)]
pub struct Permit {
    _held: Option<Box<dyn Send>>,
}

impl Permit {
    /// A permit that holds nothing and costs nothing.
    pub fn free() -> Self {
        Self::default()
    }

    /// A permit that holds what both hold.
    pub(crate) fn with(self, other: Self) -> Self {
        match (self._held, other._held) {
            (None, held) | (held, None) => Self { _held: held },
            (one, two) => Self::holding((one, two)),
        }
    }

    /// A permit that holds `held`, whose `Drop` releases it.
    pub fn holding(held: impl Send + 'static) -> Self {
        Self { _held: Some(Box::new(held)) }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Permit").finish_non_exhaustive()
    }
}
