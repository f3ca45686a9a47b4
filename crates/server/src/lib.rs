//! Turns HTTP into calls.
