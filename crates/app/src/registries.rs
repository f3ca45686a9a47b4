//! The registries of a command or of a server's syncs: the configured settings with this user's logins.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use entrepot_credentials::{AuthFilePaths, Login, Logins};
use entrepot_oci::Host;
use entrepot_remote::Credential;
use entrepot_sync::{ConfiguredRegistries, RegistrySettings, SyncCache};

use crate::{
    assembly,
    config::{self, Environment, Registry},
    failure,
};

/// Registries with the settings of a configuration and the logins found through the environment. Unusable logins cause
/// warnings.
pub(crate) fn configured(
    registries: BTreeMap<Host, Registry>,
    environment: &Environment,
    cache: Arc<dyn SyncCache>,
) -> ConfiguredRegistries {
    assembly::install_crypto();
    let (logins, errors) = Logins::read(&AuthFilePaths::new(|name| environment.get(name)));
    let told = ShownWarnings::default();
    told.warn(&errors);
    let find_logins = Box::new(move |host: &Host| {
        // Credential helpers are programs; `block_in_place` lets other tasks continue.
        let found = tokio::task::block_in_place(|| logins.find(host));
        told.warn(&found.errors);
        found.logins.into_iter().map(credential).collect()
    });
    let registries = registries.into_iter().map(|(host, registry)| (host, settings(registry)));
    ConfiguredRegistries::new(registries.collect(), find_logins, cache)
}

fn settings(Registry { remote, habits, .. }: Registry) -> RegistrySettings {
    RegistrySettings { remote, format: habits.format, reserve: habits.reserve, chunk: habits.chunk }
}

/// A login as the client of a registry takes it.
pub(crate) fn credential(Login { credential, namespace }: Login) -> Credential {
    let entrepot_credentials::Credential { username, password } = credential;
    Credential { username, password, namespace, endpoint: None }
}

/// The warnings that were shown. Several lookups find the same faults.
#[derive(Default)]
struct ShownWarnings(Mutex<BTreeSet<String>>);

impl ShownWarnings {
    fn warn(&self, errors: &[entrepot_credentials::Error]) {
        // A panic cannot leave the set inconsistent.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = errors.iter().map(config::Warning::from);
        let new: Vec<config::Warning> = all.filter(|warning| told.insert(warning.what.clone())).collect();
        drop(told);
        failure::warn(&new);
    }
}

/// The cache directory: the given one, else the default one, else none.
pub(crate) fn cache_directory(environment: &Environment, asked: Option<&Path>) -> Option<PathBuf> {
    let set = |name| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    asked.map(Path::to_owned).or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        cache.map(|cache| cache.join("entrepot"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_directory_is_the_usual_one() {
        for (environment, asked, directory) in [
            (Environment::from([("HOME", "/h")]), None, Some("/h/.cache/entrepot")),
            (Environment::from([("HOME", "/h")]), Some("/x"), Some("/x")),
        ] {
            assert_eq!(cache_directory(&environment, asked.map(Path::new)), directory.map(PathBuf::from));
        }
        let set = Environment::from([("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]);
        assert_eq!(cache_directory(&set, None), Some("/c/entrepot".into()));
        assert_eq!(cache_directory(&Environment::from([]), None), None);
    }
}
