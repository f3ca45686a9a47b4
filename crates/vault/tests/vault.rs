//! Credentials from their creation to their end, and rotations, on a real catalog and beside a registry that asks for them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of test functions, but only for them")]

use std::{path::PathBuf, sync::Arc};

use entrepot_access::Audit;
use entrepot_catalog::{
    AuditFilter, AuditOutcome, Catalog, Location, NewCredential as NewRecord, SealedRow, SealedTable,
    SigningKeyRecord,
};
use entrepot_oci::{Host, Reference, Repository, Tag};
use entrepot_remote::{Credential, Error as RemoteError, Remote, RemoteSettings, StoredCredentials};
use entrepot_secrets::{KeyFile, Keyring, SealedLocation, SealedValue, SharedKeyring};
use entrepot_testkit::{Action, Bearer, Capabilities, Fault, Match, TestImage, TestRegistry};
use entrepot_vault::{
    CredentialName, CredentialUpdate, CredentialVerdict, Error, NewCredential, OpenError, RotateError, Vault,
    VaultParts, VerifyStep,
};

const PASSWORD: &str = "canary-password";

/// A catalog, a key file, and a registry that wants a login.
struct Home {
    directory: tempfile::TempDir,
    registry: TestRegistry,
    stored: StoredCredentials,
}

impl Home {
    async fn new() -> Self {
        // Fails if it is installed already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let registry = TestRegistry::start().await;
        registry.require_bearer(Bearer::new().user("robot", PASSWORD));
        registry.put_image("acme/app", "1", &TestImage::random(1, 1, 100));
        let home =
            Self { directory: tempfile::tempdir().unwrap(), registry, stored: StoredCredentials::default() };
        home.key_file().open_or_create(home.directory.path()).unwrap();
        home
    }

    fn key_file(&self) -> KeyFile {
        KeyFile::new(self.directory.path().join("secret.key"))
    }

    fn keyring(&self) -> Keyring {
        self.key_file().open(self.directory.path()).unwrap().keyring
    }

    async fn catalog(&self) -> Catalog {
        Catalog::open(&Location::Sqlite(self.directory.path().join("catalog.db"))).await.unwrap()
    }

    fn settings(&self) -> RemoteSettings {
        RemoteSettings { endpoints: vec![self.registry.url().parse().unwrap()], ..RemoteSettings::default() }
    }

    fn host(&self) -> Host {
        self.registry.url().split_once("://").unwrap().1.parse().unwrap()
    }

    async fn parts(&self) -> VaultParts {
        let settings = self.settings();
        VaultParts {
            catalog: self.catalog().await,
            keys: SharedKeyring::of_file(self.keyring(), self.key_file()),
            stored: self.stored.clone(),
            settings: Arc::new(move |_| settings.clone()),
            changed: Arc::new(|| {}),
        }
    }

    async fn open(&self) -> Vault {
        Vault::open(self.parts().await).await.unwrap()
    }

    fn new_credential(&self, name: Option<&str>, password: &str) -> NewCredential {
        let credential = Credential {
            username: "robot".to_owned(),
            password: password.into(),
            namespace: None,
            endpoint: None,
        };
        let name = name.map(|name| name.parse().unwrap());
        NewCredential { name, host: self.host(), credential }
    }

    async fn with_credential(&self) -> Vault {
        let vault = self.open().await;
        vault.add(self.new_credential(Some("lab"), PASSWORD), by()).await.unwrap();
        vault
    }

    /// A client as the mirror has one.
    fn remote(&self) -> Remote {
        Remote::new(self.host(), &RemoteSettings { stored: self.stored.clone(), ..self.settings() }).unwrap()
    }

    async fn is_opened(&self, id: &str, sealed: &str) -> bool {
        let place = SealedLocation { table: "credential", column: "sealed", row: id };
        self.keyring().open(place, &sealed.parse::<SealedValue>().unwrap()).is_ok()
    }

    fn bytes(&self) -> Vec<u8> {
        let files: Vec<PathBuf> =
            std::fs::read_dir(self.directory.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect()
    }
}

fn by() -> Audit {
    Audit { actor: "owner".to_owned(), address: None, request_id: None }
}

fn name(text: &str) -> CredentialName {
    text.parse().unwrap()
}

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

async fn pull(remote: &Remote) -> Result<(), RemoteError> {
    let tag: Tag = "1".parse().unwrap();
    remote.head_manifest(&repository("acme/app"), &Reference::Tag(tag)).await.map(drop)
}

fn password(text: &str) -> CredentialUpdate {
    CredentialUpdate { password: Some(text.into()), ..CredentialUpdate::default() }
}

#[tokio::test]
async fn a_change_counts_from_the_next_request_on() {
    let home = Home::new().await;
    let (vault, remote) = (home.open().await, home.remote());
    let denied =
        |result: Result<(), RemoteError>| matches!(result, Err(RemoteError::Denied { status: 401, .. }));
    assert!(denied(pull(&remote).await));
    let stored = vault.add(home.new_credential(None, PASSWORD), by()).await.unwrap();
    assert_eq!(stored.as_str(), home.host().as_str(), "named after what it is for");
    pull(&remote).await.unwrap();
    vault.change(stored.clone(), password("wrong"), by()).await.unwrap();
    assert!(denied(pull(&remote).await), "tokens of the old password are not used either");
    vault.change(stored.clone(), password(PASSWORD), by()).await.unwrap();
    pull(&remote).await.unwrap();
    vault.remove(stored, None, by()).await.unwrap();
    assert!(denied(pull(&remote).await));
}

#[tokio::test]
async fn a_restart_keeps_them_and_another_key_opens_none() {
    let home = Home::new().await;
    home.with_credential().await;
    home.stored.replace(Default::default());
    home.open().await;
    pull(&home.remote()).await.unwrap();
    let parts = VaultParts { keys: Keyring::generate().into(), ..home.parts().await };
    let refused = Vault::open(parts).await;
    assert!(matches!(refused, Err(OpenError::NoKey { ref name, .. }) if name == "lab"));
}

#[tokio::test]
async fn mistakes_are_told_and_change_nothing() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    let again = vault.add(home.new_credential(Some("lab"), "x"), by()).await;
    assert!(matches!(again, Err(Error::Exists(_))), "{again:?}");
    let empty = vault.add(home.new_credential(Some("other"), ""), by()).await;
    assert!(matches!(empty, Err(Error::Fault(_))), "{empty:?}");
    assert!(matches!(vault.change(name("none"), password("x"), by()).await, Err(Error::Unknown(_))));
    assert!(matches!(
        vault.change(name("lab"), CredentialUpdate::default(), by()).await,
        Err(Error::Fault(_))
    ));
    assert!(matches!(vault.remove(name("none"), None, by()).await, Err(Error::Unknown(_))));
    assert_eq!(vault.credentials("", 10).await.unwrap().rows.len(), 1);
    pull(&home.remote()).await.unwrap();
}

// Whoever can write to the database must not have a password sent to a registry of theirs.
#[tokio::test]
async fn a_row_that_was_changed_in_the_database_is_not_used() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    let (catalog, record) = (home.catalog().await, vault.credentials("", 1).await.unwrap().rows.remove(0));
    assert!(catalog.remove_credential("lab", None).await.unwrap());
    let moved = NewRecord {
        id: record.id,
        name: record.name,
        host: "evil.example".to_owned(),
        namespace: None,
        endpoint: None,
        username: record.username,
        sealed: record.sealed,
    };
    assert!(catalog.add_credential(&moved, record.created).await.unwrap());
    home.open().await;
    assert!(!home.stored.have(&"evil.example".parse().unwrap()) && !home.stored.have(&home.host()));
    let refused = vault.change(name("lab"), password("x"), by()).await;
    assert!(matches!(refused, Err(Error::Sealed { .. })), "{refused:?}");
    vault.remove(name("lab"), None, by()).await.unwrap();
}

#[tokio::test]
async fn no_password_is_on_disk_and_every_change_is_in_the_audit() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    vault.change(name("lab"), password("canary-second"), by()).await.unwrap();
    let _ = vault.add(home.new_credential(Some("lab"), "canary-third"), by()).await;
    vault.verify(&name("lab"), None, &by()).await.unwrap();
    vault.rotate(by()).await.unwrap();
    let audit = home.catalog().await.audit(&AuditFilter::default(), 10).await.unwrap().rows;
    let told: Vec<_> = audit.iter().rev().map(|row| (row.entry.action.as_str(), row.entry.outcome)).collect();
    assert_eq!(
        told,
        [
            ("credential.create", AuditOutcome::Done),
            ("credential.change", AuditOutcome::Done),
            ("credential.create", AuditOutcome::Refused),
            ("credential.verify", AuditOutcome::Done),
            ("secrets.rotate", AuditOutcome::Done),
        ]
    );
    let (bytes, debug) = (home.bytes(), format!("{:?} {audit:?}", home.stored));
    assert!(bytes.len() > 10_000, "the database is there");
    for planted in [PASSWORD, "canary-second", "canary-third"] {
        assert!(!bytes.windows(planted.len()).any(|window| window == planted.as_bytes()), "on disk");
        assert!(!debug.contains(planted));
    }
}

#[tokio::test]
async fn a_registry_says_what_it_thinks_of_a_credential() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    let verdict = async |repository: Option<&str>| {
        let repository = repository.map(|text| text.parse::<Repository>().unwrap());
        let found = vault.verify(&name("lab"), repository.as_ref(), &by()).await.unwrap();
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
        assert_eq!(found.hint.is_some(), found.verdict != CredentialVerdict::Accepted, "{found:?}");
        (found.verdict, found.step)
    };
    assert_eq!(verdict(None).await, (CredentialVerdict::Accepted, VerifyStep::Login));
    assert_eq!(verdict(Some("acme/app")).await, (CredentialVerdict::Accepted, VerifyStep::Repository));
    assert_eq!(verdict(Some("acme/none")).await, (CredentialVerdict::NotFound, VerifyStep::Repository));
    for (status, expected) in [
        (401, CredentialVerdict::Unauthorized),
        (403, CredentialVerdict::Forbidden),
        (429, CredentialVerdict::Limited),
        (500, CredentialVerdict::Failing),
        (418, CredentialVerdict::NotARegistry),
    ] {
        // A registry may repeat what it was sent.
        let echo = format!(r#"{{"errors":[{{"code":"X","message":"not {PASSWORD}"}}]}}"#);
        home.registry.fault(Fault::on(Match::token()).always().then(Action::status_with(status, &[], echo)));
        assert_eq!(verdict(None).await, (expected, VerifyStep::Login), "{status}");
        home.registry.clear_faults();
    }
    home.registry.fault(Fault::on(Match::ping().before_auth()).always().then(Action::Html));
    assert_eq!(verdict(None).await, (CredentialVerdict::NotRequired, VerifyStep::Login));
    home.registry.clear_faults();
    home.registry.require_nothing();
    assert_eq!(verdict(None).await, (CredentialVerdict::NotRequired, VerifyStep::Login));
    assert_eq!(verdict(Some("acme/app")).await, (CredentialVerdict::Accepted, VerifyStep::Repository));
}

#[tokio::test]
async fn the_budget_that_is_left_is_told_and_costs_nothing() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    home.registry.capabilities(|can| *can = Capabilities::docker_hub(76));
    for _ in 0..2 {
        let found = vault.verify(&name("lab"), Some(&repository("acme/app")), &by()).await.unwrap();
        let quota = found.quota.unwrap();
        assert_eq!(
            (quota.limit, quota.remaining, quota.window.map(|window| window.as_secs())),
            (100, 76, Some(21_600))
        );
    }
}

#[tokio::test]
async fn hosts_that_do_not_answer_are_told_apart() {
    let home = Home::new().await;
    let of = async |endpoint: &str| {
        let settings =
            RemoteSettings { endpoints: vec![endpoint.parse().unwrap()], ..RemoteSettings::default() };
        let host: Host = endpoint.split_once("://").unwrap().1.parse().unwrap();
        let parts = VaultParts { settings: Arc::new(move |_| settings.clone()), ..home.parts().await };
        let vault = Vault::open(parts).await.unwrap();
        let new = NewCredential { host, ..home.new_credential(Some(endpoint), PASSWORD) };
        vault.add(new, by()).await.unwrap();
        let found = vault.verify(&name(endpoint), None, &by()).await.unwrap();
        assert!(found.hint.is_some() && found.detail.is_some(), "{found:?}");
        found.verdict
    };
    assert_eq!(of("http://127.0.0.1:1").await, CredentialVerdict::Unreachable);
    assert_eq!(of("https://no-such-host.invalid").await, CredentialVerdict::BadHost);
    assert_eq!(of(&home.registry.url().replace("http:", "https:")).await, CredentialVerdict::Tls);
}

#[tokio::test]
async fn a_credential_is_verified_only_where_it_is_for() {
    let home = Home::new().await;
    let vault = home.open().await;
    let mut new = home.new_credential(Some("lab"), PASSWORD);
    new.credential.namespace = Some(repository("acme"));
    vault.add(new, by()).await.unwrap();
    let refused = vault.verify(&name("lab"), Some(&repository("other/app")), &by()).await;
    assert!(matches!(refused, Err(Error::Fault(_))), "{refused:?}");
    let found = vault.verify(&name("lab"), Some(&repository("acme/app")), &by()).await.unwrap();
    assert_eq!(found.verdict, CredentialVerdict::Accepted);
}

#[tokio::test]
async fn a_rotation_seals_every_table_again_while_credentials_are_in_use() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    let keys = home.keyring();
    let sealed = keys
        .seal(SealedLocation { table: "signing_key", column: "sealed", row: "s" }, b"document")
        .to_string();
    let signing = SigningKeyRecord { id: "s".to_owned(), sealed, created: std::time::SystemTime::now() };
    home.catalog().await.add_signing_key(&signing).await.unwrap();
    let before = vault.status().await.unwrap();
    assert_eq!(
        (before.keys.len(), before.keys[0].values, before.file),
        (1, 2, Some(home.key_file().path().into()))
    );
    let after = vault.rotate(by()).await.unwrap();
    assert_eq!((after.keys.len(), after.keys[0].values), (1, 2));
    assert_ne!(after.keys[0].id, before.keys[0].id);
    assert_eq!(home.keyring().current(), &after.keys[0].id);
    assert_eq!(home.keyring().older().count(), 0);
    pull(&home.remote()).await.unwrap();
    // New ones are sealed with the new key.
    vault.add(home.new_credential(Some("second"), PASSWORD), by()).await.unwrap();
    assert_eq!(vault.status().await.unwrap().keys[0].values, 3);
    home.open().await;
}

/// The states that a kill can leave: the file with both keys, and any number of values sealed again.
#[tokio::test]
async fn a_rotation_that_was_cut_off_is_finished_at_the_next_start() {
    for done in 0..=3 {
        let home = Home::new().await;
        let vault = home.open().await;
        for number in 0..3 {
            vault.add(home.new_credential(Some(&format!("c{number}")), PASSWORD), by()).await.unwrap();
        }
        let (catalog, before) = (home.catalog().await, home.keyring());
        let both = before.with_new_key();
        home.key_file().replace(&before, &both).unwrap();
        for row in catalog.sealed(SealedTable::Credential, "", done).await.unwrap().rows {
            let place = SealedLocation { table: "credential", column: "sealed", row: &row.id };
            let value = both.open(place, &row.sealed.parse().unwrap()).unwrap();
            catalog
                .reseal(SealedTable::Credential, &row, &both.seal(place, &value).to_string())
                .await
                .unwrap();
        }
        home.stored.replace(Default::default());
        let vault = home.open().await;
        let status = vault.status().await.unwrap();
        assert_eq!((status.keys.len(), status.keys[0].values), (1, 3), "{done}");
        assert_eq!((home.keyring().current(), home.keyring().older().count()), (both.current(), 0));
        for row in catalog.sealed(SealedTable::Credential, "", 10).await.unwrap().rows {
            assert!(home.is_opened(&row.id, &row.sealed).await);
        }
        pull(&home.remote()).await.unwrap();
    }
}

#[tokio::test]
async fn a_rotation_does_not_begin_where_something_does_not_open() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    let catalog = home.catalog().await;
    let row = catalog.sealed(SealedTable::Credential, "", 1).await.unwrap().rows.remove(0);
    let place = SealedLocation { table: "credential", column: "sealed", row: &row.id };
    let foreign = Keyring::generate().seal(place, b"x").to_string();
    catalog.reseal(SealedTable::Credential, &row, &foreign).await.unwrap();
    let before = home.keyring();
    let refused = vault.rotate(by()).await;
    assert!(matches!(refused, Err(RotateError::Sealed { table: "credential", .. })), "{refused:?}");
    assert_eq!(home.keyring(), before);
    let status = vault.status().await.unwrap();
    assert!(status.keys.iter().any(|key| !key.is_here && key.values == 1), "{status:?}");
}

#[tokio::test]
async fn a_key_that_is_not_ours_stays_and_seals_everything_once_it_is_the_first() {
    let home = Home::new().await;
    home.with_credential().await;
    let old = home.keyring();
    let vault = Vault::open(VaultParts { keys: old.clone().into(), ..home.parts().await }).await.unwrap();
    assert!(matches!(vault.rotate(by()).await, Err(RotateError::Keys(_))));
    // The operator puts a new key in front of it, and takes the old one away afterwards.
    let both = old.with_new_key();
    let vault = Vault::open(VaultParts { keys: both.clone().into(), ..home.parts().await }).await.unwrap();
    let status = vault.status().await.unwrap();
    let told: Vec<_> = status.keys.iter().map(|key| (key.is_current, key.values)).collect();
    assert_eq!((told, status.file), (vec![(true, 1), (false, 0)], None));
    Vault::open(VaultParts { keys: both.without_older_keys().into(), ..home.parts().await }).await.unwrap();
}

#[tokio::test]
async fn credentials_that_come_and_go_during_rotations_are_all_kept() {
    let home = Home::new().await;
    let vault = home.open().await;
    let adding = tokio::spawn({
        let (vault, new) = (vault.clone(), home.new_credential(None, PASSWORD));
        async move {
            for number in 0..40 {
                let name = Some(name(&format!("c{number}")));
                vault.add(NewCredential { name, ..new.clone() }, by()).await.unwrap();
                if number % 3 == 0 {
                    vault.remove(self::name(&format!("c{number}")), None, by()).await.unwrap();
                }
            }
        }
    });
    while !adding.is_finished() {
        vault.rotate(by()).await.unwrap();
    }
    adding.await.unwrap();
    vault.rotate(by()).await.unwrap();
    let vault = home.open().await;
    assert_eq!(vault.status().await.unwrap().keys.iter().map(|key| key.values).collect::<Vec<_>>(), [26]);
}

#[tokio::test]
async fn a_sealed_value_of_another_row_does_not_open() {
    let home = Home::new().await;
    let vault = home.with_credential().await;
    vault.add(home.new_credential(Some("other"), "second"), by()).await.unwrap();
    let catalog = home.catalog().await;
    let rows: Vec<SealedRow> = catalog.sealed(SealedTable::Credential, "", 10).await.unwrap().rows;
    catalog.reseal(SealedTable::Credential, &rows[0], &rows[1].sealed).await.unwrap();
    home.stored.replace(Default::default());
    home.open().await;
    let refused =
        [vault.verify(&name("lab"), None, &by()).await, vault.verify(&name("other"), None, &by()).await];
    assert_eq!(
        refused.iter().filter(|one| matches!(one, Err(Error::Sealed { .. }))).count(),
        1,
        "{refused:?}"
    );
}
