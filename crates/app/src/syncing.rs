//! What `serve` does about syncs: it sets up the scheduler, and gives it the configuration anew after a change.

use std::{path::PathBuf, process, sync::Arc, time::SystemTime};

use entrepot_catalog::{Catalog, Claim, Holder, Instance, InstanceId, ServerLock};
use entrepot_scheduler::{
    CatalogCache, Executor, Load, Loaded, Metrics, Parts, Refusal, Scheduler, WorkEnd, executor,
};
use prometheus_client::registry::Registry;

use crate::{
    config::{self, Config, Environment, Overrides},
    failure::Failure,
    registries,
};

/// This server, and its right to be the only one on its database.
#[derive(Debug)]
pub(crate) struct Server {
    instance: Instance,
    lock: ServerLock,
}

impl Server {
    /// Takes the lock on the database, or says who has it.
    ///
    /// # Errors
    /// Another server works with the database, or it failed.
    pub(crate) async fn claim(catalog: &Catalog, started: SystemTime) -> Result<Self, Failure> {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let name = format!("process {} on `{machine}`", process::id());
        let instance = Instance { id: InstanceId::new(), name, started };
        match catalog.claim(&instance).await {
            Ok(Claim::Ours(lock)) => Ok(Self { instance, lock }),
            Ok(Claim::Held(holder)) => Err(held(&holder)),
            Err(error) => Err(Failure::because("cannot take the lock on the database", &error)),
        }
    }
}

fn held(holder: &Holder) -> Failure {
    let mut what = "another server works with this database".to_owned();
    if let Some(name) = &holder.name {
        what = format!("{what}: {name}");
    }
    if let Some(started) = holder.started {
        what = format!("{what}, since {}", humantime::format_rfc3339_seconds(started));
    }
    let mut hint = "stop that one, or give this one a database of its own".to_owned();
    if let Some(session) = holder.session {
        hint =
            format!("{hint}; if that one is gone, end its session: `SELECT pg_terminate_backend({session})`");
    }
    Failure::new(what).with_hint(hint)
}

/// Why a server whose scheduler has ended has to end too, if it has.
pub(crate) fn ended(end: WorkEnd) -> Result<(), Failure> {
    match end {
        WorkEnd::Stopped => Ok(()),
        WorkEnd::Superseded(holder) => Err(held(&holder)),
    }
}

/// Makes the scheduler of a configuration; its counters are put on `registry`.
///
/// # Errors
/// What is remembered of rules cannot be looked up.
pub(crate) async fn open(
    config: &Config,
    source: &Source,
    server: Server,
    registry: &mut Registry,
) -> Result<Scheduler, Failure> {
    let metrics = Metrics::default();
    metrics.register(registry);
    let parts = Parts {
        catalog: source.catalog.clone(),
        instance: server.instance,
        lock: server.lock,
        rules: config.rules.set.clone(),
        executor: source.executor(config),
        metrics,
        clock: Arc::new(SystemTime::now),
    };
    let opened = Scheduler::open(parts).await;
    opened.map_err(|error| Failure::because("cannot look up what is remembered of syncs", &error))
}

/// Where the configuration comes from, to read it again.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The configuration file, as it was named.
    pub(crate) file: Option<PathBuf>,
    /// What goes over it.
    pub(crate) over: Overrides,
    /// The environment.
    pub(crate) environment: Environment,
    /// Where runs are remembered.
    pub(crate) catalog: Catalog,
}

impl Source {
    /// Executes runs with the registries of `config`.
    fn executor(&self, config: &Config) -> Executor {
        let cache = Arc::new(CatalogCache::new(self.catalog.clone()));
        executor(Arc::new(registries::configured(config.registries.clone(), &self.environment, cache)))
    }

    /// Reads the rules, and what executes them, as they are now.
    pub(crate) fn loader(self) -> Load {
        Box::new(move || match config::load(self.file.as_deref(), &self.environment, self.over.clone()) {
            Ok(loaded) => Ok(Loaded {
                executor: self.executor(&loaded.config),
                watched: loaded.config.rules.watched,
                rules: loaded.config.rules.set,
            }),
            Err(error) => Err(Refusal { problem: error.to_string(), hint: error.hint().map(str::to_owned) }),
        })
    }
}
