//! The handle that everything else uses.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use entrepot_catalog::{AccountRecord, ApiTokenRecord, Catalog, SigningKeyRecord};
use entrepot_oci::Digest;
use entrepot_secrets::{Keyring, Place, Sealed};

use crate::{
    error::OpenError,
    name::AccountName,
    password::Passwords,
    principal::Account,
    registry_token::{SigningKey, VerifyingKeys},
    rules::Rules,
    throttle::Failures,
    verified::Verified,
};

/// How long an account or token is remembered without a look into the catalog. Changes made through this handle count at
/// once.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);
/// How many accounts and tokens are remembered.
const REMEMBERED: u64 = 10_000;
/// How often the last use of an API token is written down.
const USE_WRITTEN_EVERY: Duration = Duration::from_secs(60);
/// What the key file is recognised by.
const CHECK: Place<'static> = Place { table: "seal_check", column: "sealed", row: "0" };
const CHECK_TEXT: &[u8] = b"entrepot";

/// Accounts, credentials and rights. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Access(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) catalog: Catalog,
    pub(crate) rules: Rules,
    pub(crate) passwords: Passwords,
    pub(crate) verified: Verified,
    pub(crate) by_account: Mutex<Failures<AccountName>>,
    pub(crate) by_address: Mutex<Failures<IpAddr>>,
    pub(crate) signing: SigningKey,
    pub(crate) verifying: VerifyingKeys,
    accounts: moka::sync::Cache<i64, Arc<KnownAccount>>,
    tokens: moka::sync::Cache<String, Arc<ApiTokenRecord>>,
    /// API tokens whose use was written down a short time ago.
    pub(crate) recently_used: moka::sync::Cache<Digest, ()>,
    generation: AtomicU64,
    is_in_use: AtomicBool,
}

/// An account as it is remembered.
pub(crate) struct KnownAccount {
    pub(crate) account: Arc<Account>,
    pub(crate) is_disabled: bool,
    pub(crate) password: Option<String>,
}

impl Access {
    /// Opens the accounts and keys of a catalog. Makes the key that signs registry tokens if there is none.
    ///
    /// # Errors
    /// The database failed, or `keyring` is not the one that sealed what is in it.
    pub async fn open(catalog: Catalog, keyring: Keyring, rules: Rules) -> Result<Self, OpenError> {
        check_keyring(&catalog, &keyring).await?;
        let (signing, verifying) = signing_keys(&catalog, &keyring).await?;
        let is_in_use = AtomicBool::new(has_credentials(&catalog).await?);
        Ok(Self(Arc::new(Shared {
            catalog,
            rules,
            passwords: Passwords::new(),
            verified: Verified::new(),
            by_account: Mutex::new(Failures::new()),
            by_address: Mutex::new(Failures::new()),
            signing,
            verifying,
            accounts: remembered(REMEMBERED_FOR),
            tokens: remembered(REMEMBERED_FOR),
            recently_used: remembered(USE_WRITTEN_EVERY),
            generation: AtomicU64::new(0),
            is_in_use,
        })))
    }

    /// Who may do what.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Rises with every change of an account or token. What was found out about a credential before the last change must
    /// be found out again.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// True once there is a password or an API token. Until then there is nothing to log in with: credentials are not
    /// looked at, and may be those of a proxy in front.
    pub fn is_in_use(&self) -> bool {
        self.0.is_in_use.load(Ordering::Acquire)
    }
}

impl Shared {
    /// The account with this key, if it exists.
    pub(crate) async fn account(
        &self,
        id: i64,
    ) -> Result<Option<Arc<KnownAccount>>, entrepot_catalog::Error> {
        if let Some(known) = self.accounts.get(&id) {
            return Ok(Some(known));
        }
        let generation = self.generation.load(Ordering::Acquire);
        let Some(record) = self.catalog.account(id).await? else { return Ok(None) };
        let known = Arc::new(KnownAccount::of(record)?);
        self.remember(generation, || self.accounts.insert(id, Arc::clone(&known)));
        Ok(Some(known))
    }

    /// The API token with this id, if it exists.
    pub(crate) async fn token(
        &self,
        id: &str,
    ) -> Result<Option<Arc<ApiTokenRecord>>, entrepot_catalog::Error> {
        if let Some(known) = self.tokens.get(id) {
            return Ok(Some(known));
        }
        let generation = self.generation.load(Ordering::Acquire);
        let Some(record) = self.catalog.api_token(id).await? else { return Ok(None) };
        let known = Arc::new(record);
        self.remember(generation, || self.tokens.insert(id.to_owned(), Arc::clone(&known)));
        Ok(Some(known))
    }

    // What was read before a change is not remembered after it.
    fn remember(&self, read_at: u64, insert: impl FnOnce()) {
        if self.generation.load(Ordering::Acquire) == read_at {
            insert();
        }
    }

    /// Forgets everything remembered, after a change in the catalog.
    pub(crate) fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.accounts.invalidate_all();
        self.tokens.invalidate_all();
        self.verified.forget_all();
    }

    /// Finds out whether anybody can log in, after a change.
    pub(crate) async fn find_use(&self) -> Result<(), entrepot_catalog::Error> {
        self.is_in_use.store(has_credentials(&self.catalog).await?, Ordering::Release);
        Ok(())
    }
}

impl KnownAccount {
    pub(crate) fn of(record: AccountRecord) -> Result<Self, entrepot_catalog::Error> {
        let damaged = |what| entrepot_catalog::Error::Content { what };
        let account = Account {
            id: record.id,
            name: record.name.parse().map_err(|_| damaged("account name"))?,
            role: record.role.parse().map_err(|_| damaged("role"))?,
            groups: record.groups,
        };
        Ok(Self { account: Arc::new(account), is_disabled: record.is_disabled, password: record.password })
    }
}

fn remembered<K, V>(time: Duration) -> moka::sync::Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(time).build()
}

/// A lock that a panic elsewhere does not take away.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn has_credentials(catalog: &Catalog) -> Result<bool, entrepot_catalog::Error> {
    Ok(catalog.has_passwords().await? || !catalog.api_tokens(None, "", 1).await?.rows.is_empty())
}

async fn check_keyring(catalog: &Catalog, keyring: &Keyring) -> Result<(), OpenError> {
    let Some(stored) = catalog.seal_check().await? else {
        return Ok(catalog.set_seal_check(&keyring.seal(CHECK, CHECK_TEXT).to_string()).await?);
    };
    let sealed: Sealed = stored.parse().map_err(|_| OpenError::Damaged)?;
    keyring.open(CHECK, &sealed).map_err(OpenError::WrongKey)?;
    Ok(())
}

fn place(id: &str) -> Place<'_> {
    Place { table: "signing_key", column: "private", row: id }
}

async fn signing_keys(
    catalog: &Catalog,
    keyring: &Keyring,
) -> Result<(SigningKey, VerifyingKeys), OpenError> {
    let mut known = catalog.signing_keys().await?;
    if known.is_empty() {
        let new = SigningKey::generate()?;
        let private = keyring.seal(place(new.id()), new.document()).to_string();
        let created = SystemTime::now();
        let record = SigningKeyRecord { id: new.id().to_owned(), public: new.public(), private, created };
        catalog.add_signing_key(&record).await?;
        known.push(record);
    }
    let mut verifying = VerifyingKeys::default();
    for key in &known {
        verifying.add(key.id.clone(), key.public.clone());
    }
    let newest = known.swap_remove(0);
    let sealed: Sealed = newest.private.parse().map_err(|_| OpenError::Damaged)?;
    let document = keyring.open(place(&newest.id), &sealed).map_err(OpenError::WrongKey)?;
    Ok((SigningKey::read(newest.id, &document)?, verifying))
}
