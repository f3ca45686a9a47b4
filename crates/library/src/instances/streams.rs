//! What the container of an instance prints, and what it uses.

use entrepot_catalog::InstanceRecord;
use entrepot_engine::{Container, Engine, Error as EngineError, LogRequest, Logs, Sample};

use super::{bring_up::container_id, fault::InstanceFault, halt::Halt, verbs::Target};
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

impl Library {
    /// Reads the log of an instance.
    ///
    /// # Errors
    /// There is no such instance, it has no container, or its node does not answer.
    pub async fn instance_logs(&self, target: Target, request: LogRequest) -> Result<Logs, Error> {
        let instance = self.own(target.id, target.account).await?;
        let (engine, container) = self.reached(&instance).await?;
        engine.logs(&container, request).await.map_err(|error| silent(&instance, &error))
    }

    /// What an instance uses now; `None` if it does not run.
    ///
    /// # Errors
    /// There is no such instance, it has no container, or its node does not answer.
    pub async fn instance_usage(&self, target: Target) -> Result<Option<Usage>, Error> {
        let instance = self.own(target.id, target.account).await?;
        let (engine, container) = self.reached(&instance).await?;
        let sample = engine.stats(&container.id).await.map_err(|error| silent(&instance, &error))?;
        let Some(sample) = sample else { return Ok(None) };
        let before = self.0.instances.sampled(instance.id, sample);
        Ok(Some(usage(&sample, before.as_ref(), instance.memory_mib << 20)))
    }

    async fn reached(&self, instance: &InstanceRecord) -> Result<(Engine, Container), Error> {
        let id = container_id(instance).map_err(|_| InstanceFault::Phase(instance.state.phase))?;
        let engine = match self.engine_of(instance).await {
            Ok((_, engine)) => engine,
            Err(Halt::Catalog(error)) => return Err(error.into()),
            Err(_) => return Err(InstanceFault::NodeSilent(instance.name.clone()).into()),
        };
        let container = engine.inspect(&id).await.map_err(|error| silent(instance, &error))?;
        Ok((engine, container))
    }
}

fn silent(instance: &InstanceRecord, error: &EngineError) -> Error {
    tracing::info!(instance = instance.id, %error, "an engine does not tell what was asked of it");
    match error {
        EngineError::NotFound(_) | EngineError::Conflict(_) => {
            InstanceFault::Phase(instance.state.phase).into()
        }
        _ => InstanceFault::NodeSilent(instance.name.clone()).into(),
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
