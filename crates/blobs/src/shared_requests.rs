//! One request for the same thing at a time, shared by all who ask meanwhile.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OnceCell;

use crate::error::Error;

/// Requests under way, by key.
pub(crate) struct SharedRequests<K, V>(Mutex<HashMap<K, Weak<OnceCell<V>>>>);

impl<K, V> Default for SharedRequests<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> SharedRequests<K, V> {
    /// The answer to `request`, or to that of somebody who asked for the same before. If that one fails or gives up, the next
    /// one sends its own.
    pub(crate) async fn join(
        &self,
        key: K,
        request: impl Future<Output = Result<V, Error>>,
    ) -> Result<V, Error> {
        let cell = self.cell(key);
        cell.get_or_try_init(|| request).await.cloned()
    }

    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        // Nothing is done under the lock that could leave the map half changed.
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = running.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        running.retain(|_, cell| cell.strong_count() > 0);
        let cell = Arc::default();
        running.insert(key, Arc::downgrade(&cell));
        cell
    }
}
