//! What goes on for long ends when whoever began it may not go on, and not before.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of test functions, but only for them")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use entrepot_access::{
    Access, AccountName, AccountUpdate, Audit, Carries, ChangeError, HeldToken, NewToken, OngoingAccess,
    Operation, Principal, Role, Rules, SessionOrigin, SshKey,
};
use entrepot_catalog::{Catalog, Location};
use entrepot_secrets::Keyring;
use tokio::task::JoinHandle;

const PASSWORD: &str = "correct horse battery";
const PATIENCE: Duration = Duration::from_secs(30);
const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ/RCeBu0vuIUFobAxYoIjH/7RcrsN2nq6wLgHqPKhfL ann",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB/RCeBu0vuIUFobAxYoIjH/7RcrsN2nq6wLgHqPKhfL",
];

struct Stage {
    access: Access,
    _directory: tempfile::TempDir,
}

fn by() -> Audit {
    Audit { actor: "owner".to_owned(), address: None, request_id: None }
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn key(number: usize) -> SshKey {
    KEYS[number].parse().unwrap()
}

impl Stage {
    /// With the accounts `ann` and `bob`.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("catalog.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), Rules::default()).await.unwrap();
        for account in ["ann", "bob"] {
            access.create_account(&name(account), Role::User, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        Self { access, _directory: directory }
    }

    async fn principal(&self, user: &str, password: &str) -> Principal {
        self.access.login(user, &password.into(), None).await.unwrap()
    }

    async fn lasting(&self) -> OngoingAccess {
        let principal = self.principal("ann", PASSWORD).await;
        OngoingAccess { principal, session: None, ssh_key: None, operation: Operation::RunInstances }
    }

    fn begin(&self, lasting: OngoingAccess) -> JoinHandle<()> {
        let access = self.access.clone();
        tokio::spawn(async move { access.until_revoked(&lasting).await })
    }

    /// A change of somebody else's account, and enough time for whoever hears of it.
    async fn another_change(&self) {
        let change = AccountUpdate { role: Some(Role::Viewer), ..AccountUpdate::default() };
        self.access.change_account(&name("bob"), change, &by()).await.unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

async fn ends(going_on: JoinHandle<()>) {
    tokio::time::timeout(PATIENCE, going_on).await.unwrap().unwrap();
}

#[tokio::test]
async fn it_ends_with_the_account_and_not_with_another() {
    let disabled = || AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    let viewer = || AccountUpdate { role: Some(Role::Viewer), ..AccountUpdate::default() };
    for change in [disabled(), viewer()] {
        let stage = Stage::new().await;
        let going_on = stage.begin(stage.lasting().await);
        stage.another_change().await;
        assert!(!going_on.is_finished());
        stage.access.change_account(&name("ann"), change, &by()).await.unwrap();
        ends(going_on).await;
    }
    let stage = Stage::new().await;
    let going_on = stage.begin(stage.lasting().await);
    stage.access.remove_account(&name("ann"), &by()).await.unwrap();
    ends(going_on).await;
}

#[tokio::test]
async fn it_ends_with_the_token_that_it_began_with() {
    let stage = Stage::new().await;
    let new = NewToken {
        account: name("ann"),
        name: "t".to_owned(),
        scopes: "library".parse().unwrap(),
        expires: None,
    };
    let token = stage.access.create_token(&new, &by()).await.unwrap();
    let principal = stage.principal("ann", token.expose()).await;
    let by_token = stage.begin(OngoingAccess { principal, ..stage.lasting().await });
    let by_password = stage.begin(stage.lasting().await);
    stage.another_change().await;
    assert!(!by_token.is_finished());
    stage.access.remove_token(token.id(), None, &by()).await.unwrap();
    ends(by_token).await;
    assert!(!by_password.is_finished());
    by_password.abort();

    // A secret that was replaced ends by the clock.
    let token = stage.access.create_token(&new, &by()).await.unwrap();
    let principal = stage.principal("ann", token.expose()).await;
    let Carries::Token(held) = &principal.carries else { panic!("no token") };
    let held = HeldToken { ends: Some(SystemTime::UNIX_EPOCH), ..HeldToken::clone(held) };
    let principal = Principal { carries: Carries::Token(Arc::new(held)), ..principal.clone() };
    ends(stage.begin(OngoingAccess { principal, ..stage.lasting().await })).await;
}

#[tokio::test]
async fn it_ends_with_the_session_that_it_began_in() {
    let stage = Stage::new().await;
    let account = stage.access.account(&name("ann")).await.unwrap().id;
    let begin = async || {
        let secret = stage.access.begin_session(account, &SessionOrigin::default()).await.unwrap();
        secret.id().clone()
    };
    let (first, second) = (begin().await, begin().await);
    let of = async |session| OngoingAccess { session: Some(session), ..stage.lasting().await };
    let (in_first, in_second) = (stage.begin(of(first.clone()).await), stage.begin(of(second.clone()).await));
    stage.access.end_session(&first, &by()).await.unwrap();
    ends(in_first).await;
    assert!(!in_second.is_finished());
    let change = AccountUpdate { password: Some("another horse".into()), ..AccountUpdate::default() };
    stage.access.change_account(&name("ann"), change, &by()).await.unwrap();
    ends(in_second).await;
}

#[tokio::test]
async fn it_ends_with_the_key_that_was_shown() {
    let stage = Stage::new().await;
    let (ann, access) = (name("ann"), &stage.access);
    let fingerprint = key(0).fingerprint();
    assert!(access.holder_of_ssh_key(&fingerprint).await.unwrap().is_none());
    access.set_ssh_key(&ann, &key(0), &by()).await.unwrap();
    let holder = access.holder_of_ssh_key(&fingerprint).await.unwrap().unwrap();
    assert_eq!(holder.account().unwrap().name, ann);
    assert_eq!(access.ssh_key(&ann).await.unwrap().key, key(0));

    let of = async || OngoingAccess { ssh_key: Some(fingerprint.clone()), ..stage.lasting().await };
    let going_on = stage.begin(of().await);
    stage.another_change().await;
    access.set_ssh_key(&ann, &key(0), &by()).await.unwrap();
    assert!(!going_on.is_finished(), "it is the same key");
    access.set_ssh_key(&ann, &key(1), &by()).await.unwrap();
    ends(going_on).await;
    // Somebody else has it now: that is no way back in for who had it before.
    access.set_ssh_key(&name("bob"), &key(0), &by()).await.unwrap();
    ends(stage.begin(of().await)).await;
    let taken = access.set_ssh_key(&ann, &key(0), &by()).await;
    assert!(matches!(taken, Err(ChangeError::SshKeyTaken)), "{taken:?}");
    access.remove_ssh_key(&ann, &by()).await.unwrap();
    let none = access.remove_ssh_key(&ann, &by()).await;
    assert!(matches!(none, Err(ChangeError::NoSshKey(_))), "{none:?}");
}
