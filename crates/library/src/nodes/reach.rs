//! Reaches the engine of a node.

use entrepot_catalog::NodeRecord;
use entrepot_engine::{Engine, Error as EngineError};

use super::{
    checked::CheckedNode,
    conditions::{Condition, ConditionCode},
    connections::Link,
    secret,
};
use crate::{library::Library, text::joined};

/// Why a node cannot be reached.
#[derive(Debug)]
pub(crate) enum UnreachableReason {
    /// The node is as it is: people see it as a condition.
    Condition(Condition),
    /// The database failed.
    Catalog(entrepot_catalog::Error),
}

impl From<entrepot_catalog::Error> for UnreachableReason {
    fn from(error: entrepot_catalog::Error) -> Self {
        Self::Catalog(error)
    }
}

impl Library {
    /// The engine of a node, connected before or now.
    pub(crate) async fn link(&self, node: &NodeRecord) -> Result<Link, UnreachableReason> {
        match self.0.connections.get(node.id, node.revision) {
            Some(link) => Ok(link),
            None => self.connect(node).await,
        }
    }

    /// Connects to the engine of a node anew: it may be another version by now.
    pub(crate) async fn connect(&self, node: &NodeRecord) -> Result<Link, UnreachableReason> {
        let tls = {
            // Held before it is read, so that no rotation comes in between.
            let keys = self.0.keys.hold().await;
            let stored = self.0.catalog.node_secret(node.id).await?;
            let opened = stored.map(|record| secret::open(node.id, &record, &keys)).transpose();
            opened.map_err(|error| {
                UnreachableReason::Condition(ConditionCode::Sealed.because(error.to_string()))
            })?
        };
        let checked = CheckedNode::new(node.settings.clone(), tls).map_err(|faults| {
            UnreachableReason::Condition(ConditionCode::NotUsable.because(joined(&faults)))
        })?;
        let engine = Engine::connect(checked.endpoint().clone()).await;
        let engine = engine.map_err(|error| UnreachableReason::Condition(condition(&error)))?;
        Ok(self.0.connections.put(node.id, node.revision, engine))
    }
}

/// What an error of an engine says about its node.
pub(crate) fn condition(error: &EngineError) -> Condition {
    let code = match error {
        EngineError::Unreachable(_) | EngineError::Timeout(_) => ConditionCode::Unreachable,
        EngineError::Tls(_) => ConditionCode::Tls,
        EngineError::TooOld(_) => ConditionCode::TooOld,
        EngineError::NotFound(_)
        | EngineError::Conflict(_)
        | EngineError::Refused { .. }
        | EngineError::NotStarted(_)
        | EngineError::Answer(_) => ConditionCode::NotUsable,
    };
    code.because(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entrepot_engine::{LinkFault, Message, TlsFault};

    use super::*;

    // Row 33: only what an engine says by itself is a failure; whoever does not answer may run on.
    #[test]
    fn whoever_does_not_answer_is_not_broken() {
        for (error, code) in [
            (EngineError::Unreachable(LinkFault::Refused), ConditionCode::Unreachable),
            (EngineError::Timeout(Duration::from_secs(1)), ConditionCode::Unreachable),
            (EngineError::Tls(TlsFault::Issuer), ConditionCode::Tls),
            (EngineError::TooOld(Message::new("19.03")), ConditionCode::TooOld),
            (EngineError::Answer("x"), ConditionCode::NotUsable),
        ] {
            let found = condition(&error);
            assert_eq!((found.code, found.detail), (code, error.to_string()));
        }
    }
}
