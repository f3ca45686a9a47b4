//! The engines that are connected, by node.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entrepot_engine::Engine;
use tokio_util::sync::CancellationToken;

/// An engine, as long as its node is reached in this way.
#[derive(Clone, Debug)]
pub struct Link {
    engine: Engine,
    closed: CancellationToken,
}

/// The engines that are connected.
#[derive(Default)]
pub(crate) struct EngineConnections(Mutex<HashMap<i64, EngineConnection>>);

struct EngineConnection {
    revision: i64,
    link: Link,
}

impl Link {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Done once the node is reached in another way, or not at all: what still goes on over this one ends.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

impl EngineConnections {
    /// The engine of a node in this revision.
    pub(crate) fn get(&self, node: i64, revision: i64) -> Option<Link> {
        self.all().get(&node).filter(|known| known.revision == revision).map(|known| known.link.clone())
    }

    /// Remembers how a node is reached. What goes on over an older connection ends, unless that was of the same revision:
    /// then the same certificates count.
    pub(crate) fn put(&self, node: i64, revision: i64, engine: Engine) -> Link {
        let mut all = self.all();
        let closed = match all.remove(&node) {
            Some(known) if known.revision == revision => known.link.closed,
            // A check that began before the change may come late.
            Some(known) if known.revision > revision => {
                let link = Link { engine, closed: CancellationToken::new() };
                all.insert(node, known);
                return link;
            }
            Some(known) => {
                known.link.closed.cancel();
                CancellationToken::new()
            }
            None => CancellationToken::new(),
        };
        let link = Link { engine, closed };
        all.insert(node, EngineConnection { revision, link: link.clone() });
        link
    }

    /// Forgets a node: what goes on over its connections ends.
    pub(crate) fn forget(&self, node: i64) {
        if let Some(known) = self.all().remove(&node) {
            known.link.closed.cancel();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<i64, EngineConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
