//! Accounts and tokens, from their creation to their end, on a real catalog.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of test functions, but only for them")]

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime},
};

use entrepot_access::{
    Access, AccountName, AccountUpdate, ApiToken, Audit, BearerError, Carries, ChangeError, LoginError,
    NewToken, OpenError, Principal, RegistryScopes, RegistryTokenError, Role, Rules, Verbs, Visibility,
    WrongCredentials,
};
use entrepot_catalog::{AuditFilter, AuditOutcome, Catalog, Location};
use entrepot_secrets::Keyring;
use secrecy::SecretString;

const PASSWORD: &str = "correct horse battery";
const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)));

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

    async fn open(&self) -> Access {
        Access::open(self.catalog().await, self.keyring.clone(), rules()).await.unwrap()
    }

    /// All bytes that are on disk.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn rules() -> Rules {
    Rules {
        anonymous: "pull".parse().unwrap(),
        anonymous_sees: true,
        local: Verbs::ALL,
        grants: Vec::new(),
        private: Vec::new(),
        wrong_credentials: WrongCredentials::Ignored,
    }
}

fn owner() -> Audit {
    Audit { actor: "owner".to_owned(), address: None, request_id: None }
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn secret(text: &str) -> SecretString {
    text.into()
}

fn password(text: &str) -> AccountUpdate {
    AccountUpdate { password: Some(secret(text)), ..AccountUpdate::default() }
}

fn role(role: Role) -> AccountUpdate {
    AccountUpdate { role: Some(role), ..AccountUpdate::default() }
}

fn disabled(is_disabled: bool) -> AccountUpdate {
    AccountUpdate { is_disabled: Some(is_disabled), ..AccountUpdate::default() }
}

async fn with_alice(home: &Home) -> Access {
    let access = home.open().await;
    access.create_account(&name("alice"), Role::User, Some(secret(PASSWORD)), &owner()).await.unwrap();
    access
}

async fn login(access: &Access, user: &str, password: &str) -> Result<Principal, LoginError> {
    access.login(user, &secret(password), HERE).await
}

async fn token(access: &Access, scopes: &str, expires: Option<SystemTime>) -> ApiToken {
    let new =
        NewToken { account: name("alice"), name: "ci".to_owned(), scopes: scopes.parse().unwrap(), expires };
    access.create_token(&new, &owner()).await.unwrap()
}

#[tokio::test]
async fn a_password_logs_in_until_it_is_changed() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let principal = login(&access, "Alice", PASSWORD).await.unwrap();
    assert_eq!(principal.label(), "account:alice");
    assert_eq!(principal.account().unwrap().role, Role::User);
    for (user, password) in
        [("alice", "wrong"), ("alice", ""), ("bob", PASSWORD), ("", PASSWORD), ("a:b", "x")]
    {
        assert!(matches!(login(&access, user, password).await, Err(LoginError::Wrong)), "{user} {password}");
    }
    access.change_account(&name("alice"), password("another password"), &owner()).await.unwrap();
    assert!(
        matches!(login(&access, "alice", PASSWORD).await, Err(LoginError::Wrong)),
        "not remembered either"
    );
    login(&access, "alice", "another password").await.unwrap();
}

#[tokio::test]
async fn who_is_disabled_or_gone_is_out_at_once() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let api_token = token(&access, "pull:**", None).await;
    let principal = login(&access, "alice", PASSWORD).await.unwrap();
    let registry_token = access.issue(&principal, "m.example.com", RegistryScopes::default());
    let generation = access.generation();
    access.change_account(&name("alice"), disabled(true), &owner()).await.unwrap();
    assert!(access.generation() > generation);
    assert!(matches!(login(&access, "alice", PASSWORD).await, Err(LoginError::Wrong)));
    assert!(matches!(login(&access, "x", api_token.expose()).await, Err(LoginError::Wrong)));
    assert!(matches!(access.bearer(&registry_token).await, Err(BearerError::Revoked)));
    access.change_account(&name("alice"), disabled(false), &owner()).await.unwrap();
    login(&access, "alice", PASSWORD).await.unwrap();
    access.remove_account(&name("alice"), &owner()).await.unwrap();
    assert!(matches!(access.bearer(&registry_token).await, Err(BearerError::Revoked)));
    assert!(matches!(login(&access, "x", api_token.expose()).await, Err(LoginError::Wrong)));
}

#[tokio::test]
async fn an_api_token_is_a_password_with_limits() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let token = token(&access, "pull:docker.io/**", None).await;
    for user in ["alice", "ci", "anything", ""] {
        let principal = login(&access, user, token.expose()).await.unwrap();
        let rights = |repository, of| access.rules().rights(&principal, repository, of).to_string();
        assert_eq!(rights("docker.io/a/b", Visibility::Public), "pull");
        assert_eq!(rights("quay.io/a/b", Visibility::Public), "pull", "as without a login");
        assert_eq!(rights("quay.io/a/b", Visibility::Private), "");
    }
    let as_bearer = access.bearer(token.expose()).await.unwrap();
    assert!(matches!(as_bearer.principal.carries, Carries::Token(held) if held.id == *token.id()));
    let cut = &token.expose()[..40];
    assert!(matches!(login(&access, "alice", cut).await, Err(LoginError::Token(_))));
    let stranger = ApiToken::generate();
    assert!(matches!(login(&access, "alice", stranger.expose()).await, Err(LoginError::Wrong)));
    let guess = ApiToken::renew(token.id());
    assert!(matches!(login(&access, "alice", guess.expose()).await, Err(LoginError::Wrong)));
    access.remove_token(token.id(), None, &owner()).await.unwrap();
    assert!(matches!(login(&access, "alice", token.expose()).await, Err(LoginError::Wrong)));
}

#[tokio::test]
async fn an_api_token_ends_and_is_renewed() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let soon = SystemTime::now() + Duration::from_millis(300);
    let short = token(&access, "pull:**", Some(soon)).await;
    login(&access, "alice", short.expose()).await.unwrap();
    while SystemTime::now() <= soon {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let expired = login(&access, "alice", short.expose()).await;
    assert!(matches!(expired, Err(LoginError::Expired { name, .. }) if name == "ci"));

    let long = token(&access, "pull:**", None).await;
    let renewed = access.renew_token(long.id(), None, &owner()).await.unwrap();
    login(&access, "alice", long.expose()).await.unwrap();
    login(&access, "alice", renewed.expose()).await.unwrap();
    let again = access.renew_token(long.id(), None, &owner()).await.unwrap();
    assert!(
        matches!(login(&access, "alice", long.expose()).await, Err(LoginError::Wrong)),
        "two live, not three"
    );
    login(&access, "alice", renewed.expose()).await.unwrap();
    login(&access, "alice", again.expose()).await.unwrap();
    let rows = access.tokens(Some(&name("alice")), "", 10).await.unwrap().rows;
    let used = rows.iter().find(|row| row.id == long.id().as_str()).unwrap();
    assert!(used.secrets.iter().all(|secret| secret.used.is_some()), "the last use of each is known");
}

#[tokio::test]
async fn a_registry_token_stands_for_whoever_it_was_issued_to() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let scopes = RegistryScopes::parse(["repository:docker.io/library/nginx:pull"]);
    let alice = login(&access, "alice", PASSWORD).await.unwrap();
    let issued = access.issue(&alice, "m.example.com", scopes.clone());
    let bearer = access.bearer(&issued).await.unwrap();
    assert_eq!((bearer.principal, bearer.scopes), (alice, Some(scopes)));

    let nobody = access.issue(&Principal::ANONYMOUS, "m.example.com", RegistryScopes::default());
    assert_eq!(access.bearer(&nobody).await.unwrap().principal, Principal::ANONYMOUS);

    let token = token(&access, "pull:docker.io/**", None).await;
    let robot = login(&access, "ci", token.expose()).await.unwrap();
    let issued = access.issue(&robot, "m.example.com", RegistryScopes::default());
    assert_eq!(access.bearer(&issued).await.unwrap().principal, robot, "with the limits of its API token");
    access.remove_token(token.id(), None, &owner()).await.unwrap();
    assert!(matches!(access.bearer(&issued).await, Err(BearerError::Revoked)));

    let elsewhere = with_alice(&Home::new()).await.issue(
        &Principal::ANONYMOUS,
        "m.example.com",
        RegistryScopes::default(),
    );
    let foreign = access.bearer(&elsewhere).await;
    assert!(matches!(foreign, Err(BearerError::Token(RegistryTokenError::Foreign))));
}

#[tokio::test]
async fn a_restart_keeps_tokens_and_keys() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let alice = login(&access, "alice", PASSWORD).await.unwrap();
    let issued = access.issue(&alice, "m.example.com", RegistryScopes::default());
    drop(access);
    let access = home.open().await;
    assert_eq!(access.bearer(&issued).await.unwrap().principal, alice);
    login(&access, "alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn another_key_file_opens_nothing() {
    let home = Home::new();
    with_alice(&home).await;
    let opened = Access::open(home.catalog().await, Keyring::generate(), rules()).await;
    assert!(matches!(opened, Err(OpenError::WrongKey(_))));
}

// Rows 49 and 50 of what clients trip over: some stop at the first refusal of a token that has not ended.
#[tokio::test]
async fn a_rotation_of_the_signing_key_refuses_no_live_token() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let alice = login(&access, "alice", PASSWORD).await.unwrap();
    let issue = |access: &Access| access.issue(&alice, "m.example.com", RegistryScopes::default());
    let now = SystemTime::now();
    let before = issue(&access);
    access.rotate_signing_key(now).await.unwrap();
    let after = issue(&access);
    assert_ne!(before.split('.').next(), after.split('.').next(), "another `kid`");
    access.tend_signing_keys(now + Duration::from_secs(4_019)).await.unwrap();
    let restarted = home.open().await;
    for token in [&before, &after] {
        assert_eq!(access.bearer(token).await.unwrap().principal, alice);
        assert_eq!(restarted.bearer(token).await.unwrap().principal, alice);
    }
    assert_eq!(issue(&restarted).split('.').next(), after.split('.').next(), "the newest one signs");

    // Its last token has ended.
    access.tend_signing_keys(now + Duration::from_secs(4_021)).await.unwrap();
    let refused = access.bearer(&before).await;
    assert!(matches!(refused, Err(BearerError::Token(RegistryTokenError::Foreign))), "{refused:?}");
    access.bearer(&after).await.unwrap();
    assert_eq!(home.catalog().await.signing_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_signing_key_is_replaced_after_thirty_days() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let days = |days: u64| SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60);
    let ids = async || {
        let keys = home.catalog().await.signing_keys().await.unwrap();
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    let first = ids().await;
    access.tend_signing_keys(days(29)).await.unwrap();
    assert_eq!(ids().await, first);
    access.tend_signing_keys(days(31)).await.unwrap();
    let second = ids().await;
    assert_eq!((second.len(), &second[1..]), (2, &first[..]));
    access.tend_signing_keys(days(32)).await.unwrap();
    assert_eq!(ids().await, second[..1]);
}

#[tokio::test]
async fn guessing_is_slow_and_knowing_is_not() {
    let home = Home::new();
    let access = with_alice(&home).await;
    login(&access, "alice", PASSWORD).await.unwrap();
    for guess in 0..6 {
        assert!(matches!(login(&access, "alice", &guess.to_string()).await, Err(LoginError::Wrong)));
    }
    let waiting = login(&access, "alice", "7").await;
    assert!(matches!(waiting, Err(LoginError::Throttled(wait)) if wait <= Duration::from_secs(1)));
    assert!(matches!(login(&access, "bob", "7").await, Err(LoginError::Throttled(_))), "by address as well");
    // Whoever was verified a short time ago is not stopped by others' guesses.
    login(&access, "alice", PASSWORD).await.unwrap();
    let other = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 8)));
    let token = token(&access, "pull:**", None).await;
    access.login("alice", &secret(token.expose()), HERE).await.unwrap();
    assert!(matches!(access.login("carol", &secret("x"), other).await, Err(LoginError::Wrong)));
}

#[tokio::test]
async fn mistakes_in_management_are_told_and_change_nothing() {
    let home = Home::new();
    let access = with_alice(&home).await;
    access.create_account(&name("root"), Role::Admin, Some(secret(PASSWORD)), &owner()).await.unwrap();
    let (alice, root) = (name("alice"), name("root"));
    let exists = access.create_account(&alice, Role::Admin, Some(secret(PASSWORD)), &owner()).await;
    assert!(matches!(exists, Err(ChangeError::Exists(_))));
    let short = access.change_account(&alice, password("short"), &owner()).await;
    assert!(matches!(short, Err(ChangeError::Password(_))));
    assert!(matches!(access.remove_account(&name("bob"), &owner()).await, Err(ChangeError::NoAccount(_))));
    for refused in [
        access.change_account(&root, role(Role::Operator), &owner()).await,
        access.change_account(&root, disabled(true), &owner()).await,
        access.remove_account(&root, &owner()).await,
    ] {
        assert!(matches!(refused, Err(ChangeError::LastAdmin(_))), "{refused:?}");
    }
    access.change_account(&alice, role(Role::Admin), &owner()).await.unwrap();
    access.change_account(&root, role(Role::Operator), &owner()).await.unwrap();
    access.create_account(&name("bot"), Role::User, None, &owner()).await.unwrap();
    let robot = access.change_account(&name("bot"), password(PASSWORD), &owner()).await;
    assert!(matches!(robot, Err(ChangeError::NoPassword(_))));
    assert!(matches!(login(&access, "bot", "").await, Err(LoginError::Wrong)));
}

#[tokio::test]
async fn the_first_admin_has_no_password() {
    let home = Home::new();
    let access = home.open().await;
    access.make_first_admin().await.unwrap();
    access.make_first_admin().await.unwrap();
    assert!(!access.is_in_use(), "there is nothing to log in with");
    assert!(matches!(login(&access, "admin", "").await, Err(LoginError::Wrong)));
    access.change_account(&name("admin"), password(PASSWORD), &owner()).await.unwrap();
    assert!(access.is_in_use());
    assert_eq!(login(&access, "admin", PASSWORD).await.unwrap().account().unwrap().role, Role::Admin);
    assert_eq!(access.accounts("", 10).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn everything_is_in_the_audit_and_no_secret_is_anywhere() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let token = token(&access, "pull:**", None).await;
    let renewed = access.renew_token(token.id(), None, &owner()).await.unwrap();
    let _ = access.change_account(&name("bob"), password("hunter2-hunter2"), &owner()).await;
    let rows = access.audit(&AuditFilter::default(), 10).await.unwrap().rows;
    let told: Vec<_> = rows.iter().rev().map(|row| (row.entry.action.as_str(), row.entry.outcome)).collect();
    assert_eq!(
        told,
        [
            ("account.create", AuditOutcome::Done),
            ("token.create", AuditOutcome::Done),
            ("token.renew", AuditOutcome::Done),
            ("account.password", AuditOutcome::Refused),
        ]
    );
    let alice = login(&access, "alice", PASSWORD).await.unwrap();
    let issued = access.issue(&alice, "m.example.com", RegistryScopes::default());
    drop(access);
    let bytes = home.bytes();
    assert!(bytes.len() > 10_000, "the database is there");
    for planted in [PASSWORD, "hunter2-hunter2", token.expose(), renewed.expose(), &issued] {
        let is_there = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
        assert!(!is_there, "a secret is on disk");
    }
}

#[tokio::test]
async fn who_is_asked_about_is_found_and_explained() {
    use entrepot_access::{ExplainedSubject, Explanation, Repository, RightOrigin, Verb};
    let home = Home::new();
    let access = with_alice(&home).await;
    token(&access, "pull:docker.io/**", Some(SystemTime::now() + Duration::from_secs(60))).await;
    let explain = async |who: &str, verb: Verb, repository: &str| {
        let who: ExplainedSubject = who.parse().unwrap();
        access.explain(&who, verb, Repository { name: repository, visibility: Visibility::Public }).await
    };
    let allowed = explain("account:alice", Verb::Pull, "docker.io/a/b").await.unwrap();
    assert!(matches!(allowed, Explanation::Allowed(RightOrigin::Role(Role::User), _)), "{allowed:?}");
    let carried = explain("token:ci", Verb::Request, "quay.io/a/b").await.unwrap();
    assert!(matches!(carried, Explanation::NotCarried(RightOrigin::Role(Role::User), _)), "{carried:?}");
    let anyway = explain("token:ci", Verb::Pull, "quay.io/a/b").await.unwrap();
    assert!(matches!(anyway, Explanation::AllowedAnyway(RightOrigin::Anonymous, _)), "{anyway:?}");
    let granted = explain("account:alice", Verb::Push, "local/a").await.unwrap();
    assert_eq!(granted, Explanation::NotGranted { is_private: false });
    for unknown in ["account:nobody", "token:none"] {
        assert!(explain(unknown, Verb::Pull, "a").await.is_err(), "{unknown}");
    }
    token(&access, "pull:**", None).await;
    let several = explain("token:ci", Verb::Pull, "docker.io/a/b").await;
    assert!(matches!(several, Err(ChangeError::SeveralTokens(_))), "{several:?}");
    access.change_account(&name("alice"), disabled(true), &owner()).await.unwrap();
    let out = explain("account:alice", Verb::Pull, "docker.io/a/b").await.unwrap();
    assert_eq!(out, Explanation::Disabled(name("alice")));
}

#[tokio::test]
async fn grants_by_api_survive_a_restart_and_have_an_end() {
    let home = Home::new();
    let access = with_alice(&home).await;
    let grant = entrepot_access::Grant {
        to: "account:alice".parse().unwrap(),
        repositories: vec!["local/a/**".parse().unwrap(), "docker.io/acme/*".parse().unwrap()],
        may: "push".parse().unwrap(),
    };
    let id = access.add_grant(&grant, &owner()).await.unwrap().to_string();
    drop(access);
    let access = home.open().await;
    let known = access.grants();
    assert_eq!((known.len(), &known[0].0, known[0].1.id()), (1, &grant, id.clone()));
    let alice = login(&access, "alice", PASSWORD).await.unwrap();
    assert!(access.rules().rights(&alice, "local/a/b", Visibility::Private).has(entrepot_access::Verb::Push));
    access.remove_grant(&id, &owner()).await.unwrap();
    assert!(access.rules().rights(&alice, "local/a/b", Visibility::Private).is_empty());
    assert!(matches!(access.remove_grant(&id, &owner()).await, Err(ChangeError::NoGrant(_))));
    let catalog = home.catalog().await;
    for _ in 0..1000 {
        // Straight into the catalog, which has no limit of its own.
        let new = entrepot_catalog::NewGrant {
            subject: "role:user".to_owned(),
            repositories: "local/x".to_owned(),
            may: "pull".to_owned(),
            created_by: "owner".to_owned(),
        };
        catalog.add_grant(&new, SystemTime::now()).await.unwrap();
    }
    let full = home.open().await;
    assert!(matches!(full.add_grant(&grant, &owner()).await, Err(ChangeError::TooManyGrants)));
}
