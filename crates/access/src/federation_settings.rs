//! The parts of the section `access` about providers, directories and workloads.

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, time::Duration};

use entrepot_federation::{
    DirectorySettings, Dn, FilterTemplate, GroupSearch, KeySource, ProviderSettings, Trust,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use crate::{
    role::Role,
    role_groups::RoleGroups,
    settings_fault::{SettingsFault, fault, patterns, verbs},
    workload::WorkloadRule,
};

/// How long groups count after a provider or directory told them.
const GROUPS_MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The most levels of groups of groups.
const MAX_NESTED: u8 = 5;

/// `access.oidc` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSection {
    /// The provider, as it writes itself.
    pub issuer: String,
    /// What people call it.
    pub name: Option<String>,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Option<SecretString>,
    /// What to ask for, beside `openid`.
    pub scopes: Option<Vec<String>>,
    /// The claim with the groups.
    pub groups_claim: Option<String>,
    /// The claim that accounts are named by.
    pub name_claim: Option<String>,
    /// Certificates to accept, in PEM format.
    pub ca: Option<PathBuf>,
    /// Whether it may name other hosts at private addresses.
    #[serde(default)]
    pub private_network: bool,
    /// Groups of admins.
    #[serde(default)]
    pub admins: Vec<String>,
    /// Groups of operators.
    #[serde(default)]
    pub operators: Vec<String>,
    /// Groups of users.
    #[serde(default)]
    pub users: Vec<String>,
    /// Groups of viewers.
    #[serde(default)]
    pub viewers: Vec<String>,
}

/// `access.ldap` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSection {
    /// `ldaps://HOST`, or `ldap://HOST` with `start_tls`.
    pub url: String,
    /// Whether a connection turns to TLS before anything else.
    #[serde(default)]
    pub start_tls: bool,
    /// Whether passwords may be sent without TLS.
    #[serde(default)]
    pub insecure: bool,
    /// Certificates to accept, in PEM format.
    pub ca: Option<PathBuf>,
    /// Who searches.
    pub bind_dn: Option<String>,
    /// With which password.
    pub bind_password: Option<SecretString>,
    /// Below which entry people are.
    pub base: String,
    /// Which entry is somebody's.
    pub filter: Option<String>,
    /// The attribute that accounts are named by.
    pub name_attribute: Option<String>,
    /// The attribute of a person's entry that lists their groups.
    pub groups_attribute: Option<String>,
    /// Below which entry groups are.
    pub group_base: Option<String>,
    /// Which groups somebody is in.
    pub group_filter: Option<String>,
    /// How many levels of groups of groups are followed.
    #[serde(default)]
    pub nested: u8,
    /// Groups of admins.
    #[serde(default)]
    pub admins: Vec<String>,
    /// Groups of operators.
    #[serde(default)]
    pub operators: Vec<String>,
    /// Groups of users.
    #[serde(default)]
    pub users: Vec<String>,
    /// Groups of viewers.
    #[serde(default)]
    pub viewers: Vec<String>,
}

/// One of `access.workloads` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSection {
    /// Who vouches for the workloads.
    pub issuer: String,
    /// Whom their token must be for.
    pub audience: String,
    /// What it must say.
    pub claims: BTreeMap<String, String>,
    /// Patterns of repositories.
    pub repositories: Vec<String>,
    /// Verbs.
    pub may: Vec<String>,
    /// The issuer's keys, where it cannot be reached.
    pub jwks_file: Option<PathBuf>,
    /// Certificates to accept, in PEM format.
    pub ca: Option<PathBuf>,
    /// Whether it may name other hosts at private addresses.
    #[serde(default)]
    pub private_network: bool,
}

/// Who else says who somebody is.
#[derive(Clone, Debug)]
pub struct FederationSettings {
    /// The OpenID provider that people log in with.
    pub oidc: Option<OidcSettings>,
    /// The directory that verifies passwords.
    pub ldap: Option<LdapSettings>,
    /// The rules for workloads.
    pub workloads: Vec<WorkloadRule>,
    /// How long groups count after a provider or directory told them.
    pub groups_max_age: Duration,
    pub(crate) issuers: BTreeMap<String, WorkloadIssuer>,
}

/// `access.oidc`, checked.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// What people call the provider.
    pub name: String,
    /// The provider.
    pub provider: ProviderSettings,
    /// Which groups give which role.
    pub roles: RoleGroups,
}

/// `access.ldap`, checked.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// The directory.
    pub directory: DirectorySettings,
    /// Which groups give which role, by their normalised names.
    pub roles: RoleGroups,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkloadIssuer {
    pub(crate) address: Url,
    pub(crate) keys: KeySource,
}

impl Default for FederationSettings {
    fn default() -> Self {
        Self {
            oidc: None,
            ldap: None,
            workloads: Vec::new(),
            groups_max_age: GROUPS_MAX_AGE,
            issuers: BTreeMap::new(),
        }
    }
}

impl OidcSection {
    pub(crate) fn settings(&self) -> Result<OidcSettings, SettingsFault> {
        let address = issuer(&self.issuer, &["oidc", "issuer"])?;
        present(&self.client_id, &["oidc", "client_id"])?;
        if let Some(secret) = &self.client_secret {
            present(secret.expose_secret(), &["oidc", "client_secret"])?;
        }
        let roles = RoleGroups::new([
            (Role::Admin, self.admins.clone()),
            (Role::Operator, self.operators.clone()),
            (Role::User, self.users.clone()),
            (Role::Viewer, self.viewers.clone()),
        ]);
        somebody(&roles, "oidc")?;
        let scopes = || vec!["profile".to_owned(), "email".to_owned()];
        let or = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
        let provider = ProviderSettings {
            issuer: self.issuer.clone(),
            address,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            scopes: self.scopes.clone().unwrap_or_else(scopes),
            groups_claim: or(&self.groups_claim, "groups"),
            name_claim: or(&self.name_claim, "preferred_username"),
            trust: Trust { ca: self.ca.clone(), private_network: self.private_network },
        };
        let host = || provider.address.host_str().unwrap_or_default().to_owned();
        let name = self.name.clone().unwrap_or_else(host);
        Ok(OidcSettings { name, provider, roles })
    }
}

impl LdapSection {
    pub(crate) fn settings(&self) -> Result<LdapSettings, SettingsFault> {
        let url = self.address()?;
        let bind = match (&self.bind_dn, &self.bind_password) {
            (Some(dn), Some(password)) => {
                self.dn(dn, "bind_dn")?;
                present(password.expose_secret(), &["ldap", "bind_password"])?;
                Some((dn.clone(), password.clone()))
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(fault(&["ldap"], "`bind_dn` and `bind_password` go together"));
            }
        };
        self.dn(&self.base, "base")?;
        let filter = template(self.filter.as_deref().unwrap_or("(uid={user})"), "filter")?;
        let named = self.name_attribute.as_deref().or_else(|| filter.name_attribute());
        let name_attribute = named.unwrap_or("uid").to_owned();
        let groups_attribute = self.groups_attribute.clone().unwrap_or_else(|| "memberOf".to_owned());
        let groups = self.group_search()?;
        let roles = RoleGroups::new([
            (Role::Admin, self.groups(&self.admins, "admins")?),
            (Role::Operator, self.groups(&self.operators, "operators")?),
            (Role::User, self.groups(&self.users, "users")?),
            (Role::Viewer, self.groups(&self.viewers, "viewers")?),
        ]);
        somebody(&roles, "ldap")?;
        let directory = DirectorySettings {
            url,
            start_tls: self.start_tls,
            ca: self.ca.clone(),
            bind,
            base: self.base.clone(),
            filter,
            name_attribute,
            groups_attribute,
            groups,
        };
        Ok(LdapSettings { directory, roles })
    }

    fn address(&self) -> Result<Url, SettingsFault> {
        let wrong = |what: &str| fault(&["ldap", "url"], what);
        let url: Url =
            self.url.parse().map_err(|_| wrong("it is not an address such as `ldaps://ldap.example.org`"))?;
        let is_plain = match url.scheme() {
            "ldaps" if self.start_tls => {
                return Err(wrong("`ldaps://` has TLS from the start: leave out `start_tls`"));
            }
            "ldaps" => false,
            "ldap" => !self.start_tls,
            _ => return Err(wrong("it begins with neither `ldaps://` nor `ldap://`")),
        };
        let is_bare = url.username().is_empty() && matches!(url.path(), "" | "/") && url.query().is_none();
        if !is_bare || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong(
                "it has a host and perhaps a port, and nothing else: the rest has keys of its own",
            ));
        }
        if is_plain && !self.insecure && !is_loopback(&url) {
            return Err(wrong(
                "passwords would be sent without TLS: write `ldaps://`, `start_tls: true`, or `insecure: true`",
            ));
        }
        Ok(url)
    }

    fn group_search(&self) -> Result<Option<GroupSearch>, SettingsFault> {
        let Some(base) = &self.group_base else {
            return match (&self.group_filter, self.nested) {
                (None, 0) => Ok(None),
                (Some(_), _) => {
                    Err(fault(&["ldap", "group_filter"], "it needs `group_base`, below which groups are"))
                }
                (None, _) => Err(fault(&["ldap", "nested"], "it needs `group_base`, below which groups are")),
            };
        };
        self.dn(base, "group_base")?;
        let filter = template(self.group_filter.as_deref().unwrap_or("(member={dn})"), "group_filter")?;
        if self.nested > MAX_NESTED {
            return Err(fault(&["ldap", "nested"], format!("at most {MAX_NESTED} levels are followed")));
        }
        if self.nested > 0 && !filter.is_by_dn() {
            return Err(fault(
                &["ldap", "nested"],
                "groups of groups are found by `{dn}` alone: use it in `group_filter`",
            ));
        }
        Ok(Some(GroupSearch { base: base.clone(), filter, nested: self.nested }))
    }

    fn dn(&self, text: &str, key: &str) -> Result<Dn, SettingsFault> {
        text.parse().map_err(|error| fault(&["ldap", key], error))
    }

    fn groups(&self, names: &[String], key: &str) -> Result<Vec<String>, SettingsFault> {
        let read = |(at, name): (usize, &String)| match name.parse::<Dn>() {
            Ok(dn) => Ok(dn.to_string()),
            Err(error) => Err(fault(&["ldap", key, &at.to_string()], error)),
        };
        names.iter().enumerate().map(read).collect()
    }
}

impl FederationSettings {
    pub(crate) fn add_workload(&mut self, section: &WorkloadSection, at: usize) -> Result<(), SettingsFault> {
        let at = at.to_string();
        let path = |key: &'static str| ["workloads".to_owned(), at.clone(), key.to_owned()];
        let wrong = |key, what: &str| {
            let path = path(key);
            fault(&path.each_ref().map(String::as_str), what)
        };
        let address = issuer(&section.issuer, &["workloads", &at, "issuer"])?;
        present(&section.audience, &["workloads", &at, "audience"])?;
        // A platform signs for all its customers.
        if section.claims.values().all(|pattern| pattern.bytes().all(|byte| byte == b'*')) {
            return Err(wrong(
                "claims",
                "the rule would let in everybody whom this issuer knows: name a claim and its value",
            ));
        }
        if section.jwks_file.is_some() && (section.ca.is_some() || section.private_network) {
            return Err(wrong(
                "jwks_file",
                "with it, the issuer is not asked: leave out `ca` and `private_network`",
            ));
        }
        let keys = match &section.jwks_file {
            Some(path) => KeySource::File(path.clone()),
            None => KeySource::Discovery(Trust {
                ca: section.ca.clone(),
                private_network: section.private_network,
            }),
        };
        let new = WorkloadIssuer { address, keys };
        if *self.issuers.entry(section.issuer.clone()).or_insert_with(|| new.clone()) != new {
            return Err(wrong("issuer", "another rule says differently how this issuer's keys are had"));
        }
        self.workloads.push(WorkloadRule {
            issuer: section.issuer.clone(),
            audience: section.audience.clone(),
            claims: section.claims.clone(),
            repositories: patterns(&section.repositories, &["workloads", &at, "repositories"])?,
            may: verbs(&section.may, &["workloads", &at, "may"])?,
        });
        Ok(())
    }
}

/// An issuer as an address. It has to be `https`, but on this machine.
fn issuer(text: &str, path: &[&str]) -> Result<Url, SettingsFault> {
    let url: Url =
        text.parse().map_err(|_| fault(path, "it is not an address such as `https://id.example.org`"))?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(fault(path, "it has to begin with `https://`"));
    }
    let is_bare = url.username().is_empty() && url.password().is_none();
    if !is_bare || url.query().is_some() || url.fragment().is_some() {
        return Err(fault(path, "it has neither a user, nor a query, nor a fragment"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // In other schemes than those of the web, IPv4 addresses are names.
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn template(text: &str, key: &str) -> Result<FilterTemplate, SettingsFault> {
    FilterTemplate::new(text).map_err(|error| fault(&["ldap", key], error))
}

fn present(text: &str, path: &[&str]) -> Result<(), SettingsFault> {
    if text.trim().is_empty() { Err(fault(path, "this is empty")) } else { Ok(()) }
}

fn somebody(roles: &RoleGroups, key: &str) -> Result<(), SettingsFault> {
    let what = "nobody could log in: name groups under `admins`, `operators`, `users` or `viewers`";
    if roles.is_empty() { Err(fault(&[key], what)) } else { Ok(()) }
}

#[cfg(test)]
#[path = "federation_settings_tests.rs"]
mod tests;
