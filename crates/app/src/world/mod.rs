//! The world of a command that works alone: registries as configured, logins of this user, a memory in the cache
//! directory.

mod ledger;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use entrepot_oci::Host;
use entrepot_remote::{Credential, Remote, Settings, SettingsError, is_own};
use entrepot_sync::{Ledger, Registry, RegistryDefaults, World};
use url::Url;

pub(crate) use ledger::{FileLedger, cache_directory};

use crate::{
    assembly,
    config::{self, Environment},
    credentials::Wallet,
    failure,
};

/// What a command runs in.
pub(crate) struct Standalone {
    configured: BTreeMap<Host, config::Registry>,
    wallet: Wallet,
    ledger: Arc<dyn Ledger>,
    made: Mutex<HashMap<Host, Registry>>,
}

impl Standalone {
    /// With the registries of a configuration, and what the environment leads to; `cache`: where to remember things.
    /// Logins that cannot be used are warned about.
    pub(crate) fn new(
        configured: BTreeMap<Host, config::Registry>,
        environment: &Environment,
        cache: Option<PathBuf>,
    ) -> Self {
        Self::with_ledger(configured, environment, Arc::new(FileLedger::open(cache)))
    }

    /// The same with a memory of another kind.
    pub(crate) fn with_ledger(
        configured: BTreeMap<Host, config::Registry>,
        environment: &Environment,
        ledger: Arc<dyn Ledger>,
    ) -> Self {
        assembly::install_crypto();
        let (wallet, warnings) = Wallet::open(environment);
        failure::warn(&warnings);
        Self { configured, wallet, ledger, made: Mutex::default() }
    }

    /// Whether any account is known for `host`.
    pub(crate) fn has_account(&self, host: &Host) -> bool {
        !self.settings(host).credentials.is_empty()
    }

    /// How to speak to `host`, with the accounts to do it as.
    fn settings(&self, host: &Host) -> Settings {
        let mut settings = self.bare(host);
        if settings.credentials.is_empty() {
            settings.credentials = self.logins(host, &settings.endpoints);
        }
        settings
    }

    /// How to speak to `host` as nobody in particular.
    pub(crate) fn bare(&self, host: &Host) -> Settings {
        let mut settings =
            self.configured.get(host).map(|registry| registry.remote.clone()).unwrap_or_default();
        if settings.endpoints.is_empty() {
            settings.endpoints.extend(address(host));
        }
        settings
    }

    // A login is for the host that it names: the registry's is not for endpoints of other names, and those may have their
    // own.
    fn logins(&self, host: &Host, endpoints: &[Url]) -> Vec<Credential> {
        if endpoints.is_empty() {
            return self.logins_of(host);
        }
        let of = |endpoint: &Url| {
            let name = if is_own(host, endpoint) { Some(host.clone()) } else { named(endpoint) };
            let mut found = name.map(|name| self.logins_of(&name)).unwrap_or_default();
            found.iter_mut().for_each(|credential| credential.endpoint = Some(endpoint.clone()));
            found
        };
        endpoints.iter().flat_map(of).collect()
    }

    // Helpers are programs: others of our tasks go on meanwhile.
    fn logins_of(&self, host: &Host) -> Vec<Credential> {
        let found = tokio::task::block_in_place(|| self.wallet.find(host));
        failure::warn(&found.warnings);
        found.credentials
    }

    fn make(&self, host: &Host) -> Result<Registry, SettingsError> {
        let usual = RegistryDefaults::of(host);
        let said = self.configured.get(host).map(|registry| registry.habits).unwrap_or_default();
        let mut settings = self.settings(host);
        settings.rate = settings.rate.or(usual.rate);
        Ok(Registry {
            remote: Remote::new(host.clone(), &settings)?,
            format: said.format.unwrap_or(usual.format),
            reserve: said.reserve.unwrap_or(usual.reserve),
            chunk: said.chunk.or(usual.chunk),
        })
    }
}

impl World for Standalone {
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError> {
        let known = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = known().get(host) {
            return Ok(registry.clone());
        }
        let made = self.make(host)?;
        // Whoever was first: its connections and tokens are shared.
        Ok(known().entry(host.clone()).or_insert(made).clone())
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.ledger)
    }
}

// The name by which an address is logged in to.
fn named(endpoint: &Url) -> Option<Host> {
    endpoint[url::Position::BeforeHost..url::Position::AfterPort].parse().ok()
}

// A host that somebody named may be at a private address, unlike what a registry leads to; on this very machine it
// speaks plain HTTP, as Docker has it too.
fn address(host: &Host) -> Option<Url> {
    if host.is_docker_hub() {
        return None;
    }
    let scheme = if is_here(host.name()) { "http" } else { "https" };
    format!("{scheme}://{host}").parse().ok()
}

fn is_here(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost"
        || name.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_where_their_name_says() {
        for (host, url) in [
            ("quay.io", Some("https://quay.io/")),
            ("10.0.0.7:5000", Some("https://10.0.0.7:5000/")),
            ("localhost:5000", Some("http://localhost:5000/")),
            ("127.0.0.1", Some("http://127.0.0.1/")),
            ("[::1]:5000", Some("http://[::1]:5000/")),
            ("docker.io", None),
        ] {
            assert_eq!(address(&host.parse().unwrap()).as_ref().map(Url::as_str), url, "{host}");
        }
    }
}
