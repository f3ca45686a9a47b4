//! The providers, directories and issuers of the configuration, ready to be asked.

use std::{collections::BTreeMap, time::Duration};

use entrepot_bounded_cache::BoundedCache;
use entrepot_federation::{Attempts, Directory, Issuer, Provider, SetupError};
use tokio::sync::Semaphore;

use crate::{
    error::OpenError,
    federation_settings::{FederationSettings, WorkloadIssuer},
    role_groups::RoleGroups,
    workloads::Workloads,
};

/// How many logins ask the directory at once.
const AT_ONCE: usize = 16;
/// How long a login by the directory counts without asking again.
const REMEMBERED_FOR: Duration = Duration::from_secs(120);
/// How many are remembered.
const REMEMBERED: u64 = 10_000;

/// Whoever else says who somebody is.
pub(crate) struct Federation {
    pub(crate) oidc: Option<Oidc>,
    pub(crate) ldap: Option<Ldap>,
    pub(crate) workloads: Workloads,
    max_age: Duration,
}

/// The OpenID provider that people log in with.
pub(crate) struct Oidc {
    pub(crate) provider: Provider,
    pub(crate) roles: RoleGroups,
    pub(crate) attempts: Attempts,
}

/// The directory that verifies passwords.
pub(crate) struct Ldap {
    pub(crate) directory: Directory,
    pub(crate) roles: RoleGroups,
    pub(crate) turns: Semaphore,
    /// The accounts of names and passwords that the directory confirmed a short time ago, by a keyed hash of both.
    pub(crate) confirmed: BoundedCache<Vec<u8>, i64>,
}

impl Federation {
    pub(crate) fn new(settings: FederationSettings) -> Result<Self, OpenError> {
        let FederationSettings { oidc, ldap, workloads, issuers, groups_max_age } = settings;
        let oidc = match oidc {
            Some(settings) => Some(Oidc {
                provider: Provider::new(settings.provider)?,
                roles: settings.roles,
                attempts: Attempts::new().map_err(|_| OpenError::Random)?,
            }),
            None => None,
        };
        let ldap = match ldap {
            Some(settings) => Some(Ldap {
                directory: Directory::new(settings.directory)?,
                roles: settings.roles,
                turns: Semaphore::new(AT_ONCE),
                confirmed: BoundedCache::of_entries(REMEMBERED).with_lifetime(REMEMBERED_FOR),
            }),
            None => None,
        };
        let workloads = Workloads::new(opened(issuers)?, workloads);
        Ok(Self { oidc, ldap, workloads, max_age: groups_max_age })
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.oidc.is_some() || self.ldap.is_some() || !self.workloads.is_empty()
    }

    /// How long groups count after a provider or directory told them.
    pub(crate) fn max_age(&self) -> Duration {
        self.max_age
    }
}

fn opened(issuers: BTreeMap<String, WorkloadIssuer>) -> Result<Vec<Issuer>, SetupError> {
    let open = |(name, WorkloadIssuer { address, keys }): (String, WorkloadIssuer)| {
        Issuer::new(&name, address, keys)
    };
    issuers.into_iter().map(open).collect()
}
