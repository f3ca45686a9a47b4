//! Which endpoint may see which account. Pure.
//!
//! A password is meant for the registry of that name. An endpoint of another name, such as a mirror that somebody
//! else runs, sees an account only if the configuration says so.

use entrepot_oci::{Host, Repository};
use url::Url;

use crate::{
    endpoint::Endpoint,
    settings::{AccountFault, Credential, Settings},
};

impl Settings {
    /// The first account whose endpoint is unclear, by its index in [`Settings::credentials`].
    pub fn unclear_account(&self, host: &Host) -> Option<(usize, AccountFault)> {
        let is_foreign = self.endpoints.iter().any(|endpoint| !is_own(host, endpoint));
        self.credentials.iter().enumerate().find_map(|(index, credential)| match &credential.endpoint {
            None if is_foreign => Some((index, AccountFault::EndpointMissing)),
            Some(named) if !self.endpoints.contains(named) => Some((index, AccountFault::EndpointUnknown)),
            _ => None,
        })
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
pub(crate) struct Account {
    pub(crate) credential: Credential,
    endpoints: Vec<Endpoint>,
}

impl Account {
    /// Whether the account is used at an endpoint for `repository`, or for requests about no repository.
    pub(crate) fn is_for(&self, endpoint: Endpoint, repository: Option<&Repository>) -> bool {
        self.endpoints.contains(&endpoint)
            && repository.is_none_or(|repository| self.credential.covers(repository))
    }
}

/// The configured accounts, those of the narrowest namespace first.
pub(crate) fn accounts(host: &Host, settings: &Settings, endpoints: &[Url]) -> Vec<Account> {
    let mut accounts: Vec<Account> =
        settings.credentials.iter().map(|one| account(host, one, endpoints)).collect();
    let parts =
        |account: &Account| account.credential.namespace.as_ref().map_or(0, |name| name.parts().count());
    accounts.sort_by_key(|account| std::cmp::Reverse(parts(account)));
    accounts
}

fn account(host: &Host, credential: &Credential, endpoints: &[Url]) -> Account {
    let sees = |endpoint: &Url| match &credential.endpoint {
        Some(named) => named == endpoint,
        None => is_own(host, endpoint),
    };
    let seeing = endpoints.iter().enumerate().filter(|(_, endpoint)| sees(endpoint));
    Account { credential: credential.clone(), endpoints: seeing.map(|(index, _)| Endpoint(index)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn settings(endpoints: &[&str], of_accounts: &[Option<&str>]) -> Settings {
        let credential = |endpoint: &Option<&str>| Credential {
            username: "me".to_owned(),
            password: "canary".into(),
            namespace: None,
            endpoint: endpoint.map(url),
        };
        Settings {
            endpoints: endpoints.iter().map(|text| url(text)).collect(),
            credentials: of_accounts.iter().map(credential).collect(),
            ..Settings::default()
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
            let seen = accounts(&host, &settings, &settings.endpoints);
            seen.iter().map(|account| [0, 1].map(|at| account.is_for(Endpoint(at), None))).collect::<Vec<_>>()
        };
        assert_eq!(at(&[None, Some("https://a.example")]), [[false, true], [true, false]]);
    }
}
