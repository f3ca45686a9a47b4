//! Starts, ends and removes containers.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::{
    engine::{Engine, with_query},
    error::Error,
    names::{ContainerId, ContainerName},
    transport::{BODY_TIMEOUT, EngineResponse, HEAD_TIMEOUT, Wait},
};

/// How long a start may take: the engine prepares mounts and cards first.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the removal of a container may take.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(120);

/// What a start did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It runs now.
    Now,
    /// It ran already.
    Already,
}

/// What a stop did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopOutcome {
    /// It has ended.
    Now,
    /// It did not run.
    Already,
}

impl Engine {
    /// Starts a container.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there; [`Error::Refused`] with the runtime's reason if it cannot be started.
    pub async fn start(&self, id: &ContainerId) -> Result<Started, Error> {
        let path = format!("containers/{id}/start");
        let status = self.act(Method::POST, &path, START_TIMEOUT).await?;
        Ok(if status == StatusCode::NOT_MODIFIED { Started::Already } else { Started::Now })
    }

    /// Asks a container to end, and ends it after `grace`. The time is always sent: without it, some engines give none.
    ///
    /// # Errors
    /// [`Error::Timeout`] if the engine itself cannot end it, as with a card that has left the bus.
    pub async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<StopOutcome, Error> {
        let seconds = grace.as_secs().to_string();
        let path = with_query(&format!("containers/{id}/stop"), &[("t", &seconds)]);
        let status = self.act(Method::POST, &path, grace + HEAD_TIMEOUT).await?;
        Ok(if status == StatusCode::NOT_MODIFIED { StopOutcome::Already } else { StopOutcome::Now })
    }

    /// Ends a container at once.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it does not run.
    pub async fn kill(&self, id: &ContainerId) -> Result<(), Error> {
        let path = with_query(&format!("containers/{id}/kill"), &[("signal", "SIGKILL")]);
        self.act(Method::POST, &path, HEAD_TIMEOUT).await.map(drop)
    }

    /// Removes a container, running or not. Its named volumes stay; those without a name go with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there, [`Error::Conflict`] if it is being removed already.
    pub async fn remove(&self, id: &ContainerId) -> Result<(), Error> {
        let path = with_query(&format!("containers/{id}"), &[("force", "true"), ("v", "true")]);
        self.act(Method::DELETE, &path, REMOVE_TIMEOUT).await.map(drop)
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the name is in use.
    pub async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), Error> {
        let path = with_query(&format!("containers/{id}/rename"), &[("name", name.as_str())]);
        self.act(Method::POST, &path, HEAD_TIMEOUT).await.map(drop)
    }

    /// Sends a request whose answer is its status.
    pub(crate) async fn act(
        &self,
        method: Method,
        path: &str,
        patience: Duration,
    ) -> Result<StatusCode, Error> {
        let EngineResponse { status, body, .. } = self.call(method, path, Wait::AtMost(patience)).await?;
        body.whole(crate::engine::MAX_DOCUMENT, BODY_TIMEOUT).await?;
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use entrepot_testkit::{
        Gate,
        engine::{Dialect, EngineFault, Misbehaviour, TestEngine},
    };

    use super::*;
    use crate::endpoint::Endpoint;

    // Row 37: with a card that has left the bus, nothing can be ended, and nobody answers.
    #[tokio::test]
    async fn an_engine_that_does_not_answer_is_given_up() {
        let fake = TestEngine::start(Dialect::Docker20).await;
        let endpoint = Endpoint::new(fake.address().parse().unwrap(), None).unwrap();
        let engine = Engine::connect(endpoint).await.unwrap();
        let gate = Gate::new();
        fake.fault(EngineFault::on("POST", "containers/*/stop", Misbehaviour::Hold(gate.clone())));
        let patience = Duration::from_millis(50);
        let error = engine.act(Method::POST, "containers/train-1/stop", patience).await.unwrap_err();
        assert_eq!(error, Error::Timeout(patience));
        assert!(error.leaves_doubt());
        gate.reached(1).await;
    }
}
