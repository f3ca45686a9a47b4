//! Finds the repositories of a migration: as configured, else as the registry lists them, else as documents name them.

use std::{collections::BTreeSet, sync::Arc};

use entrepot_remote::{Error, InvalidResponse};
use entrepot_sync::{Provider, Registries};
use serde::Serialize;

use crate::{
    documents,
    migration::Migration,
    problem::{Problem, Severity},
    project_file::File,
};

/// The way the repositories were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListOrigin {
    /// They are configured.
    Written,
    /// The registry's catalog lists them.
    Catalog,
    /// The documents name them.
    Documents,
}

/// The repositories of a migration, below `from`.
#[derive(Clone, Debug)]
pub struct Repositories {
    /// Their names, in order.
    pub names: Vec<String>,
    /// The way they were found.
    pub origin: ListOrigin,
}

const NAME_THEM: &str = "name them: `repositories: [NAME, …]`";

/// Finds the repositories of a migration.
///
/// # Errors
/// None could be found.
pub async fn find(
    registries: &Arc<dyn Registries>,
    migration: &Migration,
    files: &[File],
) -> Result<Repositories, Problem> {
    if !migration.repositories.is_empty() {
        return Ok(Repositories { names: migration.repositories.clone(), origin: ListOrigin::Written });
    }
    let listed = listed(registries, migration).await?;
    if !listed.is_empty() {
        return Ok(Repositories { names: listed, origin: ListOrigin::Catalog });
    }
    let named: BTreeSet<String> =
        files.iter().flat_map(|file| documents::names_below(file, &migration.from)).collect();
    if !named.is_empty() {
        return Ok(Repositories { names: named.into_iter().collect(), origin: ListOrigin::Documents });
    }
    let provider = Provider::of(migration.from.host()).name();
    let what = if has_catalog(migration) {
        format!("`{}` lists no repositories, and no document names one", migration.from)
    } else {
        format!("{provider} does not list repositories, and no document names one of `{}`", migration.from)
    };
    Err(Problem::new(Severity::Stops, &migration.from, what, NAME_THEM))
}

async fn listed(registries: &Arc<dyn Registries>, migration: &Migration) -> Result<Vec<String>, Problem> {
    if !has_catalog(migration) {
        return Ok(Vec::new());
    }
    let host = migration.from.host();
    let Ok(registry) = registries.registry(host) else { return Ok(Vec::new()) };
    let all = match registry.remote.all_repositories().await {
        Err(Error::Invalid(InvalidResponse::UnboundedListing(endless))) => {
            let what = format!("the repositories of `{host}` cannot be listed: {endless}");
            return Err(Problem::new(Severity::Stops, &migration.from, what, NAME_THEM));
        }
        // Permission to pull may not include permission to list.
        other => other.unwrap_or_default(),
    };
    let below = all.iter().filter_map(|repository| migration.from.below(host, repository));
    let names: BTreeSet<String> = below.map(str::to_owned).collect();
    Ok(names.into_iter().collect())
}

// The others have their own listing, behind their web APIs.
fn has_catalog(migration: &Migration) -> bool {
    !matches!(
        Provider::of(migration.from.host()),
        Provider::DockerHub
            | Provider::Ghcr
            | Provider::Swr
            | Provider::AliyunPersonal
            | Provider::AliyunEnterprise
    )
}
