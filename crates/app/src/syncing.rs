//! Sync support for `serve`: sets up the scheduler and reloads its configuration.

use std::{
    path::PathBuf,
    process,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use entrepot_catalog::{Catalog, Claim, Instance, InstanceId, LockHolder, ServerLock};
use entrepot_events::EventSender;
use entrepot_keep::Keeper;
use entrepot_remote::{LinkTable, Quotas, StoredCredentials};
use entrepot_scheduler::{
    CatalogCache, Executor, Load, LoadedRules, Refusal, Scheduler, SchedulerMetrics, SchedulerParts, WorkEnd,
    executor,
};
use entrepot_sync::ConfiguredRegistries;
use entrepot_vault::SettingsOf;
use prometheus_client::registry::Registry;

use crate::{
    config::{self, Config, Environment, Overrides},
    failure::Failure,
    fetching,
    pull_rules::{self, Follower},
    registries,
};

/// This server's identity and its exclusive lock on the database.
#[derive(Debug)]
pub(crate) struct ServerIdentity {
    instance: Instance,
    lock: ServerLock,
}

impl ServerIdentity {
    /// Takes the lock on the database, or reports its holder.
    ///
    /// # Errors
    /// Another server holds the lock, or the database failed.
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

fn held(holder: &LockHolder) -> Failure {
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

/// The failure if the scheduler ended because another server took over.
pub(crate) fn ended(end: WorkEnd) -> Result<(), Failure> {
    match end {
        WorkEnd::Stopped => Ok(()),
        WorkEnd::Superseded(holder) => Err(held(&holder)),
    }
}

/// Opens the scheduler for a configuration; its metrics are added to `registry`.
///
/// # Errors
/// The stored state of the rules cannot be read.
pub(crate) async fn open(
    config: &Config,
    source: &ReloadSource,
    server: ServerIdentity,
    registry: &mut Registry,
) -> Result<Scheduler, Failure> {
    let metrics = SchedulerMetrics::default();
    metrics.register(registry);
    let parts = SchedulerParts {
        catalog: source.catalog.clone(),
        instance: server.instance,
        lock: server.lock,
        rules: config.rules.set.clone(),
        executor: source.executor(config),
        metrics,
        events: source.events.clone(),
        clock: Arc::new(SystemTime::now),
    };
    let opened = Scheduler::open(parts).await;
    opened.map_err(|error| Failure::because("cannot look up what is remembered of syncs", &error))
}

/// The source of the configuration, for reloading.
#[derive(Clone)]
pub(crate) struct ReloadSource {
    /// The configuration file, as named.
    pub(crate) file: Option<PathBuf>,
    /// Settings that override the file.
    pub(crate) over: Overrides,
    /// The environment.
    pub(crate) environment: Environment,
    /// The database that records runs.
    pub(crate) catalog: Catalog,
    /// Where it is told what operators want to hear.
    pub(crate) events: EventSender,
    /// The stored credentials of registries.
    pub(crate) stored: StoredCredentials,
    /// What accounts have left of registries' pulls.
    pub(crate) quotas: Quotas,
    /// The links that registries share.
    pub(crate) links: LinkTable,
    /// The registries of the configuration that was read last.
    pub(crate) registries: InForce,
}

/// The registries of the configuration that was read last.
#[derive(Clone, Default)]
pub(crate) struct InForce(Arc<Mutex<Option<Arc<ConfiguredRegistries>>>>);

impl InForce {
    fn replace(&self, registries: &Arc<ConfiguredRegistries>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(registries));
    }

    /// Finds the settings of a registry, without accounts that are stored.
    pub(crate) fn settings(&self) -> SettingsOf {
        let registries = self.clone();
        Arc::new(move |host| {
            let registries = registries.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            registries.map(|registries| registries.bare(host)).unwrap_or_default()
        })
    }
}

impl ReloadSource {
    /// Reads the configuration again.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn load(&self) -> Result<config::LoadedConfig, config::Error> {
        config::load(self.file.as_deref(), &self.environment, self.over.clone())
    }

    /// An executor with the registries of `config`.
    fn executor(&self, config: &Config) -> Executor {
        let cache = Arc::new(CatalogCache::new(self.catalog.clone()));
        let registries = registries::configured(config.registries.clone(), &self.environment, cache);
        let registries = registries
            .with_stored(self.stored.clone())
            .with_quotas(self.quotas.clone())
            .with_links(self.links.clone());
        let registries = Arc::new(registries);
        self.registries.replace(&registries);
        executor(registries)
    }

    /// A function that reloads the rules and their executor, and tells `followed` and `keeper` what it read.
    pub(crate) fn loader(self, followed: Follower, keeper: Keeper) -> Load {
        Box::new(move || match self.load() {
            Ok(loaded) => {
                followed.take(Ok(&loaded.config), "configuration");
                fetching::replace(&keeper, loaded.config.keep.lists.clone());
                Ok(LoadedRules {
                    executor: self.executor(&loaded.config),
                    watched: loaded.config.rules.watched,
                    rules: loaded.config.rules.set,
                })
            }
            Err(error) => {
                followed.take(Err(pull_rules::fault(&error)), "configuration");
                Err(Refusal { problem: error.to_string(), hint: error.hint().map(str::to_owned) })
            }
        })
    }
}
