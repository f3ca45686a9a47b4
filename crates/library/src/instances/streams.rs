//! What the container of an instance prints, and what it uses.

use entrepot_catalog::{InstancePhase, InstanceRecord};
use entrepot_engine::{Container, Engine, Error as EngineError, LogRequest, Logs, Sample};

use super::{bring_up::container_id, fault::InstanceFault, halt::Halt, verbs::InstanceTarget};
use crate::{error::Error, library::Library};

/// What an instance uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// How many processors, since it was asked before; `None`: it was not.
    pub cores: Option<f64>,
    /// Memory in bytes.
    pub memory: u64,
    /// Whether files that could be forgotten at any time are among them.
    pub has_cache: bool,
    /// How much memory it may use, in bytes.
    pub memory_limit: u64,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// The container of an instance, as its engine shows it now.
pub(super) struct ReachedContainer {
    pub(super) engine: Engine,
    pub(super) container: Container,
    node: String,
    phase: InstancePhase,
}

impl Library {
    /// Reads the log of an instance.
    ///
    /// # Errors
    /// There is no such instance, it has no container, or its node does not answer.
    pub async fn instance_logs(&self, target: InstanceTarget, request: LogRequest) -> Result<Logs, Error> {
        let instance = self.own(target.id, target.account).await?;
        let reached = self.reached(&instance).await?;
        let logs = reached.engine.logs(&reached.container, request).await;
        logs.map_err(|error| reached.refused(&error))
    }

    /// What an instance uses now; `None` if it does not run.
    ///
    /// # Errors
    /// There is no such instance, it has no container, or its node does not answer.
    pub async fn instance_usage(&self, target: InstanceTarget) -> Result<Option<Usage>, Error> {
        let instance = self.own(target.id, target.account).await?;
        let reached = self.reached(&instance).await?;
        let sample = reached.engine.stats(&reached.container.id).await;
        let Some(sample) = sample.map_err(|error| reached.refused(&error))? else { return Ok(None) };
        let before = self.0.instances.sampled(instance.id, sample);
        Ok(Some(usage(&sample, before.as_ref(), instance.memory_mib << 20)))
    }

    /// The container of an instance, as its engine shows it now.
    pub(super) async fn reached(&self, instance: &InstanceRecord) -> Result<ReachedContainer, Error> {
        let phase = instance.state.phase;
        let id = container_id(instance).map_err(|_| InstanceFault::Phase(phase))?;
        let (node, engine) = match self.engine_of(instance).await {
            Ok((node, engine)) => (node.settings.name, engine),
            Err(Halt::Catalog(error)) => return Err(error.into()),
            Err(_) => return Err(InstanceFault::NodeSilent(self.node_name(instance).await?).into()),
        };
        match engine.inspect(&id).await {
            Ok(container) => Ok(ReachedContainer { engine, container, node, phase }),
            Err(error) => Err(refused(&node, phase, &error)),
        }
    }

    async fn node_name(&self, instance: &InstanceRecord) -> Result<String, Error> {
        let node = self.0.catalog.node(instance.node_id).await?;
        Ok(node.map(|node| node.settings.name).unwrap_or_default())
    }
}

impl ReachedContainer {
    /// Why the engine does not do something with the container.
    pub(super) fn refused(&self, error: &EngineError) -> Error {
        refused(&self.node, self.phase, error)
    }
}

fn refused(node: &str, phase: InstancePhase, error: &EngineError) -> Error {
    tracing::info!(node, %error, "an engine does not do what was asked of it");
    match error {
        EngineError::NotFound(_) | EngineError::Conflict(_) => InstanceFault::Phase(phase).into(),
        EngineError::NotStarted(message) => InstanceFault::NotStarted(message.to_string()).into(),
        _ => InstanceFault::NodeSilent(node.to_owned()).into(),
    }
}

fn usage(sample: &Sample, before: Option<&Sample>, machine: u64) -> Usage {
    Usage {
        cores: before.and_then(|before| sample.cores_since(before)),
        memory: sample.memory.bytes,
        has_cache: sample.memory.has_cache,
        memory_limit: sample.memory.limit_on(machine),
        pids: sample.pids,
    }
}
