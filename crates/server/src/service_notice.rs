//! What the operator says to everybody.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// What the operator says to everybody, on every page and in the status. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct ServiceNotice(Arc<ArcSwapOption<String>>);

impl ServiceNotice {
    /// Says `text`, or nothing.
    pub fn new(text: Option<String>) -> Self {
        Self(Arc::new(ArcSwapOption::from_pointee(text)))
    }

    /// Says `text` from now on, or nothing.
    pub fn set(&self, text: Option<String>) {
        self.0.store(text.map(Arc::new));
    }

    /// What is said.
    pub(crate) fn text(&self) -> Option<String> {
        self.0.load().as_deref().cloned()
    }
}
