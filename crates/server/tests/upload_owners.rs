//! An upload belongs to the account that began it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::{Duration, SystemTime};

use entrepot_access::{
    Access, AccountUpdate, Claims, Grant, NewToken, RegistryScopes, Role, Rules, SigningKey,
};
use entrepot_catalog::{Catalog, Location, SigningKeyRecord};
use entrepot_oci::Digest;
use entrepot_secrets::{Keyring, SealedLocation};
use entrepot_testkit::client::Response;
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic_with, by, name},
    code,
};

struct Yard {
    rig: Rig,
    access: Access,
    key: SigningKey,
    directory: tempfile::TempDir,
}

/// Everybody may push below `local/app`, and only `alice` and `bob` below `local/team`.
fn rules() -> Rules {
    let grant = |to: &str, repositories: &str| Grant {
        to: to.parse().unwrap(),
        repositories: vec![repositories.parse().unwrap()],
        may: "pull,push".parse().unwrap(),
    };
    let grants = vec![
        grant("anonymous", "local/app/**"),
        grant("account:alice", "local/team/**"),
        grant("account:bob", "local/team/**"),
    ];
    Rules { grants, local: "pull,push".parse().unwrap(), ..Rules::default() }
}

/// A key that tokens are signed with, as the server knows it.
async fn known_key(catalog: &Catalog, keyring: &Keyring) -> SigningKey {
    let key = SigningKey::generate().unwrap();
    let place = SealedLocation { table: "signing_key", column: "sealed", row: key.id() };
    let sealed = keyring.seal(place, key.document()).to_string();
    let record = SigningKeyRecord { id: key.id().to_owned(), sealed, created: SystemTime::now() };
    catalog.add_signing_key(&record).await.unwrap();
    key
}

impl Yard {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let keyring = Keyring::generate();
        let key = known_key(&catalog, &keyring).await;
        let access = Access::open(catalog, keyring, rules()).await.unwrap();
        for account in ["alice", "bob"] {
            let password = Some(PASSWORD.into());
            access.create_account(&name(account), Role::User, password, &by()).await.unwrap();
        }
        let rig = Rig::start_with(Setup { access: Some(access.clone()), ..Setup::default() }).await;
        Self { rig, access, key, directory }
    }

    async fn restart(self) -> Self {
        let Self { rig, access, key, directory } = self;
        let rig = rig.restart(Setup { access: Some(access.clone()), ..Setup::default() }).await;
        Self { rig, access, key, directory }
    }

    async fn send(&self, method: &str, path: &str, sent: Option<&str>, body: &str) -> Response {
        let mut headers = vec![AWAY];
        headers.extend(sent.map(|value| ("authorization", value)));
        self.rig.send(method, path, &headers, body.to_owned()).await
    }

    /// Begins an upload and sends a part of it; returns its address.
    async fn begin(&self, repository: &str, sent: Option<&str>) -> String {
        let begun = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), sent, "").await;
        assert_eq!(begun.status, 202, "{}", begun.text());
        let address = begun.header("location").unwrap().to_owned();
        assert_eq!(self.send("PATCH", &address, sent, "hello").await.status, 202);
        address
    }

    /// What the holder of these credentials hears of an upload, by every method.
    async fn told(&self, address: &str, sent: Option<&str>) -> Vec<(u16, String)> {
        let finish = format!("{address}?digest={}", Digest::of(b"hello"));
        let mut told = Vec::new();
        for (method, path) in
            [("GET", address), ("PATCH", address), ("PUT", finish.as_str()), ("DELETE", address)]
        {
            let answer = self.send(method, path, sent, "").await;
            told.push((answer.status.as_u16(), code(&answer)));
        }
        told
    }

    async fn token(&self, account: &str) -> String {
        let new = NewToken {
            account: name(account),
            name: "ci".to_owned(),
            scopes: "pull,push:local/**".parse().unwrap(),
            expires: None,
        };
        let token = self.access.create_token(&new, &by()).await.unwrap();
        format!("Bearer {}", token.expose())
    }

    /// A registry token for `local/team/x` that ended so long ago.
    async fn ended(&self, account: &str, ago: Duration) -> String {
        let issued = SystemTime::now() - ago - entrepot_access::LIFETIME;
        let holder = self.access.login(account, &PASSWORD.into(), None).await.unwrap();
        let id = holder.account().unwrap().id;
        let scopes = RegistryScopes::parse(["repository:local/team/x:pull,push"]);
        let claims = Claims {
            service: "m.test".to_owned(),
            subject: format!("account:{id}"),
            scopes,
            expires: issued,
            id: "1".to_owned(),
        };
        format!("Bearer {}", self.key.sign(&claims, issued))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_another_is_an_unknown_one() {
    let mut yard = Yard::new().await;
    let (alice, bob) = (basic_with("alice", PASSWORD), basic_with("bob", PASSWORD));
    let address = yard.begin("local/team/x", Some(&alice)).await;
    let shared = yard.begin("local/app/x", Some(&alice)).await;
    let unknown = |address: &str| {
        let (path, _) = address.rsplit_once('/').unwrap();
        format!("{path}/0195d5a0-7a1b-4000-8000-000000000000")
    };
    for is_restarted in [false, true] {
        if is_restarted {
            yard = yard.restart().await;
        }
        for (address, sent) in [(&address, Some(&bob)), (&shared, Some(&bob)), (&shared, None)]
            .map(|(a, s)| (a, s.map(String::as_str)))
        {
            let told = yard.told(address, sent).await;
            assert_eq!(told, vec![(404, "BLOB_UPLOAD_UNKNOWN".to_owned()); 4], "{sent:?}");
            assert_eq!(told, yard.told(&unknown(address), sent).await);
        }
        assert_eq!(yard.send("GET", &address, None, "").await.status, 401, "may not push here at all");
        // A program on this machine may push, but is not alice.
        assert_eq!(yard.rig.send("GET", &address, &[], "").await.status, 404);
        let still = yard.send("GET", &address, Some(&alice), "").await;
        assert_eq!((still.status.as_u16(), still.header("range")), (204, Some("0-4")), "nobody touched it");
    }
    let finish = format!("{address}?digest={}", Digest::of(b"hello world"));
    let token = yard.token("alice").await;
    let done = yard.send("PUT", &finish, Some(&token), " world").await;
    assert_eq!(done.status, 201, "another credential of the same account: {}", done.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_in_particular_began_is_continued_by_whoever_knows_its_address() {
    let mut yard = Yard::new().await;
    let anonymous = yard.begin("local/app/x", None).await;
    let local = yard.rig.open_upload("local/team/x").await;
    assert_eq!(yard.rig.send("PATCH", &local, &[], "hello").await.status, 202);
    yard = yard.restart().await;
    let bob = basic_with("bob", PASSWORD);
    for (address, sent) in
        [(&anonymous, None), (&anonymous, Some(bob.as_str())), (&local, Some(bob.as_str()))]
    {
        assert_eq!(yard.send("GET", address, sent, "").await.status, 204, "{sent:?}");
    }
}

// A layer may take longer to send than a token lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_a_short_time_ago_finishes_its_own_upload_and_nothing_else() {
    let yard = Yard::new().await;
    let address = yard.begin("local/team/x", Some(&basic_with("alice", PASSWORD))).await;
    let (late, older) = (Duration::from_secs(50 * 60), Duration::from_secs(61 * 60));
    let (alice, bob) = (yard.ended("alice", late).await, yard.ended("bob", late).await);
    let finish = format!("{address}?digest={}", Digest::of(b"hello world"));

    for (method, path) in [
        ("GET", "/v2/local/team/x/manifests/1".to_owned()),
        ("POST", "/v2/local/team/x/blobs/uploads/".to_owned()),
        ("PUT", "/v2/local/team/x/manifests/1".to_owned()),
    ] {
        let answer = yard.send(method, &path, Some(&alice), "").await;
        assert_eq!(answer.status, 401, "{method} {path}");
        assert!(answer.header("www-authenticate").unwrap().ends_with("error=\"invalid_token\""));
    }
    assert_eq!(yard.send("GET", &address, Some(&bob), "").await.status, 404, "not bob's");
    let older = yard.ended("alice", older).await;
    assert_eq!(yard.send("GET", &address, Some(&older), "").await.status, 401, "an hour and no more");
    assert_eq!(yard.send("PATCH", &address, Some(&alice), " ").await.status, 202);

    let disable = |is_disabled| AccountUpdate { is_disabled: Some(is_disabled), ..AccountUpdate::default() };
    yard.access.change_account(&name("alice"), disable(true), &by()).await.unwrap();
    assert_eq!(yard.send("PUT", &finish, Some(&alice), "world").await.status, 401, "revoked");
    yard.access.change_account(&name("alice"), disable(false), &by()).await.unwrap();
    let done = yard.send("PUT", &finish, Some(&alice), "world").await;
    assert_eq!(done.status, 201, "{}", done.text());
}
