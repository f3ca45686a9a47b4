//! `entrepot secrets reset`: a new beginning without a key that is lost.

use std::{path::PathBuf, time::SystemTime};

use entrepot_catalog::{Catalog, SealedTable};
use serde::Serialize;

use crate::{
    assembly,
    config::{self, Environment, Overrides},
    data::{DataDir, LockAttempt},
    failure::{self, Failure},
    output::{self, Output, sentence},
    runtime, syncing,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Reset {
    /// The configuration file, if given.
    pub(crate) file: Option<PathBuf>,
    /// Settings that override the file.
    pub(crate) over: Overrides,
    /// Whether the user has confirmed it.
    pub(crate) yes: bool,
    /// The output format.
    pub(crate) output: Output,
}

/// What was removed.
#[derive(Serialize)]
struct ResetReport {
    credentials: u64,
    signing_keys: u64,
    node_logins: u64,
}

/// Removes everything that is sealed, while no server runs.
pub(crate) fn run(Reset { file, over, yes, output }: Reset) -> Result<(), Failure> {
    let loaded = config::load(file.as_deref(), &Environment::of_process(), over)?;
    failure::warn(&loaded.warnings);
    let data = DataDir::existing(&loaded.config.data)?;
    if !yes {
        return Err(Failure::wrong(
            "this removes all stored credentials, and what is signed in to the registry is signed out",
        )
        .with_hint("put the key back, if there is a copy; otherwise say `--yes`"));
    }
    let LockAttempt::Ours(_lock) = data.lock()? else {
        return Err(Failure::new(format!("the data directory `{}` is in use", data.path().display()))
            .with_hint("stop the server first; while it runs, remove what you want with `entrepot credentials remove`"));
    };
    let removed = runtime::build()?.block_on(async {
        let catalog = assembly::catalog(&loaded.config, &data).await?;
        // Another server may work with the same database.
        let only_one = syncing::ServerIdentity::claim(&catalog, SystemTime::now()).await?;
        let removed = remove(&catalog).await;
        drop(only_one);
        catalog.close().await;
        removed.map_err(|error| Failure::because("cannot remove what is sealed", &error))
    })?;
    match output {
        Output::Json => output::print_json(&removed),
        Output::Text => output::print(&told(&removed)),
    }
}

fn told(removed: &ResetReport) -> String {
    let gone = sentence!(
        "removed {credentials} stored credentials, {keys} keys that sign registry tokens, and the certificates of {nodes} nodes",
        credentials = removed.credentials,
        keys = removed.signing_keys,
        nodes = removed.node_logins
    );
    let next = sentence!("the next start makes a new key, unless there is one");
    format!("{gone}\n{next}\n")
}

async fn remove(catalog: &Catalog) -> Result<ResetReport, entrepot_catalog::Error> {
    Ok(ResetReport {
        credentials: catalog.forget_sealed(SealedTable::Credential).await?,
        signing_keys: catalog.forget_sealed(SealedTable::SigningKey).await?,
        node_logins: catalog.forget_sealed(SealedTable::NodeSecret).await?,
    })
}
