//! Which accounts a registry has, and which endpoint may see which of them. No I/O.
//!
//! A password is meant for the registry of that name. An endpoint of another name, such as a mirror that somebody
//! else runs, sees an account only if the configuration says so.

use std::{
    cmp::Reverse,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use entrepot_oci::{Host, Repository};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::{
    credential::Credential,
    endpoint::Endpoint,
    settings::{AccountFault, RemoteSettings},
    stored::StoredAccounts,
};

impl RemoteSettings {
    /// The first account whose endpoint is unclear, by its index in [`RemoteSettings::credentials`].
    pub fn unclear_account(&self, host: &Host) -> Option<(usize, AccountFault)> {
        let mut accounts = self.credentials.iter().enumerate();
        accounts.find_map(|(index, credential)| Some((index, self.fault_of(host, credential)?)))
    }

    /// Why the endpoint of an account is unclear beside these settings, if it is.
    pub fn fault_of(&self, host: &Host, credential: &Credential) -> Option<AccountFault> {
        match &credential.endpoint {
            None if self.endpoints.iter().any(|endpoint| !is_own(host, endpoint)) => {
                Some(AccountFault::EndpointMissing)
            }
            Some(named) if !self.endpoints.contains(named) => Some(AccountFault::EndpointUnknown),
            _ => None,
        }
    }
}

/// Whether `endpoint` is the registry itself, by name and port. All of Docker Hub's names are Docker Hub.
pub fn is_own(host: &Host, endpoint: &Url) -> bool {
    let Some(name) = endpoint.host_str() else { return false };
    let is = |text: &str| text.parse::<Host>().is_ok_and(|one| one == *host);
    let port = endpoint.port_or_known_default().unwrap_or_default();
    is(&format!("{name}:{port}")) || (endpoint.port().is_none() && is(name))
}

/// An account and the endpoints that may see it.
#[derive(Clone)]
pub(crate) struct Account {
    /// Names it among those of its registry, for as long as it stays the same.
    pub(crate) id: usize,
    pub(crate) credential: Credential,
    // By index.
    endpoints: Vec<usize>,
}

/// The accounts of a registry: those of its settings, then the stored ones, and the logins while there are no others.
pub(crate) struct Accounts {
    host: Host,
    /// What they are made of.
    settings: RemoteSettings,
    endpoints: Vec<Url>,
    current: ArcSwap<CurrentAccounts>,
    /// The id of the next account that is new. Held while the accounts change.
    next_id: Mutex<usize>,
}

/// The accounts, and the stored ones that they were made with.
struct CurrentAccounts {
    stored: Arc<StoredAccounts>,
    accounts: Arc<[Account]>,
}

impl Account {
    /// Whether the account is used at an endpoint for `repository`, or for requests about no repository.
    pub(crate) fn is_for(&self, endpoint: Endpoint, repository: Option<&Repository>) -> bool {
        self.endpoints.contains(&endpoint.index)
            && repository.is_none_or(|repository| self.credential.covers(repository))
    }
}

impl Accounts {
    pub(crate) fn new(host: &Host, settings: &RemoteSettings, endpoints: &[Url]) -> Self {
        let current = CurrentAccounts { stored: Arc::default(), accounts: Arc::from([]) };
        let accounts = Self {
            host: host.clone(),
            settings: settings.clone(),
            endpoints: endpoints.to_vec(),
            current: ArcSwap::from_pointee(current),
            next_id: Mutex::new(0),
        };
        accounts.renew(settings.stored.now());
        accounts
    }

    /// The accounts as they are now, those of the narrowest namespace first.
    pub(crate) fn now(&self) -> Arc<[Account]> {
        let current = self.current.load();
        if self.settings.stored.is_still(&current.stored) {
            return Arc::clone(&current.accounts);
        }
        self.renew(self.settings.stored.now())
    }

    // An account that is the same keeps its id, and with it the tokens that it was given. An id is never used again.
    fn renew(&self, stored: Arc<StoredAccounts>) -> Arc<[Account]> {
        let mut next_id = self.next_id.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.load();
        let mut accounts = Vec::new();
        for credential in self.usable(&stored) {
            let known = before.accounts.iter().find(|account| is_same(&account.credential, credential));
            let id = known.map_or(*next_id, |known| known.id);
            *next_id = (*next_id).max(id + 1);
            accounts.push(self.account(id, credential));
        }
        let parts =
            |account: &Account| account.credential.namespace.as_ref().map_or(0, |name| name.parts().count());
        accounts.sort_by_key(|account| Reverse(parts(account)));
        let accounts: Arc<[Account]> = accounts.into();
        self.current.store(Arc::new(CurrentAccounts { stored, accounts: Arc::clone(&accounts) }));
        accounts
    }

    // A stored account of which it is unclear who may see it is shown to nobody.
    fn usable<'a>(&'a self, stored: &'a StoredAccounts) -> impl Iterator<Item = &'a Credential> {
        let stored = stored.get(&self.host).into_iter().flatten();
        let stored: Vec<_> = stored.filter(|one| self.settings.fault_of(&self.host, one).is_none()).collect();
        let has_others = !self.settings.credentials.is_empty() || !stored.is_empty();
        let logins = self.settings.logins.iter().filter(move |_| !has_others);
        self.settings.credentials.iter().chain(stored).chain(logins)
    }

    fn account(&self, id: usize, credential: &Credential) -> Account {
        let sees = |endpoint: &Url| match &credential.endpoint {
            Some(named) => named == endpoint,
            None => is_own(&self.host, endpoint),
        };
        let seeing = self.endpoints.iter().enumerate().filter(|(_, endpoint)| sees(endpoint));
        let endpoints = seeing.map(|(index, _)| index).collect();
        Account { id, credential: credential.clone(), endpoints }
    }
}

fn is_same(one: &Credential, other: &Credential) -> bool {
    one.username == other.username
        && one.password.expose_secret() == other.password.expose_secret()
        && one.namespace == other.namespace
        && one.endpoint == other.endpoint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn settings(endpoints: &[&str], of_accounts: &[Option<&str>]) -> RemoteSettings {
        let credential = |endpoint: &Option<&str>| Credential {
            username: "me".to_owned(),
            password: "canary".into(),
            namespace: None,
            endpoint: endpoint.map(url),
        };
        RemoteSettings {
            endpoints: endpoints.iter().map(|text| url(text)).collect(),
            credentials: of_accounts.iter().map(credential).collect(),
            ..RemoteSettings::default()
        }
    }

    #[test]
    fn a_registry_has_its_own_name_and_port() {
        for (host, own, foreign) in [
            ("quay.io", "https://quay.io", "https://quay.io.evil.example"),
            ("quay.io", "http://quay.io", "http://quay.io:5000"),
            ("quay.io", "https://quay.io:443", "https://cdn.quay.io"),
            ("docker.io", "https://registry-1.docker.io", "https://mirror.docker.io"),
            ("docker.io", "https://index.docker.io", "https://docker.io:8443"),
            ("lab.test:5000", "http://lab.test:5000", "http://lab.test"),
            ("lab.test:443", "https://lab.test", "https://lab.test:444"),
            ("[::1]:5000", "http://[0:0::1]:5000", "http://[::1]:5001"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000", "http://127.0.0.2:5000"),
        ] {
            let host = host.parse().unwrap();
            assert!(is_own(&host, &url(own)) && !is_own(&host, &url(foreign)), "{host} {own} {foreign}");
        }
    }

    #[test]
    fn whom_an_account_is_for_must_be_clear() {
        let (own, accelerator) = ("https://quay.io", "https://accelerator.example");
        for (endpoints, of_accounts, fault) in [
            (&[][..], &[None][..], None),
            (&[own], &[None], None),
            (&[own, "http://quay.io"], &[None], None),
            (&[own], &[Some(own)], None),
            (&[accelerator, own], &[Some(accelerator), Some(own)], None),
            (&[accelerator], &[], None),
            (&[accelerator], &[None], Some((0, AccountFault::EndpointMissing))),
            (&[accelerator, own], &[Some(own), None], Some((1, AccountFault::EndpointMissing))),
            (&[own], &[Some(accelerator)], Some((0, AccountFault::EndpointUnknown))),
            (&[], &[Some(own)], Some((0, AccountFault::EndpointUnknown))),
        ] {
            let settings = settings(endpoints, of_accounts);
            let found = settings.unclear_account(&"quay.io".parse().unwrap());
            assert_eq!(found, fault, "{endpoints:?} {of_accounts:?}");
        }
    }

    #[test]
    fn an_account_is_seen_by_whom_it_is_for() {
        let host = "quay.io".parse().unwrap();
        let at = |of_accounts: &[Option<&str>]| {
            let settings = settings(&["https://a.example", "https://quay.io"], of_accounts);
            let seen = Accounts::new(&host, &settings, &settings.endpoints).now();
            seen.iter()
                .map(|account| [0, 1].map(|at| account.is_for(Endpoint::first_link(at), None)))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(&[None, Some("https://a.example")]), [[false, true], [true, false]]);
    }

    #[test]
    fn stored_accounts_come_after_those_of_the_settings_and_before_logins() {
        let host: Host = "quay.io".parse().unwrap();
        let named = |username: &str, namespace: Option<&str>| Credential {
            username: username.to_owned(),
            password: "canary".into(),
            namespace: namespace.map(|text| text.parse().unwrap()),
            endpoint: None,
        };
        let stored = crate::StoredCredentials::default();
        let with = |credentials: Vec<Credential>| {
            let logins = vec![named("login", None)];
            Accounts::new(
                &host,
                &RemoteSettings { credentials, stored: stored.clone(), logins, ..RemoteSettings::default() },
                &[],
            )
        };
        let names = |accounts: &Accounts| {
            accounts.now().iter().map(|one| (one.id, one.credential.username.clone())).collect::<Vec<_>>()
        };
        let is = |found: Vec<(usize, String)>, wanted: &[(usize, &str)]| {
            assert_eq!(found.iter().map(|(id, name)| (*id, name.as_str())).collect::<Vec<_>>(), wanted);
        };
        let (bare, configured) = (with(Vec::new()), with(vec![named("file", None)]));
        is(names(&bare), &[(0, "login")]);
        is(names(&configured), &[(0, "file")]);

        stored.replace([(host.clone(), vec![named("a", None), named("b", Some("org"))])].into());
        is(names(&bare), &[(2, "b"), (1, "a")]);
        is(names(&configured), &[(2, "b"), (0, "file"), (1, "a")]);

        // What is the same keeps its id; what was removed and comes back is new.
        stored.replace([(host.clone(), vec![named("b", Some("org"))])].into());
        is(names(&configured), &[(2, "b"), (0, "file")]);
        stored.replace([("docker.io".parse().unwrap(), vec![named("c", None)])].into());
        is(names(&bare), &[(3, "login")]);
        is(names(&configured), &[(0, "file")]);
    }

    #[test]
    fn a_stored_account_is_not_shown_to_an_endpoint_that_it_does_not_name() {
        let host: Host = "quay.io".parse().unwrap();
        let mut settings = settings(&["https://accelerator.example"], &[None]);
        let stored = std::mem::take(&mut settings.credentials);
        settings.stored.replace([(host.clone(), stored)].into());
        assert!(Accounts::new(&host, &settings, &settings.endpoints).now().is_empty());
    }
}
