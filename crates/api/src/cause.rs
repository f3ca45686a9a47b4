//! Why there is a run.

use crate::words::words;

words! {
    /// Why a run was begun.
    Cause {
        /// Its rule's schedule said so.
        Schedule = "schedule",
        /// It had been due while the server was not running.
        CatchUp = "catch-up",
        /// Somebody asked for it.
        Hand = "hand",
    }
}
