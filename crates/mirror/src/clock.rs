//! The time, from a clock that tests can move.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::{Duration, SystemTime},
};

/// A source of the time. Clones of a manual clock move together.
#[derive(Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// The system's clock, moved ahead by hand.
    Ahead(Arc<AtomicU64>),
}

impl Clock {
    /// A clock that a test moves with [`Clock::advance`].
    pub fn manual() -> Self {
        Self::Ahead(Arc::default())
    }

    /// Moves a manual clock ahead, by whole seconds. Does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Self::Ahead(seconds) = self {
            seconds.fetch_add(by.as_secs(), Ordering::Relaxed);
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Ahead(seconds) => SystemTime::now() + Duration::from_secs(seconds.load(Ordering::Relaxed)),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
