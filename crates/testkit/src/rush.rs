//! How many requests come at once.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// When the requests of the last second came.
#[derive(Debug, Default)]
pub(crate) struct Rush(VecDeque<Instant>);

impl Rush {
    /// Counts a request; whether it is one too many.
    pub(crate) fn is_too_much(&mut self, most: Option<usize>, now: Instant) -> bool {
        let Some(most) = most else { return false };
        self.0.push_back(now);
        while self.0.pop_front_if(|then| now.duration_since(*then) >= Duration::from_secs(1)).is_some() {}
        self.0.len() > most
    }
}
