//! People and workloads whom others vouch for: an OpenID provider in this process, and a directory that is away.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of test functions, but only for them")]

use std::net::{IpAddr, Ipv4Addr};

use entrepot_access::{
    Access, AccessSection, AccessSettings, AccountName, AccountUpdate, Audit, Bearer, BearerError,
    DeviceError, DevicePollError, Identity, LoginError, NewToken, Operation, Principal, ProviderLoginError,
    ProviderReturn, RegistryScopes, Role, SessionOrigin, Verb, Visibility,
};
use entrepot_catalog::{AccountKind, AuditFilter, AuditOutcome, Catalog, Location};
use entrepot_secrets::Keyring;
use entrepot_testkit::identity_provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider, ProviderFault};
use secrecy::SecretString;
use serde_json::{Value, json};

const CALLBACK: &str = "http://m.test/login/oidc/callback";
const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)));
const PASSWORD: &str = "correct horse battery";

struct Home {
    _directory: tempfile::TempDir,
    catalog: Catalog,
    access: Access,
}

impl Home {
    /// With the section `access` as it is written.
    async fn new(section: Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("catalog.db"))).await.unwrap();
        let access = open(&catalog, section, Keyring::generate()).await;
        Self { _directory: directory, catalog, access }
    }

    async fn with_provider(idp: &IdentityProvider) -> Self {
        Self::new(json!({"oidc": oidc(idp)})).await
    }

    /// Logs in with a browser.
    async fn browser(&self, idp: &IdentityProvider) -> Result<Principal, ProviderLoginError> {
        let login = self.access.begin_provider_login(CALLBACK, "/sync").await?;
        let returned = idp.log_in(login.address.as_str());
        let (code, state) = (parameter(&returned, "code"), parameter(&returned, "state"));
        let back = ProviderReturn {
            cookie: &login.cookie,
            state: &state,
            code: &code,
            refusal: None,
            issuer: Some(idp.issuer()),
            callback: CALLBACK,
        };
        let done = self.access.finish_provider_login(back, &SessionOrigin::default()).await?;
        assert_eq!(done.return_to, "/sync");
        Ok(self.access.session(done.secret.expose()).await.unwrap().principal)
    }

    async fn password(&self, name: &str, password: &str) -> Result<Principal, LoginError> {
        self.access.login(name, &SecretString::from(password), HERE).await
    }

    async fn api_token(&self, account: &str) -> String {
        let new = NewToken {
            account: account.parse().unwrap(),
            name: "ci".to_owned(),
            scopes: "pull:**".parse().unwrap(),
            expires: None,
        };
        self.access.create_token(&new, &by()).await.unwrap().expose().to_owned()
    }
}

async fn open(catalog: &Catalog, section: Value, keyring: Keyring) -> Access {
    let section: AccessSection = serde_json::from_value(section).unwrap();
    let settings = AccessSettings {
        rules: section.rules().unwrap(),
        federation: section.federation().unwrap(),
        ..AccessSettings::default()
    };
    Access::open(catalog.clone(), keyring, settings).await.unwrap()
}

fn oidc(idp: &IdentityProvider) -> Value {
    json!({
        "issuer": idp.issuer(), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "admins": ["ops"], "users": ["dev"], "viewers": ["staff"],
    })
}

fn parameter(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).unwrap().1.to_owned()
}

fn by() -> Audit {
    Audit { actor: "owner".to_owned(), address: None, request_id: None }
}

fn told(principal: &Principal) -> (String, Role, Vec<String>) {
    let account = principal.account().unwrap();
    (account.name.to_string(), account.role, account.groups.clone())
}

fn person(idp: &IdentityProvider, sub: &str, name: &str, groups: &[&str]) {
    let claims = json!({"sub": sub, "preferred_username": name, "groups": groups});
    idp.set_person(claims, json!({"sub": sub}));
}

#[tokio::test]
async fn the_first_login_makes_an_account_and_each_login_renews_its_groups() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    assert!(home.access.is_in_use(), "there is something to log in with");
    person(&idp, "1", "Alice@corp.example", &["dev", "ml"]);
    let alice = home.browser(&idp).await.unwrap();
    assert_eq!(told(&alice), ("alice".to_owned(), Role::User, vec!["dev".to_owned(), "ml".to_owned()]));
    person(&idp, "1", "alice-has-another-name-now", &["ops"]);
    let renamed = home.browser(&idp).await.unwrap();
    assert_eq!(told(&renamed), ("alice".to_owned(), Role::Admin, vec!["ops".to_owned()]));
    let subject = format!("{}#1", idp.issuer());
    let record = home.catalog.account_by_subject(AccountKind::Oidc, &subject).await.unwrap().unwrap();
    assert_eq!((record.name.as_str(), record.password), ("alice", None));
    let audit = home.access.audit(&AuditFilter::default(), 10).await.unwrap();
    let actions: Vec<_> = audit.rows.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(actions, ["session.begin", "account.change", "session.begin", "account.create"]);
}

// Row 75 of the traps: names and e-mail addresses can be chosen, and link nothing.
#[tokio::test]
async fn a_name_or_an_address_is_not_an_account() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    let name: AccountName = "alice".parse().unwrap();
    home.access.create_account(&name, Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
    person(&idp, "1", "alice", &["staff"]);
    assert_eq!(told(&home.browser(&idp).await.unwrap()).0, "alice-2");
    person(&idp, "2", "alice", &["staff"]);
    assert_eq!(told(&home.browser(&idp).await.unwrap()).0, "alice-3");
    assert_eq!(told(&home.password("alice", PASSWORD).await.unwrap()).1, Role::Admin);
    assert!(matches!(home.password("alice-2", PASSWORD).await, Err(LoginError::Wrong)), "it has no password");
}

#[tokio::test]
async fn no_group_is_no_access_and_says_why() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    // Row 74: only the very same name matches.
    person(&idp, "1", "alice", &["/dev", "Ops", "other"]);
    let refused = home.browser(&idp).await.unwrap_err();
    assert!(
        matches!(&refused, ProviderLoginError::NoRole { name, missing_claim: None } if name == "alice"),
        "{refused:?}"
    );
    // Row 73: a claim that is missing altogether is a mistake that somebody has to see.
    idp.set_person(json!({"sub": "1"}), json!({"sub": "1"}));
    let refused = home.browser(&idp).await.unwrap_err();
    assert!(
        matches!(&refused, ProviderLoginError::NoRole { missing_claim: Some(claim), .. } if claim == "groups"),
        "{refused:?}"
    );
    let subject = format!("{}#1", idp.issuer());
    assert_eq!(home.catalog.account_by_subject(AccountKind::Oidc, &subject).await.unwrap(), None);
    let audit = home.access.audit(&AuditFilter::default(), 10).await.unwrap();
    assert!(audit.rows.iter().all(|row| row.entry.outcome == AuditOutcome::Refused), "row 82 of the traps");
    assert_eq!(audit.rows.len(), 2);
}

// Row 77 of the traps: what a directory takes away stops on API tokens and sessions too.
#[tokio::test]
async fn groups_that_are_taken_away_end_tokens_and_sessions() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    person(&idp, "1", "alice", &["dev"]);
    home.browser(&idp).await.unwrap();
    let token = home.api_token("alice").await;
    assert!(home.password("x", &token).await.is_ok());
    person(&idp, "1", "alice", &["gone"]);
    assert!(home.browser(&idp).await.is_err());
    let refused = home.password("x", &token).await.unwrap_err();
    assert!(matches!(&refused, LoginError::Unconfirmed { name } if name == "alice"), "{refused:?}");
    person(&idp, "1", "alice", &["dev"]);
    home.browser(&idp).await.unwrap();
    assert!(home.password("x", &token).await.is_ok(), "the token has its own life");
}

#[tokio::test]
async fn groups_grow_old() {
    let idp = IdentityProvider::start().await;
    let home = Home::new(json!({"oidc": oidc(&idp), "groups_max_age": "0s"})).await;
    person(&idp, "1", "alice", &["dev"]);
    let refused = home.browser(&idp).await.unwrap_err();
    assert!(
        matches!(refused, ProviderLoginError::Disabled),
        "they were told too long ago at once: {refused:?}"
    );
}

#[tokio::test]
async fn an_account_that_is_disabled_stays_so() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    person(&idp, "1", "alice", &["dev"]);
    home.browser(&idp).await.unwrap();
    let name: AccountName = "alice".parse().unwrap();
    let disabled = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    home.access.change_account(&name, disabled, &by()).await.unwrap();
    assert!(matches!(home.browser(&idp).await, Err(ProviderLoginError::Disabled)));
}

// Row 79 of the traps.
#[tokio::test]
async fn a_login_is_finished_by_the_browser_that_began_it_and_once() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    person(&idp, "1", "alice", &["dev"]);
    let (victim, attacker) = (
        home.access.begin_provider_login(CALLBACK, "/").await.unwrap(),
        home.access.begin_provider_login(CALLBACK, "/").await.unwrap(),
    );
    let returned = idp.log_in(attacker.address.as_str());
    let (code, state) = (parameter(&returned, "code"), parameter(&returned, "state"));
    let finish = async |cookie: &str| {
        let back = ProviderReturn {
            cookie,
            state: &state,
            code: &code,
            refusal: None,
            issuer: None,
            callback: CALLBACK,
        };
        home.access.finish_provider_login(back, &SessionOrigin::default()).await.map(drop)
    };
    // A login that somebody else began, put into the browser of a victim.
    assert!(matches!(finish(&victim.cookie).await, Err(ProviderLoginError::Attempt(_))));
    assert_eq!(idp.requests("/token"), 0, "the provider is not even asked");
    assert!(finish(&attacker.cookie).await.is_ok());
    assert!(matches!(finish(&attacker.cookie).await, Err(ProviderLoginError::Attempt(_))));
}

fn with_directory(more: Value) -> Value {
    let mut section = json!({"ldap": {
        // Nothing listens there.
        "url": "ldap://127.0.0.1:1", "base": "dc=example,dc=org",
        "users": ["cn=dev,ou=groups,dc=example,dc=org"],
    }});
    for (key, value) in more.as_object().unwrap() {
        section[key] = value.clone();
    }
    section
}

// Rows 39 and 70 of the traps: a directory that is away is no wrong password, and accounts made here never need it.
#[tokio::test]
async fn accounts_made_here_need_no_directory() {
    let home = Home::new(with_directory(json!({}))).await;
    let (admin, robot): (AccountName, AccountName) = ("admin".parse().unwrap(), "ci".parse().unwrap());
    home.access.create_account(&admin, Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
    home.access.create_account(&robot, Role::User, None, &by()).await.unwrap();
    assert!(home.password("admin", PASSWORD).await.is_ok());
    assert!(matches!(home.password("admin", "wrong").await, Err(LoginError::Wrong)));
    assert!(matches!(home.password("ci", "anything").await, Err(LoginError::Wrong)));
    let token = home.api_token("ci").await;
    assert!(home.password("ci", &token).await.is_ok());
    let away = home.password("somebody", "else").await.unwrap_err();
    assert!(matches!(away, LoginError::Unavailable(_)), "{away:?}");
    assert!(matches!(home.password("somebody", "").await, Err(LoginError::Wrong)), "row 65: nothing is sent");
}

fn workloads(idp: &IdentityProvider) -> Value {
    let rule = |claims: Value, repository: &str, may: &[&str]| json!({"issuer": idp.issuer(), "audience": "entrepot", "claims": claims, "repositories": [repository], "may": may});
    json!({"workloads": [
        rule(json!({"repository_id": "74", "ref": "refs/heads/main"}), "local/app/**", &["pull", "push"]),
        rule(json!({"repository_id": "74", "ref": "*"}), "local/base/**", &["pull"]),
    ], "private": ["local/**"]})
}

fn job(idp: &IdentityProvider, more: Value) -> String {
    let mut claims = json!({"sub": "repo:octo/app:ref:refs/heads/main", "aud": "entrepot", "repository_id": "74", "ref": "refs/heads/main"});
    for (key, value) in more.as_object().unwrap() {
        claims[key] = value.clone();
    }
    idp.token(claims)
}

fn rights(access: &Access, principal: &Principal, repository: &str) -> String {
    access.rules().rights(principal, repository, Visibility::Private).to_string()
}

#[tokio::test]
async fn a_job_logs_in_with_the_token_of_its_platform() {
    let idp = IdentityProvider::start().await;
    let home = Home::new(workloads(&idp)).await;
    assert!(home.access.is_in_use());
    let main = home.password("anything", &job(&idp, json!({}))).await.unwrap();
    assert_eq!(rights(&home.access, &main, "local/app/web"), "pull,push");
    assert_eq!(rights(&home.access, &main, "local/base/os"), "pull");
    assert_eq!(rights(&home.access, &main, "local/other/x"), "");
    assert_eq!(main.label(), "workload:repo:octo/app:ref:refs/heads/main");
    let operations =
        Operation::ALL.into_iter().filter(|operation| home.access.rules().may(&main, *operation));
    assert_eq!(operations.collect::<Vec<_>>(), [Operation::See], "nothing else than anybody");
    let branch = home.password("x", &job(&idp, json!({"ref": "refs/heads/feature"}))).await.unwrap();
    assert_eq!(rights(&home.access, &branch, "local/app/web"), "");
    assert_eq!(rights(&home.access, &branch, "local/base/os"), "pull");
}

#[tokio::test]
async fn tokens_of_other_jobs_are_refused_and_told_why() {
    let (idp, stranger) = (IdentityProvider::start().await, IdentityProvider::start().await);
    let home = Home::new(workloads(&idp)).await;
    let refused = async |token: String| match home.password("x", &token).await {
        Err(LoginError::Workload(why)) => why,
        other => panic!("{other:?}"),
    };
    for (token, expected) in [
        (job(&idp, json!({"repository_id": "75"})), "claims that differ: `repository_id` or `repository_id`"),
        (job(&idp, json!({"aud": "sts.example"})), "its audience is `sts.example`"),
        (job(&idp, json!({"exp": 1, "iat": 0})), "has expired"),
        (job(&stranger, json!({})), "does not name its issuer"),
        (job(&stranger, json!({"iss": idp.issuer()})), "signature is wrong"),
    ] {
        let why = refused(token).await;
        assert!(why.contains(expected), "{why}");
    }
    // Row 63 of the traps: whatever jobs send, nobody waits for it.
    assert!(home.password("x", &job(&idp, json!({}))).await.is_ok());
    let idle = Home::new(workloads(&stranger)).await;
    stranger.set_fault("/keys", Some(ProviderFault::Status(502)));
    let away = idle.password("x", &job(&stranger, json!({}))).await.unwrap_err();
    assert!(matches!(away, LoginError::Unavailable(_)), "{away:?}");
}

#[tokio::test]
async fn a_registry_token_of_a_job_lives_as_long_as_its_rules() {
    let idp = IdentityProvider::start().await;
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("catalog.db"))).await.unwrap();
    let keyring = Keyring::generate();
    let access = open(&catalog, workloads(&idp), keyring.clone()).await;
    let principal = access.login("x", &job(&idp, json!({})).into(), HERE).await.unwrap();
    let scopes = RegistryScopes::parse(["repository:local/app/web:push"]);
    let issued = access.issue(&principal, "m.test", scopes);
    assert!(issued.len() < 4 << 10, "row 38 of the traps");
    let Bearer { principal: bearer, .. } = access.bearer(&issued).await.unwrap();
    assert_eq!(bearer, principal);
    // The configuration changes, and the server starts again.
    let mut other = workloads(&idp);
    other["workloads"][0]["may"] = json!(["pull"]);
    let access = open(&catalog, other, keyring).await;
    assert!(matches!(access.bearer(&issued).await, Err(BearerError::Revoked)));
}

#[tokio::test]
async fn a_program_without_a_browser_gets_a_token_of_whoever_confirms_its_code() {
    let idp = IdentityProvider::start().await;
    let home = Home::with_provider(&idp).await;
    person(&idp, "1", "alice", &["dev"]);
    let alice = home.browser(&idp).await.unwrap().account().unwrap().name.clone();
    let login = home.access.begin_device_login("entrepot on laptop", None).unwrap();
    let poll = async || home.access.poll_device_login(&login.device_code, &by()).await;
    assert!(matches!(poll().await, Err(DevicePollError::Device(DeviceError::Pending))));
    assert!(home.access.device_request(&login.user_code).is_some());
    home.access.decide_device_login(&login.user_code, Some(alice)).unwrap();
    let token = poll().await.unwrap();
    assert_eq!(token.account.as_str(), "alice");
    let principal = home.password("alice", token.token.expose()).await.unwrap();
    let Identity::Account(account) = &principal.identity else { panic!("{principal:?}") };
    assert_eq!(account.name, token.account);
    let rights = home.access.rules().rights(&principal, "docker.io/library/nginx", Visibility::Public);
    assert!(rights.has(Verb::Pull));
    assert!(!home.access.rules().may(&principal, Operation::ManageSelf), "it makes no other tokens");
    assert!(matches!(poll().await, Err(DevicePollError::Device(DeviceError::Expired))), "told once");
}
