//! Registries on loopback, with a cache in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use entrepot_oci::{Digest, Host};
use entrepot_remote::{Remote, RemoteSettings, SettingsError};
use entrepot_sync::{
    Registries, Registry, RegistryDefaults, Shape, SyncCache,
    rules::{RuleSection, RuleSet},
};
use entrepot_testkit::TestRegistry;
use futures_util::future::{BoxFuture, FutureExt as _, ready};

/// Every host is where its name says, over plain HTTP, or where it was said to be.
#[derive(Default)]
pub(crate) struct TestRegistries {
    addresses: HashMap<String, String>,
    reserve: u32,
    remotes: Mutex<HashMap<Host, Remote>>,
    memory: Arc<Memory>,
}

#[derive(Default)]
pub(crate) struct Memory {
    forms: Mutex<HashMap<(Digest, Shape), Digest>>,
    verified: Mutex<HashSet<String>>,
}

impl TestRegistries {
    pub(crate) fn plain() -> Arc<dyn Registries> {
        Arc::new(Self::default())
    }

    /// One in which some hosts are elsewhere.
    pub(crate) fn with_hosts(hosts: &[(&str, &TestRegistry)]) -> Arc<dyn Registries> {
        let addresses = hosts.iter().map(|(host, registry)| ((*host).to_owned(), registry.url())).collect();
        Arc::new(Self { addresses, ..Self::default() })
    }

    /// One in which so many pulls are to be left of every budget.
    pub(crate) fn with_reserve(reserve: u32) -> Arc<dyn Registries> {
        Arc::new(Self { reserve, ..Self::default() })
    }
}

impl Registries for TestRegistries {
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError> {
        let mut remotes = self.remotes.lock().unwrap();
        let remote = remotes.entry(host.clone()).or_insert_with(|| {
            let address = self.addresses.get(host.as_str()).cloned();
            let endpoints = vec![address.unwrap_or_else(|| format!("http://{host}")).parse().unwrap()];
            Remote::new(host.clone(), &RemoteSettings { endpoints, ..RemoteSettings::default() }).unwrap()
        });
        let RegistryDefaults { format, .. } = RegistryDefaults::of(host);
        Ok(Registry { remote: remote.clone(), format, reserve: self.reserve, chunk: None })
    }

    fn cache(&self) -> Arc<dyn SyncCache> {
        self.memory.clone()
    }
}

impl SyncCache for Memory {
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>> {
        ready(self.forms.lock().unwrap().get(&(*source, shape.clone())).copied()).boxed()
    }

    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()> {
        self.forms.lock().unwrap().insert((*source, shape.clone()), *converted);
        ready(()).boxed()
    }

    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool> {
        ready(self.verified.lock().unwrap().contains(tag)).boxed()
    }

    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()> {
        self.verified.lock().unwrap().insert(tag.to_owned());
        ready(()).boxed()
    }
}

/// Rules as JSON.
pub(crate) fn rules(json: &str) -> RuleSet {
    let sections: Vec<RuleSection> = serde_json::from_str(json).unwrap();
    RuleSet::check(&sections).unwrap()
}
