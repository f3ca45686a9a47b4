//! The handle that everything else uses.

use std::{
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use entrepot_bounded_cache::BoundedCache;
use entrepot_catalog::{
    AccountKind, AccountRecord, ApiTokenRecord, Catalog, Error as CatalogError, SessionRecord,
};
use entrepot_oci::Digest;
use entrepot_secrets::SharedKeyring;
use tokio::sync::watch;

use crate::{
    device::DeviceLogins,
    error::OpenError,
    federation::Federation,
    federation_settings::FederationSettings,
    grants::{InForce, RulesInForce},
    name::AccountName,
    password::Passwords,
    principal::Account,
    refusals::Refusals,
    repository_pass::RepositoryPasses,
    rules::Rules,
    session::SessionLimits,
    signing_keys::SigningKeys,
    throttle::Failures,
    verified::VerifiedPasswords,
};

/// How long an account, token or session is remembered without a look into the catalog. Changes made through this handle
/// count at once.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);
/// How many of each are remembered.
const REMEMBERED: u64 = 10_000;
/// How often the last use of an API token or session is written down.
const USE_WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// Accounts, credentials and rights. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Access(pub(crate) Arc<AccessInner>);

/// What the configuration says.
#[derive(Clone, Debug, Default)]
pub struct AccessSettings {
    /// Who may do what.
    pub rules: Rules,
    /// How long sessions last.
    pub sessions: SessionLimits,
    /// Who else says who somebody is.
    pub federation: FederationSettings,
}

pub(crate) struct AccessInner {
    pub(crate) catalog: Catalog,
    /// The rules of the configuration, and with the grants that were made by API.
    pub(crate) configured: Rules,
    pub(crate) in_force: ArcSwap<InForce>,
    pub(crate) refusals: Refusals,
    pub(crate) session_limits: SessionLimits,
    pub(crate) federation: Federation,
    pub(crate) devices: DeviceLogins,
    pub(crate) passes: RepositoryPasses,
    pub(crate) passwords: Passwords,
    pub(crate) verified: VerifiedPasswords,
    pub(crate) by_account: Mutex<Failures<AccountName>>,
    pub(crate) by_address: Mutex<Failures<IpAddr>>,
    pub(crate) keys: SharedKeyring,
    pub(crate) signing_keys: ArcSwap<SigningKeys>,
    /// Held while the signing keys change.
    pub(crate) changing_signing_keys: tokio::sync::Mutex<()>,
    accounts: BoundedCache<i64, Arc<KnownAccount>>,
    accounts_by_name: BoundedCache<AccountName, Arc<KnownAccount>>,
    tokens: BoundedCache<String, Arc<ApiTokenRecord>>,
    sessions: BoundedCache<String, Arc<SessionRecord>>,
    /// API tokens and sessions whose use was written down a short time ago.
    pub(crate) recently_used: BoundedCache<Digest, ()>,
    generation: AtomicU64,
    /// Tells whoever does something long that the generation has risen.
    pub(crate) changes: watch::Sender<()>,
    is_in_use: AtomicBool,
}

/// An account as it is remembered.
pub(crate) struct KnownAccount {
    pub(crate) account: Arc<Account>,
    pub(crate) kind: AccountKind,
    pub(crate) password: Option<String>,
    is_disabled: bool,
    /// Until when its role and groups count; `None` for accounts that were made here.
    confirmed_until: Option<SystemTime>,
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountStatus {
    /// It may.
    Good,
    /// Somebody disabled it.
    Disabled,
    /// Its provider or directory said too long ago which groups it has, or no longer gives it a role.
    Unconfirmed,
}

impl Access {
    /// Opens the accounts and keys of a catalog. Makes the key that signs registry tokens if there is none.
    ///
    /// # Errors
    /// The database failed, `keys` are not those that sealed what is in it, or a provider or directory cannot be set up.
    pub async fn open(
        catalog: Catalog,
        keys: impl Into<SharedKeyring>,
        settings: impl Into<AccessSettings>,
    ) -> Result<Self, OpenError> {
        let AccessSettings { rules, sessions: session_limits, federation } = settings.into();
        let federation = Federation::new(federation)?;
        let keys = keys.into();
        let signing_keys = ArcSwap::from_pointee(SigningKeys::open(&catalog, &keys).await?);
        let is_in_use = AtomicBool::new(has_credentials(&catalog).await?);
        let in_force = InForce::new(&rules, catalog.grants().await?)?;
        Ok(Self(Arc::new(AccessInner {
            catalog,
            configured: rules,
            in_force: ArcSwap::from_pointee(in_force),
            refusals: Refusals::new(),
            session_limits,
            federation,
            devices: DeviceLogins::new(),
            passes: RepositoryPasses::default(),
            passwords: Passwords::new(),
            verified: VerifiedPasswords::new(),
            by_account: Mutex::new(Failures::new()),
            by_address: Mutex::new(Failures::new()),
            keys,
            signing_keys,
            changing_signing_keys: tokio::sync::Mutex::new(()),
            accounts: cache(REMEMBERED_FOR),
            accounts_by_name: cache(REMEMBERED_FOR),
            tokens: cache(REMEMBERED_FOR),
            sessions: cache(REMEMBERED_FOR),
            recently_used: cache(USE_WRITTEN_EVERY),
            generation: AtomicU64::new(0),
            changes: watch::Sender::new(()),
            is_in_use,
        })))
    }

    /// Who may do what.
    pub fn rules(&self) -> RulesInForce {
        RulesInForce(self.0.in_force.load())
    }

    /// Rises with every change of an account or token, and when somebody ends a session. What was found out about a
    /// credential before the last change must be found out again.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// True once there is a password or an API token, or anybody else who says who somebody is, and while a container engine
    /// has a pass. Until then there is nothing to log in with: credentials are not looked at, and may be those of a proxy in
    /// front.
    pub fn is_in_use(&self) -> bool {
        self.0.is_in_use.load(Ordering::Acquire)
            || self.0.federation.is_configured()
            || !self.0.passes.is_empty()
    }
}

impl AccessInner {
    /// The account with this key, if it exists.
    pub(crate) async fn account(&self, id: i64) -> Result<Option<Arc<KnownAccount>>, CatalogError> {
        let known = |record| KnownAccount::of(record, self.federation.max_age());
        let read = async { self.catalog.account(id).await?.map(known).transpose() };
        self.remembered(&self.accounts, id, read).await
    }

    /// The account with this name, if it exists. Clients that send a password with every request are many.
    pub(crate) async fn account_by_name(
        &self,
        name: &AccountName,
    ) -> Result<Option<Arc<KnownAccount>>, CatalogError> {
        let known = |record| KnownAccount::of(record, self.federation.max_age());
        let read = async { self.catalog.account_by_name(name.as_str()).await?.map(known).transpose() };
        self.remembered(&self.accounts_by_name, name.clone(), read).await
    }

    /// The API token with this id, if it exists.
    pub(crate) async fn token(&self, id: &str) -> Result<Option<Arc<ApiTokenRecord>>, CatalogError> {
        self.remembered(&self.tokens, id.to_owned(), self.catalog.api_token(id)).await
    }

    /// The session with this id, if it exists.
    pub(crate) async fn session(&self, id: &str) -> Result<Option<Arc<SessionRecord>>, CatalogError> {
        self.remembered(&self.sessions, id.to_owned(), self.catalog.session(id)).await
    }

    // What is in the cache, or else what `read` finds. What was read before a change is not remembered after it: the change
    // may come in between at any point.
    async fn remembered<K, V>(
        &self,
        cache: &BoundedCache<K, Arc<V>>,
        key: K,
        read: impl Future<Output = Result<Option<V>, CatalogError>>,
    ) -> Result<Option<Arc<V>>, CatalogError>
    where
        K: Hash + Eq + Clone,
    {
        if let Some(known) = cache.get(&key) {
            return Ok(Some(known));
        }
        let generation = self.generation.load(Ordering::Acquire);
        let Some(value) = read.await?.map(Arc::new) else { return Ok(None) };
        cache.insert(key.clone(), Arc::clone(&value));
        if self.generation.load(Ordering::Acquire) != generation {
            cache.remove(&key);
        }
        Ok(Some(value))
    }

    /// Forgets everything remembered, after a change in the catalog.
    pub(crate) fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.accounts.clear();
        self.accounts_by_name.clear();
        self.tokens.clear();
        self.sessions.clear();
        self.verified.forget_all();
        self.changes.send_replace(());
    }

    /// Forgets the sessions that are remembered, after one has ended. What is known of accounts stays: everybody can log
    /// out, and that must not cost others a look-up.
    pub(crate) fn session_ended(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.sessions.clear();
        self.changes.send_replace(());
    }

    /// Finds out whether anybody can log in, after a change.
    pub(crate) async fn find_use(&self) -> Result<(), CatalogError> {
        self.is_in_use.store(has_credentials(&self.catalog).await?, Ordering::Release);
        Ok(())
    }
}

impl From<Rules> for AccessSettings {
    fn from(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }
}

impl KnownAccount {
    pub(crate) fn of(record: AccountRecord, max_age: Duration) -> Result<Self, CatalogError> {
        let damaged = |what| CatalogError::Content { what };
        let account = Account {
            id: record.id,
            name: record.name.parse().map_err(|_| damaged("account name"))?,
            role: record.role.parse().map_err(|_| damaged("role"))?,
            groups: record.groups,
        };
        let confirmed_until = match record.kind {
            AccountKind::Local | AccountKind::Robot => None,
            // The last login is when the groups were last told.
            AccountKind::Oidc | AccountKind::Ldap => {
                Some(record.last_login.map_or(SystemTime::UNIX_EPOCH, |at| at + max_age))
            }
        };
        Ok(Self {
            account: Arc::new(account),
            kind: record.kind,
            password: record.password,
            is_disabled: record.is_disabled,
            confirmed_until,
        })
    }

    /// Whether it may be used.
    pub(crate) fn standing(&self, now: SystemTime) -> AccountStatus {
        match self.confirmed_until {
            _ if self.is_disabled => AccountStatus::Disabled,
            Some(until) if until <= now => AccountStatus::Unconfirmed,
            _ => AccountStatus::Good,
        }
    }

    /// True if it may be used.
    pub(crate) fn is_usable(&self) -> bool {
        self.standing(SystemTime::now()) == AccountStatus::Good
    }
}

fn cache<K: Hash + Eq + Clone, V: Clone>(time: Duration) -> BoundedCache<K, V> {
    BoundedCache::of_entries(REMEMBERED).with_lifetime(time)
}

/// A lock that a panic elsewhere does not take away.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn has_credentials(catalog: &Catalog) -> Result<bool, CatalogError> {
    Ok(catalog.has_passwords().await? || !catalog.api_tokens(None, "", 1).await?.rows.is_empty())
}
