//! Large listings one at a time: what one may hold is bounded, and what many hold at once is then bounded too.
//!
//! A page of usual length and a list of some ten thousand names wait for nobody.

use std::sync::Arc;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// The largest page, in bytes, for which nobody waits: a thousand names of any length have less.
pub(crate) const SMALL_PAGE: usize = 256 << 10;

/// The most bytes of entries for which nobody waits.
pub(crate) const SMALL_LISTING: usize = 1 << 20;

/// The turn of one listing at a registry, from when it is large to its end.
pub(crate) struct Turn {
    turns: Arc<Semaphore>,
    mine: OnceCell<Option<OwnedSemaphorePermit>>,
}

impl Turn {
    pub(crate) fn of(turns: &Arc<Semaphore>) -> Self {
        Self { turns: Arc::clone(turns), mine: OnceCell::new() }
    }

    /// Waits until it is our turn, unless it is.
    pub(crate) async fn wait(&self) {
        let turns = Arc::clone(&self.turns);
        // They are never closed.
        self.mine.get_or_init(|| async { turns.acquire_owned().await.ok() }).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn one_has_its_turn_at_a_time() {
        let turns = Arc::new(Semaphore::new(1));
        let (one, other) = (Turn::of(&turns), Turn::of(&turns));
        one.wait().await;
        one.wait().await;
        let mut waiting = Box::pin(other.wait());
        assert!(poll!(waiting.as_mut()).is_pending());
        drop(one);
        waiting.await;
    }
}
