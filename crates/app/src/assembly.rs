//! Assembles the mirror: the only place that knows how to construct every part.

use std::{path::Path, sync::Arc};

use entrepot_access::{Access, AccessSettings, OpenError};
use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, Location};
use entrepot_mirror::{Clock, Metrics, Mirror, Parts, Settings, UpstreamParts};
use entrepot_oci::Host;
use entrepot_remote::{Remote, RequestOutcome};
use entrepot_secrets::{FileError, KeyFile};
use prometheus_client::registry::Registry;

use crate::{
    config::{self, Config},
    data::{DataDir, Lock},
    failure::Failure,
};

/// A mirror whose background tasks are not started yet, with the parts it depends on.
pub(crate) struct Assembly {
    /// The mirror.
    pub(crate) mirror: Mirror,
    /// The blob store.
    pub(crate) blobs: Blobs,
    /// The catalog database.
    pub(crate) catalog: Catalog,
    /// The registry for metrics.
    pub(crate) registry: Registry,
    /// Lock on the data directory, held as long as the mirror exists.
    pub(crate) lock: Lock,
}

/// Assembles a mirror in a locked data directory.
///
/// # Errors
/// A part cannot be opened; the message is for the operator.
pub(crate) async fn assemble(config: &Config, data: &DataDir, lock: Lock) -> Result<Assembly, Failure> {
    install_crypto();
    let blobs = Blobs::open(data.path(), config.s3.as_ref()).await;
    let blobs = blobs.map_err(|error| Failure::because("cannot open the blob store", &error))?;
    let catalog = catalog(config, data).await?;
    let metrics = Metrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let upstreams = config.registries.iter().filter(|(_, registry)| registry.mirror);
    let upstreams = upstreams.map(|(host, registry)| upstream(host, registry, &metrics));
    let parts = Parts {
        settings: Settings { own_names: config.own_names(), ..config.mirror.clone() },
        upstreams: upstreams.collect::<Result<_, Failure>>()?,
        hosted: config.hosted.clone(),
        blobs: blobs.clone(),
        catalog: catalog.clone(),
        metrics,
        clock: Clock::System,
    };
    let mirror = Mirror::open(parts).map_err(|error| Failure::because("cannot set up the mirror", &error))?;
    Ok(Assembly { mirror, blobs, catalog, registry, lock })
}

/// Checks that the blob store takes our requests. One that does not answer may come back, and until then what is mirrored
/// goes through: that is only logged.
///
/// # Errors
/// It refuses us, or has no such bucket; the message is for the operator.
pub(crate) async fn check_store(blobs: &Blobs) -> Result<(), Failure> {
    match blobs.check().await {
        Ok(()) => Ok(()),
        Err(error) if error.is_unavailable() => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the blob store does not answer: what is mirrored is passed through until it does");
            Ok(())
        }
        Err(error) => Err(Failure::because("the blob store cannot be used", &error).with_hint(
            "look at `blobs.s3` in the configuration: the bucket must exist, and its key must be allowed to list, read and \
             write it",
        )),
    }
}

/// Opens accounts and keys. The first start makes the key file and the account `admin`.
///
/// # Errors
/// The key file is missing, not the right one, or open to others; or the catalog failed.
pub(crate) async fn access(config: &Config, data: &DataDir, catalog: &Catalog) -> Result<Access, Failure> {
    let file = KeyFile::new(config.key_file.clone().unwrap_or_else(|| data.key_file()));
    let keys = catalog.signing_keys().await.map_err(|error| unopened(&error))?;
    // What is sealed needs the key that it was sealed with.
    let opened = if keys.is_empty() { file.open_or_create(data.path()) } else { file.open(data.path()) };
    let opened = opened.map_err(|error| no_key(&error))?;
    if let Some(entrepot_secrets::Warning::ReadableByOthers) = opened.warning {
        tracing::warn!("the key file `{}` can be read by other users", file.path().display());
    }
    if opened.is_new {
        tracing::info!("made the key file `{}`: keep a copy in a safe place", file.path().display());
    }
    let settings = AccessSettings {
        rules: config.access.clone(),
        sessions: config.sessions,
        federation: config.federation.meant.clone(),
    };
    let access = Access::open(catalog.clone(), opened.keyring, settings).await;
    let access = access.map_err(|error| wrong_key(&error, file.path()))?;
    access.make_first_admin().await.map_err(|error| unopened(&error))?;
    Ok(access)
}

fn unopened(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::because("cannot open the accounts", error)
}

fn no_key(error: &FileError) -> Failure {
    let failure = Failure::because("cannot use the key file", error);
    match error {
        FileError::Missing(_) => failure.with_hint(
            "the database holds secrets that were sealed with it: put it back from your copy, or say where it is: \
             `secrets: {key_file: PATH}`",
        ),
        FileError::ReadableByOthers(_) | FileError::Io { .. } | FileError::Content { .. } => failure,
    }
}

fn wrong_key(error: &OpenError, file: &Path) -> Failure {
    let failure = Failure::because("cannot open the accounts", error);
    match error {
        OpenError::WrongKey(_) => failure.with_hint(format!(
            "`{}` belongs to another installation: put back the key file that this database was used with",
            file.display()
        )),
        OpenError::Federation(_) => {
            failure.with_hint("look at `ca` in the section `access` of the configuration")
        }
        OpenError::Catalog(_) | OpenError::Damaged | OpenError::Random | OpenError::Key(_) => failure,
    }
}

/// Installs the crypto provider, once for the whole process.
pub(crate) fn install_crypto() {
    // Fails only if a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn catalog(config: &Config, data: &DataDir) -> Result<Catalog, Failure> {
    let (location, hint) = match &config.database {
        Some(url) => {
            (Location::Postgres(url.clone()), "look at `database` in the configuration, and whether it runs")
        }
        None => (Location::Sqlite(data.database()), "it must be a file that this user may read and write"),
    };
    let opened = Catalog::open(&location).await;
    opened.map_err(|error| Failure::because("cannot open the catalog", &error).with_hint(hint))
}

fn upstream(host: &Host, registry: &config::Registry, metrics: &Metrics) -> Result<UpstreamParts, Failure> {
    let remote = Remote::new(host.clone(), &registry.remote).map_err(|error| {
        Failure::because(format!("cannot set up registry `{host}`"), &error)
            .with_hint("look at its section under `registries` in the configuration")
    })?;
    let (metrics, asked) = (metrics.clone(), remote.clone());
    let count = move |host: &Host, outcome: RequestOutcome| {
        metrics.upstream_request(host, outcome);
        if let Some(told) = asked.pull_quota() {
            metrics.rate_limit(host, told);
        }
    };
    Ok(UpstreamParts {
        remote: remote.on_request(Arc::new(count)),
        alias: registry.alias.clone(),
        freshness: registry.freshness.clone(),
    })
}
