//! Looks at all nodes again and again.

use std::time::{Duration, Instant};

use entrepot_catalog::{NodeFilter, NodeRecord};
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::check::CheckDepth;
use crate::{error::Error, library::Library};

/// How many nodes are read at once.
const PAGE: usize = 500;

impl Library {
    /// Looks at all nodes in the pace of the settings, until it is stopped.
    pub async fn watch_nodes(&self, stop: CancellationToken) {
        let settings = &self.0.settings.nodes;
        let mut wholly = None;
        loop {
            let depth = depth(wholly, Instant::now(), settings.survey_every);
            if depth == CheckDepth::Whole {
                wholly = Some(Instant::now());
            }
            tokio::select! {
                () = stop.cancelled() => return,
                done = self.check_all(depth) => if let Err(error) = done {
                    tracing::warn!(cause = &error as &dyn std::error::Error, "the nodes cannot be looked at");
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(settings.check_every) => {}
            }
        }
    }

    /// Looks at all nodes, several at a time: one that does not answer holds up no other.
    ///
    /// # Errors
    /// The database failed.
    pub async fn check_all(&self, depth: CheckDepth) -> Result<(), Error> {
        let nodes = self.nodes_of(NodeFilter::default()).await?;
        let checks = stream::iter(nodes).map(|node| async move {
            let Ok(id) = node.id.try_into() else { return Ok(()) };
            match self.check_node(id, depth).await {
                // It was removed meanwhile.
                Ok(_) | Err(Error::Unknown { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        });
        let mut checks = checks.buffer_unordered(self.0.settings.nodes.checks_at_once.max(1));
        let mut failed = Ok(());
        while let Some(done) = checks.next().await {
            failed = failed.and(done);
        }
        failed
    }

    /// All nodes that a filter selects, by name.
    pub(crate) async fn nodes_of(&self, filter: NodeFilter) -> Result<Vec<NodeRecord>, Error> {
        let mut all: Vec<NodeRecord> = Vec::new();
        loop {
            let after = all.last().map(|node| node.settings.name.clone());
            let filter = NodeFilter { after, ..filter.clone() };
            let page = self.0.catalog.nodes(&filter, PAGE).await?;
            all.extend(page.rows);
            if !page.more {
                return Ok(all);
            }
        }
    }
}

// The first look is a whole one, and then one in a while.
fn depth(wholly: Option<Instant>, now: Instant, every: Duration) -> CheckDepth {
    match wholly {
        Some(last) if now.duration_since(last) < every => CheckDepth::Answer,
        _ => CheckDepth::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_look_comes_once_in_a_while() {
        let (now, every) = (Instant::now(), Duration::from_secs(600));
        let after = |seconds| depth(Some(now), now + Duration::from_secs(seconds), every);
        assert_eq!(depth(None, now, every), CheckDepth::Whole);
        assert_eq!((after(599), after(600)), (CheckDepth::Answer, CheckDepth::Whole));
    }
}
