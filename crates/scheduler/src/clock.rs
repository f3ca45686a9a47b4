//! What time it is; tests have a clock of their own.

use std::{sync::Arc, time::SystemTime};

/// Returns the current time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
