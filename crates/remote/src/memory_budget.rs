//! Bounds the memory that all response documents take together, in the whole process.
//!
//! Each document is bounded where it is read. Clients decide how many are read at a time, so their sum is bounded
//! here. Small documents need no budget; larger ones wait for it.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The bytes of a document that need no budget: about as much as the buffers of its connection.
pub(crate) const UNBUDGETED: usize = 64 << 10;

/// The budget for manifests, tokens and pages of listings: 32 MiB.
pub(crate) static DOCUMENTS: MemoryBudget = MemoryBudget::new(32 << 10);

/// A budget, counted in KiB.
pub(crate) struct MemoryBudget(Semaphore);

impl MemoryBudget {
    const fn new(kib: usize) -> Self {
        Self(Semaphore::const_new(kib))
    }

    /// Waits until that many bytes are free. `None` is never returned, because the budget is never closed.
    pub(crate) async fn take(&'static self, bytes: usize) -> Option<SemaphorePermit<'static>> {
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        self.0.acquire_many(kib).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    // A05
    #[tokio::test]
    async fn what_does_not_fit_waits() {
        static BUDGET: MemoryBudget = MemoryBudget::new(8);
        let (first, second) = (BUDGET.take(5000).await, BUDGET.take(3000).await);
        let mut third = Box::pin(BUDGET.take(1));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.now_or_never().is_some_and(|permit| permit.is_some()));
        drop(second);
    }
}
