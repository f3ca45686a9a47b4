//! Sessions, from login to end, on a real catalog.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of test functions, but only for them")]

use std::time::{Duration, SystemTime};

use entrepot_access::{
    Access, AccessSettings, AccountName, AccountUpdate, Audit, ChangeError, LoginError, NewToken, Role,
    SessionError, SessionLimits, SessionOrigin, SessionSecret,
};
use entrepot_catalog::{AuditFilter, AuditOutcome, Catalog, Location};
use entrepot_secrets::Keyring;
use secrecy::SecretString;

const PASSWORD: &str = "correct horse battery";
const HOUR: Duration = Duration::from_secs(60 * 60);

struct Home {
    directory: tempfile::TempDir,
    keyring: Keyring,
}

impl Home {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), keyring: Keyring::generate() }
    }

    async fn catalog(&self) -> Catalog {
        Catalog::open(&Location::Sqlite(self.directory.path().join("catalog.db"))).await.unwrap()
    }

    async fn open(&self, sessions: SessionLimits) -> Access {
        let settings = AccessSettings { sessions, ..AccessSettings::default() };
        Access::open(self.catalog().await, self.keyring.clone(), settings).await.unwrap()
    }

    async fn with_alice(&self) -> Access {
        let access = self.open(SessionLimits::default()).await;
        for (account, role) in [("alice", Role::User), ("root", Role::Admin)] {
            access.create_account(&name(account), role, Some(PASSWORD.into()), &owner()).await.unwrap();
        }
        access
    }
}

fn owner() -> Audit {
    Audit { actor: "owner".to_owned(), address: None, request_id: None }
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn origin() -> SessionOrigin {
    SessionOrigin {
        address: Some([10, 0, 0, 7].into()),
        agent: Some("Mozilla/5.0".to_owned()),
        request_id: Some("r1".to_owned()),
    }
}

async fn begin(access: &Access, user: &str) -> SessionSecret {
    access.log_in(user, &PASSWORD.into(), &origin()).await.unwrap()
}

async fn is_alive(access: &Access, secret: &SessionSecret) -> bool {
    match access.session(secret.expose()).await {
        Ok(_) => true,
        Err(SessionError::Ended) => false,
        Err(SessionError::Catalog(error)) => panic!("{error}"),
    }
}

async fn actions(access: &Access, actor: &str) -> Vec<(String, String, AuditOutcome)> {
    let filter = AuditFilter { actor: Some(actor.to_owned()), ..AuditFilter::default() };
    let page = access.audit(&filter, 100).await.unwrap();
    page.rows.into_iter().map(|row| (row.entry.action, row.entry.object, row.entry.outcome)).collect()
}

#[tokio::test]
async fn a_login_begins_a_session_of_its_own() {
    let home = Home::new();
    let access = home.with_alice().await;
    let (first, second) = (begin(&access, "alice").await, begin(&access, "Alice").await);
    assert_ne!(first.id(), second.id(), "never one that the browser had before");
    let session = access.session(first.expose()).await.unwrap();
    assert_eq!((&session.id, session.principal.label().as_str()), (first.id(), "account:alice"));
    let listed = access.sessions(Some(&name("alice")), "", 10).await.unwrap().rows;
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (listed[0].address.as_deref(), listed[0].agent.as_deref()),
        (Some("10.0.0.7"), Some("Mozilla/5.0"))
    );
    let record = access.session_record(first.id()).await.unwrap().unwrap();
    assert_eq!(record.account, session.principal.account().unwrap().id);
    let mut wrong = first.expose().to_owned();
    wrong.replace_range(12.., second.expose().get(12..).unwrap());
    for wrong in [wrong.as_str(), "", "x", &first.expose()[..12]] {
        assert!(matches!(access.session(wrong).await, Err(SessionError::Ended)), "{wrong}");
    }
}

#[tokio::test]
async fn what_is_stored_of_a_session_is_not_its_secret() {
    let home = Home::new();
    let access = home.with_alice().await;
    let secret = begin(&access, "alice").await;
    let files = std::fs::read_dir(home.directory.path()).unwrap();
    let bytes: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(secret.id().as_str()));
    assert!(!holds(&secret.expose()[12..]));
}

#[tokio::test]
async fn a_session_ends_at_once_when_it_is_revoked() {
    let home = Home::new();
    let access = home.with_alice().await;
    let (first, second, third) =
        (begin(&access, "alice").await, begin(&access, "alice").await, begin(&access, "alice").await);
    assert!(is_alive(&access, &first).await && is_alive(&access, &second).await, "both are remembered");
    let generation = access.generation();
    access.end_session(first.id(), &owner()).await.unwrap();
    assert!(access.generation() > generation, "whoever remembers it looks again");
    assert!(!is_alive(&access, &first).await);
    assert!(is_alive(&access, &second).await && is_alive(&access, &third).await);
    assert!(matches!(access.end_session(first.id(), &owner()).await, Err(ChangeError::NoSession(_))));
    assert_eq!(access.end_sessions(&name("alice"), &owner()).await.unwrap(), 2);
    assert!(!is_alive(&access, &second).await && !is_alive(&access, &third).await);
    assert!(matches!(access.end_sessions(&name("bob"), &owner()).await, Err(ChangeError::NoAccount(_))));
}

#[tokio::test]
async fn sessions_end_at_once_with_the_password_and_the_account() {
    let home = Home::new();
    let access = home.with_alice().await;
    let (alice, by) = (name("alice"), owner());
    let change = |change| access.change_account(&alice, change, &by);
    let first = begin(&access, "alice").await;
    assert!(is_alive(&access, &first).await);
    change(AccountUpdate { password: Some("another password".into()), ..AccountUpdate::default() })
        .await
        .unwrap();
    assert!(!is_alive(&access, &first).await);
    change(AccountUpdate { password: Some(PASSWORD.into()), ..AccountUpdate::default() }).await.unwrap();
    assert!(!is_alive(&access, &first).await, "not even when the old password comes back");

    let second = begin(&access, "alice").await;
    assert!(is_alive(&access, &second).await);
    change(AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() }).await.unwrap();
    assert!(!is_alive(&access, &second).await);
    change(AccountUpdate { is_disabled: Some(false), ..AccountUpdate::default() }).await.unwrap();
    assert!(!is_alive(&access, &second).await);

    let third = begin(&access, "alice").await;
    change(AccountUpdate { role: Some(Role::Viewer), ..AccountUpdate::default() }).await.unwrap();
    let role = access.session(third.expose()).await.unwrap().principal.account().unwrap().role;
    assert_eq!(role, Role::Viewer, "another role counts at once");
    access.remove_account(&alice, &owner()).await.unwrap();
    assert!(!is_alive(&access, &third).await);
    assert!(access.sessions(None, "", 10).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_or_old() {
    let home = Home::new();
    let access = home.with_alice().await;
    let (idle, used) = (begin(&access, "alice").await, begin(&access, "alice").await);
    let (catalog, now) = (home.catalog().await, SystemTime::now());
    catalog.session_used(idle.id().as_str(), now - 13 * HOUR).await.unwrap();
    catalog.session_used(used.id().as_str(), now - 11 * HOUR).await.unwrap();
    let listed = access.sessions(None, "", 10).await.unwrap().rows;
    assert_eq!(listed.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), [used.id().as_str()]);
    assert!(!is_alive(&access, &idle).await);
    assert!(is_alive(&access, &used).await);
    let last_use = catalog.session(used.id().as_str()).await.unwrap().unwrap().used;
    assert!(last_use + HOUR > now, "its use is written down");

    let access = home.open(SessionLimits { max_age: Duration::ZERO, ..SessionLimits::default() }).await;
    let old = begin(&access, "alice").await;
    assert!(!is_alive(&access, &old).await, "however much it is used");
}

#[tokio::test]
async fn an_api_token_begins_no_session() {
    let home = Home::new();
    let access = home.with_alice().await;
    let scopes = "pull:docker.io/**".parse().unwrap();
    let new = NewToken { account: name("alice"), name: "ci".to_owned(), scopes, expires: None };
    let token = access.create_token(&new, &owner()).await.unwrap();
    let refused = access.log_in("alice", &SecretString::from(token.expose()), &origin()).await;
    assert!(matches!(refused, Err(LoginError::TokenForSession)), "it would get more rights than it has");
    assert!(access.sessions(None, "", 10).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn logins_and_failed_logins_are_in_the_audit_log() {
    let home = Home::new();
    let access = home.with_alice().await;
    let secret = begin(&access, "alice").await;
    for (user, password) in [("alice", "wrong password"), ("nobody", "x"), ("my p4ssword!", "x")] {
        let refused = access.log_in(user, &password.into(), &origin()).await;
        assert!(matches!(refused, Err(LoginError::Wrong)), "{user}");
    }
    let id = secret.id().to_string();
    assert_eq!(
        actions(&access, "account:alice").await,
        [("session.begin".to_owned(), id, AuditOutcome::Done)]
    );
    let refused = |object: &str| ("session.begin".to_owned(), object.to_owned(), AuditOutcome::Refused);
    assert_eq!(
        actions(&access, "anonymous").await,
        [refused("?"), refused("nobody"), refused("alice")],
        "the name that was tried, unless it may be a password"
    );
    let entry = access.audit(&AuditFilter::default(), 1).await.unwrap().rows.remove(0).entry;
    assert_eq!((entry.address.as_deref(), entry.request_id.as_deref()), (Some("10.0.0.7"), Some("r1")));
}

#[tokio::test]
async fn who_is_disabled_begins_no_session() {
    let home = Home::new();
    let access = home.with_alice().await;
    let account = access.accounts("", 1).await.unwrap().rows.remove(0).id;
    let change = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    access.change_account(&name("alice"), change, &owner()).await.unwrap();
    assert!(matches!(access.begin_session(account, &origin()).await, Err(LoginError::Wrong)));
    assert!(matches!(access.begin_session(account + 1, &origin()).await, Err(LoginError::Wrong)));
    assert!(matches!(access.log_in("alice", &PASSWORD.into(), &origin()).await, Err(LoginError::Wrong)));
}

#[tokio::test]
async fn the_first_password_is_set_once() {
    let home = Home::new();
    let access = home.open(SessionLimits::default()).await;
    access.make_first_admin().await.unwrap();
    let refused = access.set_first_password("short".into()).await;
    assert!(matches!(refused, Err(ChangeError::Password(_))));
    assert!(!access.is_in_use());
    assert!(access.set_first_password(PASSWORD.into()).await.unwrap());
    assert!(access.is_in_use());
    assert!(!access.set_first_password("another password".into()).await.unwrap(), "a later start");
    begin(&access, "admin").await;
}
