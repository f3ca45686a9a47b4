//! Looks at instances again and again, and at once where an engine says that something happened.
//!
//! Events are hints: engines forget and leave out some, so that only a look says how things are. A stream of events that ends
//! says that its engine went down, also if it is back before the next look.

use std::{collections::BTreeSet, time::Duration};

use entrepot_catalog::NodeRecord;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::halt::Halt;
use crate::{error::Error, library::Library};

/// How long to wait for more events before a look: what happens seldom happens alone.
const GATHER: Duration = Duration::from_millis(200);
/// How long to wait before the events of a node are followed again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The nodes whose events are followed, each in a task that ends when the node is gone.
#[derive(Default)]
struct FollowedNodes {
    nodes: BTreeSet<i64>,
    tasks: JoinSet<i64>,
}

impl Library {
    /// Compares all instances with what their engines show, until `stop`.
    pub async fn watch_instances(&self, stop: CancellationToken) {
        let watching = async {
            let mut followed = FollowedNodes::default();
            for round in 0_u64.. {
                told(self.look_at_all(round).await);
                told(self.tell_of_free_cards().await);
                told(self.follow_all(&mut followed).await);
                let pause = tokio::time::sleep(self.0.settings.instances.look_every);
                tokio::select! {
                    () = pause => {}
                    never = self.look_when_woken(round) => match never {},
                }
            }
        };
        tokio::select! {
            () = watching => {}
            () = stop.cancelled() => {}
        }
    }

    async fn look_when_woken(&self, round: u64) -> std::convert::Infallible {
        loop {
            self.0.instances.woken().await;
            tokio::time::sleep(GATHER).await;
            let woken = self.0.instances.take_woken();
            let looked = async {
                let mut nodes = self.all_nodes().await?;
                nodes.retain(|node| woken.contains(&node.id));
                self.look_at_nodes(nodes, round).await
            };
            told(looked.await);
        }
    }

    async fn follow_all(&self, followed: &mut FollowedNodes) -> Result<(), Error> {
        while let Some(ended) = followed.tasks.try_join_next() {
            if let Ok(node) = ended {
                followed.nodes.remove(&node);
            }
        }
        for node in self.all_nodes().await? {
            if followed.nodes.insert(node.id) {
                let library = self.clone();
                followed.tasks.spawn(async move {
                    library.follow_events(node.id).await;
                    node.id
                });
            }
        }
        Ok(())
    }

    // Follows the events of a node until that is gone.
    async fn follow_events(&self, id: i64) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.0.catalog.node(id).await {
                Ok(None) => return,
                Ok(Some(node)) => {
                    if self.follow_once(&node).await {
                        pause = FIRST_PAUSE;
                    }
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    // Returns whether there was something to follow. An engine that does not say that it listens is still listened to.
    async fn follow_once(&self, node: &NodeRecord) -> bool {
        let Ok((link, installation)) = self.followable(node).await else { return false };
        let heard = async {
            let mut events = link.engine().events(&installation).await?;
            while events.next().await?.is_some() {
                self.0.instances.wake(node.id);
            }
            Ok::<_, entrepot_engine::Error>(())
        };
        tokio::select! {
            // It is reached in another way from now on.
            () = link.closed() => {}
            heard = heard => {
                tracing::debug!(node = node.settings.name, ?heard, "the events of an engine have ended");
                self.0.instances.silent(node.id);
                self.0.instances.wake(node.id);
            }
        }
        true
    }

    async fn followable(
        &self,
        node: &NodeRecord,
    ) -> Result<(crate::nodes::Link, entrepot_engine::Installation), Halt> {
        let link = self.link_of(node).await?;
        Ok((link, self.our_installation().await?))
    }
}

fn told(done: Result<(), Error>) {
    if let Err(cause) = done {
        tracing::warn!(cause = &cause as &dyn std::error::Error, "instances cannot be looked at");
    }
}
