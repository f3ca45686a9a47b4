//! Shared by the commands that use registries: setup, Ctrl-C, and error messages.

use std::{path::PathBuf, process, sync::Arc};

use entrepot_migrate::Migration;
use entrepot_oci::{Host, Repository};
use entrepot_remote::{Error, InvalidResponse, NetworkFaultKind, Remote, StoredCredentials};
use entrepot_sync::{ConfiguredRegistries, FileCache, Registries as _, Registry, rules::RuleSet};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{self, Environment, Level, Log, Overrides},
    failure::{self, Failure},
    log::{self, Guard, Verbosity},
    output::Output,
    registries, runtime,
    secrets::{self, SecretSources},
};

/// Options shared by all registry commands.
#[derive(Debug)]
pub(crate) struct Common {
    /// The configuration file, if given.
    pub(crate) file: Option<PathBuf>,
    /// The cache directory, instead of the default.
    pub(crate) cache: Option<PathBuf>,
    /// The output format.
    pub(crate) output: Output,
    /// The log verbosity.
    pub(crate) verbosity: Verbosity,
}

/// The context of a command that uses registries.
pub(crate) struct RegistryContext {
    /// The registries.
    pub(crate) registries: Arc<ConfiguredRegistries>,
    /// The sync rules.
    pub(crate) rules: RuleSet,
    /// The migration, if configured.
    pub(crate) migration: Option<Migration>,
    /// The file the configuration was read from.
    pub(crate) file: Option<PathBuf>,
    /// The cache directory.
    pub(crate) cache: Option<PathBuf>,
    /// The stored credentials that the registries use.
    pub(crate) stored: StoredCredentials,
    /// Where those are, and their key.
    sealed: SecretSources,
    /// True if messages should be in Chinese.
    pub(crate) is_chinese: bool,
    _log: Guard,
}

/// Reads the configuration and runs `work` until it is done or interrupted. Work that observes the token may continue
/// after the first Ctrl-C to finish cleanly; the second one exits.
pub(crate) fn run<F: Future<Output = Result<(), Failure>>>(
    common: &Common,
    work: impl FnOnce(RegistryContext, CancellationToken) -> F,
) -> Result<(), Failure> {
    let session = RegistryContext::open(common)?;
    let runtime = runtime::build()?;
    runtime::raise_file_limit();
    runtime.block_on(secrets::read_stored(&session.sealed, &session.stored));
    let stop = CancellationToken::new();
    let _guard = runtime.enter();
    runtime.spawn(heed(stop.clone()));
    runtime.block_on(work(session, stop))
}

/// Runs work that needs no registry to completion.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(runtime::build()?.block_on(work))
}

impl RegistryContext {
    /// Reads the configuration.
    pub(crate) fn open(common: &Common) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        let loaded = config::load(common.file.as_deref(), &environment, Overrides::default())?;
        failure::warn(&loaded.warnings);
        let log = Log { level: common.verbosity.level(Level::Error), ..loaded.config.log };
        let log = log::start(log, None, &environment)?;
        let cache = registries::cache_directory(&environment, common.cache.as_deref());
        let config = loaded.config;
        let (sealed, stored) = (SecretSources::from(&config), StoredCredentials::default());
        let found = Arc::new(FileCache::open(cache.clone()));
        let registries = registries::configured(config.registries, &environment, found);
        let registries = registries.with_stored(stored.clone());
        Ok(Self {
            registries: Arc::new(registries),
            rules: config.rules.set,
            migration: config.migration.map(|migration| migration.meant),
            file: loaded.file,
            cache,
            stored,
            sealed,
            is_chinese: environment.is_chinese(),
            _log: log,
        })
    }

    /// A registry, with its settings.
    pub(crate) fn registry(&self, host: &Host) -> Result<Registry, Failure> {
        self.registries.registry(host).map_err(|error| unusable(host, &error))
    }

    /// A client for a registry.
    pub(crate) fn remote(&self, host: &Host) -> Result<Remote, Failure> {
        self.registry(host).map(|registry| registry.remote)
    }

    /// Turns a registry's error into a message for the user. `about` names the requested object.
    pub(crate) fn to_failure(&self, host: &Host, about: &str, error: &Error) -> Failure {
        to_failure(host, about, error, self.registries.has_account(host))
    }
}

/// The failure for unusable registry settings.
pub(crate) fn unusable(host: &Host, error: &entrepot_remote::SettingsError) -> Failure {
    Failure::because(format!("cannot set up registry `{host}`"), error)
        .with_hint("look at its section under `registries` in the configuration")
}

/// The full name of a repository.
pub(crate) fn name(host: &Host, repository: &Repository) -> String {
    format!("{host}/{repository}")
}

/// The same for an account that may not be in any file.
pub(crate) fn to_failure(host: &Host, about: &str, error: &Error, has_account: bool) -> Failure {
    let failure = |hint: &str| Failure::because(format!("`{about}`: `{host}`"), error).with_hint(hint);
    match error {
        Error::NotFound if has_account => Failure::new(format!("`{about}` is not there"))
            .with_hint("look at the spelling; some registries also say this of what the account may not see"),
        Error::NotFound => Failure::new(format!("`{about}` is not there"))
            .with_hint(format!("look at the spelling; if it is private, log in: `entrepot login {host}`")),
        Error::Denied { status: 401 | 403, .. } if has_account => failure(&format!(
            "the account may not do this, or its password has changed: `entrepot login {host}`"
        )),
        Error::Denied { status: 401 | 403, .. } => failure(&format!("log in: `entrepot login {host}`")),
        Error::Limited { retry_after: Some(wait) } => {
            failure(&format!("try again in {} s, or use an account with a higher limit", wait.as_secs() + 1))
        }
        Error::Limited { retry_after: None } => {
            failure("try again later, or use an account with a higher limit")
        }
        Error::Unreachable { fault, .. } if fault.kind() == NetworkFaultKind::PlainHttp => failure(&format!(
            "write `registries: {{\"{host}\": {{endpoints: [\"http://{host}\"]}}}}` in the configuration"
        )),
        Error::Unreachable { fault, .. } => failure(fault.hint()),
        Error::Failing { .. } | Error::TimedOut | Error::Cut { .. } | Error::UploadBody { .. } => {
            failure("try again later")
        }
        Error::Invalid(InvalidResponse::UnboundedListing(_)) => failure(
            "the registry is to blame: tell those who run it, and name the tags that you want meanwhile",
        ),
        Error::Denied { .. } | Error::Refused(_) | Error::Invalid(_) => {
            failure("see whether it is a registry; `-vv` shows what was asked")
        }
    }
}

async fn heed(stop: CancellationToken) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if stop.is_cancelled() {
            process::exit(130);
        }
        stop.cancel();
    }
}
