//! Configured registries: provides a client for any host, with its settings and logins.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use entrepot_oci::Host;
use entrepot_remote::{
    Credential, LinkTable, Quotas, Remote, RemoteSettings, SettingsError, StoredCredentials, is_own,
};
use url::Url;

use crate::{
    cache::SyncCache,
    job::Format,
    registries::{Registries, Registry},
    registry_defaults::RegistryDefaults,
};

/// The configuration of a registry.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    /// Client settings.
    pub remote: RemoteSettings,
    /// The manifest format it accepts; `None` means the usual one.
    pub format: Option<Format>,
    /// Manifest requests of its budget to leave for others; `None` means the usual number.
    pub reserve: Option<u32>,
    /// The largest upload in one request, in bytes; `None` means the usual size.
    pub chunk: Option<u64>,
}

/// Finds this user's logins for a host, as Docker and podman store them. May block.
pub type FindLogins = Box<dyn Fn(&Host) -> Vec<Credential> + Send + Sync>;

/// Registries with the settings of a configuration. Its accounts come first, then stored ones; a registry without any gets
/// this user's logins.
pub struct ConfiguredRegistries {
    configured: BTreeMap<Host, RegistrySettings>,
    find_logins: FindLogins,
    stored: StoredCredentials,
    quotas: Quotas,
    links: LinkTable,
    cache: Arc<dyn SyncCache>,
    made: Mutex<HashMap<Host, Registry>>,
}

impl ConfiguredRegistries {
    /// Registries with these settings; other hosts get the defaults.
    pub fn new(
        configured: BTreeMap<Host, RegistrySettings>,
        find_logins: FindLogins,
        cache: Arc<dyn SyncCache>,
    ) -> Self {
        Self {
            configured,
            find_logins,
            stored: StoredCredentials::default(),
            quotas: Quotas::default(),
            links: LinkTable::default(),
            cache,
            made: Mutex::default(),
        }
    }

    /// The same, with stored accounts. They may change at any time.
    #[must_use]
    pub fn with_stored(self, stored: StoredCredentials) -> Self {
        Self { stored, ..self }
    }

    /// The same, with what is known elsewhere of the pulls that accounts have left.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// The same, with links that other registries share.
    #[must_use]
    pub fn with_links(self, links: LinkTable) -> Self {
        Self { links, ..self }
    }

    /// True if an account is known for `host`.
    pub fn has_account(&self, host: &Host) -> bool {
        let settings = self.settings(host);
        !settings.credentials.is_empty() || self.stored.have(host) || !settings.logins.is_empty()
    }

    /// Client settings for `host`, with accounts.
    fn settings(&self, host: &Host) -> RemoteSettings {
        let mut settings = self.bare(host);
        settings.stored = self.stored.clone();
        settings.link_table = self.links.clone();
        if settings.credentials.is_empty() {
            settings.logins = self.logins(host, &settings.endpoints);
        }
        settings
    }

    /// Client settings for `host`, without stored accounts and this user's logins.
    pub fn bare(&self, host: &Host) -> RemoteSettings {
        let mut settings =
            self.configured.get(host).map(|registry| registry.remote.clone()).unwrap_or_default();
        settings.quotas = self.quotas.clone();
        if settings.endpoints.is_empty() {
            settings.endpoints.extend(address(host));
        }
        settings
    }

    // A login is for the host it names: the registry's own is not sent to endpoints with other names, which may have
    // their own.
    fn logins(&self, host: &Host, endpoints: &[Url]) -> Vec<Credential> {
        if endpoints.is_empty() {
            return (self.find_logins)(host);
        }
        let of = |endpoint: &Url| {
            let name = if is_own(host, endpoint) { Some(host.clone()) } else { named(endpoint) };
            let mut found = name.map(|name| (self.find_logins)(&name)).unwrap_or_default();
            found.iter_mut().for_each(|credential| credential.endpoint = Some(endpoint.clone()));
            found
        };
        endpoints.iter().flat_map(of).collect()
    }

    fn make(&self, host: &Host) -> Result<Registry, SettingsError> {
        let usual = RegistryDefaults::of(host);
        let said = self.configured.get(host).cloned().unwrap_or_default();
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

impl Registries for ConfiguredRegistries {
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError> {
        let known = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = known().get(host) {
            return Ok(registry.clone());
        }
        let made = self.make(host)?;
        // Keep the first one: its connections and tokens are shared.
        Ok(known().entry(host.clone()).or_insert(made).clone())
    }

    fn cache(&self) -> Arc<dyn SyncCache> {
        Arc::clone(&self.cache)
    }
}

// The host that a login for an address names.
fn named(endpoint: &Url) -> Option<Host> {
    endpoint[url::Position::BeforeHost..url::Position::AfterPort].parse().ok()
}

// A host named by the user may have a private address, unlike one that a registry redirects to. On this machine it uses
// plain HTTP, as in Docker.
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
