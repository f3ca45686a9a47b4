//! What an allowed request holds for as long as it is answered.

use std::fmt;

/// What an allowed request holds until its answer has been handed to the connection or its client is gone: a place among
/// those that may run at once, for example. It stands in the body of the answer and is dropped with it.
#[derive(Default)]
pub struct Permit {
    _held: Option<Box<dyn Send>>,
}

impl Permit {
    /// Holds nothing, and costs nothing.
    pub fn free() -> Self {
        Self::default()
    }

    /// Holds `held`, which gives back by its `Drop` what it took.
    pub fn holding(held: impl Send + 'static) -> Self {
        Self { _held: Some(Box::new(held)) }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Permit").finish_non_exhaustive()
    }
}
